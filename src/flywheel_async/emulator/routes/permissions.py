"""Permissions of groups, collections and projects, and the templates that groups give their new projects."""

from __future__ import annotations

from flywheel_async.emulator import nodes, permissions
from flywheel_async.emulator.access import MODIFY, PERMISSIONS_MANAGE, PERMISSIONS_VIEW, VIEW, may
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import AccessPermission, AccessUpdate, RoleIds, RolePermission
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import On
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


def _entry(call: Call, user: str) -> Doc:
    """Returns a user's entry on the target; own entries are shown to everybody."""
    levels = call.target.kind in ("group", "collection")
    action = PERMISSIONS_MANAGE if levels else PERMISSIONS_VIEW
    if user != call.caller.user_id and not may(call.tx, call.caller, call.target, action):
        raise Problem(403, "this shows only your own entry")
    if not permissions.has(call.tx, call.target.id, user):
        raise not_found("permission of", user)
    if levels:
        return {"_id": user, "access": permissions.levels(call.tx, call.target.id)[user]}
    return {"_id": user, "role_ids": list(permissions.roles_of(call.tx, call.target.id, user))}


def _require_new(call: Call, user: str) -> None:
    if permissions.has(call.tx, call.target.id, user):
        raise Problem(409, f"{user} has a permission here already")


def _require_known(call: Call, user: str) -> None:
    if not permissions.has(call.tx, call.target.id, user):
        raise not_found("permission of", user)


def _touch(call: Call) -> None:
    nodes.save(call.tx, call.target)


def get_level(call: Call) -> Doc:
    """Returns a user's access to a group or collection."""
    return _entry(call, call.params["user_id"])


def add_level(call: Call) -> Doc:
    """Gives a user access to a group or collection."""
    given = call.input(AccessPermission)
    _require_new(call, given.id)
    permissions.set_access(call.tx, call.target.id, given.id, given.access)
    _touch(call)
    return _entry(call, given.id)


def change_level(call: Call) -> Doc:
    """Changes a user's access to a group or collection."""
    user = call.params["user_id"]
    _require_known(call, user)
    permissions.set_access(call.tx, call.target.id, user, call.input(AccessUpdate).access)
    _touch(call)
    return {"_id": user, "access": permissions.levels(call.tx, call.target.id)[user]}


def _remove(call: Call, user: str) -> Doc:
    permissions.remove(call.tx, call.target.id, user)
    _touch(call)
    return {"modified": 1}


def delete_level(call: Call) -> Doc:
    """Takes a user's access to a group or collection away."""
    return _remove(call, call.params["user_id"])


for _kind in ("group", "collection"):
    _param = f"{_kind}_id"
    ROUTES.add(f"get_{_kind}_user_permission", rule=On(_kind, _param, VIEW), handler=get_level)
    ROUTES.add(f"add_{_kind}_permission", rule=On(_kind, _param, PERMISSIONS_MANAGE), handler=add_level)
    ROUTES.add(f"modify_{_kind}_user_permission", rule=On(_kind, _param, PERMISSIONS_MANAGE), handler=change_level)
    ROUTES.add(f"delete_{_kind}_user_permission", rule=On(_kind, _param, PERMISSIONS_MANAGE), handler=delete_level)


@route("get_project_user_permission", rule=On("project", "project_id", VIEW))
def get_project_user_permission(call: Call) -> Doc:
    """Returns a user's roles in a project."""
    return _entry(call, call.params["uid"])


@route("add_project_permission", rule=On("project", "project_id", PERMISSIONS_MANAGE))
def add_project_permission(call: Call) -> Doc:
    """Gives a user roles in a project."""
    given = call.input(RolePermission)
    _require_new(call, given.id)
    permissions.set_roles(call.tx, call.target.id, given.id, given.role_ids)
    _touch(call)
    return _entry(call, given.id)


@route("modify_project_user_permission", rule=On("project", "project_id", PERMISSIONS_MANAGE))
def modify_project_user_permission(call: Call) -> Doc:
    """Changes a user's roles in a project."""
    user = call.params["uid"]
    _require_known(call, user)
    role_ids = call.input(RoleIds).role_ids
    permissions.set_roles(call.tx, call.target.id, user, role_ids)
    _touch(call)
    return {"_id": user, "role_ids": list(dict.fromkeys(role_ids))}


@route("delete_project_user_permission", rule=On("project", "project_id", PERMISSIONS_MANAGE))
def delete_project_user_permission(call: Call) -> Doc:
    """Takes a user's roles in a project away."""
    return _remove(call, call.params["uid"])


def _set_template(call: Call, user: str, role_ids: list[str] | None) -> Doc:
    """Writes, or with None removes, a user's entry of the group's templates; `propagate` applies it to all projects."""
    for role_id in role_ids or []:
        if nodes.find(call.tx, "role", role_id) is None:
            raise invalid(f"there is no role {role_id!r}", "body", "role_ids")
    known = permissions.templates(call.target)
    known.pop(user, None)
    if role_ids is not None:
        known[user] = role_ids
    listed: list[Json] = [{"_id": name, "role_ids": list(roles)} for name, roles in known.items()]
    call.target.body["permissions_template"] = listed
    _touch(call)
    if call.flag("propagate"):
        rows = call.tx.all(
            "SELECT id FROM node WHERE kind = 'project' AND group_id = ? AND deleted IS NULL", (call.target.id,)
        )
        for row in rows:
            if role_ids is None:
                permissions.remove(call.tx, row["id"], user)
            else:
                permissions.set_roles(call.tx, row["id"], user, role_ids)
    return {"_id": user, "role_ids": list(role_ids or [])}


@route("get_group_user_permission_template", rule=On("group", "group_id", VIEW))
def get_group_user_permission_template(call: Call) -> Doc:
    """Returns a user's roles in new projects of a group."""
    user = call.params["user_id"]
    known = permissions.templates(call.target)
    if user not in known:
        raise not_found("permission template of", user)
    return {"_id": user, "role_ids": list(known[user])}


@route("add_group_permission_template", rule=On("group", "group_id", MODIFY))
def add_group_permission_template(call: Call) -> Doc:
    """Gives a user roles in new projects of a group."""
    given = call.input(RolePermission)
    if given.id in permissions.templates(call.target):
        raise Problem(409, f"{given.id} has a permission template already")
    return _set_template(call, given.id, given.role_ids)


@route("modify_group_user_permission_template", rule=On("group", "group_id", MODIFY))
def modify_group_user_permission_template(call: Call) -> Doc:
    """Changes a user's roles in new projects of a group."""
    get_group_user_permission_template(call)
    return _set_template(call, call.params["user_id"], call.input(RoleIds).role_ids)


@route("delete_group_user_permission_template", rule=On("group", "group_id", MODIFY))
def delete_group_user_permission_template(call: Call) -> Doc:
    """Takes a user's roles in new projects of a group away."""
    get_group_user_permission_template(call)
    _set_template(call, call.params["user_id"], None)
    return {"modified": 1}
