"""Ctrl-C in the middle of every kind of download: a prompt end that leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.places import MIB, listed

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client

SCRIPT = """
import io, os, sys, threading, time
from pathlib import Path
from flywheel_async.sync import Client
from flywheel_async.transfer import partial

partial._KEPT_FROM = 1_000_000
kind, project_id, folder = sys.argv[1:]
def note(event):
    if event.done > 1_000_000:
        print("now", flush=True)

with Client(os.environ["FLYWHEEL_API_KEY"]) as fw:
    project = fw.get_project(project_id)
    (file,) = project.files
    here = os.path.join(folder, "x")
    try:
        if kind == "path":
            file.download(here, on_progress=note, resume=False)
        elif kind == "resumable":
            file.download(here, on_progress=note)
        elif kind == "parallel":
            file.download(here, on_progress=note, resume=False, parallel=3)
        elif kind == "object":
            file.download(io.BytesIO(), on_progress=note)
        elif kind == "stream":
            with fw.stream(file, on_progress=note) as stream:
                stream.read()
        elif kind == "memory":
            print("now", flush=True)
            file.read()
        else:
            form, way = kind.split()
            verb = project.download_tar if form == "tar" else project.download_zip
            verb(here, on_progress=note) if way == "kept" else verb(extract_to=folder, on_progress=note)
    except KeyboardInterrupt:
        below = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        for _ in range(200):  # worker threads end by themselves, a moment after the call
            names = [thread.name for thread in threading.enumerate()]
            if len(names) == 1:
                break
            time.sleep(0.01)
        free = fw._inner._transport._budget.free
        print([path for path in below if path.startswith(folder)], names, free, flush=True)
"""

KINDS = ["path", "resumable", "parallel", "object", "stream", "memory", "tar kept", "tar unpacked", "zip kept"]


@pytest.fixture(scope="module")
def stalling() -> Iterator[tuple[Emulator, str]]:
    """A site that stops in the middle of everything it sends, and the id of a project with one file."""
    with Emulator() as site:
        with Client(site.api_key) as fw:
            fw.add_group(id="interrupted")
            project: Any = fw.ensure_path("interrupted/P")
            project.upload_file(os.urandom(9 * MIB), name="file")
        for route, after in (("download_file_from_project", 2_500_000), ("download_ticket", 4_000_000)):
            site.faults.add(route, stall=60.0, stall_after=after)
        yield site, project.id


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted(stalling: tuple[Emulator, str], tmp_path: Path, kind: str) -> None:
    site, project_id = stalling
    # Pieces of a parallel download are smaller than what stalls the others.
    sooner = (
        site.faults.add("download_file_from_project", stall=60.0, stall_after=500_000) if kind == "parallel" else None
    )
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, kind, project_id, str(tmp_path)],
        env={**os.environ, "FLYWHEEL_API_KEY": site.api_key},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    time.sleep(0.4)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "[] ['MainThread'] 64"
    kept = ["*.json", "*.part"] if kind == "resumable" else []
    left = [name for name in listed(tmp_path) if name != "scitran"]
    assert left == kept
    assert list(tmp_path.glob("scitran/**/.fw-*")) == []
    if sooner is not None:
        site.faults.remove(sooner)
