"""Who may do what: callers, roles with their actions, and permissions on groups and projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import Json, as_doc, text

VIEW: Final = "containers_view_metadata"
CREATE: Final = "containers_create_hierarchy"
MODIFY: Final = "containers_modify_metadata"
DELETE: Final = "containers_delete_hierarchy"
DELETE_PROJECT: Final = "containers_delete_project"
FILES_VIEW: Final = "files_view_metadata"
FILES_DOWNLOAD: Final = "files_download"
FILES_CREATE: Final = "files_create_single"
FILES_MODIFY: Final = "files_modify_metadata"
FILES_DELETE: Final = "files_delete_non_device_data"
PERMISSIONS_VIEW: Final = "project_permissions_view"
PERMISSIONS_MANAGE: Final = "project_permissions_manage"
TAGS_VIEW: Final = "tags_view"
TAGS_MANAGE: Final = "tags_manage"
NOTES_VIEW: Final = "notes_view"
NOTES_MANAGE: Final = "notes_manage"

READ_ACTIONS: tuple[str, ...] = (
    VIEW,
    "analyses_view_metadata",
    FILES_VIEW,
    "files_view_contents",
    FILES_DOWNLOAD,
    TAGS_VIEW,
    NOTES_VIEW,
    PERMISSIONS_VIEW,
    "gear_rules_view",
    "data_views_view",
    "session_templates_view",
    "jobs_view",
    "settings_view",
)
WRITE_ACTIONS: tuple[str, ...] = (
    *READ_ACTIONS,
    CREATE,
    MODIFY,
    DELETE,
    "analyses_create_sdk",
    "analyses_create_job",
    "analyses_modify_metadata",
    "analyses_delete",
    "files_create_bulk",
    FILES_CREATE,
    FILES_MODIFY,
    "files_move",
    FILES_DELETE,
    TAGS_MANAGE,
    NOTES_MANAGE,
    "data_views_manage",
    "jobs_manage",
)
ADMIN_ACTIONS: tuple[str, ...] = (
    *WRITE_ACTIONS,
    DELETE_PROJECT,
    "copy_by_reference",
    "files_delete_device_data",
    PERMISSIONS_MANAGE,
    "project_sharing_manage",
    "gear_rules_manage",
    "session_templates_manage",
    "jobs_manage_others",
    "settings_modify",
)

DEFAULT_ROLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ro": ("read-only", READ_ACTIONS),
    "rw": ("read-write", WRITE_ACTIONS),
    "admin": ("admin", ADMIN_ACTIONS),
}
"""The roles every site has: access level → label and actions."""

ALL_ACTIONS: frozenset[str] = frozenset(ADMIN_ACTIONS)

_RANK = {"ro": 1, "rw": 2, "admin": 3}
# What an action takes on a group, which knows access levels only.
_ON_GROUP = {VIEW: "ro", TAGS_VIEW: "ro", TAGS_MANAGE: "rw"}


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a request.

    Attributes:
        user_id: The user's id.
        roles: Site roles such as `user` or `site_admin`.
        exhaustive: Whether the request asked to look past permissions, which only a site admin may.
    """

    user_id: str
    roles: tuple[str, ...]
    exhaustive: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether the user is a site admin."""
        return "site_admin" in self.roles

    @property
    def sees_all(self) -> bool:
        """Whether permissions are lifted for this request."""
        return self.is_admin and self.exhaustive


def roles_with(tx: Tx, action: str) -> list[str]:
    """Returns the ids of all roles that allow an action."""
    rows = tx.all(
        "SELECT id FROM node WHERE kind = 'role' AND deleted IS NULL AND EXISTS "
        "(SELECT 1 FROM json_each(body, '$.actions') a WHERE a.value = ?)",
        (action,),
    )
    return [row["id"] for row in rows]


def group_access(tx: Tx, caller: Caller, group_id: str) -> str | None:
    """Returns the caller's access to a group: `ro`, `rw`, `admin` or None."""
    if caller.sees_all:
        return "admin"
    row = tx.one("SELECT role FROM permission WHERE container_id = ? AND user_id = ?", (group_id, caller.user_id))
    return None if row is None else row["role"]


def project_actions(tx: Tx, caller: Caller, project_id: str) -> frozenset[str]:
    """Returns everything the caller may do in a project."""
    if caller.sees_all:
        return ALL_ACTIONS
    rows = tx.all(
        "SELECT n.body FROM permission p JOIN node n ON n.kind = 'role' AND n.id = p.role "
        "WHERE p.container_id = ? AND p.user_id = ? AND n.deleted IS NULL",
        (project_id, caller.user_id),
    )
    found: set[str] = set()
    for row in rows:
        actions = as_doc(row["body"])["actions"]
        if isinstance(actions, list):
            found.update(action for action in actions if isinstance(action, str))
    return frozenset(found)


def may(tx: Tx, caller: Caller, node: Node, action: str) -> bool:
    """Tells whether the caller may do something to a container."""
    if node.kind == "group":
        access = group_access(tx, caller, node.id)
        return access is not None and _RANK[access] >= _RANK[_ON_GROUP.get(action, "admin")]
    return node.project is not None and action in project_actions(tx, caller, node.project)


def require(tx: Tx, caller: Caller, node: Node, action: str) -> None:
    """Refuses the request unless the caller may do something to a container.

    Raises:
        Problem: 403.
    """
    if not may(tx, caller, node, action):
        raise Problem(403, f"user {caller.user_id} may not {action} on {node.kind} {node.id}")


def visible(caller: Caller, tx: Tx, kind: str, alias: str) -> tuple[str, tuple[str, ...]]:
    """Returns the SQL condition, with its values, for the rows of a list that the caller may see.

    Args:
        caller: Who asks.
        tx: The transaction.
        kind: The container kind, or `file`.
        alias: The alias of the listed table.
    """
    if caller.sees_all:
        return "1", ()
    if kind == "group":
        return f"{alias}.id IN (SELECT container_id FROM permission WHERE user_id = ?)", (caller.user_id,)
    action = FILES_VIEW if kind == "file" else VIEW
    roles: list[Json] = list(roles_with(tx, action))
    condition = (
        f"{alias}.project IN (SELECT container_id FROM permission WHERE user_id = ? "
        "AND role IN (SELECT value FROM json_each(?)))"
    )
    return condition, (caller.user_id, text(roles))
