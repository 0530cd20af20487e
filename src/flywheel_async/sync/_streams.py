"""Iteration for synchronous callers: whole pages cross from the async core, items are handed out here."""

import threading
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from flywheel_async.sync._runner import run

T = TypeVar("T")


class Stream(Protocol):
    """What a stream of the core offers to be closed; doing so again changes nothing."""

    async def aclose(self) -> None: ...
    def abandon(self) -> None: ...


def close_stream(stream: Stream, error: BaseException | None = None) -> None:
    """Closes a stream of the core.

    Args:
        stream: The stream.
        error: The error that its block was left with, which is not replaced by one of closing where it does not belong.

    Raises:
        RuntimeError: It belongs to another thread.
    """
    try:
        run(stream.aclose)
    except KeyboardInterrupt:
        stream.abandon()
        raise
    except RuntimeError:
        if error is None:
            raise
        stream.abandon()


class Pages(Protocol[T]):
    """What a pager of the core offers; it holds nothing that runs between two calls."""

    async def next_page(self) -> list[T] | None: ...
    async def aclose(self) -> None: ...


class Pager(Iterator[T], Generic[T]):
    """Goes through all objects of a list, one request per page, nothing asked before it is needed.

    Single use, like a generator: after its end, an error or `close()` it gives nothing more. Leaving it early
    needs no clean-up. It may be used from any thread, also from several at once: each object goes to one of them.

    Example:
        >>> for session in fw.sessions.iter_find("label=~rest.*"):
        ...     print(session.label)

    Args:
        inner: The pager of the core.
    """

    def __init__(self, inner: Pages[T]) -> None:
        self._inner = inner
        self._page: Iterator[T] = iter(())
        self._ended = False
        self._asking = threading.RLock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while True:
            page = self._page
            for item in page:
                return item
            with self._asking:
                if page is self._page:  # no other thread has brought the next page meanwhile
                    self._page = iter(self._next_page())
                    if self._ended:
                        raise StopIteration

    def pages(self) -> Generator[list[T]]:
        """Goes on page by page.

        Yields:
            The objects of one page, as the site returned them.

        Raises:
            FlywheelError: A request failed.

        Example:
            >>> for page in fw.sessions.iter_find().pages():
            ...     print(len(page))
        """
        while True:
            with self._asking:
                page = self._next_page()
            if self._ended:
                return
            yield page

    def close(self) -> None:
        """Ends the walk; asking for more then gives nothing."""
        with self._asking:
            self._ended = True
            self._page = iter(())
            run(self._inner.aclose)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_page(self) -> list[T]:
        """The next page; empty and marked as the end when there is none."""
        if self._ended:
            return []
        self._ended = True  # and stays so when the request fails
        page = run(self._inner.next_page)
        if page is None:
            return []
        self._ended = False
        return page
