"""The other ways to say what to find: plain words, and filters in the form that search engines take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.filters import parse_path
from flywheel_async.emulator.query.terms import Bool, Number, Path, Text
from flywheel_async.emulator.search.grammar import MAX_LENGTH, MAX_TERMS, MAX_VALUES, QueryError, parse
from flywheel_async.emulator.search.tree import (
    Contains,
    Exists,
    Is,
    Moment,
    Not,
    OneOf,
    Order,
    Query,
    Value,
    both,
    either,
    terms,
)
from flywheel_async.emulator.search.words import microseconds
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.search.inputs import MatchInput

_SEARCHED: tuple[Path, ...] = (
    *(((level, "label")) for level in ("group", "project", "subject", "session", "acquisition", "analysis")),
    ("file", "name"),
    ("file", "type"),
    *(((level, "tags")) for level in ("project", "subject", "session", "acquisition", "analysis", "file")),
)
"""Where plain words are looked for."""

_LARGEST = 1e300
_ORDERS: Mapping[str, Order] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def wanted(given: MatchInput) -> Query | None:
    """Returns everything that a request asks for as one query, or None when it asks for all.

    Raises:
        Problem: 422, a part of it cannot be understood; the detail says where.
    """
    parts: list[Query] = []
    if given.structured_query is not None:
        parts.append(structured(given.structured_query))
    if given.search_string is not None:
        parts.extend(_words(given.search_string))
    parts.extend(_filter(entry) for entry in given.filters or [])
    found = both(parts) if parts else None
    if found is not None and sum(1 for _ in terms(found)) > MAX_TERMS:
        raise invalid(f"more than {MAX_TERMS} conditions", "body")
    return found


def structured(query: str) -> Query:
    """Reads a query text.

    Raises:
        Problem: 422; the detail holds line, position and offset.
    """
    try:
        return parse(query)
    except QueryError as error:
        place: Doc = {"line": error.line, "pos": error.pos, "offset": error.offset}
        message = f"line {error.line}, position {error.pos}: {error.message}"
        loc = ["body", "structured_query"]
        detail: Doc = {"loc": [*loc], "msg": error.message, "type": "value_error", "ctx": place}
        raise Problem(422, message, detail=[detail]) from None


def _words(text: str) -> list[Query]:
    """Every word must be found in one of the fields, whatever its case."""
    if len(text) > MAX_LENGTH or len(words := text.split()) * len(_SEARCHED) > MAX_TERMS:
        raise invalid("the search string has too many words", "body", "search_string")
    return [either(Contains(field, word) for field in _SEARCHED) for word in words]


def _filter(entry: Mapping[str, Json]) -> Query:
    kinds: Mapping[str, Callable[[Path, Json], Query]] = {"term": _term, "terms": _terms, "range": _range}
    if len(entry) != 1 or next(iter(entry)) not in kinds:
        raise invalid("a filter is one of term, terms and range", "body", "filters")
    ((kind, inner),) = entry.items()
    if not isinstance(inner, dict) or not inner or len(inner) > MAX_TERMS:
        raise invalid(f"{kind} takes an object of fields", "body", "filters")
    return both(kinds[kind](parse_path(str(name), "filters"), value) for name, value in inner.items())


def _term(field: Path, value: Json) -> Query:
    # The text "null" stands for a missing value.
    return Not(Exists(field)) if value == "null" else Is(field, "=", _value(value))


def _terms(field: Path, values: Json) -> Query:
    if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
        raise invalid(f"terms takes a list of 1 to {MAX_VALUES} values", "body", "filters")
    named = tuple(_value(value) for value in values if value != "null")
    missing = [Not(Exists(field))] if len(named) < len(values) else []
    return either([*([OneOf(field, named)] if named else []), *missing])


def _range(field: Path, ends: Json) -> Query:
    if not isinstance(ends, dict) or not ends or not ends.keys() <= _ORDERS.keys():
        raise invalid("range takes gt, gte, lt and lte", "body", "filters")
    return both(Is(field, _ORDERS[name], _end(value)) for name, value in ends.items())


def _end(value: Json) -> Value:
    # JSON has no dates: where a range begins or ends, a text that looks like one is meant as one.
    moment = microseconds(value) if isinstance(value, str) else None
    return _value(value) if moment is None else Moment(moment)


def _value(value: Json) -> Value:
    if isinstance(value, bool):
        return Bool(value)
    if isinstance(value, int | float) and abs(value) < _LARGEST:
        return Number(value if abs(value) < 2**63 else float(value))
    if isinstance(value, str):
        return Text(value)
    raise invalid("a filter takes texts, numbers, true and false", "body", "filters")
