"""Archives that are made while they are sent: no part of them is ever whole in memory or on disk."""

from __future__ import annotations

import asyncio
import io
import secrets
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, Protocol

from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.downloads import CHUNK, disposition, watched
from flywheel_async.emulator.exchange import Exchange, Streamed
from flywheel_async.emulator.problems import Problem, not_found

LIFETIME = 3600.0
"""Seconds for which an archive can be fetched, as often as wanted."""
_TURN = 0.02
"""Seconds of work on an archive before everything else gets its turn."""
_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive.

    Attributes:
        path: Its path in the archive, as the labels and names on the site make it.
        source: Where its bytes are, or what makes them when their turn comes.
        size: How many; of bytes that are still to be made it is what was announced.
        modified: When it was changed, in milliseconds.
    """

    path: str
    source: Path | Callable[[], bytes]
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive ticket stands for.

    Attributes:
        caller: Who asked for it.
        client: The address it was given to, the only one it works for.
        filename: The name to save it under, with the ending of a tar.
        entries: Its files.
        ends: When it stops working, on the monotonic clock.
    """

    caller: Caller
    client: str
    filename: str
    entries: Sequence[Entry]
    ends: float


class Archives:
    """The archive tickets of a running site; a restart forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Archive] = {}

    def issue(self, caller: Caller, client: str, filename: str, entries: Sequence[Entry]) -> str:
        """Makes a ticket; see `Archive`."""
        name = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            self._known = {key: old for key, old in self._known.items() if old.ends > now}
            self._known[name] = Archive(caller, client, filename, entries, now + LIFETIME)
        return name

    def redeem(self, name: str, client: str) -> Archive:
        """Returns what a ticket stands for.

        Raises:
            Problem: 404 unknown or too old, 400 used from another address.
        """
        with self._lock:
            found = self._known.get(name)
        if found is None or found.ends <= time.monotonic():
            raise not_found("ticket", "given")
        if found.client != client:
            raise Problem(400, "the ticket was given to another address")
        return found


class Packer(Protocol):
    """Turns files into the bytes of an archive."""

    media_type: str

    def begin(self, entry: Entry) -> bytes:
        """Returns what comes before a file."""
        ...

    def add(self, data: bytes) -> bytes:
        """Returns what a piece of the file becomes."""
        ...

    def end(self) -> bytes:
        """Returns what comes after a file."""
        ...

    def finish(self) -> bytes:
        """Returns the end of the archive."""
        ...


class TarPacker:
    """Makes a tar; long and non-ASCII paths go into extended headers."""

    media_type = "application/x-tar"

    def __init__(self) -> None:
        self._size = 0

    def begin(self, entry: Entry) -> bytes:
        """Returns the header of a file."""
        info = tarfile.TarInfo(entry.path)
        info.size, info.mtime, info.mode = entry.size, entry.modified // 1000, _MODE
        self._size = entry.size
        return info.tobuf(tarfile.PAX_FORMAT)

    def add(self, data: bytes) -> bytes:
        """Returns a piece of the file as it is."""
        return data

    def end(self) -> bytes:
        """Returns what fills the last block of the file."""
        return bytes(-self._size % tarfile.BLOCKSIZE)

    def finish(self) -> bytes:
        """Returns the two empty blocks at the end."""
        return bytes(2 * tarfile.BLOCKSIZE)


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken; it cannot seek, as a connection cannot."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        self._held += data
        return len(data)

    def take(self) -> bytes:
        """Returns what was written since the last time."""
        taken = bytes(self._held)
        self._held.clear()
        return taken


class _Unattended(zipfile.ZipFile):
    """A zip that may be given up in the middle of a file; its sink has nothing to be closed."""

    def __del__(self) -> None:
        pass


class ZipPacker:
    """Makes a zip in the compressed form, for only then can a reader of a stream tell where files end.

    The compression itself is left out: most contents are compressed already, and it would be the slowest part.
    """

    media_type = "application/zip"

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = _Unattended(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._member: IO[bytes] | None = None

    def begin(self, entry: Entry) -> bytes:
        """Returns the header of a file."""
        moment = datetime.fromtimestamp(entry.modified / 1000, UTC)
        info = zipfile.ZipInfo(entry.path, (max(moment.year, 1980), *moment.timetuple()[1:6]))
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = 0  # type: ignore[attr-defined]  # public only from Python 3.13 on
        info.external_attr = _MODE << 16
        info.file_size = entry.size
        # A site may hand out a path twice; the library would warn of it.
        self._zip.NameToInfo.clear()
        self._member = self._zip.open(info, "w", force_zip64=entry.size >= zipfile.ZIP64_LIMIT // 2)
        return self._sink.take()

    def add(self, data: bytes) -> bytes:
        """Returns what has come out of the compressor."""
        assert self._member is not None
        self._member.write(data)
        return self._sink.take()

    def end(self) -> bytes:
        """Returns the rest of the file with its length and checksum."""
        assert self._member is not None
        self._member.close()
        return self._sink.take()

    def finish(self) -> bytes:
        """Returns the list of all files."""
        self._zip.close()
        return self._sink.take()


@dataclass(frozen=True, slots=True)
class ArchiveDownload(Streamed):
    """An answer with an archive.

    Attributes:
        disk: Threads to read and compress in.
        archive: The archive.
        form: Tar or zip.
    """

    disk: Executor
    archive: Archive
    form: Literal["tar", "zip"]

    async def run(self, exchange: Exchange) -> None:
        """Sends the archive, whose length nobody knows before; stops when the caller goes away."""
        packer: Packer = TarPacker() if self.form == "tar" else ZipPacker()
        name = self.archive.filename.removesuffix(".tar") + f".{self.form}"
        pieces = packed(packer, self.archive.entries)
        loop = asyncio.get_running_loop()
        async with watched(exchange) as check:
            await exchange.start(200, [("content-type", packer.media_type), ("content-disposition", disposition(name))])
            while (batch := await loop.run_in_executor(self.disk, _batch, pieces)) is not None:
                check()
                await exchange.push(batch, more=True)
            await exchange.push(b"", more=False)


def packed(packer: Packer, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yields an archive piece by piece.

    A file is open only while a piece of it is read: wherever the caller stops, nothing stays open.

    Raises:
        OSError: The content of an entry is shorter than it says.
    """
    for entry in entries:
        if not isinstance(entry.source, Path):
            data = entry.source()
            yield packer.begin(replace(entry, size=len(data)))
            yield packer.add(data)
        else:
            yield packer.begin(entry)
            at = 0
            while at < entry.size:
                data = _read(entry.source, at, min(CHUNK, entry.size - at))
                at += len(data)
                yield packer.add(data)
        yield packer.end()
    yield packer.finish()


def _read(path: Path, at: int, count: int) -> bytes:
    with path.open("rb") as source:
        source.seek(at)
        data = source.read(count)
    if not data:
        raise OSError("the stored content is shorter than its entry says")
    return data


def _batch(pieces: Iterator[bytes]) -> bytes | None:
    """Returns the next pieces of an archive, about as many bytes as a chunk has; `None` at its end.

    Small files cost time more than bytes: a batch of them ends after a while, so that others get their turn. As a
    packer may keep to itself what it is given, a batch may be empty in the middle of an archive.
    """
    found: list[bytes] = []
    size = 0
    end = time.monotonic() + _TURN
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= CHUNK or time.monotonic() > end:
            break
    return b"".join(found) if found else None
