"""The `permission` table: users' access to groups, users' roles in projects, and group templates."""

from __future__ import annotations

from collections.abc import Iterable

from flywheel_async.emulator import nodes
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import invalid


def has(tx: Tx, container_id: str, user_id: str) -> bool:
    """Tells whether a user has an entry on a group or project."""
    return (
        tx.one("SELECT 1 FROM permission WHERE container_id = ? AND user_id = ?", (container_id, user_id)) is not None
    )


def set_access(tx: Tx, group_id: str, user_id: str, level: str) -> None:
    """Gives a user an access level on a group, in place of the one before."""
    _replace(tx, group_id, user_id, [level])


def set_roles(tx: Tx, project_id: str, user_id: str, role_ids: Iterable[str]) -> None:
    """Gives a user roles in a project, in place of the ones before.

    Raises:
        Problem: 422, there is no such role.
    """
    wanted = list(dict.fromkeys(role_ids))
    for role_id in wanted:
        if nodes.find(tx, "role", role_id) is None:
            raise invalid(f"there is no role {role_id!r}", "body", "role_ids")
    _replace(tx, project_id, user_id, wanted)


def _replace(tx: Tx, container_id: str, user_id: str, roles: list[str]) -> None:
    old = tx.one("SELECT MIN(position) FROM permission WHERE container_id = ? AND user_id = ?", (container_id, user_id))
    last = tx.one("SELECT MAX(position) FROM permission WHERE container_id = ?", (container_id,))
    position = old[0] if old and old[0] is not None else ((last[0] if last else None) or 0) + 1
    remove(tx, container_id, user_id)
    for role in roles:
        tx.run(
            "INSERT INTO permission (container_id, user_id, role, position) VALUES (?, ?, ?, ?)",
            (container_id, user_id, role, position),
        )


def remove(tx: Tx, container_id: str, user_id: str) -> int:
    """Takes a user's entry away; returns how many rows went."""
    return tx.run("DELETE FROM permission WHERE container_id = ? AND user_id = ?", (container_id, user_id))


def levels(tx: Tx, group_id: str) -> dict[str, str]:
    """Returns the access level of every user of a group."""
    rows = tx.all("SELECT user_id, role FROM permission WHERE container_id = ? ORDER BY position", (group_id,))
    return {row["user_id"]: row["role"] for row in rows}


def roles_of(tx: Tx, project_id: str, user_id: str) -> list[str]:
    """Returns a user's roles in a project."""
    rows = tx.all("SELECT role FROM permission WHERE container_id = ? AND user_id = ?", (project_id, user_id))
    return [row["role"] for row in rows]


def templates(group: Node) -> dict[str, list[str]]:
    """Returns the roles that a group gives users in its new projects."""
    found: dict[str, list[str]] = {}
    listed = group.body.get("permissions_template")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(entry["role_ids"], list):
            found[str(entry["_id"])] = [str(role) for role in entry["role_ids"]]
    return found
