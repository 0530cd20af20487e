"""Cutting a search into slices: nothing twice, nothing missing, or a clear error."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.errors import SearchTruncated
from flywheel_async.search.slices import Slice, Spot

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    """An object of a site: when it was created, to the microsecond, where it is, and what tells it from others."""

    created: datetime | None
    parent: str
    number: int


def shown(item: Stored, digits: int) -> Spot:
    """What a hit tells of it: sites may show less than they store."""
    if item.created is None:
        return Spot(None, item.parent)
    step = 10 ** (6 - digits)
    return Spot(item.created.replace(microsecond=item.created.microsecond // step * step), item.parent)


def holds(part: Slice, item: Stored) -> bool:
    """The slice's condition, read as a site would."""
    if part.timed is False and item.created is not None:
        return False
    if (part.timed or part.start or part.stop) and item.created is None:
        return False
    if part.start is not None and item.created is not None and item.created < part.start:
        return False
    if part.stop is not None and item.created is not None and item.created >= part.stop:
        return False
    return (part.inside is None or item.parent == part.inside) and item.parent not in part.outside


def walk(items: list[Stored], cap: int, digits: int, seed: int) -> list[Stored]:
    """Gets all items from a site that gives `cap` of them at most, in any order."""
    order = random.Random(seed)
    waiting, found, asked = [Slice("file")], list[Stored](), 0
    while waiting:
        part = waiting.pop()
        asked += 1
        assert asked < 20 * (len(items) + 10)
        page = [item for item in items if holds(part, item)]
        order.shuffle(page)
        if len(page) < cap:
            found += page
        else:
            waiting += part.divide([shown(item, digits) for item in page[:cap]])[::-1]
    return found


moments = st.none() | st.integers(0, 5000).map(lambda n: START + timedelta(microseconds=n * 97))
stored = st.builds(Stored, moments, st.sampled_from("abcdefgh"), st.integers())


@settings(deadline=None)
@given(st.lists(stored, max_size=60, unique=True), st.sampled_from([3, 6]), st.integers(0, 99))
def test_each_exactly_once_or_truncated(items: list[Stored], digits: int, seed: int) -> None:
    cap = 4
    crowds: dict[object, int] = {}
    for item in items:
        instant = item.created and item.created.replace(microsecond=item.created.microsecond // 1000 * 1000)
        crowds[instant, item.parent] = crowds.get((instant, item.parent), 0) + 1
    try:
        found = walk(items, cap, digits, seed)
    except SearchTruncated:
        assert max(crowds.values()) >= cap  # so many at one instant in one container cannot be told apart
        return
    assert len(found) == len(items)
    assert set(found) == set(items)


def test_few_requests_for_many() -> None:
    items = [Stored(START + timedelta(seconds=n // 3), f"p{n % 7}", n) for n in range(3000)]
    assert sorted(walk(items, 250, 3, 1), key=lambda item: item.number) == items


def test_conditions() -> None:
    later = START + timedelta(milliseconds=5)
    assert Slice("file").condition() == ""
    assert Slice("file", timed=False).condition() == "NOT file.created EXISTS"
    assert Slice("session", timed=True).condition() == "session.created EXISTS"
    part = Slice("file", True, START, later, inside='a"b')
    assert part.condition() == (
        "file.created >= 2024-01-01T00:00:00+00:00 AND file.created < 2024-01-01T00:00:00.005000+00:00 "
        'AND parent._id = "a\\"b"'
    )
    assert Slice("file", outside=("a", "b")).condition() == 'NOT parent._id IN ["a", "b"]'


@pytest.mark.parametrize("part", [Slice("file", inside="p"), Slice("project"), Slice("file", True, START, START)])
def test_what_cannot_be_cut(part: Slice) -> None:
    with pytest.raises(SearchTruncated, match="cannot be cut any smaller"):
        part.divide([Spot(None, None)])
