"""Turns conditions and sort keys into SQL; every value, and every key of a JSON document, is a bound value.

A key leads to a set of values: through an array it leads to those of each element, and an array at its end counts
as itself and each of its elements. A comparison holds when one of the values fulfils it; `!=` holds when none is equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.regexes import compiled
from flywheel_async.emulator.query.terms import (
    AnyOf,
    Bool,
    Compare,
    Comparison,
    Condition,
    Instant,
    Null,
    Number,
    Operand,
    Path,
    Search,
    SortKey,
    Text,
)
from flywheel_async.emulator.wire import text as to_json

Value: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the values of its question marks, in order."""

    text: str
    values: tuple[Value, ...] = ()


NEVER = Sql("0")
ALWAYS = Sql("1")


@dataclass(frozen=True, slots=True)
class Column:
    """A key that has a column of its own (or an SQL expression) with one type."""

    sql: str
    kind: Literal["text", "instant", "number"] = "text"


@dataclass(frozen=True, slots=True)
class Related:
    """A key that leads to rows of another table.

    Attributes:
        rows: `FROM ... WHERE ...` text that joins them to the row in question.
        source: How the rest of the key is read there.
    """

    rows: str
    source: Source


@dataclass(frozen=True, slots=True)
class Source:
    """How keys of one kind of document are read.

    Attributes:
        body: The JSON column with everything that has no column.
        columns: Keys with a column.
        related: First parts of keys that lead to other tables.
    """

    body: str | None
    columns: Mapping[str, Column]
    related: Mapping[str, Related] = field(default_factory=dict[str, "Related"])


def compile_filter(conditions: Sequence[Condition], source: Source) -> Sql:
    """Returns the SQL of a conjunction; `1` when there is no condition."""
    parts = [_condition(condition, source) for condition in conditions] or [ALWAYS]
    return Sql(" AND ".join(part.text for part in parts), _values(parts))


def compile_sort(keys: Sequence[SortKey], source: Source) -> Sql:
    """Returns the terms of an ORDER BY, each followed by a comma; missing values come first, as in the family.

    Raises:
        Problem: 422, a key leads to another table.
    """
    parts: list[Sql] = []
    for key in keys:
        direction = "DESC" if key.descending else "ASC"
        column = source.columns.get(".".join(key.path))
        if column is not None:
            parts.append(Sql(f"{column.sql} {direction}, "))
        elif source.body is None or (key.path[0] in source.related and len(key.path) > 1):
            raise invalid(f"a list cannot be sorted by {'.'.join(key.path)}", "query", "sort")
        else:
            parts.append(_sort_body(key.path, source.body, direction))
    return Sql("".join(part.text for part in parts), _values(parts))


def _sort_body(path: Path, body: str, direction: str) -> Sql:
    rows = reach(path, body)
    rank = "CASE m.type WHEN 'null' THEN 0 WHEN 'integer' THEN 1 WHEN 'real' THEN 1 WHEN 'text' THEN 2 ELSE 3 END"
    order = f"ORDER BY {rank} {direction}, m.value {direction} LIMIT 1"
    text = (
        f"COALESCE((SELECT {rank} {rows.text} {order}), 0) {direction}, "
        f"(SELECT m.value {rows.text} {order}) {direction}, "
    )
    return Sql(text, rows.values * 2)


def _condition(condition: Condition, source: Source) -> Sql:
    column = source.columns.get(".".join(condition.path))
    if column is not None:
        return _on_column(condition, column)
    if isinstance(condition, Compare) and condition.op == "!=":
        same = _condition(Compare(condition.path, "=", condition.operand), source)
        return Sql(f"NOT ({same.text})", same.values)
    related = source.related.get(condition.path[0]) if len(condition.path) > 1 else None
    if related is not None:
        return _related(condition, related)
    if source.body is None:
        return NEVER
    return _on_body(condition, source.body)


def _related(condition: Condition, related: Related) -> Sql:
    rest = condition.path[1:]
    inner: Condition
    if isinstance(condition, Compare):
        inner = Compare(rest, condition.op, condition.operand)
    elif isinstance(condition, AnyOf):
        inner = AnyOf(rest, condition.operands)
    else:
        inner = Search(rest, condition.pattern)
    held = _condition(inner, related.source)
    found = Sql(f"EXISTS (SELECT 1 {related.rows} AND ({held.text}))", held.values)
    if _accepts_missing(condition):
        return Sql(f"({found.text} OR NOT EXISTS (SELECT 1 {related.rows}))", found.values)
    return found


def _accepts_missing(condition: Condition) -> bool:
    if isinstance(condition, Compare):
        return isinstance(condition.operand, Null)
    return isinstance(condition, AnyOf) and Null() in condition.operands


def _on_column(condition: Condition, column: Column) -> Sql:
    if isinstance(condition, Search):
        compiled(condition.pattern)
        return Sql(f"fw_search(?, {column.sql})", (condition.pattern,)) if column.kind == "text" else NEVER
    operands = condition.operands if isinstance(condition, AnyOf) else (condition.operand,)
    wanted = [value for value in (_plain(operand, column.kind) for operand in operands) if value is not None]
    if isinstance(condition, Compare) and condition.op == "!=":
        if isinstance(condition.operand, Null):
            return Sql(f"{column.sql} IS NOT NULL")
        return Sql(f"{column.sql} IS NOT ?", tuple(wanted)) if wanted else ALWAYS
    if isinstance(condition, Compare) and condition.op != "=":
        return Sql(f"{column.sql} {condition.op} ?", tuple(wanted)) if wanted else NEVER
    parts: list[Sql] = []
    if len(wanted) == 1:
        parts.append(Sql(f"{column.sql} = ?", (wanted[0],)))
    elif wanted:
        parts.append(Sql(f"{column.sql} IN (SELECT value FROM json_each(?))", (to_json(wanted),)))
    if _accepts_missing(condition):
        parts.append(Sql(f"{column.sql} IS NULL"))
    return _either(parts)


def _plain(operand: Operand, kind: str) -> Value | None:
    """Returns the operand as a value of the column's type, or None when the types never meet."""
    if isinstance(operand, Text) and kind == "text":
        return operand.value
    if isinstance(operand, Number) and kind == "number":
        return operand.value
    if isinstance(operand, Instant) and kind == "instant":
        return operand.ms
    return None


def _on_body(condition: Condition, body: str) -> Sql:
    rows = reach(condition.path, body)
    test = _tests(condition)
    found: list[Sql] = []
    if test is not NEVER:
        found.append(Sql(f"EXISTS (SELECT 1 {rows.text} WHERE {test.text})", rows.values + test.values))
    if _accepts_missing(condition):
        found.append(Sql(f"NOT EXISTS (SELECT 1 {rows.text})", rows.values))
    return _either(found)


def reach(path: Path, body: str, *, nested: bool = False) -> Sql:
    """Returns `FROM` text whose alias `m` runs over the values of a path: `m.type` and `m.value`.

    Args:
        path: The parts of the key.
        body: The JSON column.
        nested: Whether a list at the end of the path also counts the elements of the lists in it.
    """
    tables = [f"json_each({body}) k0"]
    conditions = ["k0.key = ?"]
    for level in range(1, len(path)):
        above = f"k{level - 1}"
        # An object counts as an array of one, so that both are entered the same way.
        tables.append(
            f"json_each(CASE {above}.type WHEN 'object' THEN '[' || {above}.value || ']' "
            f"WHEN 'array' THEN {above}.value ELSE '[]' END) e{level}"
        )
        tables.append(f"json_each(CASE e{level}.type WHEN 'object' THEN e{level}.value ELSE '{{}}' END) k{level}")
        conditions.append(f"k{level}.key = ?")
    last = f"k{len(path) - 1}"
    inner = (
        f"SELECT {last}.type AS type, {last}.value AS value FROM {', '.join(tables)} WHERE {' AND '.join(conditions)}"
    )
    elements = "SELECT a.type, a.value FROM v, json_each(CASE v.type WHEN 'array' THEN v.value ELSE '[]' END) a"
    if nested:
        rows = f"WITH RECURSIVE v(type, value) AS ({inner} UNION ALL {elements}) SELECT type, value FROM v"
    else:
        rows = f"WITH v AS ({inner}) SELECT type, value FROM v UNION ALL {elements}"
    return Sql(f"FROM ({rows}) m", path)


def _tests(condition: Condition) -> Sql:
    if isinstance(condition, Search):
        compiled(condition.pattern)
        return Sql("m.type = 'text' AND fw_search(?, m.value)", (condition.pattern,))
    if isinstance(condition, Compare):
        return _test_one(condition.op, condition.operand)
    texts = [operand.value for operand in condition.operands if isinstance(operand, Text)]
    numbers = [operand.value for operand in condition.operands if isinstance(operand, Number)]
    others = {operand for operand in condition.operands if isinstance(operand, Bool | Null)}
    parts = [_test_one("=", operand) for operand in sorted(others, key=repr)]
    if texts:
        parts.append(Sql("m.type = 'text' AND m.value IN (SELECT value FROM json_each(?))", (to_json(texts),)))
    if numbers:
        parts.append(
            Sql(f"m.type IN ({_NUMERIC}) AND m.value IN (SELECT value FROM json_each(?))", (to_json(numbers),))
        )
    return _either(parts)


_NUMERIC = "'integer', 'real'"


def _test_one(op: Comparison, operand: Operand) -> Sql:
    match operand:
        case Text(value):
            return Sql(f"m.type = 'text' AND m.value {op} ?", (value,))
        case Number(value):
            return Sql(f"m.type IN ({_NUMERIC}) AND m.value {op} ?", (value,))
        case Bool(value):
            return Sql("m.type = ?", ("true" if value else "false",))
        case Null():
            return Sql("m.type = 'null'")
        case Instant():
            # A text that looks like a date stays a text: only real instants, which have columns, are compared.
            return NEVER


def _either(parts: Sequence[Sql]) -> Sql:
    if not parts:
        return NEVER
    return Sql("(" + " OR ".join(f"({part.text})" for part in parts) + ")", _values(parts))


def _values(parts: Sequence[Sql]) -> tuple[Value, ...]:
    return tuple(value for part in parts for value in part.values)
