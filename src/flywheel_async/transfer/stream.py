"""A file of the site that is read while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from anyio.lowlevel import current_token

from flywheel_async.events import OnProgress, Teller
from flywheel_async.transfer.fetch import Content, Deadline, DownloadOptions, Reader
from flywheel_async.transport.client import holding

if TYPE_CHECKING:
    from flywheel_async.core import Core


class AsyncFileStream:
    """A file of the site, or a member of a zip file, that is read while it arrives; an async context manager.

    A connection that breaks is taken up again where it broke. Size and hash are checked at the end: an iteration
    that ends without an error has given all bytes, and the right ones. It belongs to the event loop and the
    `async with` block it was opened in.

    Example:
        >>> async with fw.stream(file) as stream:
        ...     async for chunk in stream:
        ...         print(len(chunk))

    Args:
        core: The client.
        find: Finds what is read.
        options: Deadline and stall timeout.
        on_progress: Told about each event.

    Attributes:
        name: The file's name, once the block is entered.
        size: Its size in bytes, or None when unknown.
        hash: Its hash in the site's notation, or None when unknown.
    """

    def __init__(
        self,
        core: Core,
        find: Callable[[], Awaitable[Content]],
        options: DownloadOptions,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._core = core
        self._find = find
        self._options = options
        self._on_progress = on_progress
        self._held = ExitStack()
        self._loop: object = None
        self._reader: Reader | None = None
        self._teller = Teller(on_progress, "", None)
        self._deadline: Deadline | None = None
        self._ended = False
        self.name = ""
        self.size: int | None = None
        self.hash: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {self.size} bytes>"

    @property
    def count(self) -> int:
        """Bytes that were read so far."""
        return 0 if self._reader is None else self._reader.count

    async def open(self) -> None:
        """Asks for the file; the caller closes the stream. Entering the block does the same.

        Raises:
            APIError: The site refused.
            TransportError: There was no usable answer.
        """
        if self._loop is not None:
            raise RuntimeError("this stream was opened before; make another one")
        self._loop = current_token().native_token
        content = await self._find()
        self.name, self.size, self.hash = content.name, content.size, content.hash
        self._teller = Teller(self._on_progress, content.name, content.size)
        deadline = self._deadline = Deadline(self._core, self._options.deadline, content.request.operation)
        reader = Reader(self._core, content, self._options.stall_timeout, self._teller)
        async with self._teller.running():
            await self._teller.started()
            await deadline.hold(reader.open)
        self._reader = reader

    async def __aenter__(self) -> Self:
        await self.open()
        self._held.enter_context(holding())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        found = await self.chunk()
        if found is None:
            raise StopAsyncIteration
        return found

    async def chunk(self) -> bytes | None:
        """The next bytes, or None at the end, when all were there and right.

        Raises:
            ChecksumMismatch: What was read is not what the site has.
            IncompleteTransfer: More or fewer bytes came than the site has.
            StalledTransfer: No bytes came for too long.
            TransportError: The connection failed.
        """
        reader, deadline = self._reader, self._deadline
        self._check_place()
        if reader is None or deadline is None:
            raise RuntimeError("this stream is not open; read it inside its `with` block")
        if self._ended:
            return None
        async with self._teller.running():
            found = await deadline.hold(reader.chunk)
            if found is None:
                self._ended = True
                await self._teller.ended()
        return found

    async def aread(self) -> bytes:
        """Reads the rest of the file into memory.

        Raises:
            TransferError: What was read is not what the site has.
            TransportError: The connection failed.
        """
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Gives the connection back; the stream cannot be read any more."""
        if self._loop is None:
            return
        self._check_place()
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.aclose()

    def _check_place(self) -> None:
        if current_token().native_token is not self._loop:
            raise RuntimeError("this stream belongs to the thread and event loop it was opened in; use it there only")
