"""Random queries, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st
from tests.emulator.search_reference import document, values
from tests.emulator.search_site import THINGS

from flywheel_async.emulator.query.terms import Bool, Number, Text
from flywheel_async.emulator.search.tree import And, Contains, Exists, Is, Like, Matches, Moment, Not, OneOf, Or, Query


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PATHS = [
    ("project", "label"), ("project", "info", "phase"), ("project", "tags"), ("subject", "label"), ("subject", "sex"),
    ("subject", "tags"), ("session", "label"), ("session", "age"), ("session", "timestamp"), ("session", "tags"),
    ("session", "notes", "text"), ("session", "operator"), ("session", "info", "empty"), ("session", "info", "list"),
    ("session", "info", "deep", "a b", "k"), ("session", "info", "deep", "when"), ("session", "info", "mixed"),
    ("session", "info"), ("acquisition", "label"), ("acquisition", "timestamp"), ("analysis", "info", "r"),
    ("analysis", "label"), ("file", "name"), ("file", "type"), ("file", "size"), ("file", "created"),
    ("file", "classification", "Measurement"), ("file", "classification"), ("file", "tags"), ("file", "info", "nested"),
    ("file", "info", "ok"), ("file",), ("session",), ("group", "label"), ("group", "_id"), ("parent", "type"),
    ("parent", "label"), ("parent", "_id"), ("parent", "tags"), ("no", "such"), ("file", 'q"\\uo\nte', "AND"),
]  # fmt: skip


@cache
def _known(path: tuple[str, ...]) -> list[Any]:
    """Values of a field that occur, so that queries find something."""
    found = {repr(value): value for thing in THINGS for value in values(document(thing), path)}
    return [value for value in found.values() if isinstance(value, str | int | float | bool | datetime)]


ODD = [
    "",
    "x",
    "shared",
    'a"b',
    "it's",
    "a\\nb",
    "(",
    "] OR [",
    "NOT",
    "2020-01-01",
    "1",
    1,
    0,
    -1,
    2.5,
    1e15,
    True,
    False,
]
ODD += [day("2020-01-01"), day("2020-01-01T00:00:05.001"), day("2020-01-02T00:00:00.000500")]


def _typed(value: Any) -> Text | Number | Bool | Moment:
    if isinstance(value, bool):
        return Bool(value)
    if isinstance(value, datetime):
        return Moment(int((value - day("1970-01-01")).total_seconds() * 1_000_000))
    return Text(value) if isinstance(value, str) else Number(value)


@st.composite
def a_term(draw: st.DrawFn) -> Query:
    path = draw(st.sampled_from(PATHS))
    value = draw(st.sampled_from(_known(path) + ODD))
    typed = _typed(value)
    word = value if isinstance(value, str) else "sh"
    kinds: list[Query] = [Exists(path), Is(path, "=", typed), OneOf(path, (typed, Text("x")))]
    if not isinstance(value, bool):
        kinds.append(Is(path, draw(st.sampled_from(("<", "<=", ">", ">="))), typed))
    kinds.append(Like(path, draw(st.sampled_from(("%", "?" + word[1:], word[:2] + "*", "_*a%")))))
    kinds.append(Matches(path, draw(st.sampled_from((".*", "(?i)" + "[A-S].*", ".*[0-9]", "fit|rest")))))
    kinds.append(Contains(path, (word + "sh")[:2].upper()))
    return draw(st.sampled_from(kinds))


@st.composite
def a_query(draw: st.DrawFn, deep: int = 3) -> Query:
    kind = draw(st.sampled_from(("term", "term", "not", "and", "or"))) if deep else "term"
    if kind == "term":
        return draw(a_term())
    if kind == "not":
        return Not(draw(a_query(deep - 1)))
    parts = tuple(draw(st.lists(a_query(deep - 1), min_size=2, max_size=3)))
    return And(parts) if kind == "and" else Or(parts)


def written(query: Query) -> str:
    """Writes a query with every combination in parentheses."""
    match query:
        case Not(part):
            return f"NOT ({written(part)})"
        case And(parts):
            return " AND ".join(f"({written(part)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({written(part)})" for part in parts)
        case Is(field, op, value):
            return f"{name(field)} {op} {literal(value)}"
        case OneOf(field, wanted):
            return f"{name(field)} IN [{', '.join(map(literal, wanted))}]"
        case Matches(field, text):
            return f"{name(field)} =~ {quoted(text)}"
        case Like(field, text):
            return f"{name(field)} LIKE {quoted(text)}"
        case Contains(field, text):
            return f"{name(field)} CONTAINS {quoted(text)}"
        case Exists(field):
            return f"{name(field)} EXISTS"


def name(field: tuple[str, ...]) -> str:
    """Writes a field, in quotes."""
    return quoted(".".join(field))


def quoted(text: str) -> str:
    """Writes a text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: Text | Number | Bool | Moment) -> str:
    match value:
        case Text(text):
            return quoted(text)
        case Bool(wanted):
            return str(wanted).lower()
        case Number(number):
            return f"{number:f}" if isinstance(number, float) else str(number)
        case Moment(microseconds):
            return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat()


def flat(query: Query) -> Query:
    """The same query as the parser builds it: combinations inside the same kind of combination dissolved."""
    if isinstance(query, Not):
        return Not(flat(query.part))
    if not isinstance(query, And | Or):
        return query
    parts: list[Query] = []
    for part in map(flat, query.parts):
        parts.extend(part.parts if isinstance(part, And | Or) and type(part) is type(query) else [part])
    return type(query)(tuple(parts))
