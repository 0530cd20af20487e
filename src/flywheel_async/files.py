"""The seam to the local disk: aiofiles on asyncio, anyio's own files on trio.

Everything blocking runs in worker threads, never on the event loop and never in the threads of anyio's own limiter,
which the user's program may need. Hashing happens in the same thread hop as reading or writing.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import secrets
import stat
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

import anyio
import anyio.to_thread
from aiofiles.threadpool import wrap as aiofiles_wrap
from anyio.lowlevel import RunVar

from flywheel_async.errors import ArgumentError, FileExists, IncompleteTransfer, LocalPathError
from flywheel_async.local_errors import file_error, path_error, reason

T = TypeVar("T")

READ_CHUNK = 4 * 1024 * 1024
WRITE_CHUNK = 1024 * 1024
_THREADS = 16

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("flywheel_async.files.limiter")
_user_limiter: RunVar[anyio.CapacityLimiter] = RunVar("flywheel_async.files.user_limiter")


async def in_thread(call: Callable[[], T]) -> T:
    """Runs blocking file work in a worker thread; once started it is waited for, so it is not left half done."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_THREADS)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(call, limiter=limiter)


async def made_in_thread(make: Callable[[], T], undo: Callable[[T], object]) -> T:
    """Makes something in a worker thread; what a cancelled call would leave behind is undone.

    Args:
        make: Makes it; blocking, and short.
        undo: Undoes that; short.
    """
    lock, abandoned = threading.Lock(), False
    made: list[T] = []

    def work() -> None:
        with lock:
            if not abandoned:
                made.append(make())

    try:
        await in_thread(work)
    except BaseException:
        with lock:  # cancelled: the thread either has made it by now, or will not
            abandoned = True
        for thing in made:
            undo(thing)
        raise
    return made[0]


async def in_user_thread(call: Callable[[], T]) -> T:
    """Reads from an object of the user in a worker thread; a cancelled call does not wait for a read that is stuck."""
    try:
        limiter = _user_limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_THREADS)
        _user_limiter.set(limiter)
    return await anyio.to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)


class AsyncFile(Protocol):
    """The part of aiofiles' and anyio's file objects used here."""

    async def read(self, size: int, /) -> bytes: ...


def wrap(raw: io.FileIO) -> AsyncFile:
    """Makes a file usable from the running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return cast(AsyncFile, anyio.wrap_file(raw))
    return cast(AsyncFile, aiofiles_wrap(raw))


class HashedFile(io.FileIO):
    """A file that hashes what is read from it, in the thread that does so.

    Args:
        fd: An open file descriptor, owned from now on.
        mode: How it was opened, as for `open`.
    """

    def __init__(self, fd: int, mode: str) -> None:
        super().__init__(fd, mode)
        self._sha = hashlib.sha384()
        self.count = 0
        # A cancelled task leaves its read running in a worker thread. Closing waits for that, since the
        # descriptor's number may belong to another file a moment later.
        self._in_use = threading.Lock()

    def close(self) -> None:
        with self._in_use:
            super().close()

    def read(self, size: int | None = -1, /) -> bytes:
        with self._in_use:
            data = super().read(-1 if size is None else size) or b""
            self._note(data)
        return data

    def rewind(self) -> None:
        """Goes back to the start, to read the file once more."""
        self.seek(0)
        self._sha = hashlib.sha384()
        self.count = 0

    def _note(self, data: bytes) -> None:
        self._sha.update(data)
        self.count += len(data)

    @property
    def hash(self) -> str:
        """The hash so far, in the site's notation."""
        return hash_name(self._sha)


def hash_name(sha: hashlib._Hash) -> str:
    """A SHA-384 in the site's notation, `v0-sha384-` and 96 hex digits."""
    return f"v0-sha384-{sha.hexdigest()}"


def open_source(path: Path, argument: str) -> HashedFile:
    """Opens a file for upload; blocking.

    Raises:
        LocalPathError: It is missing, unreadable, or not a regular file.
        ArgumentError: It does not tell its size.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer before it could be refused.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as exc:
        raise path_error(f"{argument}: cannot read {path}: {reason(exc)}", path, exc) from None
    found = os.fstat(fd)
    mode = found.st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        kind, number = ("a folder", errno.EISDIR) if stat.S_ISDIR(mode) else ("not a regular file", None)
        raise path_error(f"{argument}: {path} is {kind}; give the path of one file", path, number)
    if found.st_size == 0 and has_more(fd, 0):
        os.close(fd)
        raise ArgumentError(
            f"{argument}: {path} does not tell its size, as files of /proc; upload a file object instead: open(…, 'rb')"
        )
    return HashedFile(fd, "rb")


def has_more(fd: int, at: int) -> bool:
    """Whether a file has bytes at a place where, by the size that it tells, it has ended; blocking.

    Files that the system makes up while they are read, such as those of /proc, tell that they are empty.
    """
    try:
        return hasattr(os, "pread") and bool(os.pread(fd, 1, at))
    except OSError:
        return False


async def read_source(raw: HashedFile, path: Path) -> AsyncGenerator[bytes, None]:
    """Yields an opened file in chunks of 4 MiB.

    Raises:
        IncompleteTransfer: The file changed while it was read; raised before its last chunk is handed over.
    """
    before = os.fstat(raw.fileno())
    file = wrap(raw)
    chunk = await file.read(READ_CHUNK)
    while True:
        following = await file.read(READ_CHUNK) if chunk else b""
        after = os.fstat(raw.fileno())
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if not same or (not following and raw.count != before.st_size):
            raise IncompleteTransfer(f"{path} changed while it was uploaded; nothing was stored")
        if not chunk:
            return
        yield chunk
        chunk = following


def check_destination(dest: object) -> Path:
    """Checks where a download is to go; blocking.

    Args:
        dest: A path.

    Returns:
        It as a `Path`.

    Raises:
        ArgumentError: It is not a path.
        LocalPathError: Its folder is missing, or something else than a file is there.
    """
    if not isinstance(dest, (str, os.PathLike)) or isinstance(dest, bytes):
        raise ArgumentError(f"dest must be the path of a file, not {type(dest).__name__}")
    text = cast(object, os.fspath(cast("os.PathLike[str]", dest)))
    if not isinstance(text, str) or not text or "\0" in text:
        raise ArgumentError(f"dest must be the path of a file, not {text!r}")
    path = Path(text)
    try:
        if path.is_symlink():
            # The user's own choice, unlike links in a folder where a site chooses the name.
            return check_destination(path.resolve())
        if text.endswith(("/", os.sep)) and not path.is_dir():
            raise path_error(f"dest: the folder {path} does not exist; create it first", path, errno.ENOENT)
        above = path.parent
        if not above.is_dir():
            raise path_error(f"dest: the folder {above} does not exist; create it first", above, errno.ENOENT)
        if path.is_dir():
            raise path_error(f"dest: {path} is a folder; give the path of the file to write", path, errno.EISDIR)
        if path.exists() and not path.is_file():
            raise path_error(f"dest: {path} is not a regular file and is not overwritten", path)
        path.lstat()
    except LocalPathError:
        raise
    except FileNotFoundError:
        return path
    except UnicodeError:
        raise ArgumentError(f"dest: {text!a} cannot be the name of a file") from None
    except (OSError, RuntimeError) as exc:
        raise path_error(f"dest: {path} cannot be written: {reason(exc)}", path, exc) from None
    return path


def existing_folder(dest: object) -> Path | None:
    """The folder that a destination is, if it is one that exists; blocking."""
    text = cast(object, os.fspath(cast("os.PathLike[str]", dest))) if isinstance(dest, (str, os.PathLike)) else None
    try:
        return Path(text) if isinstance(text, str) and text and Path(text).is_dir() else None
    except (OSError, ValueError):
        return None


def open_temporary(path: Path) -> tuple[Path, int]:
    """Opens a new file beside the one that it is to become; blocking.

    Args:
        path: The file's final path.

    Returns:
        The temporary path, and a descriptor for reading and writing.

    Raises:
        LocalPathError: Nothing can be written there.
    """
    temporary = path.with_name(f".fw-{secrets.token_hex(8)}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return temporary, os.open(temporary, flags, mode_for(path))
    except OSError as exc:
        raise path_error(f"dest: cannot write into {path.parent}: {reason(exc)}", path.parent, exc) from None


def mode_for(path: Path) -> int:
    """The permissions of a file that is to replace another one; blocking.

    What was private must not become readable for others by being downloaded again, not even while it arrives.
    """
    try:
        found = path.lstat().st_mode
    except OSError:
        return 0o666
    return found & 0o666 | 0o600 if stat.S_ISREG(found) else 0o666


def publish(
    raw: io.FileIO,
    temporary: Path,
    path: Path,
    *,
    fsync: bool = False,
    mtime: float | None = None,
    replace: bool = True,
) -> None:
    """Gives a complete file its final name and closes it; blocking.

    Args:
        raw: The file, still open.
        temporary: Where it is.
        path: Its final path.
        fsync: Whether it is to be on the disk when this returns, so that a power failure does not take it away.
        mtime: Its time of modification in seconds since 1970; None leaves it.
        replace: Whether it takes the place of what is there.

    Raises:
        FileExists: Something is there, and is not to be replaced.
        LocalFileError: The system refuses.
    """
    try:
        if replace and hasattr(os, "fchmod") and path.is_file() and not path.is_symlink():
            # Not what runs a file as its owner: it would do so with other bytes.
            os.fchmod(raw.fileno(), path.stat().st_mode & 0o777)
        if mtime is not None:
            os.utime(raw.fileno() if os.utime in os.supports_fd else temporary, (mtime, mtime))
        if fsync:
            os.fsync(raw.fileno())
        if os.name == "nt":
            raw.close()  # there, open files cannot be renamed
        if replace:
            temporary.replace(path)
        else:
            _rename(temporary, path)
        raw.close()  # only now, since a lock on it ends with this
        if fsync and hasattr(os, "O_DIRECTORY"):
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except FileExistsError:
        raise FileExists(f"dest: {path} is there by now") from None
    except (OSError, OverflowError) as exc:
        raise file_error("cannot write", path, exc) from exc


def _rename(temporary: Path, path: Path) -> None:
    """Renames a file unless something has its new name."""
    if os.name == "nt":
        temporary.rename(path)
        return
    try:
        # Looking first and renaming then would replace what appears in between.
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError from None
        temporary.replace(path)
    else:
        temporary.unlink()
