"""The whole round trip on a local emulator: real scans go in and come back, async first, then sync.

Exits with 1 when a file that came back differs from the one that went in.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import anyio
import roundtrip_async
import roundtrip_sync
from scans import Scan, lay_out, sha384

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client


def compare(source: Path, copy: Path, scans: list[Scan]) -> int:
    """Counts the scans that did not come back as they were."""
    different = 0
    for scan in scans:
        returned = copy / scan.path.relative_to(source)
        if not returned.is_file() or sha384(returned) != sha384(scan.path):
            print(f"  DIFFERENT: {scan.path.relative_to(source)}")
            different += 1
    return different


async def run_async(api_key: str, source: Path, scans: list[Scan], destination: Path) -> int:
    """The round trip with the async client."""
    async with AsyncClient(api_key) as fw:
        user = await fw.get_current_user()
        print(f"async: logged in as {user.id}")
        group = await fw.get_group(await fw.add_group(id="demo_async", label="Demo, async"))
        project = await group.add_project(label="Round trip")
        moved = await roundtrip_async.ingest(project, scans)
        found = await fw.sessions.find(f"parents.project={project.id}", "label=ses-1")
        print(f"  found {len(found)} first sessions with a filter")
        await roundtrip_async.fetch(project, destination)
    return report("async", source, destination, scans, moved)


def run_sync(api_key: str, source: Path, scans: list[Scan], destination: Path) -> int:
    """The round trip with the sync client."""
    with Client(api_key) as fw:
        print(f"sync: logged in as {fw.get_current_user().id}")
        group = fw.get_group(fw.add_group(id="demo_sync", label="Demo, sync"))
        project = group.add_project(label="Round trip")
        moved = roundtrip_sync.ingest(project, scans)
        found = fw.sessions.find(f"parents.project={project.id}", "label=ses-1")
        print(f"  found {len(found)} first sessions with a filter")
        roundtrip_sync.fetch(project, destination)
    return report("sync", source, destination, scans, moved)


def report(flavour: str, source: Path, destination: Path, scans: list[Scan], moved: int) -> int:
    """Compares the copies and prints the result."""
    different = compare(source, destination, scans)
    print(f"{flavour}: {len(scans)} files, {moved / 1e6:.1f} MB up and down, {different} different")
    return different


def main() -> int:
    """Runs both round trips; returns the exit status."""
    with tempfile.TemporaryDirectory() as scratch, Emulator() as site:
        folder = Path(scratch)
        scans = lay_out(folder / "study")
        print(f"emulator at {site.url}; {len(scans)} scans laid out as a study")
        different = 0
        for name in ("async", "sync"):
            start = time.perf_counter()
            arguments = (site.api_key, folder / "study", scans, folder / f"back-{name}")
            different += anyio.run(run_async, *arguments) if name == "async" else run_sync(*arguments)
            print(f"{name}: took {time.perf_counter() - start:.1f} s")
    print("all files came back as they were" if not different else f"{different} files differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
