"""The demo and the client tests run at DEBUG with a known key, which then must stand nowhere but in the key store."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITES = [f"tests/client/test_{name}.py" for name in ("containers", "finders", "transfer", "verbs_files", "drone")]
SENTINEL = "SentinelKeySentinelKeySentinelKey"
PLUGIN = f"""
import itertools, logging
from flywheel_async.emulator import keys, site
numbers = itertools.count(1000)
for module in (keys, site):
    if hasattr(module, "new_key"):
        module.new_key = lambda: "{SENTINEL}" + str(next(numbers))
logging.basicConfig(level=logging.DEBUG)
logging.captureWarnings(True)
"""


class ProcessWatch:
    """Looks at the command lines and environments' absence of the key while something runs."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if SENTINEL in line:
                    self.seen.add(line)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def run(tmp_path: Path, *command: str) -> str:
    """Runs a command with everything it may write to kept below `tmp_path`; returns all its output."""
    for name in ("home", "tmp", "plugin"):
        (tmp_path / name).mkdir()
    (tmp_path / "plugin" / "sentinel.py").write_text(PLUGIN)
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "plugin"), os.environ.get("PYTHONPATH", "")]),
    }
    with ProcessWatch() as watch:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
        )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:].replace(SENTINEL, "<key>")
    assert watch.looks > 3
    assert watch.seen == set()
    return done.stdout + done.stderr


def files_with_the_key(folder: Path) -> list[str]:
    """Finds files below a folder that hold the key, except key stores and the plugin that made it."""
    found: list[str] = []
    for path in folder.rglob("*"):
        if (
            path.is_file()
            and path.parent.name not in ("plugin", "__pycache__")
            and SENTINEL.encode() in path.read_bytes()
        ):
            found.append(str(path.relative_to(folder)))
    return [name for name in found if not name.endswith("keys.json")]


@pytest.mark.timeout(300)
def test_demo(tmp_path: Path) -> None:
    code = "import sentinel, sys; sys.path.insert(0, 'examples'); import demo; sys.exit(demo.main())"
    out = run(tmp_path, "-c", code)
    assert "DEBUG:flywheel_async.transport" in out
    assert "all files came back as they were" in out
    assert SENTINEL not in out
    assert files_with_the_key(tmp_path) == []


@pytest.mark.timeout(300)
def test_client_tests(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    out = run(
        tmp_path,
        *("-m", "pytest", "-p", "sentinel", *SUITES, "-rA", "-k", "asyncio", "-p", "no:cacheprovider"),
        *(f"--log-file={log}", "--log-file-level=DEBUG", f"--basetemp={tmp_path / 'base'}", "--showlocals"),
    )
    assert "flywheel_async.transport" in log.read_text()
    assert SENTINEL not in out
    assert SENTINEL not in log.read_text()
    assert files_with_the_key(tmp_path) == []


def test_the_search_finds_a_key(tmp_path: Path) -> None:
    (tmp_path / "leak.txt").write_text(f"x {SENTINEL}1000 y")
    assert files_with_the_key(tmp_path) == ["leak.txt"]
