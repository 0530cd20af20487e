"""How a file is cut into parts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.transfer.parts import ALIGNMENT, Part, part_size, plan

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "count", "each"),
    [
        (10 * MIB, 4, 2 * MIB + 3 * ALIGNMENT),  # 2.5 MiB is a multiple already, and goes up all the same
        (10 * MIB + 1, 4, 2 * MIB + 3 * ALIGNMENT),
        (10 * MIB - 1, 4, 2 * MIB + 3 * ALIGNMENT),
        (1, 5, ALIGNMENT),
        (ALIGNMENT, 1, 2 * ALIGNMENT),
    ],
)
def test_sizes_the_site_reckons_with(size: int, count: int, each: int) -> None:
    assert part_size(size, count) == each


def test_one_url_takes_everything() -> None:
    assert plan(5 * MIB, 1) == [Part(1, 0, 5 * MIB)]
    assert plan(0, 3) == [Part(1, 0, 0)]


def test_last_urls_may_stay_without_a_part() -> None:
    assert plan(ALIGNMENT + 1, 4) == [Part(1, 0, ALIGNMENT), Part(2, ALIGNMENT, 1)]


@given(size=st.integers(1, 2**40), count=st.integers(1, 1000))
def test_parts_cover_the_file_once(size: int, count: int) -> None:
    parts = plan(size, count)
    assert 1 <= len(parts) <= count
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert parts[0].offset == 0
    assert parts[-1].end == size
    assert all(before.end == after.offset for before, after in pairwise(parts))
    assert all(part.length > 0 for part in parts)
    assert all(part.length % ALIGNMENT == 0 for part in parts[:-1])
