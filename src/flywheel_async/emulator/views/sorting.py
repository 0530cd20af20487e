"""Sorting rows on disk, so that memory does not grow with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import cast

from flywheel_async.emulator.views.values import rank
from flywheel_async.emulator.wire import Json, text

_LARGEST = 2**63 - 1
_HUGE = 10**300


def in_order(rows: Iterable[list[Json]], keys: Sequence[tuple[int, bool]]) -> Generator[list[Json]]:
    """Gives rows in order; rows with equal keys stay in the order they came in.

    Args:
        rows: The rows.
        keys: The positions to sort by, most significant first, each with whether downwards.
    """
    # The empty name is a database that SQLite keeps in a file of its own and removes when it is closed.
    with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as database:
        columns = [f"{part}{number}" for number in range(len(keys)) for part in ("kind", "value")]
        database.execute(f"CREATE TABLE row (number INTEGER PRIMARY KEY, {', '.join(columns)}, body TEXT)")
        marks = ", ".join("?" * (len(columns) + 1))
        database.execute("BEGIN")
        database.executemany(
            f"INSERT INTO row ({', '.join(columns)}, body) VALUES ({marks})",
            ([*_keys(row, keys), text(row)] for row in rows),
        )
        order = ", ".join(
            f"{part}{number} {'DESC' if down else 'ASC'}"
            for number, (_, down) in enumerate(keys)
            for part in ("kind", "value")
        )
        for (body,) in database.execute(f"SELECT body FROM row ORDER BY {order}, number"):
            yield cast("list[Json]", json.loads(body))


def _keys(row: list[Json], keys: Sequence[tuple[int, bool]]) -> list[int | float | str]:
    found: list[int | float | str] = []
    for position, _ in keys:
        kind, value = rank(row[position])
        # Numbers beyond 64 bits are more than the database can hold.
        found += [kind, value if not isinstance(value, int) or abs(value) <= _LARGEST else _about(value)]
    return found


def _about(value: int) -> float:
    return float(max(-_HUGE, min(_HUGE, value)))
