"""The change log: who made, changed or deleted a container or file, when, and what became different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc, Json, as_doc, text

if TYPE_CHECKING:
    from flywheel_async.emulator.database import Tx

_FIELDS = "container_type, container_id, file_version, method, created, origin, revision, patch, reason"
# Members of a row that say nothing about the thing itself.
_PASSED_OVER = frozenset(("kind", "revision", "modified", "body", "current"))


def created(tx: Tx, kind: str, node_id: str, version: int | None = None) -> None:
    """Notes that something was made."""
    method = "CREATE" if version in (None, 1) else "REPLACE_FILE"
    _add(tx, kind, node_id, version, method, 1, None)


def updated(
    tx: Tx, kind: str, node_id: str, before: Doc, after: Doc, revision: int, version: int | None = None
) -> None:
    """Notes which fields became different.

    Args:
        tx: The transaction.
        kind: The kind of the container, or `file`.
        node_id: Its id.
        before: The row before, with `body` as an object.
        after: The row after.
        revision: The new revision.
        version: The version of a file.
    """
    patch: Doc = {}
    for old, new in ((before, after), (_body(before), _body(after))):
        for key in {**old, **new}:
            if key not in _PASSED_OVER and old.get(key) != new.get(key):
                patch[key] = new.get(key)
    _add(tx, kind, node_id, version, "UPDATE", revision, text(patch))


def _body(row: Doc) -> Doc:
    body = row.get("body")
    return as_doc(body) if isinstance(body, str) else {}


def _add(tx: Tx, kind: str, node_id: str, version: int | None, method: str, revision: int, patch: str | None) -> None:
    tx.run(
        f"INSERT INTO change ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (kind, node_id, version, method, tx.now, text(tx.origin), revision, patch),
    )


def deleted_nodes(tx: Tx, column: str, node_id: str, reason: str | None) -> None:
    """Notes the deletion of every live container with an id in a column; to be called before it happens."""
    tx.run(
        f"INSERT INTO change ({_FIELDS}) SELECT kind, id, NULL, 'DELETE', ?, ?, revision, NULL, ? FROM node"
        f" WHERE {column} = ? AND deleted IS NULL",
        (tx.now, text(tx.origin), reason, node_id),
    )


def deleted_file(tx: Tx, file_id: str, version: int | None, reason: str | None) -> None:
    """Notes the deletion of a file or a version of it; to be called before it happens."""
    tx.run(
        f"INSERT INTO change ({_FIELDS}) SELECT 'file', file_id, version, 'DELETE', ?1, ?2, revision, NULL, ?3"
        " FROM file WHERE file_id = ?4 AND deleted IS NULL AND version = COALESCE(?5, version)",
        (tx.now, text(tx.origin), reason, file_id, version),
    )


def log(tx: Tx, kind: str, node_id: str, version: int | None) -> list[Doc]:
    """Returns the changes of something, oldest first; of a file all versions, or one."""
    rows = tx.all(
        "SELECT * FROM change WHERE container_type = ?1 AND container_id = ?2"
        " AND COALESCE(file_version, 0) = COALESCE(?3, file_version, 0) ORDER BY number",
        (kind, node_id, version),
    )
    return [
        {
            "container_type": row["container_type"],
            "container_id": row["container_id"],
            "file_version": row["file_version"],
            "method": row["method"],
            "created": iso(row["created"]),
            "origin": as_doc(row["origin"]),
            "revision": row["revision"],
            "patch": None if row["patch"] is None else as_doc(row["patch"]),
            "reason": row["reason"],
            "esignature_timestamp": None,
        }
        for row in rows
    ]


def of_field(found: list[Doc], name: str) -> list[Json]:
    """Returns those of some changes that changed a field, with the value it got."""
    listed: list[Json] = []
    for change in found:
        patch = change["patch"]
        if isinstance(patch, dict) and name in patch:
            kept: Doc = {key: change[key] for key in ("method", "created", "revision", "origin")}
            listed.append({**kept, "value": patch[name]})
    return listed
