"""Generated files are up to date, and a stale one is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/generate.py", "--check"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_up_to_date() -> None:
    done = check()
    assert done.returncode == 0, done.stdout


def test_a_changed_file_is_noticed() -> None:
    path = ROOT / "src" / "flywheel_async" / "sync" / "finder.py"
    text = path.read_text()
    try:
        path.write_text(text.replace("def find(", "def find_changed("))
        done = check()
    finally:
        path.write_text(text)
    assert done.returncode == 1
    assert "stale: src/flywheel_async/sync/finder.py: line" in done.stdout
