"""Ingests a folder of scans, finds them again and downloads them; the async way.

Run `fwa emulator --seed demo` in another terminal, then:

    FLYWHEEL_API_KEY=... python examples/roundtrip_async.py FOLDER GROUP/PROJECT DESTINATION
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import anyio
from scans import Scan, scans_in

from flywheel_async import AsyncClient, File, Project, Session
from flywheel_async.transfer.names import safe_name

WORKERS = 8


async def ingest(project: Project, scans: list[Scan], tell: Callable[[str], object] = print) -> int:
    """Uploads all scans with a bounded number of sessions at a time; returns the number of bytes."""
    by_session: dict[tuple[str, str], list[Scan]] = defaultdict(list)
    for scan in scans:
        by_session[scan.subject, scan.session].append(scan)
    subjects = {label: await project.add_subject(label=label) for label in sorted({s.subject for s in scans})}
    moved = 0

    async def upload_session(label: str, session: Session, files: list[Scan]) -> None:
        nonlocal moved
        for acquisition_label in sorted({scan.acquisition for scan in files}):
            acquisition = await session.add_acquisition(label=acquisition_label)
            paths = [scan.path for scan in files if scan.acquisition == acquisition_label]
            for path in paths:
                (entry,) = await acquisition.upload_file(path, metadata={"modality": "MR"})
                moved += entry.size
        tell(f"  ingested {label}/{session.label}: {len(files)} files")

    work = iter(by_session.items())

    async def worker() -> None:
        for (subject_label, session_label), files in work:  # each worker takes the next one that is left
            session = await subjects[subject_label].add_session(label=session_label)
            await upload_session(subject_label, session, files)

    async with anyio.create_task_group() as tasks:
        for _ in range(WORKERS):
            tasks.start_soon(worker)
    return moved


async def fetch(project: Project, destination: Path, tell: Callable[[str], object] = print) -> list[Path]:
    """Walks the project and downloads every file, each verified; returns the paths."""
    wanted: list[tuple[File, Path]] = []
    async for session in project.sessions.iter_find("label=~ses-.*"):
        async for acquisition in session.acquisitions.iter_find():
            labels = (session.subject.label, session.label, acquisition.label)
            folder = destination.joinpath(*map(safe_name, labels))  # a label may be anything, also ../..
            folder.mkdir(parents=True)
            wanted += [(file, folder) for file in acquisition.files]
    tell(f"  walked the project: {len(wanted)} files found")
    paths: list[Path] = []
    work = iter(wanted)

    async def worker() -> None:
        for file, folder in work:
            paths.append(await file.download(folder))

    async with anyio.create_task_group() as tasks:
        for _ in range(WORKERS):
            tasks.start_soon(worker)
    return paths


async def main(folder: str, where: str, destination: str) -> None:
    """Does both, for a folder and a project named on the command line."""
    group_id, label = where.split("/", 1)
    async with AsyncClient() as fw:
        group = await fw.groups.find_first(f"_id={group_id}") or await fw.get_group(await fw.add_group(id=group_id))
        project = await group.add_project(label=label)
        print(f"{await ingest(project, list(scans_in(Path(folder))))} bytes uploaded")
        print(f"{len(await fetch(project, Path(destination)))} files downloaded")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3])
