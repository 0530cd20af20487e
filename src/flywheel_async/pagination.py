"""Walking through a list page by page.

A pager holds only its place in the list, never a running request, task or cancel scope, so it can be left at any
time and nothing leaks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from flywheel_async.errors import ArgumentError, BadAnswer

M = TypeVar("M")
T_co = TypeVar("T_co", covariant=True)

DEFAULT_PAGE = 250
"""Objects per request, unless the caller asks for another number."""

CONCURRENCY = 8
"""Requests at once for complete objects, unless the caller asks for another number."""

Query = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of a list.

    Attributes:
        results: Its objects.
        total: How many objects the page's own request matches, when the site states it; else None.
    """

    results: list[M]
    total: int | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing follows for sure: it is empty, or the site states that it holds every match.

        A page that is merely shorter than asked may be followed by more, since a site may cap the page size.
        """
        return not self.results or (self.total is not None and self.total <= len(self.results))


def first_query(query: Query, limit: int) -> dict[str, object]:
    """The query of a walk's first page.

    Args:
        query: What the caller asked for.
        limit: Objects per page.

    Raises:
        ArgumentError: The query names a page number, which a walk chooses itself.
    """
    if query.get("page") is not None:
        raise ArgumentError(
            "page: iterating goes through all pages itself; use find(..., page=…, limit=…) for one page"
        )
    if query.get("after_id") is not None and (query.get("sort") or query.get("skip")):
        raise ArgumentError("after_id cannot be combined with sort or skip")
    first = {**query, "limit": limit}
    if not query.get("sort") and not query.get("skip"):
        # Given but empty: sorted by id, from the start.
        first["after_id"] = "" if first.get("after_id") is None else first["after_id"]
    return first


def following_query(query: Query, results: list[M]) -> dict[str, object]:
    """The query of the page after one that was asked with `query` and brought `results`.

    Sorted walks go on by the number of objects seen, not by page number, which would skip objects when the site
    returns shorter pages than asked.

    Raises:
        BadAnswer: The last object has no id to go on from.
    """
    if query.get("after_id") is None:
        skip = query.get("skip") or 0
        assert isinstance(skip, int)
        return {**query, "skip": skip + len(results)}
    last: object = results[-1]
    # Models and plain dictionaries; a list of dictionaries has wire names only.
    members = cast("Mapping[str, object]", last if hasattr(last, "get") else {})
    place = members.get("file_id") or members.get("id") or members.get("_id")
    if not isinstance(place, str) or not place:
        raise BadAnswer("the list cannot be walked: its last object has no id")
    return {**query, "after_id": place}


class Pages(Protocol[T_co]):
    """Something that gives one page after the other and holds nothing that runs between two calls."""

    async def next_page(self) -> Sequence[T_co] | None:
        """The next page, or None at the end. After an error it can be asked for again."""
        ...


class Walk(Generic[M]):
    """The pages of one list, one request each.

    Args:
        fetch: Asks for one page.
        query: What to ask for.
        limit: Objects per page.
    """

    def __init__(self, fetch: Callable[[Query], Awaitable[Page[M]]], query: Query, limit: int = DEFAULT_PAGE) -> None:
        self._fetch = fetch
        self._next: dict[str, object] | None = first_query(query, limit)
        self._seen: set[object] = set()

    async def next_page(self) -> list[M] | None:
        """Asks for the next page; after an error the walk is where it was."""
        if self._next is None:
            return None
        page = await self._fetch(self._next)
        self._next = None if page.is_last else following_query(self._next, page.results)
        if self._next is not None:
            place = (self._next.get("after_id"), self._next.get("skip"))
            if place in self._seen:
                raise BadAnswer(f"the list cannot be walked: the site repeats the page that ends with {place[0]}")
            self._seen.add(place)
        return page.results or None


class AsyncPager(AsyncIterator[M]):
    """Goes through all objects of a list, one request per page, nothing asked before it is needed.

    Single use, like a generator. Leaving it early needs no clean-up.

    Example:
        >>> async for session in fw.sessions.iter_find("label=~rest.*"):
        ...     print(session.label)

    Args:
        source: Where the pages come from.
    """

    def __init__(self, source: Pages[M]) -> None:
        self._source = source
        self._items: AsyncGenerator[M, None] | None = None
        self._ended = False
        self._asking = False

    def __aiter__(self) -> AsyncPager[M]:
        return self

    async def __anext__(self) -> M:
        if self._items is None:
            self._items = self._walk()
        try:
            return await anext(self._items)
        except StopAsyncIteration:
            raise
        except BaseException:
            # An error ends a generator for good. The place in the list is kept elsewhere, so a new one goes on from it.
            self._items = None
            raise

    async def _walk(self) -> AsyncGenerator[M, None]:
        # A generator inside this one would be left half-run when this one is closed early.
        while (page := await self.next_page()) is not None:
            for item in page:
                yield item

    async def pages(self) -> AsyncGenerator[list[M], None]:
        """Yields whole pages as lists."""
        while (page := await self.next_page()) is not None:
            yield page

    async def next_page(self) -> list[M] | None:
        """Asks for the next page.

        Returns:
            Its objects, or None at the end of the list.

        Raises:
            FlywheelError: The request failed; the walk stays where it was, so that it can be asked again.
        """
        if self._asking:
            raise RuntimeError("this list is being walked by another task; give each task its own iterator")
        if self._ended:
            return None
        self._asking = True
        try:
            page = await self._source.next_page()
        finally:
            self._asking = False
        self._ended = self._ended or page is None
        return None if page is None else list(page)

    async def aclose(self) -> None:
        """Ends the walk; asking for more then gives nothing."""
        self._ended = True
        if self._items is not None:
            await self._items.aclose()
