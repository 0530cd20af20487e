"""Ingests a folder of scans, finds them again and downloads them; the plain sync way.

Run `fwa emulator --seed demo` in another terminal, then:

    FLYWHEEL_API_KEY=... python examples/roundtrip_sync.py FOLDER GROUP/PROJECT DESTINATION
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scans import Scan, scans_in

from flywheel_async.sync import Client, File, Project
from flywheel_async.transfer.names import safe_name

THREADS = 8


def ingest(project: Project, scans: list[Scan], tell: Callable[[str], object] = print) -> int:
    """Uploads all scans, finding or adding what they need on the way; returns the number of bytes."""
    moved = 0
    for scan in scans:
        subject = project.subjects.find_first(f'label="{scan.subject}"') or project.add_subject(label=scan.subject)
        session = subject.sessions.find_first(f'label="{scan.session}"')
        if session is None:
            session = subject.add_session(label=scan.session)
            tell(f"  ingesting {scan.subject}/{scan.session}")
        acquisition = session.acquisitions.find_first(f'label="{scan.acquisition}"')
        if acquisition is None:
            acquisition = session.add_acquisition(label=scan.acquisition)
        (entry,) = acquisition.upload_file(scan.path, metadata={"modality": "MR"})
        moved += entry.size
    return moved


def fetch(project: Project, destination: Path, tell: Callable[[str], object] = print) -> list[Path]:
    """Walks the project and downloads every file, each verified, in several threads; returns the paths."""
    wanted: list[tuple[File, Path]] = []
    for session in project.sessions.iter_find("label=~ses-.*"):
        for acquisition in session.acquisitions.iter():
            labels = (session.subject.label, session.label, acquisition.label)
            folder = destination.joinpath(*map(safe_name, labels))  # a label may be anything, also ../..
            folder.mkdir(parents=True)
            wanted += [(file, folder) for file in acquisition.files]
    tell(f"  walked the project: {len(wanted)} files found")

    def download(item: tuple[File, Path]) -> Path:
        file, folder = item
        return file.download(folder)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(download, wanted))


def main(folder: str, where: str, destination: str) -> None:
    """Does both, for a folder and a project named on the command line."""
    group_id, label = where.split("/", 1)
    with Client() as fw:
        group = fw.groups.find_first(f"_id={group_id}") or fw.get_group(fw.add_group(id=group_id))
        project = group.add_project(label=label)
        print(f"{ingest(project, list(scans_in(Path(folder))))} bytes uploaded")
        print(f"{len(fetch(project, Path(destination)))} files downloaded")


if __name__ == "__main__":
    main(*sys.argv[1:4])
