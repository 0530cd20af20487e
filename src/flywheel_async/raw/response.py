"""Answers as the raw API hands them out: whole, or still on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from email.message import Message
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flywheel_async.transport.held import Held

if TYPE_CHECKING:
    from flywheel_async.transport.response import Response
    from flywheel_async.transport.streamed import StreamedResponse

T_co = TypeVar("T_co", covariant=True)


class Headers(Mapping[str, str]):
    """Headers of an answer; names are found in upper and lower case alike.

    Args:
        values: Values by lower-case name.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


class RawResponse(Generic[T_co]):
    """One answer of the site, read whole. Both flavours hand out this class.

    Attributes:
        status: The HTTP status, below 400; other answers are raised as an `APIError`.
        headers: The headers; names are found in upper and lower case alike.
        content: The body, decompressed.

    Example:
        >>> response = await fw.raw.get_project(project_id)
        >>> response.status, response.parse().label
        (200, 'My Study')
    """

    def __init__(self, answer: Response, parse: Callable[[Response], T_co]) -> None:
        self._answer = answer
        self._parse = parse
        self._parsed: tuple[T_co] | None = None
        self.status = answer.status
        self.headers: Mapping[str, str] = Headers(answer.headers)
        self.content = answer.content

    def __repr__(self) -> str:
        return f"<RawResponse {self.status} of {self._answer.operation}, {len(self.content)} bytes>"

    @property
    def request_id(self) -> str | None:
        """The site's id of this request, for its support, or None."""
        return self._answer.request_id

    @property
    def text(self) -> str:
        """The body as text, in the encoding its headers name, else UTF-8; what cannot be decoded is replaced."""
        header = Message()
        header["content-type"] = self.headers.get("content-type", "")
        try:
            return self.content.decode(header.get_content_charset("utf-8"), "replace")
        except LookupError:  # the site names an encoding that does not exist
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Decodes the body as JSON.

        Returns:
            Dictionaries under wire names, lists, texts, numbers, booleans, or None for an empty body.

        Raises:
            BadAnswer: The body is not JSON, for example a proxy's HTML page.
        """
        return self._answer.json()

    def parse(self) -> T_co:
        """Turns the body into what the operation promises; the second call gives the same object.

        Returns:
            An object of its class, a list of them or a plain value; nothing is taken out of it, so the answer to a
            creation is a model with an `id`. An answer of bytes is given as it is.

        Raises:
            BadAnswer: The body is not what the operation promises.
        """
        if self._parsed is None:
            self._parsed = (self._parse(self._answer),)
        return self._parsed[0]


class AsyncRawStream:
    """An answer whose body is still on the way; iterate over it for its bytes.

    It belongs to the event loop and the `async with` block it was opened in. Bytes come as they travel: an answer
    that a site compresses unasked is not decompressed.

    Attributes:
        status: The HTTP status, below 400.
        headers: The headers; names are found in upper and lower case alike.
        held: Its place among the streams that users hold.

    Example:
        >>> async with fw.raw.streaming.download_file_from_project(project_id, "scan.nii.gz") as stream:
        ...     async for chunk in stream:
        ...         print(len(chunk))
    """

    def __init__(self, answer: StreamedResponse, held: Held) -> None:
        self._answer = answer
        self.held = held
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._closed = False
        self.status = answer.status
        self.headers: Mapping[str, str] = Headers(answer.headers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} of {self._answer.operation}>"

    @property
    def request_id(self) -> str | None:
        """The site's id of this request, for its support, or None."""
        return self.headers.get("x-request-id")

    def __aiter__(self) -> AsyncRawStream:
        return self

    async def __anext__(self) -> bytes:
        found = await self.chunk()
        if found is None:
            raise StopAsyncIteration
        return found

    async def chunk(self) -> bytes | None:
        """The next bytes, or None at the end.

        Raises:
            TransportError: The body broke off.
        """
        self.held.check()
        if self._closed:
            raise RuntimeError("this stream is closed; read it inside its `with` block")
        if self._chunks is None:
            self._chunks = self._answer.chunks()
        self.held.is_broken = True  # unless this ends well, bytes may be lost
        found = await anext(self._chunks, None)
        self.held.is_broken = False
        return found

    async def aread(self) -> bytes:
        """Reads the rest of the body into memory.

        Raises:
            TransportError: The body broke off.
        """
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Gives the connection back; a body that was not read to its end ends the connection."""
        if self.held.is_orphaned:
            self.abandon()
            return
        self.held.check_loop()
        self._closed = True
        try:
            if self._chunks is None:
                await self._answer.aclose()
            else:
                async with self._answer, aclosing(self._chunks):
                    pass
        finally:
            self.held.release()

    def abandon(self) -> None:
        """Lets go of the stream without a word to the site, when its event loop has ended."""
        self._closed = True
        self.held.release()
