"""Who may do what: callers, roles with their actions, and permissions on groups and projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import Doc, Json, as_doc, text

if TYPE_CHECKING:
    from flywheel_async.emulator.files import FileRow

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
FILES_DELETE_DEVICE: Final = "files_delete_device_data"
PERMISSIONS_VIEW: Final = "project_permissions_view"
PERMISSIONS_MANAGE: Final = "project_permissions_manage"
TAGS_VIEW: Final = "tags_view"
TAGS_MANAGE: Final = "tags_manage"
NOTES_VIEW: Final = "notes_view"
NOTES_MANAGE: Final = "notes_manage"
FILES_MOVE: Final = "files_move"
ANALYSES_VIEW: Final = "analyses_view_metadata"
ANALYSES_CREATE: Final = "analyses_create_sdk"
ANALYSES_MODIFY: Final = "analyses_modify_metadata"
ANALYSES_DELETE: Final = "analyses_delete"
COPY: Final = "copy_by_reference"
TEMPLATES_MANAGE: Final = "session_templates_manage"
SETTINGS_VIEW: Final = "settings_view"
SETTINGS_MODIFY: Final = "settings_modify"
VIEWS_VIEW: Final = "data_views_view"
VIEWS_MANAGE: Final = "data_views_manage"

READ_ACTIONS: tuple[str, ...] = (
    VIEW,
    ANALYSES_VIEW,
    FILES_VIEW,
    "files_view_contents",
    FILES_DOWNLOAD,
    TAGS_VIEW,
    NOTES_VIEW,
    PERMISSIONS_VIEW,
    "gear_rules_view",
    VIEWS_VIEW,
    "session_templates_view",
    "jobs_view",
    SETTINGS_VIEW,
)
WRITE_ACTIONS: tuple[str, ...] = (
    *READ_ACTIONS,
    CREATE,
    MODIFY,
    DELETE,
    ANALYSES_CREATE,
    "analyses_create_job",
    ANALYSES_MODIFY,
    ANALYSES_DELETE,
    "files_create_bulk",
    FILES_CREATE,
    FILES_MODIFY,
    FILES_MOVE,
    FILES_DELETE,
    TAGS_MANAGE,
    NOTES_MANAGE,
    VIEWS_MANAGE,
    "jobs_manage",
)
ADMIN_ACTIONS: tuple[str, ...] = (
    *WRITE_ACTIONS,
    DELETE_PROJECT,
    COPY,
    FILES_DELETE_DEVICE,
    PERMISSIONS_MANAGE,
    "project_sharing_manage",
    "gear_rules_manage",
    TEMPLATES_MANAGE,
    "jobs_manage_others",
    SETTINGS_MODIFY,
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
_ON_GROUP = {VIEW: "ro", TAGS_VIEW: "ro", TAGS_MANAGE: "rw", VIEWS_VIEW: "ro"}
# The same for a collection; what is not listed takes `admin`.
_ON_COLLECTION = {
    **dict.fromkeys((VIEW, FILES_VIEW, FILES_DOWNLOAD, TAGS_VIEW, NOTES_VIEW), "ro"),
    **dict.fromkeys(
        (MODIFY, FILES_CREATE, FILES_MODIFY, FILES_DELETE, FILES_MOVE, TAGS_MANAGE, NOTES_MANAGE),
        "rw",
    ),
}
_BY_LEVEL = {"group": _ON_GROUP, "collection": _ON_COLLECTION}
# Analyses have actions of their own where containers have these.
_ON_ANALYSIS = {VIEW: ANALYSES_VIEW, MODIFY: ANALYSES_MODIFY, DELETE: ANALYSES_DELETE}


@dataclass(frozen=True, slots=True)
class Caller:
    """The user or device behind a request.

    Attributes:
        user_id: The user's id, or the device's.
        roles: Site roles such as `user` or `site_admin`.
        exhaustive: Whether the request asked to look past permissions, which only a site admin may.
        is_device: Whether it is a device, which sees and may do everything in containers.
    """

    user_id: str
    roles: tuple[str, ...]
    exhaustive: bool = False
    is_device: bool = False

    @property
    def origin(self) -> Doc:
        """What the things that the caller makes say about where they come from."""
        return {"type": "device" if self.is_device else "user", "id": self.user_id}

    @property
    def is_admin(self) -> bool:
        """Whether the user is a site admin."""
        return "site_admin" in self.roles

    @property
    def sees_all(self) -> bool:
        """Whether permissions are lifted for this request."""
        return self.is_device or (self.is_admin and self.exhaustive)


def roles_with(tx: Tx, action: str) -> list[str]:
    """Returns the ids of all roles that allow an action."""
    rows = tx.all(
        "SELECT id FROM node WHERE kind = 'role' AND deleted IS NULL AND EXISTS "
        "(SELECT 1 FROM json_each(body, '$.actions') a WHERE a.value = ?)",
        (action,),
    )
    return [row["id"] for row in rows]


def access_level(tx: Tx, caller: Caller, owner: str) -> str | None:
    """Returns the caller's access to a group or collection: `ro`, `rw`, `admin` or None."""
    if caller.sees_all:
        return "admin"
    row = tx.one("SELECT role FROM permission WHERE container_id = ? AND user_id = ?", (owner, caller.user_id))
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
    if node.kind in _BY_LEVEL:
        return _at_least(tx, caller, node.id, _BY_LEVEL[node.kind].get(action, "admin"))
    if node.kind == "analysis":
        action = _ON_ANALYSIS.get(action, action)
    return node.project is not None and action in project_actions(tx, caller, node.project)


def _at_least(tx: Tx, caller: Caller, owner: str, wanted: str) -> bool:
    level = access_level(tx, caller, owner)
    return level is not None and _RANK[level] >= _RANK[wanted]


def may_file(tx: Tx, caller: Caller, row: FileRow, action: str) -> bool:
    """Tells whether the caller may do something to a file."""
    if row.parent_kind == "collection":
        return _at_least(tx, caller, row.parent_id, _ON_COLLECTION.get(action, "admin"))
    return action in project_actions(tx, caller, row.project)


def require_file(tx: Tx, caller: Caller, row: FileRow, action: str) -> None:
    """Refuses the request unless the caller may do something to a file.

    Raises:
        Problem: 403.
    """
    if not may_file(tx, caller, row, action):
        raise Problem(403, f"user {caller.user_id} may not {action} on file {row.file_id}")


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
    if kind in _BY_LEVEL:
        return f"{alias}.id IN (SELECT container_id FROM permission WHERE user_id = ?)", (caller.user_id,)
    action = {"file": FILES_VIEW, "analysis": ANALYSES_VIEW}.get(kind, VIEW)
    roles: list[Json] = list(roles_with(tx, action))
    condition = (
        f"{alias}.project IN (SELECT container_id FROM permission WHERE user_id = ? "
        "AND role IN (SELECT value FROM json_each(?)))"
    )
    if kind != "file":
        return condition, (caller.user_id, text(roles))
    in_collections = f"{alias}.parent_id IN (SELECT container_id FROM permission WHERE user_id = ?)"
    condition = f"({condition} OR ({alias}.parent_kind = 'collection' AND {in_collections}))"
    return condition, (caller.user_id, text(roles), caller.user_id)
