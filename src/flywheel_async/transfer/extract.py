"""Unpacking archives from a site, which are hostile input like any answer.

All calls block; they run in worker threads. Only files and folders come out, each under a safe name, never outside the
target, and never more than was announced.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, BinaryIO, Protocol, cast

from flywheel_async.errors import FlywheelError, IncompleteTransfer, UnsafeArchive
from flywheel_async.files import hash_name
from flywheel_async.transfer.contents import Contents

_CHUNK = 1024 * 1024
_BUFFER = 128 * tarfile.BLOCKSIZE
_MOST_HEADER = 1024 * 1024
_MOST_PARTS = 64
_MOST_FOLDERS = 100_000
_MOST_REST = 1024 * 1024
"""What fills the last record of a tar; records are 10 KiB as a rule."""
_MOST_RATIO = 1100
"""Deflate makes data 1,032 times smaller at most; archives beyond hold the same bytes several times."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What can be unpacked piece by piece; others may turn a few bytes into gigabytes at once."""

_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Stream(Protocol):
    """What an archive is read from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class Unpacked:
    """What came out of an archive.

    Attributes:
        files: How many files.
        bytes: Their sizes together.
        verified: How many of them have the hash that the site lists.
        renamed: Local path → path in the archive, where a name could not be kept.
    """

    files: int = 0
    bytes: int = 0
    verified: int = 0
    renamed: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Announced:
    """What an archive is to hold; None where that is not known.

    Attributes:
        files: How many files.
        bytes: Their sizes together.
        contents: What the site lists, one of which each file must be.
    """

    files: int | None = None
    bytes: int | None = None
    contents: Contents | None = None


class Tree(Protocol):
    """Where files go; see `SafeTree`."""

    @property
    def renamed(self) -> Mapping[str, str]: ...
    def create(
        self, parts: Sequence[str], mtime: float | None = None, which: Hashable = 0
    ) -> AbstractContextManager[tuple[BinaryIO, Path]]: ...
    def make(self, parts: Sequence[str]) -> Path: ...


class Nowhere:
    """A tree that takes everything and keeps nothing, to look an archive through."""

    renamed: Mapping[str, str] = MappingProxyType({})

    @contextmanager
    def create(
        self, parts: Sequence[str], mtime: float | None = None, which: Hashable = 0
    ) -> Generator[tuple[BinaryIO, Path]]:
        """Takes a file."""
        with Path(os.devnull).open("wb") as file:
            yield file, Path(*parts)

    def make(self, parts: Sequence[str]) -> Path:
        """Takes a folder."""
        return Path(*parts)


def _going_on() -> None:
    """What is asked again and again whether to go on; it raises when not."""


def unpack_tar(
    stream: Stream,
    tree: Tree,
    announced: Announced,
    which: Hashable = 0,
    check: Callable[[], None] = _going_on,
) -> Unpacked:
    """Unpacks a tar archive while it is read; it need not be seekable.

    Args:
        stream: The archive.
        tree: Where its files go.
        announced: What it is to hold.
        which: Tells it apart from other archives that go to the same tree, in which the same paths may be other files.
        check: Called every now and then; what it raises ends the work.

    Raises:
        UnsafeArchive: It holds a link, a device, or more than announced.
        ChecksumMismatch: It holds a file that the site does not list.
        IncompleteTransfer: It ends early, is damaged, or holds less than announced.
    """
    work = _Work(tree, announced, which, check)
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", stream),
            mode="r|",
            bufsize=_BUFFER,
            tarinfo=_SmallHeaders,
            errors="surrogateescape",
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # which would grow with the archive
                parts = _parts(member.name)
                if member.isdir():
                    work.make(parts)
                    continue
                if not member.isreg() or member.issparse() or member.size < 0:
                    raise UnsafeArchive(
                        f"the archive holds {_kind(member)} at {member.name!a}; only files are unpacked"
                    )
                content = archive.extractfile(member)
                assert content is not None
                work.write(parts, content, member.size, member.name, cast("float", member.mtime))
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        if isinstance(error, FlywheelError):
            raise
        raise IncompleteTransfer(f"the archive is damaged or ends early: {error}") from error
    rest = 0
    while data := stream.read(_CHUNK):
        check()
        rest += len(data)
        if rest > _MOST_REST or data.strip(b"\0"):
            raise UnsafeArchive("something follows the end of the archive")
    return work.finish()


def unpack_zip(
    path: Path,
    tree: Tree,
    announced: Announced,
    which: Hashable = 0,
    check: Callable[[], None] = _going_on,
) -> Unpacked:
    """Unpacks a zip archive.

    Args:
        path: Where it is.
        tree: Where its files go.
        announced: What it is to hold.
        which: See `unpack_tar`.
        check: See `unpack_tar`.

    Raises:
        UnsafeArchive: It holds a link, an encrypted file, one packed in an unusual way, or more than announced.
        ChecksumMismatch: It holds a file that the site does not list.
        IncompleteTransfer: It is damaged, or holds less than announced.
    """
    work = _Work(tree, announced, which, check)
    try:
        with zipfile.ZipFile(path) as archive:
            members, length = archive.infolist(), path.stat().st_size
            total = sum(member.file_size for member in members)
            if total > _MOST_RATIO * length:
                raise UnsafeArchive(f"the archive says it holds {total} bytes, more than one of its size can")
            for member in members:
                if not 0 <= member.header_offset < length:
                    raise IncompleteTransfer(f"{member.filename!a} is not inside the archive")
                parts = _parts(member.filename)
                if member.is_dir():
                    work.make(parts)
                    continue
                mode = member.external_attr >> 16
                if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                    raise UnsafeArchive(f"the archive holds no file at {member.filename!a}; only files are unpacked")
                if member.flag_bits & 1:
                    raise UnsafeArchive(f"{member.filename!a} in the archive is encrypted")
                if member.compress_type not in _PACKED:
                    raise UnsafeArchive(f"{member.filename!a} in the archive is packed in a way that sites do not use")
                with archive.open(member) as content:
                    work.write(parts, content, member.file_size, member.filename, None)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        if isinstance(error, FlywheelError):
            raise
        raise IncompleteTransfer(f"the archive is damaged, or packed in an unknown way: {error}") from error
    return work.finish()


class _SmallHeaders(tarfile.TarInfo):
    """Refuses headers that would fill the memory, which are read whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _SmallHeaders:
        made = super().frombuf(buf, encoding, errors)
        if made.type in _HEADERS and not 0 <= made.size <= _MOST_HEADER:
            raise UnsafeArchive(f"the archive has a header of {made.size} bytes")
        return made


class _Work:
    """Writes the files of one archive and counts them."""

    def __init__(self, tree: Tree, announced: Announced, which: Hashable, check: Callable[[], None]) -> None:
        self._tree = tree
        self._announced = announced
        self._which = which
        self._check = check
        self._folders = 0
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._done = Unpacked()

    def make(self, parts: list[str]) -> None:
        """Makes a folder."""
        self._check()
        self._folders += 1
        files = self._announced.files
        if self._folders > (_MOST_FOLDERS if files is None else _MOST_PARTS * (files + 1)):
            raise UnsafeArchive("the archive holds more folders than its files can be in")
        if parts:
            self._tree.make(parts)

    def write(self, parts: list[str], content: IO[bytes], size: int, name: str, mtime: float | None) -> None:
        """Writes one file."""
        if not parts:
            raise UnsafeArchive(f"the archive holds a file without a name ({name!a})")
        done, announced = self._done, self._announced
        if announced.files is not None and done.files >= announced.files:
            raise UnsafeArchive(f"the archive holds more than the {announced.files} files announced")
        if announced.bytes is not None and done.bytes + size > announced.bytes:
            raise UnsafeArchive(f"the archive holds more than the {announced.bytes} bytes announced")
        path = tuple(parts)
        self._seen[path] += 1
        with self._tree.create(parts, mtime, (self._which, self._seen[path])) as (file, _):
            hash_ = self._copy(content, file, size, name)
            # Before the block ends, which gives the file its final name.
            known = announced.contents is not None and announced.contents.check(name, size, hash_)
        done.files += 1
        done.bytes += size
        done.verified += known

    def _copy(self, content: IO[bytes], file: BinaryIO, size: int, name: str) -> str:
        """Copies a member; returns its hash in the site's notation, if it will be compared."""
        count, sha = 0, hashlib.sha384()
        while chunk := content.read(_CHUNK):
            self._check()
            count += len(chunk)
            if count > size:
                raise UnsafeArchive(f"{name!a} in the archive is longer than the {size} bytes its header says")
            if self._announced.contents is not None:
                sha.update(chunk)
            file.write(chunk)
        if count != size:
            raise IncompleteTransfer(f"{name!a} in the archive has {count} of {size} bytes")
        return hash_name(sha)

    def finish(self) -> Unpacked:
        """Compares what was written with what was announced."""
        done, announced = self._done, self._announced
        if announced.files not in (None, done.files) or announced.bytes not in (None, done.bytes):
            raise IncompleteTransfer(
                f"the archive holds {done.files} files with {done.bytes} bytes, "
                f"announced were {announced.files} files with {announced.bytes} bytes"
            )
        done.renamed = dict(self._tree.renamed)
        return done


def _parts(name: str) -> list[str]:
    """The names in a path; how many slashes begin, part or end it says nothing."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if len(parts) > _MOST_PARTS:
        raise UnsafeArchive(f"the archive has folders nested more than {_MOST_PARTS} deep")
    return parts


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "a link"
    return "a sparse file" if member.issparse() else "a device"
