"""`fw.raw`: every operation of the API by its id, one request each, with the whole answer."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from flywheel_async.raw import signatures
from flywheel_async.raw.operation import BoundOperation, find
from flywheel_async.raw.response import AsyncRawStream, RawResponse
from flywheel_async.raw.sending import Call, open_stream, prepare, send
from flywheel_async.raw.table import operations

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.pagination import AsyncPager


class AsyncRaw(signatures.AsyncRaw):
    """Every operation of the API, by its id and with the table's arguments; one request per call.

    `fw.raw.streaming` has the same operations for answers that are read while they arrive, `fw.raw.iterate` those
    that list something.

    Example:
        >>> response = await fw.raw.get_project(project_id)
        >>> print(response.status, response.request_id, response.json()["label"])

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def __repr__(self) -> str:
        return f"<raw operations of {self._core!r}>"

    @property
    def streaming(self) -> AsyncStreaming:
        """The operations, each as an async context manager over an answer that is still on the way."""
        return AsyncStreaming(self._core)

    @property
    def iterate(self) -> AsyncIterate:
        """The operations that list something, each as an iterator over all pages."""
        return AsyncIterate(self._core)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> RawOperation:
            return RawOperation(self._core, find(self, name))

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *operations()})


class AsyncStreaming(signatures.AsyncStreaming):
    """Every operation of the API as an async context manager over an answer that is still on the way.

    Example:
        >>> async with fw.raw.streaming.download_file_from_project(project_id, "scan.nii.gz") as stream:
        ...     async for chunk in stream:
        ...         print(len(chunk))

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> StreamingOperation:
            return StreamingOperation(self._core, find(self, name))

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *operations()})


class AsyncIterate(signatures.AsyncIterate):
    """The operations that answer lists, each as an iterator that asks for one page after the other.

    Example:
        >>> async for user in fw.raw.iterate.get_all_users():
        ...     print(user.id)

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> IteratingOperation:
            from flywheel_async.raw.iterating import check_lists

            return IteratingOperation(self._core, check_lists(self, find(self, name)))

    def __dir__(self) -> Iterable[str]:
        from flywheel_async.raw.iterating import lists

        return sorted({*super().__dir__(), *lists()})


class RawOperation(BoundOperation):
    """One operation; calling it sends one request."""

    def __call__(self, *values: object, **keywords: object) -> Coroutine[object, object, RawResponse[Any]]:
        """Checks the arguments at once, and sends the request when awaited.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `body` is the JSON body. `_request_timeout` is a time in seconds for the
                connection and for each read or write, or a pair of both.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
            APIError: The site refused.
        """
        return self._send(prepare(self._core, self._op, values, keywords))

    async def _send(self, call: Call) -> RawResponse[Any]:
        from flywheel_async.raw.decode import parse

        core, op = self._core, self._op
        return RawResponse(await send(core, call), lambda answer: parse(core, op, answer))


class StreamingOperation(BoundOperation):
    """One operation; calling it gives an async context manager."""

    def __call__(self, *values: object, **keywords: object) -> OpeningStream:
        """Checks the arguments at once, and sends the request when the block is entered.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
        """
        return OpeningStream(self._core, prepare(self._core, self._op, values, keywords))


class IteratingOperation(BoundOperation):
    """One operation that lists something; calling it gives a pager."""

    def __call__(self, *values: object, **keywords: object) -> AsyncPager[Any]:
        """Checks the arguments at once, and asks for pages when they are needed.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `limit` is the number of objects per request.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
        """
        from flywheel_async.raw.iterating import iterate

        return iterate(self._core, self._op, values, keywords)


class OpeningStream:
    """Opens an answer as a stream on entering its block, and closes it on leaving.

    Args:
        core: The client.
        call: The call.
    """

    def __init__(self, core: Core, call: Call) -> None:
        self._core = core
        self._call = call
        self._stream: AsyncRawStream | None = None

    async def open(self) -> AsyncRawStream:
        """Sends the request; the caller closes the stream, or this.

        Raises:
            APIError: The site answered with an error status.
            TransportError: There was no usable answer.
        """
        if self._stream is not None:
            raise RuntimeError("this stream was opened already; call the operation again for another one")
        self._stream = await open_stream(self._core, self._call)
        return self._stream

    async def aclose(self) -> None:
        """Closes the stream, if there is one."""
        if self._stream is not None:
            await self._stream.aclose()

    def abandon(self) -> None:
        """Lets go of the stream without a word to the site."""
        if self._stream is not None:
            self._stream.abandon()

    async def __aenter__(self) -> AsyncRawStream:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
