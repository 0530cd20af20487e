"""Which bytes are there, which are fetched, and what an answer says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.transfer.ranges import PARALLEL_FROM, Spans, answers, connections_for, header, plan

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=8)


@given(spans)
def test_spans_are_sets_of_bytes(parts: list[tuple[int, int]]) -> None:
    there = {byte for start, stop in parts for byte in range(start, stop)}
    found = Spans(parts)
    assert {byte for start, stop in found for byte in range(start, stop)} == there
    assert found.count == len(there)
    assert found.front == next(byte for byte in range(100) if byte not in there)
    listed = list(found)
    assert all(one[1] < other[0] for one, other in pairwise(listed))
    gaps = found.gaps(80)
    assert {byte for start, stop in gaps for byte in range(start, stop)} == set(range(80)) - there


def test_what_is_no_span() -> None:
    for start, stop in ((-1, 3), (5, 4)):
        with pytest.raises(ValueError, match="no span"):
            Spans([(start, stop)])


@given(spans, st.integers(1, 8))
def test_the_plan_covers_what_is_missing_once(parts: list[tuple[int, int]], connections: int) -> None:
    scale = 1024 * 1024
    missing = [(start * scale, stop * scale) for start, stop in Spans(parts)]
    pieces = list(plan(missing, 80 * scale, connections))
    assert list(Spans(pieces)) == list(Spans(missing))
    assert sum(stop - start for start, stop in pieces) == sum(stop - start for start, stop in missing)
    assert connections > 1 or pieces == missing


def test_pieces_are_neither_tiny_nor_huge() -> None:
    mib = 1024 * 1024
    assert list(plan([(0, 10)], 10, 4)) == [(0, 10)]
    assert len(list(plan([(0, 64 * mib)], 64 * mib, 4))) == 16
    assert max(stop - start for start, stop in plan([(0, 9000 * mib)], 9000 * mib, 4)) == 64 * mib


def test_a_plan_for_a_size_that_cannot_be_is_not_made_at_once() -> None:
    assert next(iter(plan([(0, 2**53)], 2**53, 4))) == (0, 64 * 1024 * 1024)


def test_how_many_connections() -> None:
    assert connections_for(None, 8) == 1
    assert connections_for(10, None) == 1
    assert connections_for(10, 3) == 3
    assert connections_for(PARALLEL_FROM, None) == 4


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ("bytes 5-9/100", True),
        (" Bytes 5-9/*", True),
        ("bytes 5-9/101", False),
        ("bytes 4-9/100", False),
        ("bytes 5-8/100", False),
        ("bytes */100", False),
        ("bytes 5-9", False),
        ("", False),
        (None, False),
        ("bytes \u0665-9/100", False),
    ],
)
def test_what_an_answer_says(told: str | None, right: bool) -> None:
    assert header(5, 10) == "bytes=5-9"
    assert answers(told, 5, 10, 100) is right
