"""Page arithmetic and the pager's state, without a site."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.errors import ArgumentError, BadAnswer
from flywheel_async.models import File, Session
from flywheel_async.pagination import AsyncPager, Page, Query, Walk, first_query, following_query

pytestmark = pytest.mark.anyio


class Listing:
    """A list of sessions behind the wire rules, with a page cap and optional totals."""

    def __init__(self, count: int, cap: int = 10_000, totals: bool = False) -> None:
        self.items = [Session(id=f"{i:024x}", label=str(i)) for i in range(count)]
        self.cap, self.totals = cap, totals
        self.queries: list[Query] = []

    async def fetch(self, query: Query) -> Page[Session]:
        await anyio.lowlevel.checkpoint()
        self.queries.append(dict(query))
        limit, after, skip = query["limit"], query.get("after_id"), query.get("skip") or 0
        assert isinstance(limit, int)
        assert isinstance(skip, int)
        rest = [i for i in self.items if not after or i.id > str(after)] if after is not None else self.items[skip:]
        return Page(rest[: min(limit, self.cap)], len(rest) if self.totals else None)


@pytest.mark.parametrize("sort", [None, "label"])
@pytest.mark.parametrize("totals", [False, True])
@pytest.mark.parametrize(("count", "cap", "limit"), [(0, 99, 5), (5, 99, 5), (23, 4, 10), (23, 99, 10), (1, 1, 1)])
async def test_every_object_once(count: int, cap: int, limit: int, totals: bool, sort: str | None) -> None:
    site = Listing(count, cap, totals)
    found = [s.id async for s in AsyncPager(Walk(site.fetch, {"sort": sort} if sort else {}, limit))]
    assert found == [s.id for s in site.items]
    pages = -(-count // min(cap, limit))
    assert len(site.queries) == max(1, pages + (0 if totals else 1 if count else 0))


async def test_nothing_is_asked_before_it_is_needed() -> None:
    site = Listing(30)
    pager = AsyncPager(Walk(site.fetch, {}, 10))
    assert site.queries == []
    for _ in range(10):
        await anext(pager)
    assert len(site.queries) == 1
    await anext(pager)
    assert len(site.queries) == 2
    await pager.aclose()
    assert [s async for s in pager] == []
    assert len(site.queries) == 2


async def test_deletion_meanwhile_loses_nothing() -> None:
    site = Listing(12, totals=True)
    pager = AsyncPager(Walk(site.fetch, {}, 5))
    first = await pager.next_page()
    assert first is not None
    del site.items[:3]
    rest = [s.id async for s in pager]
    assert [s.id for s in first] + rest == [f"{i:024x}" for i in range(12)]


async def test_a_repeating_site_does_not_loop_for_ever() -> None:
    async def same(query: Query) -> Page[Session]:
        return Page([Session(id="1")])

    with pytest.raises(BadAnswer, match="repeats"):
        _ = [s async for s in AsyncPager(Walk(same, {}, 5))]


async def test_a_failed_page_can_be_asked_again() -> None:
    site = Listing(3)
    failures = [OSError("lost")]

    async def fetch(query: Query) -> Page[Session]:
        if failures:
            raise failures.pop()
        return await site.fetch(query)

    pager = AsyncPager(Walk(fetch, {}, 5))
    with pytest.raises(OSError):
        await pager.next_page()
    assert len(await pager.next_page() or []) == 3


def test_files_are_walked_by_file_id() -> None:
    files = [File(id="x", file_id="f1")]
    assert following_query({"after_id": "", "limit": 1}, files)["after_id"] == "f1"
    with pytest.raises(BadAnswer, match="no id"):
        following_query({"after_id": "", "limit": 1}, [File(name="x")])


def test_queries_that_a_walk_refuses() -> None:
    with pytest.raises(ArgumentError, match="page"):
        first_query({"page": 2}, 5)
    with pytest.raises(ArgumentError, match="after_id"):
        first_query({"after_id": "5", "sort": "label"}, 5)


@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 12), st.booleans(), st.booleans())
def test_arithmetic(count: int, cap: int, limit: int, totals: bool, sort: bool) -> None:
    async def walk() -> list[str]:
        site = Listing(count, cap, totals)
        return [s.id async for s in AsyncPager(Walk(site.fetch, {"sort": "label"} if sort else {}, limit))]

    assert anyio.run(walk) == [f"{i:024x}" for i in range(count)]
