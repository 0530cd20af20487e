"""The bytes of an upload by their offset, so that several parts can be read at once, and any of them again."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import anyio

from flywheel_async.errors import ArgumentError, IncompleteTransfer, LocalFileError
from flywheel_async.files import READ_CHUNK, has_more, hash_name, in_thread, made_in_thread
from flywheel_async.local_errors import file_error
from flywheel_async.transfer.sources import Source

PIECE = 1024 * 1024
"""Bytes of a part that are in memory at a time."""


class Digest(Protocol):
    """The part of hashlib's objects used here."""

    def update(self, data: bytes, /) -> None: ...


class Slices:
    """The bytes of one upload, read from any place; they are all there and do not change.

    Args:
        name: The file's name, for messages.
        data: The bytes, or a descriptor of the file that holds them.
        start: Where they start in there.
        size: How many they are.
        owned: The file of that descriptor, if it is closed with this.

    Attributes:
        path: The path they are read from, if the user gave one.
        size: How many they are.
        count: How many `chunks` has given so far.
        md5: The MD5 of all bytes in hexadecimal digits, once `work_out_hash` was asked for it.
        replayable: Whether they can be read again, which is so.
    """

    replayable = True

    def __init__(self, name: str, data: bytes | int, start: int, size: int, *, owned: io.FileIO | None = None) -> None:
        self.path: Path | None = None
        self.size = size
        self.count = 0
        self.md5 = ""
        self._name = name
        self._data = data
        self._start = start
        self._owned = owned
        self._lock = threading.Lock()
        self._before = _state(data)
        self._hash = ""

    @classmethod
    async def of(cls, source: Source) -> Slices:
        """Makes the bytes of a prepared source readable from any place.

        What cannot be read where it is can be read only once, and is written to a temporary file without a name first.

        Raises:
            ArgumentError: The source has another size than was announced.
            IncompleteTransfer: The file was written to since the source was prepared.
            LocalFileError: The temporary file cannot be written.
        """
        return await cls.in_place(source) or await cls._spooled(source)

    @classmethod
    async def in_place(cls, source: Source) -> Slices | None:
        """Does so for bytes, paths, and files that `open` has opened, which are read where they are; else gives None.

        Raises:
            ArgumentError: The source has another size than was announced.
            IncompleteTransfer: The file was written to since the source was prepared.
        """
        if source.data is not None:
            return cls(source.name, source.data, 0, len(source.data))
        if source.opened is not None:
            path, file = source.opened
            made = cls(source.name, file.fileno(), 0, source.length or 0)
            made.path = path
            if made._before is not None and made._before[0] != made.size:
                raise made._changed()
            return made
        user_file, start = source.contents, source.position
        if start is None:
            return None
        if type(user_file) is io.BytesIO:
            # A copy only on paper: Python shares the bytes until somebody writes to them.
            data = user_file.getvalue()
            return cls(source.name, data, start, _checked_size(source, len(data), start))
        # Their very types: what reads in its own way may unpack or decrypt.
        if type(user_file) is io.BufferedReader or type(user_file) is io.BufferedRandom or type(user_file) is io.FileIO:
            return await made_in_thread(lambda: cls._of_file(source, user_file, start), _undo)
        return None

    @classmethod
    def _of_file(
        cls, source: Source, file: io.BufferedReader | io.BufferedRandom | io.FileIO, start: int
    ) -> Slices | None:
        try:
            if type(getattr(file, "raw", file)) is not io.FileIO or not file.readable():
                return None
            file.flush()
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or (found.st_size == 0 and has_more(file.fileno(), start)):
                return None
            size = _checked_size(source, found.st_size, start)
            own = io.FileIO(os.dup(file.fileno()), "rb")
        except OSError:
            return None
        return cls(source.name, own.fileno(), start, size, owned=own)

    @classmethod
    async def _spooled(cls, source: Source) -> Slices:
        def failed(error: OSError) -> LocalFileError:
            return file_error(f"{source.name}: cannot be kept in a temporary file in", tempfile.gettempdir(), error)

        try:
            # Without a name, so that nothing is left of it however the program ends.
            file = await made_in_thread(lambda: tempfile.TemporaryFile(buffering=0), lambda made: made.close())  # noqa: SIM115
        except OSError as exc:
            raise failed(exc) from exc
        try:
            async with aclosing(source.chunks()) as chunks:
                async for chunk in chunks:
                    try:
                        await in_thread(lambda data=chunk: _write(file, data))  # type: ignore[misc]
                    except OSError as exc:
                        raise failed(exc) from exc
        except BaseException:
            with anyio.CancelScope(shield=True):
                await in_thread(file.close)
            raise
        made = cls(source.name, file.fileno(), 0, source.count, owned=file)
        made._hash = source.hash
        return made

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return self.size

    @property
    def identity(self) -> dict[str, object] | None:
        """What tells the file at a path from another one, and from itself once it was changed; None without a path."""
        if self.path is None or self._before is None:
            return None
        size, mtime, inode = self._before
        return {"path": str(self.path.absolute()), "size": size, "mtime": mtime, "inode": inode}

    @property
    def hash(self) -> str:
        """The hash of all bytes in the site's notation, once `work_out_hash` has run."""
        return self._hash

    async def work_out_hash(self, *, with_md5: bool = False) -> None:
        """Reads everything once and hashes it; does nothing when that was done before."""
        if self._hash and (self.md5 or not with_md5):
            return
        sha, md5 = hashlib.sha384(), hashlib.md5(usedforsecurity=False)
        digests = (sha, md5) if with_md5 else (sha,)
        for offset in range(0, self.size, READ_CHUNK):
            await self.read(offset, min(READ_CHUNK, self.size - offset), *digests)
        self._hash = hash_name(sha)
        self.md5 = md5.hexdigest() if with_md5 else ""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields everything in order, and hashes it.

        Raises:
            IncompleteTransfer: The file was written to meanwhile; raised before the last chunk is handed over.
        """
        sha = hashlib.sha384()
        self.count = 0
        for offset in range(0, self.size, READ_CHUNK):
            chunk = await self.read(offset, min(READ_CHUNK, self.size - offset), sha)
            self.count += len(chunk)
            if self.count == self.size:
                self.check_unchanged()
            yield chunk
        self._hash = hash_name(sha)

    async def read(self, offset: int, length: int, *digests: Digest) -> bytes:
        """Reads a slice.

        Args:
            offset: Where it starts, in bytes.
            length: How many bytes it has.
            digests: Are fed with them, in the thread that reads.

        Raises:
            IncompleteTransfer: They are not there any more.
        """

        def work() -> bytes:
            data = self._read(offset, length)
            if len(data) != length:
                raise self._changed()
            for digest in digests:
                digest.update(data)
            return data

        return await in_thread(work)

    def _read(self, offset: int, length: int) -> bytes:
        at, missing = self._start + offset, length
        if isinstance(self._data, bytes):
            return self._data[at : at + length]
        found: list[bytes] = []
        while missing and (piece := self._read_at(self._data, at, missing)):
            found.append(piece)
            at, missing = at + len(piece), missing - len(piece)
        return found[0] if len(found) == 1 else b"".join(found)

    def _read_at(self, descriptor: int, at: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(descriptor, length, at)
        with self._lock:
            os.lseek(descriptor, at, os.SEEK_SET)
            return os.read(descriptor, length)

    def check_unchanged(self) -> None:
        """Checks that the file is what it was at the start.

        Raises:
            IncompleteTransfer: It was written to meanwhile.
        """
        if _state(self._data) != self._before:
            raise self._changed()

    def _changed(self) -> IncompleteTransfer:
        return IncompleteTransfer(f"{self.path or self._name} changed while it was uploaded; nothing was stored")

    async def aclose(self) -> None:
        """Closes what this has opened."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._close)

    def _close(self) -> None:
        if self._owned is not None:
            self._owned.close()


def _checked_size(source: Source, end: int, start: int) -> int:
    """How many bytes a file object has left.

    Raises:
        ArgumentError: Other ones were announced.
    """
    size = max(end - start, 0)
    if source.length not in (None, size):
        raise ArgumentError(f"FileSpec.size is {source.length}, but the file object has {size} bytes left")
    return size


def _undo(made: Slices | None) -> None:
    if made is not None:
        made._close()


def _state(data: bytes | int) -> tuple[int, int, int] | None:
    if isinstance(data, bytes):
        return None
    found = os.fstat(data)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _write(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
