"""Turns a query into SQL conditions on the rows of one kind of document.

Fields of an ancestor become a set of ids that SQLite finds once for the whole search, which joins nothing.
All values, and all parts of field names, are bound values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flywheel_async.emulator.nodes import OWNERS
from flywheel_async.emulator.query.compiler import ALWAYS, NEVER, Column, Sql, Value, reach
from flywheel_async.emulator.query.terms import Bool, Number, Path, Text
from flywheel_async.emulator.search.documents import PARENT, Document, columns
from flywheel_async.emulator.search.tree import (
    And,
    Contains,
    Exists,
    Is,
    Like,
    Matches,
    Moment,
    Not,
    OneOf,
    Or,
    Query,
    Term,
    depth,
    terms,
)
from flywheel_async.emulator.search.tree import Value as Operand
from flywheel_async.emulator.wire import text as to_json

_TO_GLOB = str.maketrans({"_": "?", "%": "*", "[": "[[]"})
_NUMERIC = "'integer', 'real'"
_KIND_OF: Mapping[type, str] = {Text: "text", Number: "number", Moment: "instant"}


def levels_of(query: Query) -> set[str]:
    """Returns the first parts of all field names of a query."""
    return {term.field[0] for term in terms(query)}


class Sets:
    """The sets of ancestors that one search needs, each under a name."""

    def __init__(self) -> None:
        self._names: dict[Sql, str] = {}

    def name(self, rows: Sql) -> str:
        """Returns the name of the set of ids that a SELECT gives."""
        return self._names.setdefault(rows, f"s{len(self._names)}")

    def sql(self) -> Sql:
        """Returns the `WITH` that makes the sets, empty when there are none."""
        if not self._names:
            return Sql("")
        made = ", ".join(f"{name}(id) AS MATERIALIZED ({rows.text})" for rows, name in self._names.items())
        return Sql(f"WITH {made} ", _values([*self._names]))


def compile_query(query: Query, document: Document, sets: Sets) -> Sql:
    """Returns the condition for the documents of one kind; their alias is `d`.

    Args:
        query: What is asked for.
        document: The kind of document. What it has no level for is missing in it: the condition may be `0` or `1`.
        sets: The sets that the condition needs are added to it.
    """
    return _compile(query, document, sets, negated=False)


def _compile(query: Query, document: Document, sets: Sets, *, negated: bool) -> Sql:
    """Compiles a query or its opposite: a NOT goes down to the terms, where missing values can be told apart."""
    if isinstance(query, Not):
        return _compile(query.part, document, sets, negated=not negated)
    if isinstance(query, And | Or):
        # SQLite reads what is deep and comes first with the least memory, of which it has a fixed amount.
        ordered = sorted(query.parts, key=depth, reverse=True)
        parts = [_compile(part, document, sets, negated=negated) for part in ordered]
        return join(parts, all_of=isinstance(query, And) is not negated)
    held = _term(query, document, sets)
    if not negated:
        return held
    if held in (NEVER, ALWAYS):
        return ALWAYS if held == NEVER else NEVER
    return Sql(f"NOT COALESCE({held.text}, 0)", held.values)


def join(parts: Sequence[Sql], *, all_of: bool) -> Sql:
    """Joins conditions by AND or by OR, leaving out those that decide nothing."""
    neutral, deciding = (ALWAYS, NEVER) if all_of else (NEVER, ALWAYS)
    left = [part for part in parts if part != neutral]
    if deciding in left:
        return deciding
    if len(left) < 2:
        return left[0] if left else neutral
    sign = " AND " if all_of else " OR "
    return Sql(f"({sign.join(part.text for part in left)})", _values(left))


def _term(term: Term, document: Document, sets: Sets) -> Sql:
    level, rest = term.field[0], term.field[1:]
    at = document.parent if level == PARENT else document.ids.get(level)
    if at is None:
        return NEVER
    if not rest:
        return Sql(f"({at} IS NOT NULL)") if isinstance(term, Exists) else NEVER
    if level == document.kind:
        return test(term, rest, columns(level, "d"), "d.body")
    held = test(term, rest, columns(level, "n"), "n.body")
    if held == NEVER:
        return NEVER
    kinds = f"IN {OWNERS}" if level == PARENT else f"= '{level}'"
    found = f"SELECT n.id FROM node n WHERE n.kind {kinds} AND n.deleted IS NULL AND {held.text}"
    return Sql(f"{at} IN {sets.name(Sql(found, held.values))}")


def test(term: Term, path: Path, known: Mapping[str, Column], body: str) -> Sql:
    """Returns the condition of one term on one row.

    Args:
        term: The term.
        path: Its field below the level.
        known: Fields with a column.
        body: The JSON column with all others.
    """
    column = known.get(".".join(path))
    if column is not None:
        return _on_column(term, column)
    held = _on_value(term)
    if held == NEVER:
        return NEVER
    rows = reach(path, body, nested=True)
    return Sql(f"EXISTS (SELECT 1 {rows.text} WHERE {held.text})", rows.values + held.values)


def _on_column(term: Term, column: Column) -> Sql:
    match term:
        case Exists():
            return Sql(f"({column.sql} IS NOT NULL AND {column.sql} != '')")
        case Is(_, op, value):
            member = _as(column, type(value))
            return NEVER if member is None else Sql(f"({member} {op} ?)", (_plain(value),))
        case OneOf(_, values):
            kinds = {type(value): _as(column, type(value)) for value in values}
            parts = [
                _in(member, [value for value in values if type(value) is kind])
                for kind, member in kinds.items()
                if member is not None
            ]
            return join(parts, all_of=False)
        case _:
            return _on_text(term, column.sql) if column.kind == "text" else NEVER


def _as(column: Column, kind: type) -> str | None:
    """Returns the SQL that a value of a kind is compared with, or None when the types never meet."""
    if column.kind == "text" and kind is Moment:
        return f"fw_moment({column.sql})"
    return column.sql if _KIND_OF.get(kind) == column.kind else None


def _on_text(term: Matches | Like | Contains, value: str) -> Sql:
    match term:
        case Matches(_, pattern):
            return Sql(f"fw_fits(?, {value})", (pattern,))
        case Like(_, pattern):
            return Sql(f"({value} GLOB ?)", (pattern.translate(_TO_GLOB),))
        case Contains(_, piece):
            return Sql(f"fw_contains(?, {value})", (piece.casefold(),))


def _on_value(term: Term) -> Sql:
    """Returns the condition on one value `m.value` of type `m.type` in a document."""
    match term:
        case Exists():
            return Sql(
                "(m.type NOT IN ('null', 'array') AND NOT (m.type = 'text' AND m.value = '')"
                " AND NOT (m.type = 'object' AND m.value = '{}'))"
            )
        case Is(_, op, value):
            return _compare(op, value)
        case OneOf(_, values):
            return _any_of(values)
        case _:
            held = _on_text(term, "m.value")
            return Sql(f"(m.type = 'text' AND {held.text})", held.values)


def _compare(op: str, value: Operand) -> Sql:
    match value:
        case Text(wanted):
            return Sql(f"(m.type = 'text' AND m.value {op} ?)", (wanted,))
        case Number(wanted):
            return Sql(f"(m.type IN ({_NUMERIC}) AND m.value {op} ?)", (wanted,))
        case Bool(wanted):
            return Sql("(m.type = ?)", ("true" if wanted else "false",))
        case Moment():
            return Sql(f"(m.type = 'text' AND fw_moment(m.value) {op} ?)", (_plain(value),))


def _any_of(values: Sequence[Operand]) -> Sql:
    texts = [value for value in values if isinstance(value, Text)]
    numbers = [value for value in values if isinstance(value, Number)]
    moments = [value for value in values if isinstance(value, Moment)]
    parts = [_compare("=", Bool(value)) for value in (True, False) if Bool(value) in values]
    for kind, member, wanted in (
        ("'text'", "m.value", texts),
        (_NUMERIC, "m.value", numbers),
        ("'text'", "fw_moment(m.value)", moments),
    ):
        held = _in(member, wanted)
        parts.append(held if held == NEVER else Sql(f"(m.type IN ({kind}) AND {held.text})", held.values))
    return join(parts, all_of=False)


def _in(value: str, wanted: Sequence[Operand]) -> Sql:
    if not wanted:
        return NEVER
    return Sql(f"({value} IN (SELECT value FROM json_each(?)))", (to_json([_plain(item) for item in wanted]),))


def _plain(value: Operand) -> Value:
    """Returns a value as the database keeps it."""
    if isinstance(value, Moment):
        whole, rest = divmod(value.microseconds, 1000)
        return value.microseconds / 1000 if rest else whole
    return value.value


def _values(parts: Sequence[Sql]) -> tuple[Value, ...]:
    return tuple(value for part in parts for value in part.values)
