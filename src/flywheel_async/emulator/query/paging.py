"""Which part of a list is wanted: `filter sort limit skip page after_id`, and the rules between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.sorting import parse_sort
from flywheel_async.emulator.query.terms import Condition, SortKey

NAMES = ("filter", "sort", "limit", "skip", "page", "after_id")
_LARGEST = 2**31


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list request.

    Attributes:
        conditions: What an item must fulfil.
        sort: The order wanted; empty means by id.
        limit: Most items to return, or None for all.
        skip: Items to leave out at the start.
        after_id: Only items whose id comes after this one, or None.
    """

    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    limit: int | None = None
    skip: int = 0
    after_id: str | None = None


def parse_list_query(query: Mapping[str, Sequence[str]]) -> ListQuery:
    """Reads the list parameters of a query string.

    Args:
        query: All values of every parameter. Empty ones count as absent, unknown ones are ignored.

    Raises:
        Problem: 422, a parameter is repeated, malformed, or excluded by another one.
    """
    given: dict[str, str] = {}
    for name in NAMES:
        values = query.get(name, ())
        if len(values) > 1:
            raise invalid(f"{name} is given {len(values)} times", "query", name)
        if values and values[0].strip():
            given[name] = values[0]
    # An empty after_id is the start of a walk by id: it excludes the same parameters as a full one.
    walking = "after_id" in query
    for name in ("sort", "page", "skip"):
        if walking and name in given:
            raise invalid(f"after_id and {name} exclude each other", "query", name)
    limit = _number(given, "limit", 0) or None
    page = _number(given, "page", 1)
    skip = _number(given, "skip", 0)
    if page is not None:
        if skip is not None:
            raise invalid("page and skip exclude each other", "query", "page")
        if limit is None:
            raise invalid("page needs a limit", "query", "page")
        skip = limit * (page - 1)
    return ListQuery(
        parse_filter(given.get("filter", "")),
        parse_sort(given.get("sort", "")),
        limit,
        skip or 0,
        given.get("after_id"),
    )


def _number(given: Mapping[str, str], name: str, least: int) -> int | None:
    if name not in given:
        return None
    text = given[name].strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) < least:
        raise invalid(f"{name} must be a whole number of at least {least}", "query", name)
    return min(int(text), _LARGEST)
