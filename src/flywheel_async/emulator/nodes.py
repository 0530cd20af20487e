"""Reading and writing the `node` table: containers, analyses, collections, users, roles, modalities."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flywheel_async.emulator import changes, templates
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.wire import Doc, as_doc, text

CONTAINERS: Final = ("group", "project", "subject", "session", "acquisition")
OWNERS: Final = (*CONTAINERS, "analysis", "collection")
"""What has tags, notes and files of its own, and answers below `/containers`."""
LEVELS: Final = ("group_id", "project", "subject", "session", "acquisition")
"""The columns naming a node's ancestors; a container also names itself at its own level."""

COLUMN_OF: Final[Mapping[str, str]] = dict(zip(CONTAINERS, LEVELS, strict=True))


@dataclass(slots=True)
class Node:
    """One document of the `node` table; see `schema` for the columns."""

    kind: str
    id: str
    label: str | None
    created: int
    modified: int
    group_id: str | None = None
    project: str | None = None
    subject: str | None = None
    session: str | None = None
    acquisition: str | None = None
    timestamp: int | None = None
    revision: int = 1
    body: Doc = field(default_factory=lambda: Doc())

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Node:
        """Builds a node from a row with all columns."""
        return cls(
            row["kind"],
            row["id"],
            row["label"],
            row["created"],
            row["modified"],
            row["group_id"],
            row["project"],
            row["subject"],
            row["session"],
            row["acquisition"],
            row["timestamp"],
            row["revision"],
            as_doc(row["body"]),
        )


def find(tx: Tx, kind: str, node_id: str) -> Node | None:
    """Returns a live node, or None."""
    row = tx.one("SELECT * FROM node WHERE kind = ? AND id = ? AND deleted IS NULL", (kind, node_id))
    return None if row is None else Node.from_row(row)


def get(tx: Tx, kind: str, node_id: str) -> Node:
    """Returns a live node.

    Raises:
        Problem: 404.
    """
    node = find(tx, kind, node_id)
    if node is None:
        raise not_found(kind, node_id)
    return node


def get_ever(tx: Tx, kind: str, node_id: str) -> Node:
    """Returns a node, also a deleted one.

    Raises:
        Problem: 404.
    """
    row = tx.one("SELECT * FROM node WHERE kind = ? AND id = ?", (kind, node_id))
    if row is None:
        raise not_found(kind, node_id)
    return Node.from_row(row)


def get_container(tx: Tx, node_id: str) -> Node:
    """Returns a live container of any kind.

    Raises:
        Problem: 404.
    """
    row = tx.one(f"SELECT * FROM node WHERE id = ? AND deleted IS NULL AND kind IN {OWNERS}", (node_id,))
    if row is None:
        raise not_found("container", node_id)
    return Node.from_row(row)


def insert(tx: Tx, node: Node) -> None:
    """Stores a new node.

    Raises:
        Problem: 409, there is one with this id.
    """
    try:
        tx.run(
            "INSERT INTO node (kind, id, label, group_id, project, subject, session, acquisition, created, modified,"
            " timestamp, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                node.kind,
                node.id,
                node.label,
                node.group_id,
                node.project,
                node.subject,
                node.session,
                node.acquisition,
                node.created,
                node.modified,
                node.timestamp,
                node.revision,
                text(node.body),
            ),
        )
    except sqlite3.IntegrityError:
        raise Problem(409, f"{node.kind} {node.id} exists already") from None
    if node.kind in OWNERS:
        changes.created(tx, node.kind, node.id)
    if node.kind in ("session", "acquisition"):
        templates.refresh(tx, node.session)


def save(tx: Tx, node: Node) -> None:
    """Stores a changed node with a new revision and time of change."""
    node.revision += 1
    node.modified = tx.now
    before = _row(tx, node)
    tx.run(
        "UPDATE node SET label = ?, group_id = ?, project = ?, subject = ?, session = ?, acquisition = ?,"
        " modified = ?, timestamp = ?, revision = ?, body = ? WHERE kind = ? AND id = ?",
        (
            node.label,
            node.group_id,
            node.project,
            node.subject,
            node.session,
            node.acquisition,
            node.modified,
            node.timestamp,
            node.revision,
            text(node.body),
            node.kind,
            node.id,
        ),
    )
    if before:
        changes.updated(tx, node.kind, node.id, before, _row(tx, node), node.revision)
    if node.kind in ("session", "acquisition"):
        templates.refresh(tx, node.session)
        if node.session != before["session"]:
            templates.refresh(tx, str(before["session"]))


def _row(tx: Tx, node: Node) -> Doc:
    row = tx.one("SELECT * FROM node WHERE kind = ? AND id = ?", (node.kind, node.id)) if node.kind in OWNERS else None
    return {} if row is None else dict(row)


def soft_delete(tx: Tx, node: Node, reason: str | None = None) -> None:
    """Hides a container, everything below it and all their files.

    Args:
        tx: The transaction.
        node: The container.
        reason: Why, one of the reasons of the API, or None.
    """
    column = COLUMN_OF.get(node.kind, "id")
    in_file = COLUMN_OF.get(node.kind, "parent_id")
    values = (tx.now, reason, node.id)
    changes.deleted_nodes(tx, column, node.id, reason)
    tx.run(f"UPDATE node SET deleted = ?, delete_reason = ? WHERE {column} = ? AND deleted IS NULL", values)
    tx.run(
        f"UPDATE file SET deleted = ?, delete_reason = ?, current = 0 WHERE {in_file} = ? AND deleted IS NULL", values
    )
    if node.kind == "acquisition":
        templates.refresh(tx, node.session)


def move_below(tx: Tx, node: Node) -> None:
    """Gives everything below a container, and all files, the ancestors it has now.

    The node itself must have been saved with its new ancestors.
    """
    own = COLUMN_OF[node.kind]
    columns = LEVELS[: LEVELS.index(own)]
    changes = ", ".join(f"{column} = ?" for column in columns)
    values = [getattr(node, column) for column in columns]
    for table in ("node", "file"):
        tx.run(f"UPDATE {table} SET {changes} WHERE {own} = ?", (*values, node.id))
    templates.refresh_below(tx, own, node.id)


def children(tx: Tx, parent: Node, kind: str) -> list[Node]:
    """Returns the live containers of a kind below another one, oldest first."""
    rows = tx.all(
        f"SELECT * FROM node WHERE kind = ? AND {COLUMN_OF[parent.kind]} = ? AND deleted IS NULL ORDER BY id",
        (kind, parent.id),
    )
    return [Node.from_row(row) for row in rows]


def parent_of(node: Node) -> tuple[str, str]:
    """Returns kind and id of what an analysis belongs to: the lowest of its ancestors."""
    kind, column = [item for item in COLUMN_OF.items() if getattr(node, item[1]) is not None][-1]
    return kind, getattr(node, column)
