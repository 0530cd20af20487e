"""Several walks over one list as if they were one: what a filter with a long list of values needs."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from datetime import date, datetime
from functools import cmp_to_key
from typing import Generic, TypeVar, cast

from flywheel_async.fields.base import Model
from flywheel_async.pagination import Pages
from flywheel_async.resources.whole import in_order

M = TypeVar("M", bound=Model)

_LEVELS = ("group", "project", "subject", "session", "acquisition")

Rank = tuple[int, object]


class Merged(Generic[M]):
    """Merges pages that are in the same order; an object that several of them have is given once.

    One page of each is held at a time.

    Args:
        sources: The walks.
        sort: Their order as given to the site; None is the order of ids.
        skip: Objects to leave out at the start.
    """

    def __init__(self, sources: Sequence[Pages[M]], sort: str | None = None, skip: int = 0) -> None:
        self._sources = list(sources)
        self._heads: list[deque[M]] = [deque() for _ in sources]
        self._open = set(range(len(self._sources)))
        self._order = cmp_to_key(_Order(sort).compare)
        self._skip = skip
        self._given: set[str] = set()

    async def next_page(self) -> list[M] | None:
        """The objects whose place is certain: up to where one of the walks has to be asked for more."""
        await in_order([place for place in sorted(self._open) if not self._heads[place]], self._fill)
        heap = [(self._order(head[0]), place) for place, head in enumerate(self._heads) if head]
        heapq.heapify(heap)
        found: list[M] = []
        while heap:
            _, place = heapq.heappop(heap)
            head = self._heads[place]
            item = head.popleft()
            identifier = _id(item)
            if identifier not in self._given:
                self._given.add(identifier)
                found.append(item)
            if head:
                heapq.heappush(heap, (self._order(head[0]), place))
            elif place in self._open:
                break
        left, self._skip = found[self._skip :], max(0, self._skip - len(found))
        return left if left or self._open or any(self._heads) else None

    async def _fill(self, place: int) -> None:
        page = await self._sources[place].next_page()
        if page is None:
            self._open.discard(place)
        else:
            self._heads[place].extend(page)


class _Order:
    """The order a site gives a list for its `sort`."""

    def __init__(self, sort: str | None) -> None:
        self._keys: list[tuple[tuple[str, ...], bool]] = []
        for part in (sort or "").split(",") if sort else []:
            key, _, direction = part.strip().partition(":")
            path = tuple(key.strip().split("."))
            self._keys.append(
                (("parents", *path) if len(path) == 1 and path[0] in _LEVELS else path, direction in ("desc", "-1"))
            )

    def compare(self, a: M, b: M) -> int:
        for path, descending in self._keys:
            x, y = _rank(a, path, descending), _rank(b, path, descending)
            if x != y:
                return -1 if (_less(x, y)) != descending else 1
        return (_id(a) > _id(b)) - (_id(a) < _id(b))


def _less(x: Rank, y: Rank) -> bool:
    if x[0] != y[0]:
        return x[0] < y[0]
    return bool(cast("float", x[1]) < cast("float", y[1]))


def _rank(item: Model, path: tuple[str, ...], descending: bool) -> Rank:
    """What counts of a field when a list is sorted: missing values, numbers, texts and the rest, in this order.

    Of a list of values it is the least one, or the greatest when the order is descending.
    """
    best: Rank | None = None
    for value in _reach(item, path):
        rank = _of(value)
        if best is None or (_less(best, rank) if descending else _less(rank, best)):
            best = rank
    return best or (0, 0)


def _reach(value: object, path: tuple[str, ...]) -> list[object]:
    if isinstance(value, list):
        return [found for item in cast("list[object]", value) for found in _reach(item, path)]
    if not path:
        return [value]
    if isinstance(value, (Model, dict)):
        return _reach(cast("dict[str, object]", value).get(path[0]), path[1:])
    return []


def _of(value: object) -> Rank:
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (3, int(value))
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, datetime):
        return (1, value.timestamp())
    if isinstance(value, str):
        return (2, value)
    return (3, value.toordinal() if isinstance(value, date) else 2)


def _id(item: Model) -> str:
    return str(item.get("file_id") or item.get("id"))
