"""Groups of rows: the values of a column become one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.views.inputs import Accumulator
from flywheel_async.emulator.views.values import number, rank
from flywheel_async.emulator.wire import Json, text

MAX_GROUPS = 100_000


class _Tally(Protocol):
    def add(self, value: Json) -> None: ...
    def result(self) -> Json: ...


class _Count:
    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Json) -> None:
        self._count += 1

    def result(self) -> Json:
        return self._count


class _Numbers:
    """Sum, mean and spread of the values that are numbers, or texts that hold one."""

    def __init__(self, wanted: Accumulator) -> None:
        self._wanted = wanted
        self._count = 0
        self._sum: int | float = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: Json) -> None:
        found = number(value)
        if found is None:
            return
        self._count += 1
        self._sum += found
        # Welford's method: exact enough without keeping the values.
        try:
            step = float(found) - self._mean
            self._mean += step / self._count
            self._squares += step * (float(found) - self._mean)
        except OverflowError:
            self._mean = math.inf

    def result(self) -> Json:
        if self._wanted == "sum":
            return _finite(self._sum) if self._count else None
        if self._wanted == "mean":
            return _finite(self._mean) if self._count else None
        return _finite(math.sqrt(max(self._squares, 0) / (self._count - 1))) if self._count > 1 else None


class _Extreme:
    def __init__(self, largest: bool) -> None:
        self._largest = largest
        self._best: Json = None

    def add(self, value: Json) -> None:
        if self._best is None or (rank(value) > rank(self._best)) is self._largest:
            self._best = value

    def result(self) -> Json:
        return self._best


def _finite(value: int | float) -> Json:
    return value if isinstance(value, int) or math.isfinite(value) else None


def _tally(accumulator: Accumulator) -> _Tally:
    if accumulator == "count":
        return _Count()
    if accumulator in ("minimum", "maximum"):
        return _Extreme(accumulator == "maximum")
    return _Numbers(accumulator)


def grouped(rows: Iterable[Sequence[Json]], keys: int, accumulators: Sequence[Accumulator]) -> Iterator[list[Json]]:
    """Gives one row per group, in the order in which the groups came up.

    Args:
        rows: The rows: the values that make the groups, then those to accumulate. None is not accumulated.
        keys: How many values make the groups.
        accumulators: How each of the others becomes one.

    Raises:
        Problem: 422, there are more groups than are kept in memory.
    """
    groups: dict[str, tuple[list[Json], list[_Tally]]] = {}
    for row in rows:
        made_by = list(row[:keys])
        group = groups.get(text(made_by))
        if group is None:
            if len(groups) == MAX_GROUPS:
                raise Problem(422, f"the view makes more than {MAX_GROUPS} groups")
            group = groups[text(made_by)] = made_by, [_tally(accumulator) for accumulator in accumulators]
        for tally, value in zip(group[1], row[keys:], strict=True):
            if value is not None:
                tally.add(value)
    for made_by, tallies in groups.values():
        yield [*made_by, *(tally.result() for tally in tallies)]
