"""Reading and writing the `node` table: containers, users, roles, modalities."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.wire import Doc, as_doc, text

CONTAINERS: Final = ("group", "project", "subject", "session", "acquisition")
LEVELS: Final = ("group_id", "project", "subject", "session")
"""The columns naming a node's ancestors; a container also names itself at its own level."""

COLUMN_OF: Final = {"group": "group_id", "project": "project", "subject": "subject", "session": "session"}


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


def get_container(tx: Tx, node_id: str) -> Node:
    """Returns a live container of any kind.

    Raises:
        Problem: 404.
    """
    row = tx.one(
        "SELECT * FROM node WHERE id = ? AND deleted IS NULL "
        "AND kind IN ('group', 'project', 'subject', 'session', 'acquisition')",
        (node_id,),
    )
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
            "INSERT INTO node (kind, id, label, group_id, project, subject, session, created, modified, timestamp,"
            " revision, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                node.kind,
                node.id,
                node.label,
                node.group_id,
                node.project,
                node.subject,
                node.session,
                node.created,
                node.modified,
                node.timestamp,
                node.revision,
                text(node.body),
            ),
        )
    except sqlite3.IntegrityError:
        raise Problem(409, f"{node.kind} {node.id} exists already") from None


def save(tx: Tx, node: Node) -> None:
    """Stores a changed node with a new revision and time of change."""
    node.revision += 1
    node.modified = tx.now
    tx.run(
        "UPDATE node SET label = ?, group_id = ?, project = ?, subject = ?, session = ?, modified = ?,"
        " timestamp = ?, revision = ?, body = ? WHERE kind = ? AND id = ?",
        (
            node.label,
            node.group_id,
            node.project,
            node.subject,
            node.session,
            node.modified,
            node.timestamp,
            node.revision,
            text(node.body),
            node.kind,
            node.id,
        ),
    )


def soft_delete(tx: Tx, node: Node) -> None:
    """Hides a container, everything below it and all their files."""
    if node.kind == "acquisition":
        tx.run("UPDATE node SET deleted = ? WHERE kind = 'acquisition' AND id = ?", (tx.now, node.id))
        tx.run(
            "UPDATE file SET deleted = ?, current = 0 WHERE acquisition = ? AND deleted IS NULL",
            (tx.now, node.id),
        )
        return
    column = COLUMN_OF[node.kind]
    tx.run(f"UPDATE node SET deleted = ? WHERE {column} = ? AND deleted IS NULL", (tx.now, node.id))
    tx.run(f"UPDATE file SET deleted = ?, current = 0 WHERE {column} = ? AND deleted IS NULL", (tx.now, node.id))


def move_below(tx: Tx, node: Node) -> None:
    """Gives everything below a container, and all files, the ancestors it has now.

    The node itself must have been saved with its new ancestors.
    """
    if node.kind == "acquisition":
        own = "acquisition"
        columns: Sequence[str] = LEVELS
        tables = ["file"]
    else:
        own = COLUMN_OF[node.kind]
        columns = LEVELS[: LEVELS.index(own)]
        tables = ["node", "file"]
    changes = ", ".join(f"{column} = ?" for column in columns)
    values = [getattr(node, column) for column in columns]
    for table in tables:
        tx.run(f"UPDATE {table} SET {changes} WHERE {own} = ?", (*values, node.id))
