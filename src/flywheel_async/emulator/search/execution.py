"""Runs a query: the distinct things of one kind that matching documents belong to, as far as the caller sees them."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flywheel_async.emulator.access import visible
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.compiler import NEVER, Sql
from flywheel_async.emulator.search.compiler import Sets, compile_query, join, levels_of
from flywheel_async.emulator.search.documents import DOCUMENTS, PARENT, columns
from flywheel_async.emulator.search.tree import Query

if TYPE_CHECKING:
    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.database import Tx

LIMIT_SECONDS = 10.0
"""Longest time that one search may take."""


@contextmanager
def time_limit(tx: Tx) -> Generator[None]:
    """Ends what runs in it when it takes too long.

    Raises:
        Problem: 422.
    """
    with tx.ended_after(LIMIT_SECONDS) as ended:
        try:
            yield
        except sqlite3.OperationalError:
            if not ended():
                raise
            raise invalid(f"the search took longer than {LIMIT_SECONDS:g} s; narrow it", "body") from None


def find(
    tx: Tx, caller: Caller, query: Query | None, kind: str, *, size: int, order: Sql | None = None
) -> list[sqlite3.Row]:
    """Returns the rows of the things found, oldest first unless ordered otherwise.

    Args:
        tx: The transaction.
        caller: Whose permissions count.
        query: What to find; None means everything.
        kind: What to return, such as `session`: those that have a matching document below them, or are one.
        size: Most rows to return; negative means all.
        order: Terms of an ORDER BY, each followed by a comma.

    Raises:
        Problem: 422, it takes too long.
    """
    document = DOCUMENTS[kind]
    seen = Sql(*visible(caller, tx, kind, "d"))
    live = Sql("d.current = 1") if document.table == "file" else Sql("d.kind = ? AND d.deleted IS NULL", (kind,))
    held = [live, Sql(f"({seen.text})", seen.values)]
    sets = Sets()
    if query is not None:
        held.append(_matching(tx, caller, query, kind, sets))
    first = Sql("") if order is None else order
    above = sets.sql()
    condition = join(held, all_of=True)
    key = document.ids[kind]
    found = f"SELECT * FROM {document.table} d WHERE {condition.text}"
    with time_limit(tx):
        return tx.all(
            f"{above.text}{found} ORDER BY {first.text}d.created, {key} LIMIT ?",
            (*above.values, *condition.values, *first.values, size),
        )


def _matching(tx: Tx, caller: Caller, query: Query, kind: str, sets: Sets) -> Sql:
    """Returns the condition for the things of a kind that a matching document belongs to."""
    own = compile_query(query, DOCUMENTS[kind], sets)
    # What is below a thing has all fields of the thing: without other fields, it adds nothing.
    if levels_of(query) <= DOCUMENTS[kind].ids.keys():
        return own
    arms = [own]
    for document in DOCUMENTS.values():
        if document.kind == kind or kind not in document.ids:
            continue
        held = compile_query(query, document, sets)
        if held == NEVER:
            continue
        seen, values = visible(caller, tx, document.kind, "d")
        live = "d.current = 1" if document.table == "file" else f"d.kind = '{document.kind}' AND d.deleted IS NULL"
        found = f"SELECT {document.ids[kind]} FROM {document.table} d WHERE {live} AND ({seen}) AND {held.text}"
        arms.append(Sql(f"{DOCUMENTS[kind].ids[kind]} IN ({found})", values + held.values))
    return join(arms, all_of=False)


def order_by(field: str, kind: str, *, descending: bool) -> Sql:
    """Returns the terms of an ORDER BY for a field of the things found or of what is above them.

    Missing values come first when ascending.

    Raises:
        Problem: 422, the field is elsewhere.
    """
    level, _, rest = field.partition(".")
    document = DOCUMENTS[kind]
    direction = "DESC" if descending else "ASC"
    if level == PARENT or level not in document.ids or not rest:
        raise invalid(f"{kind}s cannot be sorted by {field!r}", "body", "sort", "field")
    own = level == kind
    column = columns(level, "d" if own else "n").get(rest)
    path = "".join(f'."{part}"' for part in rest.split("."))
    if column is None and ('"' in rest or not all(rest.split("."))):
        raise invalid(f"{kind}s cannot be sorted by {field!r}", "body", "sort", "field")
    if column is not None:
        value = Sql(column.sql)
    else:
        value = Sql(f"json_extract({'d' if own else 'n'}.body, ?)", (f"${path}",))
    if own:
        return Sql(f"{value.text} {direction}, ", value.values)
    above = f"(SELECT {value.text} FROM node n WHERE n.kind = '{level}' AND n.id = {document.ids[level]})"
    return Sql(f"{above} {direction}, ", value.values)
