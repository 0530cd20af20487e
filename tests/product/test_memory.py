"""Big files go through with constant memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Literal

import pytest

from flywheel_async.emulator import Emulator

MIB = 1024 * 1024

SCRIPT = """
import os, sys, threading, time
import psutil

key, path, flavour = os.environ["FLYWHEEL_API_KEY"], sys.argv[1], sys.argv[2]
process, peak, stop = psutil.Process(), 0, threading.Event()

def watch():
    global peak
    while not stop.wait(0.01):
        peak = max(peak, process.memory_info().rss)

def start():
    before = process.memory_info().rss
    threading.Thread(target=watch, daemon=True).start()
    return before

if flavour == "sync":
    from flywheel_async.sync import Client
    with Client() as fw:
        project = fw.get_group("big").projects.find()[0]
        project.upload_file(b"warm up", name="small")
        project.read_file("small")
        before = start()
        (entry,) = project.upload_file(path)
        entry.download(path + ".back")
else:
    import anyio
    from flywheel_async import AsyncClient
    async def main():
        async with AsyncClient() as fw:
            project = (await (await fw.get_group("big")).projects.find())[0]
            await project.upload_file(b"warm up", name="small")
            await project.read_file("small")
            before = start()
            (entry,) = await project.upload_file(path)
            await entry.download(path + ".back")
            return before
    before = anyio.run(main, backend=flavour)
stop.set()
print((peak - before) / 2**20)
"""


@pytest.mark.parametrize(
    ("flavour", "store", "size"),
    [
        *[(flavour, None, 64 * MIB) for flavour in ("asyncio", "trio", "sync")],
        *[("asyncio", store, 64 * MIB) for store in ("s3", "gcs")],
        *[
            pytest.param(flavour, store, 4096 * MIB, marks=[pytest.mark.acceptance, pytest.mark.timeout(1200)])
            for flavour in ("asyncio", "trio", "sync")
            for store in (None, "s3", "gcs")
        ],
    ],
)
def test_upload_and_download_with_constant_memory(
    tmp_path: Path, size: int, flavour: str, store: Literal["s3", "gcs"] | None
) -> None:
    from flywheel_async.sync import Client

    path = tmp_path / "big.bin"
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    with Emulator(signed_urls=store, redirects=store is not None) as site:
        with Client(site.api_key) as fw:
            fw.get_group(fw.add_group(id="big")).add_project(label="P")
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(path), flavour],
            env={**os.environ, "FLYWHEEL_API_KEY": site.api_key, "XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=1000,
        )
    assert done.returncode == 0, done.stderr
    grown = float(done.stdout)
    print(f"{size // MIB} MiB up and down, {flavour}, {store or 'direct'}: peak RSS grew by {grown:.1f} MiB")
    assert grown < 64
    same = subprocess.run(["cmp", str(path), f"{path}.back"], check=False)
    assert same.returncode == 0
