"""Writing into a tree of folders without ever leaving it: no link that is there, or appears meanwhile, is followed.

All calls block; they run in worker threads.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator, Hashable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from flywheel_async.errors import ArgumentError, FlywheelError, UnsafeArchive
from flywheel_async.local_errors import file_error, path_error
from flywheel_async.transfer.names import Names

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.mkdir in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class SafeTree:
    """A folder in which files are made by paths from a site.

    Example:
        >>> with SafeTree("/data/out") as tree, tree.create(("project", "../x.txt")) as (file, path):
        ...     file.write(b"...")

    Args:
        root: The folder; it and its parents may be links, it is the user's choice. It is made if it is missing.
        fsync: Whether each file is to be on the disk, safe from a power failure, when it has its final name.
        argument: What the caller calls the folder, for errors.

    Raises:
        LocalPathError: It cannot be made or opened.
    """

    def __init__(self, root: str | os.PathLike[str], *, fsync: bool = False, argument: str = "extract_to") -> None:
        self.root = Path(root)
        self._fsync = fsync
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._root = os.open(self.root, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)) if _BY_DESCRIPTOR else -1
        except (OSError, ValueError) as error:
            message = f"{argument}: cannot write into {str(self.root)!a}: {error}"
            raise path_error(message, self.root, error) from None
        self._names: dict[tuple[str, ...], Names] = {}
        self._known: dict[tuple[tuple[str, ...], Hashable], str] = {}
        self.renamed: dict[str, str] = {}
        """Local path → path from the site, where they differ."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the folder."""
        if self._root != -1:
            os.close(self._root)
            self._root = -1

    @contextmanager
    def create(
        self, parts: Sequence[str], mtime: float | None = None, which: Hashable = 0
    ) -> Generator[tuple[BinaryIO, Path]]:
        """Makes a file; it has its final name only when the block ends well, and replaces what has that name.

        It gets the permissions of what it replaces: what was private must not become readable for others.

        Args:
            parts: The names of its folders and its own, as the site gives them.
            mtime: Its time of modification, in seconds since 1970; None leaves it.
            which: Tells apart files that the site has at the same path; each gets a name of its own.

        Yields:
            The file, open for writing, and the path it will have.

        Raises:
            UnsafeArchive: A link or something else than a folder is where a folder should be.
            LocalFileError: It cannot be written.
        """
        names = self._safe(parts, ("file", which))
        path = self.root.joinpath(*names)
        temporary = f".fw-{secrets.token_hex(8)}.part"
        with self._folder(names[:-1]) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            try:
                there = self._replaceable(folder, names)
                mode = 0o666 if there is None else there & 0o666 | 0o600
                descriptor = os.open(self._at(folder, names[:-1], temporary), flags, mode, dir_fd=folder)
            except OSError as error:
                raise file_error("cannot write", path, error) from error
            done = False
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file, path
                    file.flush()
                    if mtime is not None and os.utime in os.supports_fd:
                        with suppress(OverflowError, ValueError):  # a time that no file system knows is left out
                            os.utime(file.fileno(), (mtime, mtime))
                    there = self._replaceable(folder, names)
                    if there is not None and hasattr(os, "fchmod"):
                        os.fchmod(file.fileno(), there & 0o777)
                    if self._fsync:
                        os.fsync(file.fileno())
                os.replace(
                    self._at(folder, names[:-1], temporary),
                    self._at(folder, names[:-1], names[-1]),
                    src_dir_fd=folder,
                    dst_dir_fd=folder,
                )
                done = True
                if self._fsync and folder is not None:
                    os.fsync(folder)
            except FlywheelError:
                raise
            except OSError as error:
                raise file_error("cannot write", path, error) from error
            finally:
                if not done:
                    with suppress(OSError):
                        os.unlink(self._at(folder, names[:-1], temporary), dir_fd=folder)

    def make(self, parts: Sequence[str]) -> Path:
        """Makes a folder, with those it is in; one that is there is left as it is.

        Raises:
            UnsafeArchive: A link or something else than a folder is in the way.
        """
        names = self._safe(parts)
        with self._folder(names):
            return self.root.joinpath(*names)

    def _safe(self, parts: Sequence[str], last: Hashable = "folder") -> tuple[str, ...]:
        """The local names of a path: each safe, and no two things with the same one."""
        above: tuple[str, ...] = ()
        names: tuple[str, ...] = ()
        for depth, part in enumerate(parts, 1):
            above = (*above, part)
            # A folder and a file may have the same path on a site, where containers and files do not share names.
            key = above, last if depth == len(parts) else "folder"
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._names.setdefault(names, Names()).take(part)
            names = (*names, known)
        if not names:
            raise ArgumentError("parts: a path needs a name")
        if names != above:
            self.renamed["/".join(names)] = "/".join(above)
        return names

    @contextmanager
    def _folder(self, names: Sequence[str]) -> Generator[int | None]:
        """Opens a folder in the tree, makes what is missing, and follows no link on the way."""
        if not _BY_DESCRIPTOR:
            self._walk(names)
            yield None
            return
        here = os.dup(self._root)
        try:
            for depth, name in enumerate(names):
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=here)
                    if self._fsync:
                        os.fsync(here)
                try:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                except OSError:
                    raise _in_the_way(self.root.joinpath(*names[: depth + 1])) from None
                os.close(here)
                here = below
            yield here
        except FlywheelError:
            raise
        except OSError as error:
            raise file_error("cannot make", self.root.joinpath(*names), error) from error
        finally:
            os.close(here)

    def _walk(self, names: Sequence[str]) -> None:
        """Does the same by path, where the system has no other way."""
        path = self.root
        for name in names:
            path = path / name
            with suppress(FileExistsError):
                path.mkdir()
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise _in_the_way(path)

    def _at(self, folder: int | None, names: Sequence[str], name: str) -> str:
        return name if folder is not None else str(self.root.joinpath(*names, name))

    def _replaceable(self, folder: int | None, names: Sequence[str]) -> int | None:
        """The permissions of the file to replace, or None where there is none.

        Raises:
            UnsafeArchive: It is no file; a link would be replaced, not followed, yet it is not ours.
        """
        try:
            there = os.lstat(self._at(folder, names[:-1], names[-1]), dir_fd=folder).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(there):
            raise _in_the_way(self.root.joinpath(*names))
        return there


def _in_the_way(path: Path) -> UnsafeArchive:
    return UnsafeArchive(f"{path} is a link, or of another kind than the archive has there; move it away")
