"""Bodies on the way: the answer that is still arriving, and the upload that is still leaving."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import cast

import httpx

from flywheel_async.errors import BadAnswer, TransportError
from flywheel_async.transport.failures import SourceFailed, failed, map_failure

MAX_ERROR_BODY = 64 * 1024
MAX_BODY = 512 * 1024 * 1024
"""Bytes of a JSON answer that are read at most, so that a small compressed answer cannot fill the memory."""


class StreamedResponse:
    """An answer whose body is still on the way; an async context manager.

    Attributes:
        operation: The operation id.
        status: The HTTP status.
        headers: Header values by lower-case name.
        attempts: How many times the request was sent.
    """

    def __init__(self, operation: str, response: httpx.Response, url: httpx.URL, attempts: int) -> None:
        self.operation = operation
        self.status = response.status_code
        self.headers: dict[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.attempts = attempts
        self.content = b""
        self._response = response
        self._url = url
        self._release: Callable[[], object] | None = None

    def on_close(self, release: Callable[[], object]) -> None:
        """Has `release` called once when the answer is closed, or gives it back before."""
        self._release = release

    def give_back(self) -> None:
        """Gives its part of the budget back while it is still open."""
        release, self._release = self._release, None
        if release is not None:
            release()

    async def __aenter__(self) -> StreamedResponse:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Gives the connection back; a body that was not read to its end ends the connection."""
        try:
            await self._response.aclose()
        finally:
            self.give_back()

    async def load(self) -> None:
        """Reads the whole body, decompressed, into `content`, and closes. Failures are httpx's own.

        The body of an error is cut at 64 KiB.

        Raises:
            BadAnswer: The body is larger than any answer may be.
        """
        limit = MAX_ERROR_BODY if self.status >= 400 else MAX_BODY
        try:
            packed = not self._response.is_stream_consumed
            body = _Collector(self.headers.get("content-encoding", "identity") if packed else "identity", limit)
            async with aclosing(self._arriving()) as chunks:
                async for chunk in chunks:
                    body.add(chunk)
                    if body.is_full:
                        break
            if body.is_full and self.status < 400:
                raise failed(BadAnswer, self.operation, self.attempts, f"the answer is over {limit} bytes long")
            self.content = body.content()
        except zlib.error as exc:
            # An error is told by its status even when its text cannot be read.
            if self.status < 400:
                text = f"the answer cannot be decompressed ({exc})"
                raise failed(BadAnswer, self.operation, self.attempts, text) from None
        finally:
            await self.aclose()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields the body as it arrives, not decompressed; close it where it may be left early.

        Raises:
            TransportError: The body broke off; its `in_body` is true.
        """
        try:
            async with aclosing(self._arriving()) as raw:
                async for chunk in raw:
                    yield chunk
        except httpx.TransportError as exc:
            error: TransportError = map_failure(exc, self.operation, self.attempts, self._url)[0]
            error.in_body = True
            raise error from exc

    def _arriving(self) -> AsyncGenerator[bytes, None]:
        if self._response.is_stream_consumed:
            # A hook of the user's own httpx client has read it, or a mocked transport made it whole.
            return _whole(self._response.content)
        return cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())


async def _whole(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


class _Collector:
    """Collects a body up to a limit, decompressing no more than that either."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None
        if self._inflate is None and encoding != "identity":
            raise zlib.error(f"unknown encoding {encoding!r}")
        self._parts: list[bytes] = []
        self._left = limit

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def add(self, chunk: bytes) -> None:
        if self._inflate is not None and chunk:
            chunk = self._inflate.decompress(chunk, self._left)
        self._parts.append(chunk[: self._left])
        self._left -= len(chunk)

    def content(self) -> bytes:
        if self._inflate is not None and not self.is_full:
            self._parts.append(self._inflate.flush())
        return b"".join(self._parts)


class DataStream(httpx.AsyncByteStream):
    """A request body in memory, without the generator that httpx would leave half-run when sending breaks off."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Chunks([self._data] if self._data else [])


class _Chunks(AsyncIterator[bytes]):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = iter(chunks)

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class UploadStream(httpx.AsyncByteStream):
    """A request body whose generator is closed by the sender, also when sending stops half-way."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as exc:
            # Unwrapped by the transport: the source's own error must not pass for one of the connection.
            raise SourceFailed(exc) from exc

    async def aclose(self) -> None:
        await self._chunks.aclose()
