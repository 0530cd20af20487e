"""What can be uploaded: paths, bytes, file objects and iterators, all seen as one kind of source."""

from __future__ import annotations

import hashlib
import inspect
import io
import mimetypes
import os
import re
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypeGuard, cast, runtime_checkable

import anyio

from flywheel_async.errors import ArgumentError, IncompleteTransfer
from flywheel_async.files import READ_CHUNK, HashedFile, hash_name, in_thread, in_user_thread, open_source, read_source

_SEEK_SECONDS = 1.0
_OF_PYTHON = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.BytesIO)


@runtime_checkable
class Readable(Protocol):
    """A file object open for reading bytes, also one of aiofiles or anyio."""

    def read(self, size: int = ..., /) -> bytes | Awaitable[bytes]: ...


@dataclass(frozen=True)
class PathContents:
    """The contents of the file at a path."""

    path: str


Contents = str | bytes | os.PathLike[str] | PathContents | Readable | AsyncIterable[bytes] | Iterable[bytes]


@dataclass(frozen=True)
class FileSpec:
    """Names what is uploaded.

    Attributes:
        name: The file's name on the site; with no contents, the path of the file to upload.
        contents: Text, bytes, a `pathlib.Path`, a file object, or a (sync or async) iterator of bytes; None uploads the
            file at `name`. A text is what is uploaded, not a path.
        content_type: Media type; guessed from the name by default.
        size: Size in bytes of what an iterator or file object gives, if known; it is checked.

    Example:
        >>> FileSpec("notes.txt", "all went well", "text/plain")
        >>> FileSpec("/data/scan.nii.gz")
        >>> FileSpec("T1w.nii.gz", Path("/data/scan.nii.gz"))
    """

    name: str
    contents: Contents | None = None
    content_type: str | None = None
    size: int | None = None


Upload = str | os.PathLike[str] | FileSpec | bytes | Readable | AsyncIterable[bytes] | Iterable[bytes]
"""One thing to upload: a path, a `FileSpec`, or (with a name) bytes, a file object or an iterator of bytes."""

Overwrite: TypeAlias = Literal["version", "skip-same", "error"]
"""What to do where a file of the same name is: add a version; add one unless it is the same file; or refuse."""


def as_spec(file: object, name: str | None = None) -> FileSpec:
    """Turns what a user passes as a file into a `FileSpec`.

    Args:
        file: What is to be uploaded.
        name: Its name on the site; by default that of the path or file object.

    Raises:
        ArgumentError: It is none of the accepted kinds, or has no usable name.
    """
    if isinstance(file, FileSpec):
        spec = file if name is None else replace(file, name=name)
        if name is not None and file.contents is None:
            spec = FileSpec(name, PathContents(file.name), file.content_type, file.size)
    elif isinstance(file, (str, os.PathLike)):
        path = cast(object, os.fspath(cast("os.PathLike[str]", file)))
        if not isinstance(path, str) or "\0" in path:
            raise ArgumentError(f"file must be a path as text, not {path!r}")
        spec = FileSpec(Path(path).name if name is None else name, PathContents(path))
    elif _is_contents(file):
        own = getattr(file, "name", None)
        name = Path(own).name if name is None and own and isinstance(own, str) else name
        if name is None:
            kind = type(file).__name__
            hint = "" if isinstance(file, (bytes, bytearray, memoryview, Readable)) else "; several files go as a list"
            raise ArgumentError(f"file: this {kind} has no name; give name='…' or pass FileSpec('…', contents){hint}")
        spec = FileSpec(name, file)
    else:
        raise ArgumentError(
            f"file must be a path, a FileSpec, bytes, a file object or an iterator, not {type(file).__name__}"
        )
    if spec.contents is None:
        spec = replace(spec, name=Path(spec.name).name, contents=PathContents(spec.name))
    elif isinstance(spec.contents, os.PathLike):
        spec = replace(spec, contents=PathContents(os.fspath(spec.contents)))
    # A stream of a synchronous client cannot be read by itself while the upload runs its event loop.
    contents = cast("Contents", getattr(spec.contents, "core_stream", spec.contents))
    size = getattr(contents, "remaining", None) if spec.size is None else spec.size
    spec = replace(spec, contents=contents, size=size if isinstance(size, int) else spec.size)
    if isinstance(spec.contents, PathContents) and "\0" in str(spec.contents.path):
        raise ArgumentError(f"file must be a path as text, not {spec.contents.path!r}")
    _check_contents(spec.contents)
    if spec.size is not None and not _is_count(spec.size):
        raise ArgumentError(f"FileSpec.size must be a number of bytes, not {spec.size!r}")
    check_content_type(spec.content_type, "FileSpec.content_type")
    check_name(spec.name)
    return spec


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_contents(file: object) -> TypeGuard[Contents]:
    return isinstance(file, (bytes, bytearray, memoryview, Readable, AsyncIterable, Iterable))


def _check_contents(contents: object) -> None:
    """Refuses what can never be read, so that of a list nothing is sent.

    Raises:
        ArgumentError: It is nothing that has bytes, or a file object that gives none.
    """
    if not isinstance(contents, (str, PathContents)) and not _is_contents(contents):
        raise ArgumentError(
            "FileSpec.contents must be text, bytes, a path, a file object or an iterator of bytes, "
            f"not {type(contents).__name__}"
        )
    if isinstance(contents, io.TextIOBase):
        raise ArgumentError(
            f"file: this {type(contents).__name__} gives text, not bytes; open files with 'rb', "
            "and instead of a StringIO upload its getvalue()"
        )
    # Not those of other libraries: some call an answer without bytes closed.
    if isinstance(contents, _OF_PYTHON):
        if contents.closed:
            raise ArgumentError("file: this file object is closed")
        if not contents.readable():
            raise ArgumentError("file: this file object is not open for reading; open it again with 'rb'")


def check_readable(specs: Iterable[FileSpec]) -> None:
    """Makes sure that files at paths can be opened, and closes them again; blocking.

    Raises:
        LocalPathError: One cannot, or is no file.
    """
    for spec in specs:
        if isinstance(spec.contents, PathContents):
            open_source(Path(spec.contents.path), "file").close()


def check_name(name: object, argument: str = "file name") -> str:
    """Checks the name of a file on the site.

    Raises:
        ArgumentError: It is not a name that a site can hold and a path can carry.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or "\0" in name:
        raise ArgumentError(f"{argument} must be a non-empty text other than '.' and '..', not {name!r}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{argument} cannot be encoded as UTF-8: {name!a}") from None
    return name


def check_content_type(value: object, argument: str) -> None:
    """Checks a media type, which stands in the header of a form's part; None is none.

    Raises:
        ArgumentError: It cannot stand there.
    """
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"[ -~]+", value)):
        raise ArgumentError(f"{argument} is not a media type: {value!r}")


def content_type(spec: FileSpec) -> str:
    """The media type to announce for a file."""
    return spec.content_type or mimetypes.guess_type(spec.name)[0] or "application/octet-stream"


class Stream(Protocol):
    """The bytes of one upload, in their order.

    Attributes:
        length: Their number, or None when unknown beforehand.
        replayable: Whether they can be read again from the start.
        count: How many were read so far.
        hash: The hash of what was read, in the site's notation, once all was read.
    """

    @property
    def length(self) -> int | None: ...
    @property
    def replayable(self) -> bool: ...
    @property
    def count(self) -> int: ...
    @property
    def hash(self) -> str: ...
    def chunks(self) -> AsyncGenerator[bytes, None]: ...


class Source:
    """The bytes of one upload, hashed while they are read.

    Attributes:
        length: Their number, or None when unknown beforehand.
        replayable: Whether they can be read again from the start.
        position: Where the user's file object stood at first, if it can tell.
    """

    def __init__(self, spec: FileSpec, *, inline: bool) -> None:
        self.position: int | None = None
        self._spec = spec
        self._inline = inline
        self._file: HashedFile | None = None
        self._hash = ""
        self._used = False
        self.count = 0
        contents = spec.contents
        self._data: bytes | None = None
        if isinstance(contents, str):
            self._data = contents.encode()
        elif isinstance(contents, (bytes, bytearray, memoryview)):
            self._data = bytes(contents)
        self._path = Path(contents.path) if isinstance(contents, PathContents) else None
        self.replayable = self._data is not None or self._path is not None
        self.length = spec.size if self._data is None else len(self._data)
        if self._data is not None and spec.size is not None and spec.size != len(self._data):
            raise ArgumentError(f"FileSpec.size is {spec.size}, but its contents have {len(self._data)} bytes")

    async def prepare(self) -> None:
        """Opens a path, so that a missing file is noticed before anything is sent; notes where a file object stands."""
        path = self._path
        if path is None:
            await self._note_position()
        if path is not None:
            opened: list[HashedFile] = []
            try:
                await in_thread(lambda: opened.append(open_source(path, "file")))
            finally:
                if opened:
                    self._file = opened[0]
            self.length = os.fstat(opened[0].fileno()).st_size
            if self._spec.size not in (None, self.length):
                raise ArgumentError(f"FileSpec.size is {self._spec.size}, but {path} has {self.length} bytes")

    async def aclose(self, *, left_at: int | None = None) -> None:
        """Closes what `prepare` opened; a file object of the user stays open.

        Args:
            left_at: Where that is to stand; None leaves it where it is.
        """
        if self._file is not None:
            with anyio.CancelScope(shield=True):
                await in_thread(self._file.close)
        if left_at is not None:
            seek = cast("Callable[[int], object]", getattr(self._spec.contents, "seek", None))
            # A read that is stuck must not hold up who cancels it.
            with anyio.move_on_after(_SEEK_SECONDS, shield=True), suppress(Exception):
                await self._call(lambda: seek(left_at))

    async def _note_position(self) -> None:
        tell, seek = (getattr(self._spec.contents, name, None) for name in ("tell", "seek"))
        if self._data is None and callable(tell) and callable(seek):
            with suppress(Exception):  # pipes and the like raise all kinds of errors
                found = await self._call(tell)
                self.position = found if isinstance(found, int) else None

    @property
    def is_begun(self) -> bool:
        """Whether the user's file object, or stream, has bytes before those that are uploaded."""
        contents = self._spec.contents
        of_stream = isinstance(getattr(contents, "remaining", None), int) and getattr(contents, "size", None)
        return bool(self.position or of_stream)

    @property
    def hash(self) -> str:
        """The hash of what was read, in the site's notation."""
        return self._hash

    @property
    def name(self) -> str:
        """The file's name on the site."""
        return self._spec.name

    @property
    def contents(self) -> Contents | None:
        """What the user gave."""
        return self._spec.contents

    @property
    def data(self) -> bytes | None:
        """The bytes, when they are in memory."""
        return self._data

    @property
    def opened(self) -> tuple[Path, HashedFile] | None:
        """The file at a path, once it is prepared."""
        return None if self._path is None or self._file is None else (self._path, self._file)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields the bytes.

        Raises:
            IncompleteTransfer: They are not as many as announced, or changed while they were read.
        """
        if self._used and not self.replayable:
            raise IncompleteTransfer(f"{self._spec.name}: this source can be read only once; nothing was stored")
        self._used = True
        sha = hashlib.sha384()
        self.count = 0
        async with aclosing(self._raw_chunks()) as raw:
            async for chunk in raw:
                if self._file is None:
                    sha.update(chunk)
                self.count += len(chunk)
                if self.length is not None and self.count > self.length:
                    raise self._wrong_size()
                yield chunk
        if self.length is not None and self.count != self.length:
            raise self._wrong_size()
        self._hash = hash_name(sha) if self._file is None else self._file.hash

    def _wrong_size(self) -> IncompleteTransfer:
        name = self._spec.name
        return IncompleteTransfer(
            f"{name}: {self.length} bytes were announced, but the source gave "
            f"{'more' if self.length is not None and self.count > self.length else self.count}; nothing was stored"
        )

    async def _raw_chunks(self) -> AsyncGenerator[bytes, None]:
        contents = self._spec.contents
        if self._data is not None:
            for start in range(0, len(self._data), READ_CHUNK):
                yield self._data[start : start + READ_CHUNK]
        elif self._file is not None and self._path is not None:
            await in_thread(self._file.rewind)
            async with aclosing(read_source(self._file, self._path)) as chunks:
                async for chunk in chunks:
                    yield chunk
        elif isinstance(contents, Readable):
            while piece := _as_bytes(await self._call(lambda: contents.read(READ_CHUNK))):
                yield piece
        elif isinstance(contents, AsyncIterable):
            try:
                async for chunk in contents:
                    yield _as_bytes(chunk)
            finally:
                if isinstance(contents, AsyncGenerator):
                    await contents.aclose()
        elif isinstance(contents, Iterable):
            iterator = iter(contents)
            end = object()
            try:
                while (item := await self._call(lambda: next(iterator, end))) is not end:
                    yield _as_bytes(item)
            finally:
                if isinstance(iterator, Generator):
                    with suppress(ValueError):  # a cancelled call leaves it running in its thread
                        iterator.close()
        else:
            raise ArgumentError(f"FileSpec.contents cannot be a {type(contents).__name__}")

    async def _call(self, read: Callable[[], object]) -> object:
        """Reads from the user's own object, which may be a file of aiofiles or anyio and then gives an awaitable."""
        # In a list, because trio refuses a thread that returns an awaitable.
        piece = read() if self._inline else (await in_user_thread(lambda: [read()]))[0]
        return await piece if inspect.isawaitable(piece) else piece


def _as_bytes(chunk: object) -> bytes:
    if chunk is None:
        # So says what is not blocking: it has nothing yet, which is not the end.
        raise ArgumentError("the upload source had no bytes ready (None); make it blocking: os.set_blocking(fd, True)")
    if isinstance(chunk, os.PathLike):
        raise ArgumentError("the upload source gave a path, not bytes; to upload several files, pass a list of paths")
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        raise ArgumentError(f"the upload source gave a {type(chunk).__name__}, not bytes; open files in binary mode")
    return bytes(cast(bytes, chunk))
