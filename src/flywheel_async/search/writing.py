"""Writes expressions in the query language of searches; no I/O happens here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import cast

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
from flywheel_async.filter_doubts import is_time
from flywheel_async.raw.times import at_zone
from flywheel_async.resources.bodies import moment

MOST_DEPTH = 20
"""Levels of brackets that are written at most; sites refuse queries that are nested without end."""

_MOST_DIGITS = 200
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*", re.ASCII)
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_KEYWORDS = frozenset(("AND", "OR", "NOT", "IN", "LIKE", "CONTAINS", "EXISTS"))
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def write(expression: Expression, zone: tzinfo | None = None) -> str:
    """Writes an expression as a query.

    Args:
        expression: What has to hold.
        zone: The time zone of date-times without one; None refuses them.

    Returns:
        The query; read by a site, it says just what the expression does, whatever its values hold.

    Raises:
        ArgumentError: A value cannot be compared with, or the expression is nested too deeply.

    Example:
        >>> write((q.project.label == "Sample") & (q.session.age <= 64))
        'project.label = "Sample" AND session.age <= 64'
    """
    return _write(expression, zone, 0)


def literal(text: str) -> str:
    """Writes a text so that it is read as exactly this text."""
    return f'"{text.translate(_ESCAPES)}"'


def _write(expression: Expression, zone: tzinfo | None, depth: int) -> str:
    if depth > MOST_DEPTH:
        raise ArgumentError(f"the search expression is nested more than {MOST_DEPTH} levels deep; make it flatter")
    match expression:
        case All(parts):
            return _joined(" AND ", parts, zone, depth)
        case Either(parts):
            return _joined(" OR ", parts, zone, depth)
        case Negated(part):
            text = _closed(part, zone, depth)
            return f"NOT ({text})" if text.startswith("NOT ") else f"NOT {text}"
        case Comparison(path, operator, None):
            return f"{_key(path)} EXISTS" if operator == "!=" else f"NOT {_key(path)} EXISTS"
        case Comparison(path, operator, value):
            return f"{_key(path)} {operator} {_value(path, value, zone)}"
        case OneOf(path, values):
            return _one_of(path, values, zone)
        case Matches(path, pattern):
            return f"{_key(path)} =~ {literal(_anywhere(pattern))}"
        case Like(path, pattern):
            return f"{_key(path)} LIKE {literal(_text(path, pattern))}"
        case Contains(path, text):
            if len(_text(path, text)) < 2:
                raise ArgumentError(f"q.{'.'.join(path)}.contains needs a text of two characters or more, not {text!r}")
            return f"{_key(path)} CONTAINS {literal(text)}"
        case Exists(path):
            return f"{_key(path)} EXISTS"
        case _:
            raise ArgumentError(f"searches have no counterpart of a {type(expression).__name__}")


def _joined(sign: str, parts: Sequence[Expression], zone: tzinfo | None, depth: int) -> str:
    return sign.join(_closed(part, zone, depth) for part in parts)


def _closed(part: Expression, zone: tzinfo | None, depth: int) -> str:
    """Writes a part so that what stands beside it does not reach into it."""
    text = _write(part, zone, depth + 1)
    several = isinstance(part, (All, Either)) or (isinstance(part, OneOf) and (not part.values or None in part.values))
    return f"({text})" if several else text


def _one_of(path: Path, values: Sequence[Scalar], zone: tzinfo | None) -> str:
    key = _key(path)
    if not values:
        return f"{key} EXISTS AND NOT {key} EXISTS"  # nothing is one of no values
    written = dict.fromkeys(_value(path, value, zone) for value in values if value is not None)
    terms = [f"{key} IN [{', '.join(written)}]"] if written else []
    if None in values:
        terms.append(f"NOT {key} EXISTS")
    return " OR ".join(terms)


def _key(path: Path) -> str:
    # Sites store keys of info with a dot under another name, see update_info.
    keys = [key.replace(".", "_").replace("$", "-") if place else key for place, key in enumerate(path)]
    text = ".".join(keys)
    return text if _BARE.fullmatch(text) and text.upper() not in _KEYWORDS else literal(_text(path, text))


def _text(path: Path, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{'.'.join(path)!a}: the text {value!a} cannot be sent as UTF-8") from None
    return value


def _value(path: Path, value: Scalar, zone: tzinfo | None) -> str:
    name = ".".join(path)
    if isinstance(value, str):
        if is_time(name):
            return _instant(name, cast("datetime", moment(value, name, zone)), zone)
        return literal(_text(path, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ArgumentError(f"{name}: {value} cannot be compared with")
        text = format(Decimal(float.__repr__(value)), "f")  # the language has no exponents
        if len(text) > _MOST_DIGITS:
            raise ArgumentError(f"{name}: {value} is too large or too small a number for a search")
        return text if "." in text else f"{text}.0"
    if value is None:
        raise ArgumentError(f"{name}: None is no value here; write q.{name}.exists() or ~q.{name}.exists()")
    return _instant(name, value, zone)


def _instant(name: str, value: date, zone: tzinfo | None) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    try:
        return datetime.isoformat(at_zone(value, name, zone).astimezone(UTC))
    except OverflowError:
        raise ArgumentError(f"{name}: the date-time {value.isoformat()} is out of range") from None


def _anywhere(pattern: str) -> str:
    """Makes a regular expression that is found anywhere, as in finders, out of one that is held against the whole."""
    flags = _FLAGS.match(pattern)
    start = flags.group() if flags else ""
    pattern = pattern[len(start) :]
    if "|" in pattern:
        return f"{start}.*({pattern}).*"
    begins, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    inner = pattern[begins : len(pattern) - ends]
    return f"{start}{'' if begins else '.*'}{inner}{'' if ends else '.*'}"
