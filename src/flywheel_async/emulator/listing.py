"""Lists: permission, filter, order and page in one SQL query."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from flywheel_async.emulator.access import Caller, visible
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.nodes import OWNERS, Node
from flywheel_async.emulator.query.compiler import Sql, Value, compile_filter, compile_sort
from flywheel_async.emulator.query.paging import ListQuery
from flywheel_async.emulator.sources import SOURCES
from flywheel_async.emulator.wire import Doc, Json

# What is listed in another form than it is kept, and to everybody.
_KEPT_AS = {"catalog": "project"}


def list_nodes(
    call: Call,
    kind: str,
    build: Callable[[Sequence[Node]], list[Json]],
    *,
    within: Sql | None = None,
    seen_by: Caller | None = None,
) -> object:
    """Answers a list route.

    Args:
        call: The request.
        kind: The kind of document listed.
        build: Makes the answer's items.
        within: A further condition on the rows, such as the parent they must have.
        seen_by: Whose permissions decide what is listed; the caller's by default.

    Returns:
        A bare array, or a page when the caller announced the `pagination` feature.
    """
    rows, query, condition = _select(call, kind, "node", "id", within, seen_by or call.caller)
    found = build([Node.from_row(row) for row in rows])
    if not call.wants("pagination"):
        return found
    return _page(call, found, query, condition, "node")


def list_page(call: Call, kind: str, build: Callable[[Sequence[Node]], list[Json]], within: Sql) -> Doc:
    """Answers a list route that is always a page; see `list_nodes`."""
    rows, query, condition = _select(call, kind, "node", "id", within, call.caller)
    return _page(call, build([Node.from_row(row) for row in rows]), query, condition, "node")


def list_files(call: Call, build: Callable[[Sequence[FileRow]], list[Json]]) -> Doc:
    """Answers the list of files, which is always a page."""
    rows, query, condition = _select(call, "file", "file", "file_id", None, call.caller)
    return _page(call, build([FileRow.from_row(row) for row in rows]), query, condition, "file")


def _select(
    call: Call, kind: str, table: str, key: str, within: Sql | None, seen_by: Caller
) -> tuple[list[sqlite3.Row], ListQuery, Sql]:
    query = call.list_query()
    source = SOURCES[kind]
    if table == "file":
        parts = [Sql("d.current = 1")]
    else:
        parts = [Sql("d.kind = ? AND d.deleted IS NULL", (_KEPT_AS.get(kind, kind),))]
    if kind in OWNERS or kind == "file":
        text, values = visible(seen_by, call.tx, kind, "d")
        parts.append(Sql(text, values))
    if within is not None:
        parts.append(within)
    if query.after_id is not None:
        parts.append(Sql(f"d.{key} > ?", (query.after_id,)))
    parts.append(compile_filter(query.conditions, source))
    values_all: tuple[Value, ...] = tuple(value for part in parts for value in part.values)
    condition = Sql(" AND ".join(f"({part.text})" for part in parts), values_all)
    order = compile_sort(query.sort, source)
    limit = -1 if query.limit is None else query.limit
    if call.page_cap is not None:
        limit = call.page_cap if limit < 0 else min(limit, call.page_cap)
    page = f"FROM {table} d WHERE {condition.text} ORDER BY {order.text}d.{key} LIMIT ? OFFSET ?"
    values_all += (*order.values, limit, query.skip)
    if table == "file" and limit >= 0:
        # Only the rows of the page are read in full.
        page = f"FROM file d WHERE d.rowid IN (SELECT d.rowid {page}) ORDER BY {order.text}d.{key}"
        values_all += order.values
    return call.tx.all(f"SELECT * {page}", values_all), query, condition


def _page(call: Call, found: list[Json], query: ListQuery, condition: Sql, table: str) -> Doc:
    whole = query.skip == 0 and query.limit is None and call.page_cap is None
    if whole:
        total = len(found)
    else:
        row = call.tx.one(f"SELECT COUNT(*) FROM {table} d WHERE {condition.text}", condition.values)
        total = 0 if row is None else int(row[0])
    return {"count": len(found), "total": total, "results": found}
