"""The file a download is written to before it has its final name.

It may be written in any order. That of a large download outlives the program: a small file beside it tells what it
belongs to and which bytes are there, so that the same download takes it up again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar, cast

import anyio

from flywheel_async.errors import FlywheelError, TransferError
from flywheel_async.files import READ_CHUNK, in_thread, made_in_thread, mode_for, open_temporary, publish
from flywheel_async.local_errors import file_error
from flywheel_async.transfer.checksums import checksum_for
from flywheel_async.transfer.ranges import Span, Spans

try:
    import fcntl
except ImportError:  # without it two programs could write into one file, so nothing is taken up again
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

RESUME_FROM = 8 * 1024 * 1024
"""Smaller files are sooner fetched again than taken up."""
_KEPT_FROM = 64 * 1024 * 1024
"""An error or Ctrl-C leaves nothing behind unless more than this has arrived."""
_NOTED_EACH = (1024 * 1024, 64 * 1024 * 1024)
"""After so many bytes, between the two, a kill may cost; a sixty-fourth of the file."""
_MOST_STATE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """The one content that a partial file may become.

    Attributes:
        file_id: The id that all versions of the file share.
        version: The version.
        hash: Its hash in the site's notation.
        size: Its size in bytes.
    """

    file_id: str
    version: int
    hash: str
    size: int


class Partial:
    """A file that is written under a temporary name and appears at its final name only when it is complete.

    Args:
        path: The final path.
        temporary: Where it is now.
        descriptor: It, open for reading and writing.
        identity: What it belongs to, if it may outlive the program.
        wanted: The checksum that its bytes must have, if that is known.
    """

    def __init__(
        self, path: Path, temporary: Path, descriptor: int, identity: Identity | None, wanted: str | None = None
    ) -> None:
        self._path = path
        self._temporary = temporary
        self._raw = io.FileIO(descriptor, "r+b")
        self._identity = identity
        self._state = temporary.with_name(f"{temporary.name}.json")
        self._next_state = temporary.with_name(f"{temporary.name}.json~")
        self._spans = Spans()
        self._wanted = wanted
        self._sum = checksum_for(wanted)
        self._hashed = 0
        self._unsaved = 0
        self._committed = False
        # A cancelled task leaves its write running in a worker thread. Closing waits for that, since the
        # descriptor's number may belong to another file a moment later.
        self._in_use = threading.Lock()

    @classmethod
    async def create(
        cls, path: Path, identity: Identity | None, *, wanted: str | None = None, discard: bool = False
    ) -> Partial:
        """Opens the file, with what an interrupted download of the same content has left there.

        Args:
            path: The final path.
            identity: What it belongs to; None makes one that is not taken up again.
            wanted: The checksum that its bytes must have, if that is known.
            discard: Whether what an interrupted download has left there is removed.

        Raises:
            LocalPathError: Nothing can be written there.
            LocalFileError: The system refuses, such as for want of room.
        """
        return await made_in_thread(
            lambda: cls._open(path, identity, wanted, discard), lambda made: made._close(keep=True)
        )

    @classmethod
    def _open(cls, path: Path, identity: Identity | None, wanted: str | None, discard: bool) -> Partial:
        if discard:
            _discard(path)
        if identity is not None:
            temporary = _temporary_of(path)
            descriptor = _open_locked(temporary, os.O_CREAT, mode_for(path))
            if descriptor is not None:
                made = cls(path, temporary, descriptor, identity, wanted)
                try:
                    made._load()
                except OSError as exc:
                    made._close(keep=False)
                    raise file_error("cannot write", path, exc) from exc
                return made
        return cls(path, *open_temporary(path), None, wanted)

    @property
    def count(self) -> int:
        """Bytes that are there."""
        return self._spans.count

    def missing(self, size: int) -> list[Span]:
        """The bytes that are not there, of a file of `size` bytes."""
        return self._spans.gaps(size)

    async def write(self, at: int, data: bytes) -> None:
        """Puts bytes at a place.

        Raises:
            LocalFileError: The system refuses.
        """
        await self._do(lambda: self._write(at, data))

    async def start_over(self) -> None:
        """Forgets everything written so far."""
        await self._do(self._empty)

    async def hash(self) -> str:
        """The checksum of everything, written as the wanted one; the file must be without gaps."""
        while self._hashed < self._spans.front:
            await self._do(self._hash_on)
        return self._sum.text()

    async def commit(self, *, fsync: bool = False, mtime: float | None = None, replace: bool = True) -> Path:
        """Gives the file its final name and returns it; see `files.publish`."""
        with anyio.CancelScope(shield=True):
            await self._do(lambda: self._publish(fsync, mtime, replace))
        return self._path

    async def aclose(self, *, keep: bool) -> None:
        """Closes the file.

        Args:
            keep: Whether to leave it for the next time, where that is worth the while; else it is removed.
        """
        with anyio.CancelScope(shield=True):
            await in_thread(lambda: self._close(keep=keep))

    async def _do(self, call: Callable[[], T]) -> T:
        def work() -> T:
            with self._in_use:
                return call()

        try:
            return await in_thread(work)
        except FlywheelError:
            raise
        except (OSError, ValueError) as exc:  # ValueError: closed meanwhile
            raise file_error("cannot write", self._path, exc) from exc

    # What follows blocks, and runs with the lock held.

    def _write(self, at: int, data: bytes) -> None:
        self._raw.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view) or 0 :]
        self._spans.add(at, at + len(data))
        if at == self._hashed:
            self._sum.update(data)
            self._hashed += len(data)
        elif self._hashed < self._spans.front:
            self._hash_on()
        self._unsaved += len(data)
        if self._identity is not None:
            least, most = _NOTED_EACH
            if self._unsaved >= min(max(least, self._identity.size // 64), most):
                self._save()

    def _hash_on(self) -> None:
        """Hashes the next bytes of what is there without a gap."""
        self._raw.seek(self._hashed)
        data = self._raw.read(min(READ_CHUNK, self._spans.front - self._hashed))
        if not data:
            raise OSError("it became shorter meanwhile")
        self._sum.update(data)
        self._hashed += len(data)

    def _empty(self) -> None:
        self._raw.truncate(0)
        self._spans.clear()
        self._sum = checksum_for(self._wanted)
        self._hashed = 0
        self._save()

    def _publish(self, fsync: bool, mtime: float | None, replace: bool) -> None:
        if os.fstat(self._raw.fileno()).st_size != self._spans.count:
            raise TransferError(f"cannot write {self._path}: its temporary file was changed meanwhile")
        if self._identity is not None:
            # Before the rename, after which it could be the note of the next download to this path.
            self._remove_note()
        publish(self._raw, self._temporary, self._path, fsync=fsync, mtime=mtime, replace=replace)
        self._committed = True
        if self._identity is None:
            _discard(self._path)  # it can only be of another content by now

    def _close(self, *, keep: bool) -> None:
        with self._in_use:
            if self._raw.closed:
                return
            try:
                if self._committed:
                    return
                if keep and self._identity is not None and self._spans.count > _KEPT_FROM:
                    with suppress(OSError):
                        self._save()
                else:
                    # Before the lock on it goes, so that it is not taken from somebody else.
                    self._remove_note()
                    self._temporary.unlink(missing_ok=True)
            finally:
                self._raw.close()

    def _save(self) -> None:
        """Notes which bytes are there."""
        self._unsaved = 0
        if self._identity is None:
            return
        state = {**asdict(self._identity), "format": 1, "target": self._path.name, "there": list(self._spans)}
        # Not what lies there: it may be a pipe that nobody reads, or somebody else's file.
        self._next_state.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(self._next_state, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(state, file)
        self._next_state.replace(self._state)

    def _remove_note(self) -> None:
        self._next_state.unlink(missing_ok=True)  # there if the program was killed while it wrote one
        self._state.unlink(missing_ok=True)

    def _load(self) -> None:
        """Takes up what is there, if it belongs to this download; else empties the file."""
        assert self._identity is not None
        length = os.fstat(self._raw.fileno()).st_size
        try:
            # Without O_NONBLOCK, opening a pipe would wait for a writer before it could be refused.
            descriptor = os.open(self._state, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                state = cast("object", json.loads(file.read(_MOST_STATE) if _is_ours(descriptor) else b""))
            spans = _spans_of(state, {**asdict(self._identity), "format": 1, "target": self._path.name}, length)
        except (OSError, ValueError, RecursionError):
            spans = None
        if spans is None:
            self._empty()
            return
        self._spans = spans
        if length > self._identity.size:
            self._raw.truncate(self._identity.size)


def _spans_of(state: object, wanted: dict[str, object], length: int) -> Spans | None:
    """The bytes that a note says are there, if it is about the wanted download and can be true."""
    if not isinstance(state, dict):
        return None
    members = cast("dict[str, object]", state)
    there = members.pop("there", None)
    if members != wanted or not isinstance(there, list):
        return None
    spans = Spans()
    for span in cast("list[object]", there):
        pair = cast("list[object]", span) if isinstance(span, list) else []
        if len(pair) != 2 or not isinstance(pair[0], int) or not isinstance(pair[1], int):
            return None
        spans.add(pair[0], pair[1])
    size = cast("int", wanted["size"])
    return spans if all(stop <= min(length, size) for _, stop in spans) else None


async def discard(path: Path) -> None:
    """Removes what an interrupted download to a path has left, unless another program is at it.

    Args:
        path: The final path.
    """
    await in_thread(lambda: _discard(path))


def _discard(path: Path) -> None:
    temporary = _temporary_of(path)
    descriptor = _open_locked(temporary, 0, 0o600)
    if descriptor is not None:
        with suppress(OSError):
            Partial(path, temporary, descriptor, None)._close(keep=False)


def _temporary_of(path: Path) -> Path:
    """Where a download to a path is kept that may be taken up again."""
    return path.with_name(f".fw-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")


def _open_locked(temporary: Path, flags: int, mode: int) -> int | None:
    """Opens a partial file for this program alone; None when it cannot be had.

    Args:
        temporary: Where it is.
        flags: `os.O_CREAT` to make it if it is missing.
        mode: The permissions it may have at most, if it is to be written.
    """
    if fcntl is None:
        return None
    flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        try:
            descriptor = os.open(temporary, flags, mode)
        except OSError:
            return None
        try:
            if not _is_ours(descriptor):
                os.close(descriptor)
                return None
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here, there = os.fstat(descriptor), temporary.lstat()
        except FileNotFoundError:  # whoever had it before has finished or removed it meanwhile
            os.close(descriptor)
            continue
        except OSError:
            os.close(descriptor)
            return None
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            if here.st_mode & 0o777 & ~mode:
                os.fchmod(descriptor, here.st_mode & mode)
            return descriptor
        os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    """Whether nobody else can write into a file through another name or as its owner."""
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
