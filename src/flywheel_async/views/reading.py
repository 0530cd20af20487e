"""The result of a data view while it arrives, to be read like a file."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, AnyStr, Generic, Self, cast

import anyio

from flywheel_async.errors import BadAnswer
from flywheel_async.raw.response import AsyncRawStream


class Buffer(Generic[AnyStr]):
    """Cuts what arrives into lines and pieces; no I/O happens here.

    Args:
        empty: `""` for text, `b""` for bytes.
    """

    def __init__(self, empty: AnyStr) -> None:
        is_text = isinstance(cast("object", empty), str)
        newline: Any = "\n" if is_text else b"\n"
        self._empty: AnyStr = empty
        self._newline: AnyStr = newline
        self._decoder = codecs.getincrementaldecoder("utf-8")() if is_text else None
        self._current: AnyStr = empty
        self._at = 0
        self._before: list[AnyStr] = []
        self._kept = 0
        self._ended = False

    def feed(self, chunk: bytes | None) -> None:
        """Adds what has arrived; None at the end.

        Raises:
            BadAnswer: It is no UTF-8.
        """
        self._ended = self._ended or chunk is None
        piece: Any = self._decoded(chunk or b"") if self._decoder is not None else chunk or b""
        if self._at < len(self._current):
            rest = self._current[self._at :]
            self._before.append(rest)
            self._kept += len(rest)
        self._current, self._at = piece, 0

    def line(self) -> AnyStr | None:
        """The next line with its end, the rest at the end, empty after it; None when more must be fed first."""
        found = self._current.find(self._newline, self._at)
        if found < 0 and not self._ended:
            return None
        return self._take(len(self._current) - self._at if found < 0 else found + 1 - self._at)

    def piece(self, size: int) -> AnyStr | None:
        """So many characters or bytes, all for a negative size, fewer at the end; None when more must be fed first."""
        there = self._kept + len(self._current) - self._at
        if not self._ended and (size < 0 or there < size):
            return None
        if 0 <= size < self._kept:
            # More was kept for a longer piece that was given up; put it together once.
            self._current = self._joined(self._current[self._at :])
            self._at = 0
        return self._take(len(self._current) - self._at if size < 0 else min(size - self._kept, there - self._kept))

    def _take(self, count: int) -> AnyStr:
        found = self._joined(self._current[self._at : self._at + count])
        self._at += count
        return found

    def _joined(self, last: AnyStr) -> AnyStr:
        if not self._before:
            return last
        parts: list[Any] = [*self._before, last]
        self._before, self._kept = [], 0
        return self._empty.join(parts)

    def _decoded(self, chunk: bytes) -> str:
        assert self._decoder is not None
        try:
            return self._decoder.decode(chunk, self._ended)
        except UnicodeDecodeError as error:
            raise BadAnswer(f"the result is no UTF-8 text ({error.reason}); read it with decode=False") from None


class AsyncViewData(AsyncIterator[AnyStr]):
    """The result of a data view while it arrives; iterate over its lines, or read it piece by piece.

    The view is executed when the `async with` block is entered. The object belongs to the event loop and the block it
    was opened in.

    Example:
        >>> async with fw.read_view_data(view, project.id, format="csv") as data:
        ...     async for line in data:
        ...         print(line, end="")

    Args:
        open_stream: Executes the view and opens its result.
        empty: `""` for text, `b""` for bytes.
    """

    def __init__(self, open_stream: Callable[[], Awaitable[AsyncRawStream]], empty: AnyStr) -> None:
        self._open_stream = open_stream
        self.buffer: Buffer[AnyStr] = Buffer(empty)
        self._stream: AsyncRawStream | None = None
        self._at_end = False
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not opened" if self._stream is None else "open"
        return f"<{type(self).__name__}, {state}>"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Executes the view, waits for its result and opens it; reading without a block does so, too.

        Raises:
            APIError: The site refused the view.
            WaitFailed: The site failed to execute it.
            WaitTimeout: The result is not there in time.
        """
        if self._closed:
            raise RuntimeError("this result is closed; read it inside its `with` block, or call read_view_data again")
        if self._stream is None:
            self._stream = await self._open_stream()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyStr:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def read(self, size: int = -1) -> AnyStr:
        """Reads a piece.

        Args:
            size: Characters, or bytes with `decode=False`; everything that is left by default.

        Returns:
            The piece; shorter than asked for only at the end, empty after it.

        Raises:
            TransportError: The result broke off.
        """
        while (found := self.buffer.piece(size)) is None:
            await self.feed()
        return found

    async def readline(self) -> AnyStr:
        """Reads a line.

        Returns:
            The line with its end, empty after the last one.

        Raises:
            TransportError: The result broke off.
        """
        while (found := self.buffer.line()) is None:
            await self.feed()
        return found

    async def feed(self) -> None:
        """Waits for more, for whoever reads.

        Raises:
            TransportError: The result broke off.
        """
        self.buffer.feed(await self.chunk())

    def note(self) -> None:
        """Tells the task that runs here that it holds an open stream."""
        if self._stream is not None:
            self._stream.held.note()

    def abandon(self) -> None:
        """Lets go of the stream without a word to the site."""
        self._closed = True
        if self._stream is not None:
            self._stream.abandon()

    async def chunk(self) -> bytes | None:
        """The next bytes as they arrive, None at the end; not to be mixed with the other ways to read."""
        if self._at_end:
            return None
        if self._stream is None or self._closed:
            await self.open()
        assert self._stream is not None
        found = await self._stream.chunk()
        if found is None:
            self._at_end = True
            await self._stream.aclose()  # so that reading to the end without a block leaves nothing open
        return found

    async def aclose(self) -> None:
        """Gives the connection back."""
        self._closed = True
        if self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
