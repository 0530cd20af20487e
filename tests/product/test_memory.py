"""Big files go through with constant memory, whichever way they go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.client.transfers import DOWNLOADS, MEMBER, UPLOADS

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client

MIB = 1024 * 1024
MOST = 64
"""MiB by which a client may grow."""

# Makes all transfers with small files, then with big ones, and prints by how many MiB it grew in each of those.
SCRIPT = """
import json, shutil, sys, threading
from pathlib import Path
import anyio, psutil
from tests.client.transfers import KINDS, At, in_async, in_sync

flavour, key, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
process, peak = psutil.Process(), 0

def watch():
    global peak
    while True:
        peak = max(peak, process.memory_info().rss)
        threading.Event().wait(0.01)

def cases(size):
    for kind in given["kinds"]:
        folder = Path(given["folder"]) / size
        folder.mkdir()
        name = "new.bin" if kind not in given["downloads"] else "packed.zip" if "member" in kind else "data.bin"
        acquisition = given[size]["zip" if "member" in kind else "data"]
        yield kind, At(acquisition, name, folder, Path(given[size]["source"]))
        shutil.rmtree(folder)

def measured():
    global peak
    before = process.memory_info().rss
    threading.Thread(target=watch, daemon=True).start()
    for kind, at in cases("big"):
        peak = 0
        yield kind, at
        print(json.dumps([kind, (peak - before) / 2**20]), flush=True)

def all_cases():
    yield from cases("small")
    yield from measured()

if flavour == "sync":
    from flywheel_async.sync import Client
    with Client(key) as fw:
        for kind, at in all_cases():
            in_sync(KINDS[kind](fw, at))
else:
    from flywheel_async import AsyncClient
    async def main():
        async with AsyncClient(key) as fw:
            for kind, at in all_cases():
                await in_async(KINDS[kind](fw, at))
    anyio.run(main, backend=flavour)
"""

WITHOUT_MEMORY = [kind for kind in DOWNLOADS if kind != "to memory"]
STREAMED = [kind for kind in UPLOADS if kind != "bytes"]
FEW = ["a path", "to a path", "in parallel", "tar, unpacked"]


def _written(path: Path, size: int) -> Path:
    """Makes a file no block of which is like another."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    return path


def _stored(fw: Client, folder: Path, size: int) -> dict[str, str]:
    """A file to upload, and the ids of acquisitions with that file, and with a zip that holds it."""
    source = _written(folder / f"{size}.bin", size)
    packed = folder / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(source, MEMBER)
    data: Any = fw.ensure_path(f"big/P/S/s/{size}")
    data.upload_file(source, name="data.bin")
    zipped: Any = fw.ensure_path(f"big/P/S/s/{size} zipped")
    zipped.upload_file(packed)
    packed.unlink()
    return {"source": str(source), "data": data.id, "zip": zipped.id}


@pytest.mark.parametrize(
    ("flavour", "store", "size", "kinds"),
    [
        ("asyncio", None, 96 * MIB, [*STREAMED, *WITHOUT_MEMORY]),
        ("trio", "s3", 96 * MIB, FEW),
        ("sync", "gcs", 96 * MIB, FEW),
        *[
            pytest.param(flavour, store, 4096 * MIB, kinds, marks=[pytest.mark.acceptance, pytest.mark.timeout(1800)])
            for flavour, store, kinds in (
                ("asyncio", None, [*STREAMED, *WITHOUT_MEMORY]),
                ("sync", None, [*STREAMED, *WITHOUT_MEMORY]),
                ("trio", None, FEW),
                *[
                    (flavour, store, ["a path", "an iterator", "to a path", "in parallel"])
                    for flavour in ("asyncio", "sync")
                    for store in ("s3", "gcs", "azure")
                ],
            )
        ],
    ],
)
def test_constant_memory(
    tmp_path: Path, flavour: str, store: Literal["s3", "gcs", "azure"] | None, size: int, kinds: list[str]
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    with Emulator(tmp_path / "site", signed_urls=store, redirects=store is not None) as site:
        with Client(site.api_key) as fw:
            fw.add_group(id="big")
            given = {"big": _stored(fw, folder, size), "small": _stored(fw, folder, MIB)}
        work = {"kinds": kinds, "downloads": list(DOWNLOADS), "folder": str(folder), **given}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), flavour, site.api_key, json.dumps(work)],
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=1700,
        )
    for big in (folder, tmp_path / "site"):
        shutil.rmtree(big)  # pytest keeps what lies here for several runs
    assert done.returncode == 0, done.stderr
    grown: dict[str, float] = dict(json.loads(line) for line in done.stdout.splitlines())
    assert list(grown) == kinds
    for kind, by in grown.items():
        print(f"{size // MIB} MiB, {kind}, {flavour}, {store or 'direct'}: peak RSS grew by {by:.1f} MiB")
    assert max(grown.values()) < MOST
