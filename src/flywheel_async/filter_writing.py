"""Writes filter expressions in the grammar of finders, and puts all filters of a call together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import product
from typing import cast
from urllib.parse import quote

from flywheel_async.errors import ArgumentError
from flywheel_async.expressions import (
    All,
    Comparison,
    Contains,
    Either,
    Exists,
    Expression,
    Like,
    Matches,
    Negated,
    OneOf,
    Path,
    Scalar,
)
from flywheel_async.filter_doubts import doubt, is_time
from flywheel_async.filters import Term, parse_filter
from flywheel_async.raw.times import at_zone
from flywheel_async.resources.bodies import moment

MOST_VALUES = 100
"""Values of an any-of list in one request at most."""

MOST_BYTES = 4096
"""Bytes that the any-of lists of one request take in its URL at most."""

_ID = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)
_ID_KEYS = frozenset(
    ("_id", "id", "file_id", "group", "project", "subject", "session", "acquisition", "analysis", "collections")
)
_UNFIT_IN_KEY = re.compile(r"[=<>!,]|^\s|\s$")


@dataclass(frozen=True, slots=True)
class Listed:
    """An any-of list, its values as written."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for.

    Attributes:
        texts: One filter text per request; their matches together are wanted. None means no filter.
        doubts: What the user should be told about the filters.
    """

    texts: list[str | None]
    doubts: list[str]


def plan(filters: Sequence[object], keyword: object = None, zone: tzinfo | None = None) -> Plan:
    """Checks the filters of a finder call and writes them.

    Args:
        filters: The positional filters, texts or expressions.
        keyword: The `filter=` keyword of the same call, or None.
        zone: The time zone of date-times without one; None refuses them.

    Returns:
        One text, or several where a list of values is too long for one request.

    Raises:
        ArgumentError: One of them cannot be read, or has no counterpart in the grammar; nothing has been sent.
    """
    parts: list[str | Listed] = []
    doubts: list[str | None] = []
    for item in (*filters, *([] if keyword is None else [keyword])):
        if isinstance(item, str):
            doubts += [doubt(term) for term in parse_filter(item)]
            parts.append(item)
        elif isinstance(item, Expression):
            for term in terms(item, zone):
                if isinstance(term, Listed):
                    found = (doubt(Term(term.key, "=", value)) for value in term.values)
                    doubts.append(next((text for text in found if text), None))
                    parts.append(term)
                else:
                    # None in an expression is meant as such; in a text, null may be meant as a word.
                    doubts.append(None if term.value == "null" else doubt(term))
                    parts.append(str(term))
        else:
            raise ArgumentError(
                f"a filter must be a text such as 'label=rest' or an expression such as f.label == 'rest', "
                f"not a {type(item).__name__}"
            )
    for part in parts[:-1]:
        if isinstance(part, str) and part.endswith("\\"):
            raise ArgumentError(
                rf"filter {part!r}: its last \ would swallow the comma before the next; make it the last"
            )
    lists = sum(isinstance(part, Listed) for part in parts)
    choices = [[part] if isinstance(part, str) else list(_chunks(part, MOST_BYTES // lists)) for part in parts]
    return Plan([",".join(choice) or None for choice in product(*choices)], [text for text in doubts if text])


def terms(expression: Expression, zone: tzinfo | None = None) -> Iterator[Term | Listed]:
    """Writes an expression.

    Args:
        expression: The expression.
        zone: The time zone of date-times without one; None refuses them.

    Yields:
        Terms that all have to hold.

    Raises:
        ArgumentError: The grammar has no counterpart for it.
    """
    match expression:
        case All(parts):
            for part in parts:
                yield from terms(part, zone)
        case Comparison(path, operator, value):
            yield Term(_key(path), operator, _value(path, value, zone))
        case OneOf(path, values):
            yield _list(path, values, zone)
        case Either():
            path, values = _same_field(expression)
            yield _list(path, values, zone)
        case Matches(path, pattern):
            yield Term(_key(path), "=~", _pattern(pattern))
        case Contains(path, text):
            key = ".".join(path)
            raise ArgumentError(
                f"finders have no counterpart of f.{key}.contains; write f.{key}.matches({re.escape(text)!r})"
            )
        case Like(path, _):
            key = ".".join(path)
            raise ArgumentError(f"finders have no counterpart of f.{key}.like; write f.{key}.matches('^…$')")
        case Exists(path):
            key = ".".join(path)
            raise ArgumentError(f"finders have no counterpart of f.{key}.exists(); write f.{key} != None")
        case Negated(part):
            hint = f"; write f.{'.'.join(part.path)} != …" if isinstance(part, (Comparison, OneOf)) else ""
            raise ArgumentError(f"finders have no counterpart of ~ (not){hint}")
        case _:
            raise ArgumentError(f"finders have no counterpart of a {type(expression).__name__}")


def equal(key: str, value: str) -> str:
    """Writes the condition that a field has exactly this text or id."""
    path = tuple(key.split("."))
    return str(Term(_key(path), "=", _value(path, value, None)))


def text_literal(value: str) -> str:
    """Writes a text so that it is read as exactly this text."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace(",", "\\,")
    return f'"{escaped}"'


def _same_field(expression: Either) -> tuple[Path, tuple[Scalar, ...]]:
    paths: set[Path] = set()
    values: list[Scalar] = []
    for part in expression.parts:
        if isinstance(part, Comparison) and part.operator == "=":
            paths.add(part.path)
            values.append(part.value)
        elif isinstance(part, OneOf):
            paths.add(part.path)
            values += part.values
        else:
            paths.add(())
    if len(paths) > 1 or () in paths:
        raise ArgumentError(
            "finders know | only between equalities of one field, as in (f.label == 'a') | (f.label == 'b'); "
            "ask twice and join the results"
        )
    return paths.pop(), tuple(values)


def _list(path: Path, values: Iterable[Scalar], zone: tzinfo | None) -> Listed:
    return Listed(_key(path), tuple(dict.fromkeys(_value(path, value, zone) for value in values)))


def _chunks(part: Listed, room: int) -> Iterator[str]:
    """Any-of terms that together hold all values of a list, each short enough for a URL."""
    chunk: list[str] = []
    size = 0
    for value in part.values:
        length = len(quote(value, safe="")) + len(quote(","))
        if chunk and (len(chunk) == MOST_VALUES or size + length > room):
            yield f"{part.key}=|[{','.join(chunk)}]"
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield f"{part.key}=|[{','.join(chunk)}]"


def _key(path: Path) -> str:
    if path == ("id",):
        path = ("_id",)
    # Sites store keys of info with a dot under another name, see update_info.
    keys = [key.replace(".", "_").replace("$", "-") if place else key for place, key in enumerate(path)]
    for key in keys:
        if unfit := _UNFIT_IN_KEY.search(key):
            raise ArgumentError(f"the field name {key!r} cannot stand in a finder filter, because of {unfit.group()!r}")
    return ".".join(keys)


def _value(path: Path, value: Scalar, zone: tzinfo | None) -> str:
    if isinstance(value, str):
        if is_time(".".join(path)):
            return _instant(path, cast("datetime", moment(value, ".".join(path), zone)), zone)
        # Ids are not texts on a site, so they are written without quotes; a label that looks like one is a text.
        is_id = path[-1] in _ID_KEYS and "info" not in path and _ID.fullmatch(value)
        return value if is_id else text_literal(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ArgumentError(f"{'.'.join(path)}: {value} is too large a number for a site")
        return int.__repr__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ArgumentError(f"{'.'.join(path)}: {value} cannot be compared with")
        return float.__repr__(value)
    return _instant(path, value, zone)


def _instant(path: Path, value: date, zone: tzinfo | None) -> str:
    name = ".".join(path)
    if "info" in path:
        text = value.isoformat()
        raise ArgumentError(f"{name}: info holds dates as text; compare with the text as stored, for example {text!r}")
    if is_time(name):
        value = cast("datetime", moment(value, name, zone))
    if not isinstance(value, datetime):
        return value.isoformat()
    try:
        # In UTC, since some zones of the past have offsets with seconds, which sites do not read.
        return datetime.isoformat(at_zone(value, name, zone).astimezone(UTC))
    except OverflowError:
        raise ArgumentError(f"{name}: the date-time {value.isoformat()} is out of range") from None


def _pattern(pattern: str) -> str:
    text = pattern
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise ArgumentError(rf"the regular expression {pattern!r} ends with a lone \; write \\ for a backslash")
    if text.endswith("\\"):
        text = text[:-2] + r"\x5c"  # the same, but it leaves the comma of the next term alone
    return text.replace(",", "\\,")
