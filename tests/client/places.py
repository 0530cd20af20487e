"""A place for files on the site of a test, and what is left of a transfer."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from flywheel_async import Acquisition, AsyncClient

MIB = 1024 * 1024


async def acquisition_of(fw: AsyncClient, group_id: str) -> Acquisition:
    """Makes an acquisition in a group that exists."""
    found = await fw.ensure_path(f"{group_id}/P/S/s/a")
    assert isinstance(found, Acquisition)
    return found


def named(data: bytes) -> str:
    """The hash of bytes in the site's notation."""
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


def listed(folder: Path) -> list[str]:
    """The names in a folder, those of partial files by their ending only."""
    return sorted(f"*{path.suffix}" if path.name.startswith(".fw-") else path.name for path in folder.iterdir())


def open_below(folder: Path) -> list[str]:
    """Descriptors of this process that are open on files below a folder."""
    return [path for path in _opened() if path.startswith(f"{folder}/")]


def _opened() -> list[str]:
    """What all descriptors of this process lead to."""
    opened: list[str] = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # closed by another thread meanwhile
            opened.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return opened


def held() -> dict[str, int]:
    """Open descriptors and threads, but for those that the emulator and event loops make as they are needed."""
    names = [one.name for one in threading.enumerate() if not one.name.startswith(("emulator", "asyncio", "Trio"))]
    opened = [path for path in _opened() if "/flywheel-emulator-" not in path]
    return {"descriptors": len(opened), "threads": len(names)}


def settled(before: dict[str, int]) -> None:
    """Waits until no more is held than before; the emulator's side of a broken connection ends a moment later."""
    deadline = time.monotonic() + 20
    while any(count > before[name] for name, count in held().items()) and time.monotonic() < deadline:
        time.sleep(0.05)
    after = held()
    assert {name: count for name, count in after.items() if count > before[name]} == {}
