"""The answers of a search: stubs of what was found and of everything above it."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flywheel_async.emulator import access
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.nodes import COLUMN_OF, Node, parent_of
from flywheel_async.emulator.search.documents import DOCUMENTS
from flywheel_async.emulator.shapes import permission_list
from flywheel_async.emulator.times import iso, iso_or_none
from flywheel_async.emulator.wire import Doc, Json, as_doc, dumps, text

if TYPE_CHECKING:
    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.database import Tx

_STUBS = (*COLUMN_OF, "analysis", "file", "collection")


class Hits:
    """Builds the hits of one search.

    Args:
        tx: The transaction.
        caller: Who asks; permission lists show others' entries only to those who may see them.
        kind: What was searched for.
    """

    def __init__(self, tx: Tx, caller: Caller, kind: str) -> None:
        self._tx = tx
        self._caller = caller
        self._kind = kind
        self._nodes: dict[str, Doc] = {}
        self._permissions: dict[str, list[Json]] = {}

    def simple(self, rows: Sequence[sqlite3.Row]) -> list[Doc]:
        """Returns one stub per row."""
        built = [self._file(FileRow.from_row(row)) if self._kind == "file" else self._node(row) for row in rows]
        self._load(ids for ids, _, _ in built)
        return [self._hit(*parts) for parts in built]

    def raw(self, rows: Sequence[sqlite3.Row]) -> Doc:
        """Returns the stubs wrapped the way search engines do."""
        key = "file_id" if self._kind == "file" else "id"
        found = zip(rows, self.simple(rows), strict=True)
        return {"results": [{"_id": row[key], "_source": hit} for row, hit in found]}

    def _node(self, row: sqlite3.Row) -> tuple[dict[str, str], tuple[str, str] | None, Doc]:
        above = {level: row[column] for level, column in COLUMN_OF.items() if level in DOCUMENTS[self._kind].ids}
        ids = {level: node_id for level, node_id in above.items() if node_id is not None}
        if self._kind == "analysis":
            return {**ids, "analysis": row["id"]}, parent_of(Node.from_row(row)), {}
        over = [*ids.items()][-2]
        return ids, None if over[0] == "group" else over, {}

    def _file(self, row: FileRow) -> tuple[dict[str, str], tuple[str, str] | None, Doc]:
        # A file of a collection belongs to no group and no project, which the table keeps as empty texts.
        ids = {level: value for level, column in COLUMN_OF.items() if (value := getattr(row, column))}
        if row.parent_kind in ("analysis", "collection"):
            ids[row.parent_kind] = row.parent_id
        stub: Doc = {
            "name": row.name,
            "type": row.type,
            "size": row.size,
            "created": iso(row.created),
            "classification": row.body.get("classification"),
            "cvat": None,
        }
        return ids, (row.parent_kind, row.parent_id), {"file": stub}

    def _hit(self, ids: dict[str, str], parent: tuple[str, str] | None, own: Doc) -> Doc:
        hit: Doc = {"return_type": self._kind, **dict.fromkeys(_STUBS)}
        hit.update({level: self._nodes.get(node_id) for level, node_id in ids.items()})
        hit.update(own)
        hit["parent"] = None if parent is None else {"_id": parent[1], "type": parent[0], "container_type": parent[0]}
        project = ids.get("project")
        hit["permissions"] = [] if project is None else self._permission_list(project)
        return hit

    def _load(self, found: Iterable[dict[str, str]]) -> None:
        """Reads the stubs of all containers of the answer at once."""
        wanted = {node_id for ids in found for node_id in ids.values()}
        rows = self._tx.all(
            "SELECT kind, id, label, timestamp, created, body FROM node WHERE id IN (SELECT value FROM json_each(?))"
            f" AND kind IN {(*COLUMN_OF, 'analysis', 'collection')}",
            (text([*wanted]),),
        )
        self._nodes = {row["id"]: _stub(row) for row in rows}

    def _permission_list(self, project: str) -> list[Json]:
        if project not in self._permissions:
            listed = permission_list(self._tx, "project", project)
            if access.PERMISSIONS_VIEW not in access.project_actions(self._tx, self._caller, project):
                own = self._caller.user_id
                listed = [entry for entry in listed if isinstance(entry, dict) and entry["_id"] == own]
            self._permissions[project] = listed
        return self._permissions[project]


def _stub(row: sqlite3.Row) -> Doc:
    kind = row["kind"]
    found: Doc = {"_id": row["id"], "code" if kind == "subject" else "label": row["label"]}
    if kind not in ("group", "project"):
        found["created"] = iso(row["created"])
    if kind in ("session", "acquisition"):
        found["timestamp"] = iso_or_none(row["timestamp"])
    if kind == "analysis":
        found["user"] = as_doc(row["body"]).get("user")
    if kind == "collection":
        found["curator"] = as_doc(row["body"]).get("curator")
    return found


_COLUMNS = {
    "group": ("_id", "label"),
    "project": ("_id", "label"),
    "subject": ("_id", "code", "created"),
    "session": ("_id", "label", "timestamp", "created"),
    "acquisition": ("_id", "label", "timestamp", "created"),
    "analysis": ("_id", "label", "user", "created"),
    "file": ("name", "type", "size", "created", "classification"),
    "parent": ("type", "_id"),
}


def as_csv(hits: Iterable[Doc]) -> bytes:
    """Returns hits as a table with one row each and a header such as `session.label`."""
    names = [(level, name) for level, members in _COLUMNS.items() for name in members]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(f"{level}.{name}" for level, name in names)
    for hit in hits:
        writer.writerow(_cell(hit.get(level), name) for level, name in names)
    return out.getvalue().encode()


def _cell(stub: Json, name: str) -> str:
    value = stub.get(name) if isinstance(stub, dict) else None
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode()
