"""`fw.raw` for synchronous callers: the same operations, without `await`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from flywheel_async.raw.operation import BoundOperation, find
from flywheel_async.raw.response import AsyncRawStream, RawResponse
from flywheel_async.sync import _signatures
from flywheel_async.sync._runner import run
from flywheel_async.sync._streams import Pager, close_stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from inspect import Signature

    from flywheel_async.raw.api import (
        AsyncIterate,
        AsyncRaw,
        AsyncStreaming,
        IteratingOperation,
        OpeningStream,
        RawOperation,
        StreamingOperation,
    )
    from flywheel_async.raw.flat import FlatOperation


class Raw(_signatures.Raw):
    """Every operation of the API, by its id and with the table's arguments; one request per call.

    `fw.raw.streaming` has the same operations for answers that are read while they arrive, `fw.raw.iterate` those
    that list something.

    Example:
        >>> response = fw.raw.get_project(project_id)
        >>> print(response.status, response.request_id, response.json()["label"])

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncRaw) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return repr(self._inner).replace("Async", "", 1)

    @property
    def streaming(self) -> Streaming:
        """The operations, each as a context manager over an answer that is still on the way."""
        return Streaming(self._inner.streaming)

    @property
    def iterate(self) -> Iterate:
        """The operations that list something, each as an iterator over all pages."""
        return Iterate(self._inner.iterate)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> RawCall:
            op = find(self, name)  # before `_inner`, which an object being copied does not have yet
            return RawCall(getattr(self._inner, op.id))

    def __dir__(self) -> Iterable[str]:
        return dir(self._inner)


class Streaming(_signatures.Streaming):
    """Every operation of the API as a context manager over an answer that is still on the way.

    Example:
        >>> with fw.raw.streaming.download_file_from_project(project_id, "scan.nii.gz") as stream:
        ...     for chunk in stream:
        ...         print(len(chunk))

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncStreaming) -> None:
        self._inner = inner

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> StreamingCall:
            op = find(self, name)
            return StreamingCall(getattr(self._inner, op.id))

    def __dir__(self) -> Iterable[str]:
        return dir(self._inner)


class Iterate(_signatures.Iterate):
    """The operations that answer lists, each as an iterator that asks for one page after the other.

    Example:
        >>> for user in fw.raw.iterate.get_all_users():
        ...     print(user.id)

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncIterate) -> None:
        self._inner = inner

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> IteratingCall:
            from flywheel_async.raw.iterating import check_lists

            op = check_lists(self, find(self, name))
            return IteratingCall(getattr(self._inner, op.id))

    def __dir__(self) -> Iterable[str]:
        return dir(self._inner)


class RawCall(BoundOperation):
    """One operation; calling it sends one request and waits for the answer."""

    def __init__(self, inner: RawOperation) -> None:
        super().__init__(inner._core, inner._op)
        self._inner = inner

    def __call__(self, *values: object, **keywords: object) -> RawResponse[Any]:
        """Sends the request.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `body` is the JSON body. `_request_timeout` is a time in seconds for the
                connection and for each read or write, or a pair of both.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
            APIError: The site refused.
        """
        return run(self._inner, *values, **keywords)


class FlatCall(BoundOperation):
    """One operation by its flat name; calling it gives the answer, simplified."""

    def __init__(self, inner: FlatOperation) -> None:
        super().__init__(inner._core, inner._op, inner.__name__)
        self._inner = inner

    @property
    def __signature__(self) -> Signature:
        return self._inner.__signature__

    def __call__(self, *values: object, **keywords: object) -> Any:
        """Calls the operation and waits for the answer; see `FlatOperation` for arguments and errors."""
        return run(self._inner, *values, **keywords)


class StreamingCall(BoundOperation):
    """One operation; calling it gives a context manager."""

    def __init__(self, inner: StreamingOperation) -> None:
        super().__init__(inner._core, inner._op)
        self._inner = inner

    def __call__(self, *values: object, **keywords: object) -> AbstractContextManager[RawStream]:
        """Checks the arguments at once, and sends the request when the block is entered.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
        """
        return _opened(self._inner(*values, **keywords))


@contextmanager
def _opened(opening: OpeningStream) -> Generator[RawStream, None, None]:
    try:
        stream = run(opening.open)
        stream.held.note()
        yield RawStream(stream)
    except BaseException as error:
        close_stream(opening, error)
        raise
    close_stream(opening)


class IteratingCall(BoundOperation):
    """One operation that lists something; calling it gives a pager."""

    def __init__(self, inner: IteratingOperation) -> None:
        super().__init__(inner._core, inner._op)
        self._inner = inner

    def __call__(self, *values: object, **keywords: object) -> Pager[Any]:
        """Checks the arguments at once, and asks for pages when they are needed.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `limit` is the number of objects per request.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
        """
        return Pager(self._inner(*values, **keywords))


class RawStream(Iterator[bytes]):
    """An answer whose body is still on the way; iterate over it for its bytes.

    It belongs to the thread and the `with` block it was opened in. Bytes come as they travel: an answer that a site
    compresses unasked is not decompressed.

    Attributes:
        status: The HTTP status, below 400.
        headers: The headers; names are found in upper and lower case alike.
        request_id: The site's id of this request, for its support, or None.

    Example:
        >>> with fw.raw.streaming.download_file_from_project(project_id, "scan.nii.gz") as stream:
        ...     for chunk in stream:
        ...         print(len(chunk))
    """

    def __init__(self, inner: AsyncRawStream) -> None:
        self._inner = inner
        self.status = inner.status
        self.headers: Mapping[str, str] = inner.headers
        self.request_id = inner.request_id

    def __repr__(self) -> str:
        return repr(self._inner).replace("Async", "", 1)

    def __next__(self) -> bytes:
        chunk = self._chunk()
        if chunk is None:
            raise StopIteration
        return chunk

    def read(self) -> bytes:
        """Reads the rest of the body into memory.

        Raises:
            TransportError: The body broke off.
        """
        return b"".join(iter(self._chunk, None))

    def _chunk(self) -> bytes | None:
        try:
            return run(self._inner.chunk)
        except KeyboardInterrupt:
            self._inner.held.is_broken = True  # it may have come after the bytes
            raise
