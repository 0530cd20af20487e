"""What the query builder writes, a site reads back as the same query, whatever the values hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.emulator.query.terms import Bool, Number, Text
from flywheel_async.emulator.search import tree
from flywheel_async.emulator.search.grammar import parse
from flywheel_async.errors import ArgumentError
from flywheel_async.expressions import (
    All,
    Comparison,
    Contains,
    Either,
    Exists,
    Expression,
    Field,
    Like,
    Negated,
    OneOf,
    q,
)
from flywheel_async.search.writing import MOST_DEPTH, write

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(value: object) -> tree.Value:
    """A value as a site reads it."""
    if isinstance(value, bool):
        return Bool(value)
    if isinstance(value, (int, float)):
        return Number(value)
    if isinstance(value, datetime):
        return tree.Moment((value - EPOCH) // timedelta(microseconds=1))
    assert isinstance(value, str)
    return Text(value)


def expected(expression: Expression) -> tree.Query:
    """The tree a site should get, made without any text."""
    match expression:
        case All(parts):
            return tree.both(map(expected, parts))
        case Either(parts):
            return tree.either(map(expected, parts))
        case Negated(part):
            return tree.Not(expected(part))
        case Comparison(path, "=", None):
            return tree.Not(tree.Exists(path))
        case Comparison(path, "!=", None) | Exists(path):
            return tree.Exists(path)
        case Comparison(path, "!=", value):
            return tree.Not(tree.Is(path, "=", read(value)))
        case Comparison(path, ("=" | "<" | "<=" | ">" | ">=") as operator, value):
            return tree.Is(path, operator, read(value))
        case OneOf(path, values):
            return tree.OneOf(path, tuple(dict.fromkeys(map(read, values))))
        case Like(path, pattern):
            return tree.Like(path, pattern)
        case Contains(path, text):
            return tree.Contains(path, text)
        case _:
            raise AssertionError(expression)


HOSTILE = [
    '" OR file.name EXISTS OR x = "', ") OR (a = 1", "\\", '\\"', "a\\", "\n", "\\n", "NOT", "and", "true", "null",
    "0042", "2024-01-31", "1e5", "", " ", "[x]", "a,b", "'", "*", "%", "_", "=~", "日本", "\x00", "\x85", "\u2028",
]  # fmt: skip
texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(HOSTILE)
keys = st.sampled_from(["file", "session", "label", "info", "AND", "or", "eye color", "a-b", 'x"y', "=", "é", "0", "("])
paths = st.lists(keys, min_size=1, max_size=3).map(tuple)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(-1e150, 1e150).filter(lambda n: n == 0 or abs(n) > 1e-150)
moments = st.datetimes(timezones=st.just(UTC)) | st.datetimes(
    min_value=datetime(1900, 1, 1), timezones=st.just(timezone(timedelta(hours=5, minutes=30)))
)
ordered = st.builds(Comparison, paths, st.sampled_from(["<", "<=", ">", ">="]), texts | numbers | moments)
equal = st.builds(
    Comparison, paths, st.sampled_from(["=", "!="]), texts | numbers | moments | st.booleans() | st.none()
)
listed = st.builds(OneOf, paths, st.lists(texts | numbers, min_size=1, max_size=4).map(tuple))
containing = st.builds(Contains, paths, texts.filter(lambda text: len(text) > 1))


def joined(one: Expression, other: Expression) -> Expression:
    return one & other


def alternative(one: Expression, other: Expression) -> Expression:
    return one | other


def combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.builds(joined, inner, inner) | st.builds(alternative, inner, inner) | st.builds(Negated, inner)


terms: st.SearchStrategy[Expression] = (
    ordered | equal | listed | containing | st.builds(Exists, paths) | st.builds(Like, paths, texts)
)
expressions = st.recursive(terms, combined, max_leaves=12)


@settings(deadline=None, max_examples=100)
@given(expressions)
def test_a_site_reads_what_was_meant(expression: Expression) -> None:
    assert parse(write(expression)) == expected(expression)


@settings(deadline=None)
@given(st.sampled_from([q.session.label, q.info["x y"]]), texts)
def test_a_hostile_value_stays_a_value(field: Field, text: str) -> None:
    found = parse(write((q.a == 1) & (field == text) | (q.b == 2)))
    assert isinstance(found, tree.Or)
    assert isinstance(found.parts[0], tree.And)
    assert found.parts[0].parts[1] == tree.Is(tuple(field._path), "=", Text(text))
    assert len(list(tree.terms(found))) == 3


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            (q.project.label == "Sample")
            & (q.session.age <= 64)
            & q.file.classification.Measurement.contains("T1"),
            'project.label = "Sample" AND session.age <= 64 AND file.classification.Measurement CONTAINS "T1"',
        ),
        ((q.a == 1) | ((q.b == 2) & ~(q.c != 3)), "a = 1 OR (b = 2 AND NOT c != 3)"),
        (~~(q.a == 1), "NOT (NOT a = 1)"),
        (~(q.a == None), "NOT (NOT a EXISTS)"),  # noqa: E711
        (q.a.in_(["x", None]) & (q.b == 1), '(a IN ["x"] OR NOT a EXISTS) AND b = 1'),
        (q.a.in_([]) | (q.b == 1), "(a EXISTS AND NOT a EXISTS) OR b = 1"),
        (q.session.timestamp >= date(2024, 1, 31), "session.timestamp >= 2024-01-31"),
        (q.file.created < "2024-01-31T10:00:00+02:00", "file.created < 2024-01-31T08:00:00+00:00"),
        (q.x == 1e-9, "x = 0.000000001"),
        (q.file.tags.has("done"), 'file.tags = "done"'),
        (q.file.name.like("%.nii*"), 'file.name LIKE "%.nii*"'),
        (q.file.name.exists(), "file.name EXISTS"),
        (q["session.info.x"] == True, "session.info.x = true"),  # noqa: E712
    ],
)  # fmt: skip
def test_texts(expression: Expression, text: str) -> None:
    assert write(expression) == text
    parse(text)


@pytest.mark.parametrize("pattern", ["rest", "^rest", "rest$", "^rest$", "a|b", "^a|b$", r"a\$", r"\d+", "(?i)REST"])
def test_a_pattern_is_found_anywhere_as_in_finders(pattern: str) -> None:
    found = parse(write(q.a.matches(pattern)))
    assert isinstance(found, tree.Matches)
    for text in ("rest", "a rest b", "resting", "a", "b", "xax", "a$", "12", "none", ""):
        assert bool(re.fullmatch(found.pattern, text)) == bool(re.search(pattern, text)), text


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (q.a.contains("x"), "two characters"),
        (q.a == float("nan"), "cannot be compared"),
        (q.a == 1e300, "too large"),
        (q.a == 5e-324, "too small"),
        (q.file.created >= datetime(2024, 1, 1), "no time zone"),
        (q.a == "\ud800", "UTF-8"),
    ],
)
def test_refusals(expression: Expression, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        write(expression)


def test_deep_nesting_is_refused() -> None:
    expression: Expression = q.a == 1
    for _ in range(MOST_DEPTH):
        expression = ~(expression & (q.b == 1))
    with pytest.raises(ArgumentError, match="nested"):
        write(expression)
    wide: Expression = q.a == 0
    for number in range(300):
        wide = wide | (q.a == number)
    assert len(list(tree.terms(parse(write(wide))))) == 301
