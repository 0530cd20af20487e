"""Brings the files of a project into a folder; run again, it fetches only what is new or was changed.

Run `fwa emulator --seed demo` in another terminal, then:

    FLYWHEEL_API_KEY=... python examples/export.py GROUP/PROJECT export/ nifti
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from flywheel_async import AsyncClient, File, Project
from flywheel_async.errors import FlywheelError
from flywheel_async.events import Event, Retrying
from flywheel_async.transfer.names import Names, safe_name

WORKERS = 8


def note(event: Event) -> None:
    """Tells when the network makes trouble."""
    if isinstance(event, Retrying):
        print(f"{event.name}: {event.error}, again in {event.wait:.1f} s", file=sys.stderr)


async def fetch(jobs: MemoryObjectReceiveStream[tuple[File, Path]], failed: list[str]) -> None:
    """Fetches one file after the other."""
    async with jobs:
        async for file, folder in jobs:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                await file.download(folder, overwrite="skip-same", set_mtime=True, on_progress=note)
            except FlywheelError as error:
                failed.append(f"{folder / file.name}: {error}")


async def main(project_path: str, target: str, file_type: str) -> int:
    """Exports; returns 1 when a file could not be had."""
    failed: list[str] = []
    count = 0
    sessions: defaultdict[Path, Names] = defaultdict(Names)
    async with AsyncClient() as fw, anyio.create_task_group() as group:
        project = await fw.lookup(project_path)
        assert isinstance(project, Project)
        jobs, receive = anyio.create_memory_object_stream[tuple[File, Path]](WORKERS)
        for _ in range(WORKERS):
            group.start_soon(fetch, receive.clone(), failed)
        receive.close()
        async with jobs:
            async for session in project.sessions.iter_find():
                subject = Path(target, safe_name(str(session.subject.label or "untitled")))
                # Sessions of a subject may have the same label, and so may acquisitions of a session.
                place = subject / sessions[subject].take(str(session.label or "untitled"))
                acquisitions = Names()
                async for acquisition in session.acquisitions.iter_find():
                    folder = place / acquisitions.take(str(acquisition.label or "untitled"))
                    for file in acquisition.files or []:
                        if file.type == file_type:
                            await jobs.send((file, folder))
                            count += 1
    for line in failed:
        print(line, file=sys.stderr)
    print(f"{count - len(failed)} of {count} files are in {target}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3]))
