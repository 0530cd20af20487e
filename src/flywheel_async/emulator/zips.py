"""Zip archives among the stored contents: the list of their members, and single members.

What an archive says of itself is taken with a grain of salt; all of it is read in the threads for contents.
"""

from __future__ import annotations

import asyncio
import io
import struct
import zipfile
import zlib
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flywheel_async.emulator.downloads import CHUNK, disposition, opened, watched
from flywheel_async.emulator.exchange import Exchange, Reply, Streamed
from flywheel_async.emulator.filetypes import guess_mimetype
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import Doc, Json, dumps

MAX_DIRECTORY: Final = 8 * 1024 * 1024
"""Largest list of members, in bytes, that is read; it takes more memory than that."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# The reader has no one error for all that may be wrong with an archive.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    ValueError,
    LookupError,
    ArithmeticError,
    OSError,
    EOFError,
)


@dataclass(frozen=True, slots=True)
class ZipListing(Streamed):
    """An answer with the comment and the members of a zip archive.

    Attributes:
        disk: Threads to read in.
        path: Where the archive is.
    """

    disk: Executor
    path: Path

    async def run(self, exchange: Exchange) -> None:
        """Sends the list."""
        body = await asyncio.get_running_loop().run_in_executor(self.disk, _listing, self.path)
        await exchange.reply(Reply(body))


@dataclass(frozen=True, slots=True)
class ZipMember(Streamed):
    """An answer with one member of a zip archive.

    Attributes:
        disk: Threads to read in.
        path: Where the archive is.
        name: The member.
    """

    disk: Executor
    path: Path
    name: str

    async def run(self, exchange: Exchange) -> None:
        """Sends the member; stops unpacking when the caller goes away."""
        loop = asyncio.get_running_loop()
        async with opened(self.disk, lambda: _Member(self.path, self.name)) as member, watched(exchange) as check:
            at = 0
            # Before the answer begins, so that a small damaged member is an error and not half an answer.
            data = await loop.run_in_executor(self.disk, member.read, min(CHUNK, member.size))
            headers = [
                ("content-type", guess_mimetype(self.name)),
                ("content-disposition", disposition(Path(self.name).name)),
                ("content-length", str(member.size)),
            ]
            await exchange.start(200, headers)
            while data:
                check()
                await exchange.push(data, more=True)
                at += len(data)
                data = await loop.run_in_executor(self.disk, member.read, min(CHUNK, member.size - at))
            await exchange.push(b"", more=False)


class _Source(io.BufferedReader):
    """A file that refuses to read very much at once, as the reader does for the list of members."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise Problem(400, f"the list of the archive's members is larger than {MAX_DIRECTORY} bytes")
        return super().read(size)


class _Archive(zipfile.ZipFile):
    """An archive whose file is closed with it.

    Args:
        path: Where it is.

    Raises:
        Problem: 400, it is no zip archive, damaged, or has too many members.
    """

    _source: _Source | None = None

    def __init__(self, path: Path) -> None:
        self._source = _Source(io.FileIO(path))
        try:
            super().__init__(self._source)
        except _DAMAGED:
            self._source.close()
            raise Problem(400, "the file is not a zip archive, or a damaged one") from None
        except BaseException:
            self._source.close()
            raise

    def close(self) -> None:
        """Closes the archive and its file."""
        super().close()
        if self._source is not None:
            self._source.close()


def _listing(path: Path) -> bytes:
    with _Archive(path) as archive:
        members: list[Json] = [
            {
                "path": item.filename,
                "size": item.file_size,
                "timestamp": _moment(item),
                "comment": item.comment.decode("utf-8", "replace"),
            }
            for item in archive.infolist()
            if not item.is_dir()
        ]
        found: Doc = {"comment": archive.comment.decode("utf-8", "replace"), "members": members}
    return dumps(found)


def _moment(item: zipfile.ZipInfo) -> str | None:
    """Returns when a member was changed; the zeros of an archive without dates are none."""
    try:
        return datetime(*item.date_time, tzinfo=UTC).isoformat()
    except ValueError:
        return None


class _Member:
    """A member that is being unpacked.

    Args:
        path: Where the archive is.
        name: The member.

    Attributes:
        size: Its length, as the archive says.

    Raises:
        Problem: 400, it is no zip archive, has no such member, or the member cannot be unpacked.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._archive = _Archive(path)
        try:
            item = self._find(name)
            self.size = item.file_size
            try:
                self._member = self._archive.open(item)
            except _DAMAGED as error:
                raise self._damaged(error) from None
        except BaseException:
            self._archive.close()
            raise

    def _find(self, name: str) -> zipfile.ZipInfo:
        try:
            item = self._archive.getinfo(name)
        except KeyError:
            raise Problem(400, f"the archive has no member {name!r}") from None
        if item.is_dir():
            raise Problem(400, f"the member {name!r} is a folder")
        if item.flag_bits & 1:
            raise Problem(400, f"the member {name!r} is encrypted")
        if item.compress_type not in _METHODS:
            # Python's readers of the other methods may turn a few bytes into a few hundred MiB at once.
            raise Problem(400, f"the member {name!r} is neither stored nor deflated")
        return item

    def _damaged(self, error: Exception) -> Problem:
        return Problem(400, f"the member {self._name!r} is damaged: {error}")

    def read(self, count: int) -> bytes:
        """Returns the next bytes, at most so many; nothing only when none are wanted.

        Raises:
            Problem: 400, the member is damaged or shorter than the archive says.
        """
        if not count:
            return b""
        try:
            data = self._member.read(count)
        except _DAMAGED as error:
            raise self._damaged(error) from None
        if not data:
            raise Problem(400, f"the member {self._name!r} is shorter than the archive says")
        return data

    def close(self) -> None:
        """Closes the member and its archive."""
        self._member.close()
        self._archive.close()
