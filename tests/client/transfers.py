"""Every kind of transfer, once for both flavours: what a method gives is yielded, and awaited where it must be."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterable, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import anyio

from flywheel_async import AsyncClient
from flywheel_async.sync import Client

MIB = 1024 * 1024
MEMBER = "folder/member.bin"

Steps: TypeAlias = Generator[Any, Any, Any]


@dataclass(frozen=True)
class At:
    """Where a transfer goes.

    Attributes:
        acquisition: The id of an acquisition.
        name: The name of a file in it, a zip in the case of members.
        folder: An empty folder for what is downloaded.
        source: A file to upload, as `name`.
        options: Options of downloads.
    """

    acquisition: str
    name: str
    folder: Path
    source: Path = Path()
    options: dict[str, Any] | None = None


class Sink(io.RawIOBase):
    """Takes bytes and keeps only their hash."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.sha.update(data)
        return len(data)


def blocks(path: Path) -> Iterator[bytes]:
    """A file as an iterator whose length nobody knows."""
    with path.open("rb") as file:
        while block := file.read(MIB):
            yield block


def _upload_path(fw: Any, at: At) -> Steps:
    yield fw.upload_file_to_container(at.acquisition, at.source, name=at.name)


def _upload_and_wait(fw: Any, at: At) -> Steps:
    yield fw.upload_file_to_container(at.acquisition, at.source, name=at.name, wait=True)


def _upload_bytes(fw: Any, at: At) -> Steps:
    yield fw.upload_file_to_container(at.acquisition, at.source.read_bytes(), name=at.name)


def _upload_file_object(fw: Any, at: At) -> Steps:
    with at.source.open("rb") as file:
        yield fw.upload_file_to_container(at.acquisition, file, name=at.name)


def _upload_iterator(fw: Any, at: At) -> Steps:
    yield fw.upload_file_to_container(at.acquisition, blocks(at.source), name=at.name)


def _to_path(fw: Any, at: At) -> Steps:
    yield fw.download_file_from_container(at.acquisition, at.name, at.folder, **at.options or {})


def _parallel(fw: Any, at: At) -> Steps:
    yield fw.download_file_from_container(at.acquisition, at.name, at.folder, parallel=4, **at.options or {})


def _to_object(fw: Any, at: At) -> Steps:
    sink = Sink()
    yield fw.download_file_from_container(at.acquisition, at.name, sink, **at.options or {})
    return sink.sha.hexdigest()


def _to_memory(fw: Any, at: At) -> Steps:
    acquisition = yield fw.get_acquisition(at.acquisition)
    data = yield acquisition.read_file(at.name)
    return hashlib.sha256(data).hexdigest()


def _stream(fw: Any, at: At) -> Steps:
    acquisition = yield fw.get_acquisition(at.acquisition)
    file = yield acquisition.get_file(at.name)
    return (yield from _drained(fw.stream(file)))


def _open_member(fw: Any, at: At) -> Steps:
    acquisition = yield fw.get_acquisition(at.acquisition)
    file = yield acquisition.get_file(at.name)
    return (yield from _drained(file.open_member(MEMBER)))


def _drained(stream: Any) -> Steps:
    sha = hashlib.sha256()

    async def read() -> None:
        async with stream:
            async for chunk in stream:
                sha.update(chunk)

    if isinstance(stream, AsyncIterable):
        yield read()
    else:
        with stream:
            for chunk in stream:
                sha.update(chunk)
    return sha.hexdigest()


def _member(fw: Any, at: At) -> Steps:
    acquisition = yield fw.get_acquisition(at.acquisition)
    yield acquisition.download_file_zip_member(at.name, MEMBER, at.folder / "member.bin")


def _archive(form: str, *, kept: bool) -> Callable[[Any, At], Steps]:
    def steps(fw: Any, at: At) -> Steps:
        where = {"dest_file": at.folder / f"all.{form}"} if kept else {"extract_to": at.folder}
        container = {"type": "acquisition", "id": at.acquisition}
        yield getattr(fw, f"download_{form}")(container, **where, **at.options or {})

    return steps


UPLOADS: dict[str, Callable[[Any, At], Steps]] = {
    "a path": _upload_path,
    "a path, listed": _upload_and_wait,
    "bytes": _upload_bytes,
    "a file object": _upload_file_object,
    "an iterator": _upload_iterator,
}
DOWNLOADS: dict[str, Callable[[Any, At], Steps]] = {
    "to a path": _to_path,
    "in parallel": _parallel,
    "to an object": _to_object,
    "to memory": _to_memory,
    "a stream": _stream,
    "a member": _member,
    "a member as a stream": _open_member,
    "tar": _archive("tar", kept=True),
    "zip": _archive("zip", kept=True),
    "tar, unpacked": _archive("tar", kept=False),
    "zip, unpacked": _archive("zip", kept=False),
}
KINDS = {**UPLOADS, **DOWNLOADS}
FLAVOURS = ("asyncio", "trio", "sync")


def in_sync(steps: Steps) -> Any:
    """Runs a transfer of a synchronous client."""
    value: Any = None
    try:
        while True:
            value = steps.send(value)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


async def in_async(steps: Steps) -> Any:
    """Runs a transfer of an asynchronous client."""
    value: Any = None
    try:
        while True:
            value = await steps.send(value)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def run(flavour: str, key: str, kind: str, at: At, **options: Any) -> Any:
    """Makes one transfer with a client of its own, and returns the hash of what it has given, if it gives bytes."""
    if flavour == "sync":
        with Client(key, **options) as fw:
            return in_sync(KINDS[kind](fw, at))

    async def main() -> Any:
        async with AsyncClient(key, **options) as fw:
            return await in_async(KINDS[kind](fw, at))

    return anyio.run(main, backend=flavour)


def members(path: Path) -> dict[str, str]:
    """The hashes of the files in an archive, by their own names."""
    if path.suffix == ".tar":
        with tarfile.open(path) as archive:
            contents = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    else:
        with zipfile.ZipFile(path) as packed:
            contents = {name: packed.read(name) for name in packed.namelist()}
    return {name.rpartition("/")[2]: hashlib.sha256(data).hexdigest() for name, data in contents.items()}


def files_below(folder: Path) -> dict[str, str]:
    """The hashes of all files below a folder, by their own names."""
    found: dict[str, str] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


if __name__ == "__main__":
    flavour_, key_, kind_, acquisition_, name_, folder_, source_ = sys.argv[1:]
    print("ready", flush=True)
    run(flavour_, key_, kind_, At(acquisition_, name_, Path(folder_), Path(source_)))
