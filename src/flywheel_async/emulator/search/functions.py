"""What search conditions call from inside SQLite, beside regular expressions."""

from __future__ import annotations

import sqlite3

from flywheel_async.emulator.search.words import microseconds


def install(connection: sqlite3.Connection) -> None:
    """Adds the functions to a connection."""
    connection.create_function("fw_contains", 2, _contains, deterministic=True)
    connection.create_function("fw_moment", 1, _moment, deterministic=True)


def _contains(folded: str, value: object) -> int:
    return int(isinstance(value, str) and folded in value.casefold())


def _moment(value: object) -> float | None:
    """Returns the milliseconds of a text that is a date; documents have no dates of their own."""
    found = microseconds(value) if isinstance(value, str) else None
    return None if found is None else found / 1000
