"""Conditions as SQL do the same as a plain evaluation in Python, on random documents."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.compiler import Column, Related, Source, compile_filter, compile_sort
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.regexes import RegexBudget
from flywheel_async.emulator.query.sorting import parse_sort
from flywheel_async.emulator.query.terms import (
    AnyOf,
    Bool,
    Compare,
    Condition,
    Instant,
    Null,
    Number,
    Operand,
    Search,
    SortKey,
    Text,
)
from flywheel_async.emulator.schema import SCHEMA
from flywheel_async.emulator.sources import SOURCES

SOURCE = Source(
    "d.body",
    {"label": Column("d.label"), "size": Column("d.size", "number"), "created": Column("d.created", "instant")},
    {"part": Related("FROM part p WHERE p.owner = d.id", Source("p.body", {"name": Column("p.name")}))},
)
COLUMNS = {"label": Text, "size": Number, "created": Instant}

KEYS = ["a", "b", "c d", 'q"', "label", "size", "created"]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.5, 1e300, 2.0**60]),
    st.sampled_from(["", "x", "X", "xy", "ü", "1", "true", "null", "[1]", "{}"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS[:4]), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "body": st.dictionaries(st.sampled_from(KEYS[:4]), VALUES, max_size=3),
        "label": st.none() | st.sampled_from(["x", "xy", "X", "1"]),
        "size": st.none() | st.integers(-2, 2),
        "created": st.none() | st.integers(-2, 2),
        "parts": st.lists(
            st.fixed_dictionaries(
                {"name": st.none() | st.sampled_from(["x", "y"]), "body": st.fixed_dictionaries({"a": VALUES})}
            ),
            max_size=2,
        ),
    }
)
OPERANDS: st.SearchStrategy[Operand] = st.one_of(
    st.sampled_from(["", "x", "X", "xy", "ü", "1", "true"]).map(Text),
    (st.integers(-3, 3) | st.sampled_from([0.5, 1e300, 2.0**60])).map(Number),
    st.integers(-2, 2).map(Instant),
    st.booleans().map(Bool),
    st.just(Null()),
)
PATHS = st.one_of(
    st.lists(st.sampled_from(KEYS[:4]), min_size=1, max_size=3).map(tuple),
    st.sampled_from([("label",), ("size",), ("created",), ("part", "name"), ("part", "a"), ("part", "a", "b")]),
)
ORDERED = OPERANDS.filter(lambda operand: isinstance(operand, Text | Number | Instant))
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, PATHS, st.sampled_from(["=", "!="]), OPERANDS),
    st.builds(Compare, PATHS, st.sampled_from(["<", "<=", ">", ">="]), ORDERED),
    st.builds(AnyOf, PATHS, st.lists(OPERANDS, min_size=1, max_size=3).map(tuple)),
    st.builds(Search, PATHS, st.sampled_from(["x", "^x$", "[xü]", "(?i)X", "."])),
)

Json = object
Document = dict[str, Json]


def reach(value: Json, path: Sequence[str]) -> list[Json]:
    """Returns the values a path leads to, and the elements of those that are arrays."""
    level = [value]
    for key in path:
        inner: list[Json] = []
        for item in level:
            for candidate in item if isinstance(item, list) else [item]:
                if isinstance(candidate, dict) and key in candidate:
                    inner.append(candidate[key])
        level = inner
    return level + [element for item in level if isinstance(item, list) for element in item]


def compare(value: Json, op: str, operand: Operand) -> bool:
    """Compares two values of one type; different types never compare."""
    match operand:
        case Null():
            return value is None
        case Bool(wanted):
            return value is wanted
        case Text(wanted):
            same_type = isinstance(value, str)
        case Number(wanted):
            same_type = isinstance(value, int | float) and not isinstance(value, bool)
        case Instant():
            return False
    if not same_type:
        return False
    left, right = value, wanted
    results = {
        "=": left == right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return results[op]


def holds(document: Document, condition: Condition) -> bool:
    """Evaluates one condition."""
    if isinstance(condition, Compare) and condition.op == "!=":
        return not holds(document, Compare(condition.path, "=", condition.operand))
    if isinstance(condition, AnyOf):
        return any(holds(document, Compare(condition.path, "=", operand)) for operand in condition.operands)
    path = condition.path
    if path[0] == "part" and len(path) > 1:
        parts = document["parts"]
        assert isinstance(parts, list)
        accepted = not parts and isinstance(condition, Compare) and condition.operand == Null()
        return accepted or any(part_holds(part, condition) for part in parts)
    if path[0] in COLUMNS and len(path) == 1:
        return column_holds(document[path[0]], COLUMNS[path[0]], condition)
    found = reach(document["body"], path)
    if isinstance(condition, Search):
        return any(isinstance(value, str) and re.search(condition.pattern, value) for value in found)
    if condition.operand == Null() and not found:
        return True
    return any(compare(value, condition.op, condition.operand) for value in found)


def part_holds(part: Document, condition: Condition) -> bool:
    rest = condition.path[1:]
    inner: Condition
    if isinstance(condition, Search):
        inner = Search(rest, condition.pattern)
    else:
        assert isinstance(condition, Compare)
        inner = Compare(rest, condition.op, condition.operand)
    if rest == ("name",):
        return column_holds(part["name"], Text, inner)
    return holds({"body": part["body"]}, inner)


def column_holds(value: Json, kind: type, condition: Condition) -> bool:
    if isinstance(condition, Search):
        return kind is Text and isinstance(value, str) and re.search(condition.pattern, value) is not None
    assert isinstance(condition, Compare)
    if condition.operand == Null():
        return value is None
    if not isinstance(condition.operand, kind) or value is None:
        return False
    if isinstance(condition.operand, Instant):
        return compare(value, condition.op, Number(condition.operand.ms))
    return compare(value, condition.op, condition.operand)


def database(documents: Iterable[Document]) -> tuple[sqlite3.Connection, RegexBudget]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    budget = RegexBudget.install(connection)
    connection.execute("CREATE TABLE d (id INTEGER PRIMARY KEY, label, size, created, body)")
    connection.execute("CREATE TABLE part (owner, name, body)")
    for number, document in enumerate(documents):
        row = (number, document["label"], document["size"], document["created"], json.dumps(document["body"]))
        connection.execute("INSERT INTO d VALUES (?, ?, ?, ?, ?)", row)
        parts = document["parts"]
        assert isinstance(parts, list)
        for part in parts:
            values = (number, part["name"], json.dumps(part["body"]))
            connection.execute("INSERT INTO part VALUES (?, ?, ?)", values)
    return connection, budget


@settings(max_examples=250, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.lists(CONDITIONS, min_size=1, max_size=2))
def test_sql_selects_what_the_conditions_say(documents: list[Document], conditions: list[Condition]) -> None:
    connection, budget = database(documents)
    try:
        compiled = compile_filter(conditions, SOURCE)
        with budget.running():
            rows = connection.execute(f"SELECT id FROM d WHERE {compiled.text} ORDER BY id", compiled.values)
            found = [row[0] for row in rows]
    finally:
        connection.close()
    wanted = [
        number
        for number, document in enumerate(documents)
        if all(holds(document, condition) for condition in conditions)
    ]
    assert found == wanted


def rank(value: Json) -> tuple[int, Json]:
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (2, value)
    return (1, value)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.dictionaries(st.just("a"), st.none() | st.integers(-2, 2) | st.sampled_from(["x", "y"])), max_size=5),
    st.booleans(),
)
def test_sql_sorts_missing_then_numbers_then_texts(bodies: list[Document], descending: bool) -> None:
    documents = [{"body": body, "label": None, "size": None, "created": None, "parts": []} for body in bodies]
    connection, _ = database(documents)
    try:
        order = compile_sort([SortKey(("a",), descending)], SOURCE)
        rows = connection.execute(f"SELECT id FROM d ORDER BY {order.text}id", order.values).fetchall()
    finally:
        connection.close()
    numbers = range(len(bodies))
    wanted = sorted(numbers, key=lambda number: rank(bodies[number].get("a")), reverse=descending)
    assert [row[0] for row in rows] == wanted


@pytest.mark.parametrize(
    "text", ["x'); DROP TABLE d; --=1", "a\"'b=1", "a' OR 1=1", "$.a=1", "a?b=1", "a[0]=1", "label:x=1"]
)
def test_keys_and_values_never_become_sql(text: str) -> None:
    connection, budget = database([])
    try:
        compiled = compile_filter(parse_filter(text), SOURCE)
        with budget.running():
            assert connection.execute(f"SELECT id FROM d WHERE {compiled.text}", compiled.values).fetchall() == []
        key = text.partition("=")[0].split(",")[0]
        order = compile_sort(parse_sort(f"{key}:asc"), SOURCE)
        connection.execute(f"SELECT id FROM d ORDER BY {order.text}id", order.values)
    finally:
        connection.close()
    assert "DROP" not in compiled.text
    assert "OR 1" not in compiled.text


def test_a_catastrophic_pattern_is_stopped() -> None:
    connection, budget = database([{"body": {}, "label": "a" * 40 + "!", "size": None, "created": None, "parts": []}])
    try:
        compiled = compile_filter(parse_filter("label=~^(a|a|aa)+$"), SOURCE)
        with pytest.raises(Problem) as caught, budget.running():
            connection.execute(f"SELECT id FROM d WHERE {compiled.text}", compiled.values).fetchall()
    finally:
        connection.close()
    assert caught.value.status == 422
    assert "took longer" in caught.value.message


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<n>x)(?P<n>y)(?", "x" * 1001])
def test_a_bad_pattern_is_422(pattern: str) -> None:
    with pytest.raises(Problem) as caught:
        compile_filter(parse_filter(f"label=~{pattern}"), SOURCE)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("_id=0123456789abcdef01234567", "kind=? AND id=?"),
        ("label=x", "label=?"),
        ("project=0123456789abcdef01234567", "project=?"),
        ("parents.group=x", "group_id=?"),
        ("parents.subject=0123456789abcdef01234567", "subject=?"),
        ("label=x,parents.project=0123456789abcdef01234567", "project=? AND label=?"),
    ],
)
def test_ids_parents_and_labels_are_looked_up_in_an_index(text: str, index: str) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in SCHEMA:
            connection.execute(statement)
        compiled = compile_filter(parse_filter(text), SOURCES["session"])
        query = f"SELECT * FROM node d WHERE d.kind = ? AND d.deleted IS NULL AND ({compiled.text}) ORDER BY d.id"
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", ("session", *compiled.values)).fetchall()
    finally:
        connection.close()
    assert index in plan[0][3]
    assert all("TEMP B-TREE" not in row[3] for row in plan), "no sorting is needed"
