"""Where archives go: kept as files, or unpacked into a folder. All calls block; they run in worker threads."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TypeAlias, cast

from flywheel_async.errors import FileExists, FlywheelError
from flywheel_async.files import check_destination, open_temporary, publish
from flywheel_async.local_errors import file_error
from flywheel_async.transfer.archive_tickets import Ticket
from flywheel_async.transfer.extract import Nowhere, Unpacked, unpack_tar, unpack_zip
from flywheel_async.transfer.feeding import PIECE, Feed
from flywheel_async.transfer.folders import SafeTree
from flywheel_async.transfer.names import safe_name

Form: TypeAlias = Literal["tar", "zip"]
"""The form of an archive."""


class Place(Protocol):
    """Where archives and single files go.

    Attributes:
        folder: A folder for temporary files.
    """

    @property
    def folder(self) -> Path: ...

    def take(self, feed: Feed, ticket: Ticket, number: int) -> Unpacked:
        """Takes an archive while it arrives, and looks it through; after an error it can be given again."""
        ...

    def add(self, files: Iterable[tuple[str, Path]], number: int, check: Callable[[], None]) -> None:
        """Takes single files, each with the path it would have in an archive; what `check` raises ends that."""
        ...


class Kept:
    """Archives that are kept: each lies beside its final path until all are there.

    In a folder, where the site chooses the names, nothing is replaced: they tell only the second, or the label of an
    analysis, so archives of different containers often have the same.

    Args:
        form: Tar or zip.
        path: The archive's path, or a folder for archives by the names that the site gives them.
    """

    def __init__(self, form: Form, path: Path) -> None:
        self._form: Form = form
        self._path = path
        self._is_folder = path.is_dir()
        self._filename = "archive"
        self._written: list[tuple[Path, Path]] = []  # temporary and final path

    @property
    def folder(self) -> Path:
        """A folder for temporary files."""
        return self._path if self._is_folder else self._path.parent

    def take(self, feed: Feed, ticket: Ticket, number: int) -> Unpacked:
        """Writes an archive as it is."""
        self._filename = ticket.filename
        with self._new(number) as (temporary, file):
            copy = _Copy(feed, file)
            if self._form == "tar":
                return unpack_tar(copy, Nowhere(), ticket.announced, check=feed.check)
            copy.rest()
            return unpack_zip(temporary, Nowhere(), ticket.announced, check=feed.check)

    def add(self, files: Iterable[tuple[str, Path]], number: int, check: Callable[[], None]) -> None:
        """Writes an archive with these files."""
        with self._new(number) as (_, file):
            if self._form == "tar":
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    for path, source in files:
                        found = source.stat()
                        info = tarfile.TarInfo(path)
                        info.size, info.mtime, info.mode = found.st_size, int(found.st_mtime), 0o644
                        with source.open("rb") as content:
                            tar.addfile(info, cast("BinaryIO", _Checked(content, check)))
                return
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
                for path, source in files:
                    moment = datetime.fromtimestamp(max(source.stat().st_mtime, 315619200), UTC)  # zips begin in 1980
                    entry = zipfile.ZipInfo(path, moment.timetuple()[:6])
                    entry.external_attr, entry.file_size = 0o644 << 16, source.stat().st_size
                    with source.open("rb") as content, packed.open(entry, "w") as member:
                        shutil.copyfileobj(_Checked(content, check), member, PIECE)

    def _new(self, number: int) -> _NewArchive:
        final = self._path / archive_name(self._filename, self._form) if self._is_folder else self._path
        if number > 1:
            final = _numbered(final, number)
        if not self._is_folder:
            # Now, as for the first one, and not when that has its final name already.
            final = check_destination(final)
        return _NewArchive(final, lambda temporary: self._written.append((temporary, final)))

    def publish(self, *, fsync: bool) -> tuple[Path, ...]:
        """Gives all archives their final names, and returns them."""
        return tuple(self._publish(temporary, final, fsync) for temporary, final in self._written)

    def _publish(self, temporary: Path, final: Path, fsync: bool) -> Path:
        wanted = final
        for number in count(2):
            try:
                raw = io.FileIO(temporary, "r+b")
            except OSError as error:  # somebody has tidied up
                raise file_error("cannot write", final, error) from error
            with raw as file:
                try:
                    publish(file, temporary, final, fsync=fsync, replace=not self._is_folder)
                except FileExists:
                    final = _numbered(wanted, number)
                else:
                    break
        return final

    def close(self) -> None:
        """Removes what has no final name."""
        _remove(temporary for temporary, _ in self._written)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


class _NewArchive:
    """An archive that is being written; removed unless the block ends well."""

    def __init__(self, final: Path, written: Callable[[Path], object]) -> None:
        self._final = final
        self._done = written
        self._temporary, descriptor = open_temporary(final)
        self._file = os.fdopen(descriptor, "w+b", buffering=0)

    def __enter__(self) -> tuple[Path, io.FileIO]:
        return self._temporary, self._file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._file.close()
        if error is None:
            self._done(self._temporary)
            return
        _remove([self._temporary])
        if isinstance(error, OSError) and not isinstance(error, FlywheelError):
            raise file_error("cannot write", self._final, error) from error


class Unpacking:
    """A folder that archives are unpacked into.

    Args:
        form: Tar or zip.
        tree: The folder.
    """

    def __init__(self, form: Form, tree: SafeTree) -> None:
        self._form: Form = form
        self._tree = tree
        self.folder = tree.root

    def take(self, feed: Feed, ticket: Ticket, number: int) -> Unpacked:
        """Unpacks an archive; a zip lies in the folder meanwhile, since its list of files is at its end."""
        if self._form == "tar":
            return unpack_tar(feed, self._tree, ticket.announced, number, feed.check)
        temporary, descriptor = open_temporary(self._tree.root / "archive.zip")
        try:
            with os.fdopen(descriptor, "w+b", buffering=0) as file:
                _Copy(feed, file).rest()
            return unpack_zip(temporary, self._tree, ticket.announced, number, feed.check)
        except FlywheelError:
            raise
        except OSError as error:
            raise file_error("cannot write", temporary, error) from error
        finally:
            _remove([temporary])

    def add(self, files: Iterable[tuple[str, Path]], number: int, check: Callable[[], None]) -> None:
        """Puts files where an archive would have them."""
        for path, source in files:
            parts = [part for part in path.split("/") if part not in ("", ".")]
            with self._tree.create(parts, source.stat().st_mtime, number) as (file, _), source.open("rb") as content:
                shutil.copyfileobj(_Checked(content, check), file, PIECE)


def archive_name(filename: str, form: Form) -> str:
    """The local name of an archive; the site names all of them as tar."""
    return safe_name(f"{filename.removesuffix('.tar').removesuffix('.zip') or 'archive'}.{form}")


class _Copy:
    """A stream that is written to a file while it is read."""

    def __init__(self, feed: Feed, file: BinaryIO | io.FileIO) -> None:
        self._feed = feed
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Reads."""
        data = self._feed.read(size)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        return data

    def rest(self) -> None:
        """Copies what was not read."""
        while self.read(PIECE):
            pass


class _Checked:
    """A file of which the reading ends when nobody waits for it any more."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file = file
        self._check = check

    def read(self, size: int = -1, /) -> bytes:
        """Reads."""
        self._check()
        return self._file.read(size)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def temporary_folder(folder: Path) -> Path:
    """Makes a hidden folder for files on their way into an archive.

    Raises:
        LocalFileError: The system refuses.
    """
    try:
        return Path(tempfile.mkdtemp(prefix=".fw-", dir=folder))
    except OSError as error:
        raise file_error("cannot write into", folder, error) from error


def remove_folder(folder: Path) -> None:
    """Removes a folder with what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
