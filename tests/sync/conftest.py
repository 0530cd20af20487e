"""Programs run in a fresh interpreter, for what a test process cannot do to itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest

STRICT = ("-X", "dev", "-W", "error")


@dataclass
class Ended:
    out: str
    err: str
    code: int


def start(program: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *STRICT, "-u", "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONFAULTHANDLER": "1", **environment},
    )


def finish(process: subprocess.Popen[str], seconds: float = 30) -> Ended:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # the fault handler says where it hangs
        out, err = process.communicate()
        pytest.fail(f"the program hangs:\n{out}\n{err}")
    return Ended(out, err, process.returncode)


@pytest.fixture
def python() -> Callable[..., Ended]:
    """Runs a program to its end with every warning an error; returns what it wrote."""

    def run(program: str, **environment: str) -> Ended:
        return finish(start(program, **environment))

    return run


@pytest.fixture
def interrupted() -> Callable[..., Ended]:
    """Runs a program and sends it Ctrl-C each time it prints `ready`."""

    def run(program: str) -> Ended:
        process = start(program)
        assert process.stdout is not None
        seen: list[str] = []
        for line in process.stdout:
            seen.append(line)
            if line.strip() == "ready":
                process.send_signal(signal.SIGINT)
        ended = finish(process)
        return Ended("".join(seen) + ended.out, ended.err, ended.code)

    return run
