"""A file of the site that is read while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio

from flywheel_async.events import OnProgress, Teller
from flywheel_async.transfer.fetch import Content, Deadline, DownloadOptions, doubting
from flywheel_async.transfer.reader import Reader
from flywheel_async.transfer.window import Window
from flywheel_async.transport.held import Held

if TYPE_CHECKING:
    from flywheel_async.core import Core


class AsyncFileStream:
    """A file of the site, or a member of a zip file, that is read while it arrives; an async context manager.

    A connection that breaks is taken up again where it broke. Size and hash are checked at the end: an iteration
    that ends without an error has given all bytes, and the right ones. It belongs to the event loop and the
    `async with` block it was opened in. A read that was cancelled or failed is the last one.

    Example:
        >>> async with fw.stream(file) as stream:
        ...     async for chunk in stream:
        ...         print(len(chunk))

    Args:
        core: The client.
        find: Finds what is read.
        operation: The operation id, for errors.
        options: Deadline and stall timeout.
        on_progress: Told about each event.

    Attributes:
        name: The file's name, once the block is entered.
        size: Its size in bytes, or None when unknown.
        hash: Its hash in the site's notation, or None when unknown.
        window: What has arrived and was not read.
        held: Its place among the streams that users hold.
    """

    def __init__(
        self,
        core: Core,
        find: Callable[[], Awaitable[Content]],
        operation: str,
        options: DownloadOptions,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._core = core
        self._find = find
        self._operation = operation
        self._options = options
        self._on_progress = on_progress
        self.held = Held()
        self.window = Window()
        self._reader: Reader | None = None
        self._teller = Teller(on_progress, "", None)
        self._deadline: Deadline | None = None
        self._count = 0
        self.name = ""
        self.size: int | None = None
        self.hash: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {self.size} bytes>"

    @property
    def count(self) -> int:
        """Bytes that have arrived so far."""
        return self._count

    @property
    def is_open(self) -> bool:
        """Whether it can be read: between the entering of its block and the end of that."""
        return self._reader is not None

    @property
    def remaining(self) -> int | None:
        """Bytes that were not read yet, or None when unknown."""
        return None if self.size is None else self.size - self.window.at

    async def open(self) -> None:
        """Asks for the file; the caller closes the stream. Entering the block does the same.

        Raises:
            APIError: The site refused.
            TransportError: There was no usable answer.
        """
        if self._deadline is not None:
            raise RuntimeError("this stream was opened before; make another one")
        deadline = self._deadline = Deadline(self._core, self._options.deadline, self._operation)
        try:
            content = await deadline.hold(self._found)
            self.name, self.size, self.hash = content.name, content.size, content.hash
            self._teller = Teller(self._on_progress, content.name, content.size)
            reader = Reader(self._core, content, self._options.stall_timeout, self._teller, of_user=True)
            self._reader = reader
            async with self._teller.running():
                await self._teller.started()
                await deadline.hold(reader.open)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise

    async def _found(self) -> Content:
        await self.held.take(self._core._transport)
        return await self._find()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        while not (found := self.window.rest()):
            if not await self.feed():
                return None
        return found

    async def aread(self, size: int | None = -1) -> bytes:
        """Reads a piece.

        Args:
            size: Its size in bytes; everything that is left by default.

        Returns:
            The piece; shorter than asked for only at the end, empty after it, when all bytes were there and right.

        Raises:
            TransferError: What was read is not what the site has.
            TransportError: The connection failed.
        """
        while (found := self.window.piece(-1 if size is None else size)) is None:
            await self.feed()
        return found

    async def feed(self) -> bool:
        """Waits for more bytes, for whoever reads; tells whether there were any.

        Raises:
            TransferError: What was read is not what the site has.
            TransportError: The connection failed.
        """
        reader, deadline = self._reader, self._deadline
        if reader is None or deadline is None:
            raise RuntimeError("this stream is not open; read it inside its `with` block")
        if self.window.has_ended:
            return False
        self.held.check()
        self.held.is_broken = True  # unless this ends well, bytes may be lost
        async with self._teller.running(), doubting(reader.content):
            found = await deadline.hold(reader.chunk)
            if found is None:
                await self._teller.ended()
        self.window.feed(found)
        self._count = reader.count
        self.held.is_broken = False
        return found is not None

    async def aclose(self) -> None:
        """Gives the connection back; the stream cannot be read any more."""
        reader = self._reader
        if self.held.is_orphaned:
            self.abandon()
        elif reader is None:
            self.held.release()
        else:
            self.held.check_loop()
            self._reader = None
            self.window.clear()
            try:
                await reader.aclose()
            finally:
                self.held.release()

    def abandon(self) -> None:
        """Lets go of the stream without a word to the site, when its event loop has ended."""
        reader, self._reader = self._reader, None
        self.window.clear()
        if reader is not None:
            reader.abandon()
        self.held.release()
