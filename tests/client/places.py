"""A place for files on the site of a test, and what is left of a transfer."""

from __future__ import annotations

import hashlib
import os
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
    opened = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    return [path for path in opened if path.startswith(str(folder))]
