"""A file that is read while it arrives, for synchronous callers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from flywheel_async.sync._runner import run
from flywheel_async.transfer.stream import AsyncFileStream
from flywheel_async.transport.client import holding


class FileStream(Iterator[bytes]):
    """A file of the site, or a member of a zip file, that is read while it arrives; a context manager.

    A connection that breaks is taken up again where it broke. Size and hash are checked at the end: an iteration
    that ends without an error has given all bytes, and the right ones. It belongs to the thread and the `with` block
    it was opened in.

    Example:
        >>> with fw.stream(file) as stream:
        ...     for chunk in stream:
        ...         print(len(chunk))

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncFileStream) -> None:
        self._inner = inner
        self._held = ExitStack()

    def __repr__(self) -> str:
        return repr(self._inner).replace("Async", "", 1)

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
        """Bytes that were read so far."""
        return self._inner.count

    def __enter__(self) -> Self:
        run(self._inner.open)
        self._held.enter_context(holding())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            run(self._inner.aclose)

    def __next__(self) -> bytes:
        chunk = run(self._inner.chunk)
        if chunk is None:
            raise StopIteration
        return chunk

    def read(self) -> bytes:
        """Reads the rest of the file into memory.

        Raises:
            TransferError: What was read is not what the site has.
            TransportError: The connection failed.
        """
        return run(self._inner.aread)
