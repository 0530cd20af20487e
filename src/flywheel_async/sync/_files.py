"""A file that is read while it arrives, for synchronous callers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from flywheel_async.sync._runner import run
from flywheel_async.sync._streams import close_stream
from flywheel_async.transfer.stream import AsyncFileStream


class FileStream(Iterator[bytes]):
    """A file of the site, or a member of a zip file, that is read while it arrives; a context manager.

    A connection that breaks is taken up again where it broke. Size and hash are checked at the end: what was read is
    right once an iteration has ended, or `read` has given an empty piece. It belongs to the thread and the `with`
    block it was opened in. A read that was broken off, also by Ctrl-C, is the last one.

    What reads a file object can read it, without going far back: `shutil.copyfileobj(stream, file)`,
    `pydicom.dcmread(stream)`, `tarfile.open(fileobj=stream, mode="r|gz")`, `io.TextIOWrapper(stream)`,
    `nibabel.Nifti1Image.from_stream(stream)`, which reads it into memory.

    Example:
        >>> with fw.stream(file) as stream:
        ...     for chunk in stream:
        ...         print(len(chunk))

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncFileStream) -> None:
        self._inner = inner
        # Pieces are cut here: a call into the core for each would take longer than the piece.
        self._window = inner.window

    def __repr__(self) -> str:
        return repr(self._inner).replace("Async", "", 1)

    @property
    def core_stream(self) -> AsyncFileStream:
        """The stream of the core, for an upload, which reads it in the event loop that it belongs to."""
        return self._inner

    @property
    def name(self) -> str:
        """The file's name, once the block is entered."""
        return self._inner.name

    @property
    def size(self) -> int | None:
        """Its size in bytes, or None when unknown."""
        return self._inner.size

    @property
    def hash(self) -> str | None:
        """Its hash in the site's notation, or None when unknown."""
        return self._inner.hash

    @property
    def count(self) -> int:
        """Bytes that have arrived so far."""
        return self._inner.count

    def __enter__(self) -> Self:
        try:
            run(self._inner.open)
        except BaseException as error:
            close_stream(self._inner, error)  # Ctrl-C may have come when it was open
            raise
        self._inner.held.note()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_stream(self._inner, error)

    def __next__(self) -> bytes:
        chunk = self.chunk()
        if chunk is None:
            raise StopIteration
        return chunk

    def chunk(self) -> bytes | None:
        """The next bytes, or None at the end, when all were there and right.

        Raises:
            ChecksumMismatch: What was read is not what the site has.
            IncompleteTransfer: More or fewer bytes came than the site has.
            StalledTransfer: No bytes came for too long.
            TransportError: The connection failed.
        """
        while not (found := self._window.rest()):
            if not run(self._inner.feed):
                return None
        return found

    def read(self, size: int | None = -1) -> bytes:
        """Reads a piece.

        Args:
            size: Its size in bytes; everything that is left by default.

        Returns:
            The piece; shorter than asked for only at the end, empty after it, when all bytes were there and right.

        Raises:
            TransferError: What was read is not what the site has.
            TransportError: The connection failed.
        """
        while (found := self._window.piece(-1 if size is None else size)) is None:
            run(self._inner.feed)
        return found

    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        """Reads a piece into a buffer, as large as that; gives how many bytes it has, 0 at the end."""
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def readable(self) -> bool:
        """Whether it can be read, which is so."""
        return True

    def writable(self) -> bool:
        """Whether it can be written to, which is not so."""
        return False

    def seekable(self) -> bool:
        """Whether libraries may go anywhere in it, which is not so: they read it into memory, or from start to end."""
        return False

    @property
    def closed(self) -> bool:
        """Whether it cannot be read, since its block was not entered or was left."""
        return not self._inner.is_open

    def flush(self) -> None:
        """Does nothing; what wraps a file object calls it."""

    def tell(self) -> int:
        """The place of the next byte in the file."""
        return self._window.at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to another place: forward, or back by up to 1 MiB.

        Args:
            offset: The place, counted from where `whence` says.
            whence: `os.SEEK_SET` for the start of the file, `os.SEEK_CUR` for the present place.

        Returns:
            The place.

        Raises:
            UnsupportedOperation: It lies too far back, or is counted from the end.
        """
        return self._window.seek(offset, whence)

    def close(self) -> None:
        """Gives the connection back; the stream cannot be read any more."""
        close_stream(self._inner)
