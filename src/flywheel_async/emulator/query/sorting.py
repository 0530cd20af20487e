"""The sort grammar: `key[:asc|desc|1|-1]`, joined by commas."""

from __future__ import annotations

from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.filters import parse_path
from flywheel_async.emulator.query.terms import SortKey

MAX_KEYS = 20

_DESCENDING = {"asc": False, "1": False, "desc": True, "-1": True}


def parse_sort(text: str) -> tuple[SortKey, ...]:
    """Reads a sort order.

    Args:
        text: The order; empty or blank means none.

    Returns:
        The keys, most significant first.

    Raises:
        Problem: 422, a key is empty, a direction is unknown, or there are too many keys.
    """
    if not text.strip():
        return ()
    parts = text.split(",")
    if len(parts) > MAX_KEYS:
        raise invalid(f"more than {MAX_KEYS} sort keys", "query", "sort")
    return tuple(_parse_key(part) for part in parts)


def _parse_key(part: str) -> SortKey:
    key, colon, direction = part.strip().rpartition(":")
    if not colon:
        return SortKey(parse_path(direction, "sort"))
    if direction not in _DESCENDING:
        raise invalid(f"unknown sort direction {direction!r}: use asc, desc, 1 or -1", "query", "sort")
    return SortKey(parse_path(key, "sort"), _DESCENDING[direction])
