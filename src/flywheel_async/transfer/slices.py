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

from flywheel_async.errors import ArgumentError, IncompleteTransfer, TransferError
from flywheel_async.files import READ_CHUNK, hash_name, in_thread, made_in_thread
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
        start: Where they start in that file.
        size: How many they are.
        owned: Whether the descriptor is closed with this.

    Attributes:
        path: The path they are read from, if the user gave one.
        size: How many they are.
        replayable: Whether they can be read again, which is so.
    """

    replayable = True

    def __init__(self, name: str, data: bytes | int, start: int, size: int, *, owned: bool = False) -> None:
        self.path: Path | None = None
        self.size = size
        self._name = name
        self._data = data
        self._start = start
        self._owned = owned
        self._lock = threading.Lock()
        self._before = _state(data)
        self._hash = ""
        self._user_file: io.BufferedReader | io.FileIO | None = None

    @classmethod
    async def of(cls, source: Source) -> Slices:
        """Makes the bytes of a prepared source readable from any place.

        Bytes, paths and files that `open` has opened are read where they are. What else there is can be read only
        once, and is written to a temporary file without a name first.

        Raises:
            ArgumentError: The source has another size than was announced.
            TransferError: The temporary file cannot be written.
        """
        if source.data is not None:
            return cls(source.name, source.data, 0, len(source.data))
        if source.opened is not None:
            path, file = source.opened
            made = cls(source.name, file.fileno(), 0, source.length or 0)
            made.path = path
            return made
        user_file = source.contents
        if type(user_file) is io.BufferedReader or type(user_file) is io.FileIO:
            found = await made_in_thread(lambda: cls._of_file(source, user_file), _undo)
            if found is not None:
                return found
        return await cls._spooled(source)

    @classmethod
    def _of_file(cls, source: Source, file: io.BufferedReader | io.FileIO) -> Slices | None:
        try:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or type(getattr(file, "raw", file)) is not io.FileIO:
                return None
            start = file.tell()
            descriptor = os.dup(file.fileno())
        except (OSError, ValueError):
            return None
        size = max(found.st_size - start, 0)
        if source.length not in (None, size):
            os.close(descriptor)
            raise ArgumentError(f"FileSpec.size is {source.length}, but the file object has {size} bytes left")
        made = cls(source.name, descriptor, start, size, owned=True)
        made._user_file = file
        return made

    @classmethod
    async def _spooled(cls, source: Source) -> Slices:
        # Without a name, so that nothing is left of it however the program ends.
        file = await made_in_thread(lambda: tempfile.TemporaryFile(buffering=0), lambda made: made.close())  # noqa: SIM115
        try:
            async with aclosing(source.chunks()) as chunks:
                async for chunk in chunks:
                    await in_thread(lambda data=chunk: _write(file.fileno(), data))  # type: ignore[misc]
            descriptor = os.dup(file.fileno())
        except OSError as exc:
            raise TransferError(f"{source.name}: cannot be kept in a temporary file: {exc.strerror or exc}") from exc
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(file.close)
        made = cls(source.name, descriptor, 0, source.count, owned=True)
        made._hash = source.hash
        return made

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return self.size

    @property
    def count(self) -> int:
        """How many bytes there are, all of which are sent."""
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

    async def work_out_hash(self) -> None:
        """Reads everything once and hashes it; does nothing when that was done before."""
        if self._hash:
            return
        sha = hashlib.sha384()
        for offset in range(0, self.size, READ_CHUNK):
            await self.read(offset, min(READ_CHUNK, self.size - offset), sha)
        self._hash = hash_name(sha)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields everything in order."""
        for offset in range(0, self.size, READ_CHUNK):
            yield await self.read(offset, min(READ_CHUNK, self.size - offset), None)
        await self.work_out_hash()

    async def read(self, offset: int, length: int, digest: Digest | None) -> bytes:
        """Reads a slice.

        Args:
            offset: Where it starts, in bytes.
            length: How many bytes it has.
            digest: Is fed with them, in the thread that reads.

        Raises:
            IncompleteTransfer: They are not there any more.
        """

        def work() -> bytes:
            data = self._read(offset, length)
            if len(data) != length:
                raise self._changed()
            if digest is not None:
                digest.update(data)
            return data

        return await in_thread(work)

    def _read(self, offset: int, length: int) -> bytes:
        if isinstance(self._data, bytes):
            return self._data[offset : offset + length]
        found: list[bytes] = []
        at, missing = self._start + offset, length
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
        """Closes what this has opened; a file object of the user is left behind its last byte."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._close)

    def _close(self) -> None:
        if self._owned and isinstance(self._data, int):
            self._owned = False
            os.close(self._data)
        file, self._user_file = self._user_file, None
        if file is not None and not file.closed:
            file.seek(self._start + self.size)


def _undo(made: Slices | None) -> None:
    if made is not None:
        made._close()


def _state(data: bytes | int) -> tuple[int, int, int] | None:
    if isinstance(data, bytes):
        return None
    found = os.fstat(data)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
