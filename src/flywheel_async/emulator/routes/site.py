"""The site itself: login status, settings, version, roles, modalities."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.access import MODIFY, VIEW
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, On, Public, SiteAdmin
from flywheel_async.emulator.schema import SCHEMA_VERSION
from flywheel_async.emulator.site_inputs import IdInput, ModalityChange, ModalityInput, RoleChange, RoleInput
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


@route("get_auth_status", rule=LoggedIn())
def get_auth_status(call: Call) -> Doc:
    """Tells who is logged in."""
    caller = call.caller
    return {
        "origin": caller.origin,
        "user_id": None if caller.is_device else caller.user_id,
        "user_is_admin": caller.is_admin,
        "is_device": caller.is_device,
        "roles": list(caller.roles),
    }


@route("get_config", rule=Public())
def get_config(call: Call) -> Doc:
    """Returns the public settings of the site."""
    settings = nodes.get(call.tx, "site", "site")
    signed = call.site.storage.options.signed_urls is not None
    return {
        "site": {
            "id": "emulator",
            "name": "Emulator",
            "api_url": call.site.url,
            "redirect_url": call.site.url.removesuffix("/api"),
            "registered": False,
            "pagination_limit": 100,
            "upload_maximum_bytes": "10737418240",
        },
        "features": {"signed_url": signed, "multipart_signed_url": signed, "job_tickets": False},
        "wip_features": {},
        "signed_url": signed,
        "auth": {"basic": {}},
        "central": {"enabled": False},
        "created": iso(settings.created),
        "modified": iso(settings.modified),
        "last_updated": iso(settings.modified),
    }


@route("get_version", rule=Public())
def get_version(call: Call) -> Doc:
    """Returns version numbers; the release says that this is an emulator."""
    try:
        release = version("flywheel-async")
    except PackageNotFoundError:  # run from a source tree that is not installed
        release = "0"
    return {
        "_id": "version",
        "database": SCHEMA_VERSION,
        "database_target": SCHEMA_VERSION,
        "release": f"emulator-{release}",
        "flywheel_release": f"emulator-{release}",
        "cli_version": release,
        "applied_checks": {},
        "applied_fixes": {},
    }


def role_document(call: Call, node: Node) -> Doc:
    """Returns the document of a role."""
    used = call.tx.one("SELECT 1 FROM permission WHERE role = ? LIMIT 1", (node.id,))
    return {
        "_id": node.id,
        "label": node.label,
        "default_flywheel_role": node.body.get("default_flywheel_role"),
        "actions": node.body["actions"],
        "in_use": used is not None,
    }


@route("get_all_roles", rule=LoggedIn())
def get_all_roles(call: Call) -> object:
    """Lists the roles."""
    return list_nodes(call, "role", lambda found: [role_document(call, node) for node in found])


@route("get_role", rule=LoggedIn())
def get_role(call: Call) -> Doc:
    """Returns one role."""
    return role_document(call, nodes.get(call.tx, "role", call.params["role_id"]))


def _check_actions(actions: list[str]) -> list[Json]:
    unknown = [action for action in actions if action not in access.ALL_ACTIONS]
    if unknown:
        raise invalid(f"unknown actions {unknown}", "body", "actions")
    return list(dict.fromkeys(actions))


@route("add_role", rule=SiteAdmin())
def add_role(call: Call) -> Doc:
    """Makes a role."""
    given = call.input(RoleInput)
    body: Doc = {"actions": _check_actions(given.actions), "default_flywheel_role": None}
    node = Node("role", call.site.new_id(), given.label, call.tx.now, call.tx.now, body=body)
    nodes.insert(call.tx, node)
    return role_document(call, node)


def _own_role(call: Call) -> Node:
    """Returns a role that is not one of the three every site has."""
    node = nodes.get(call.tx, "role", call.params["role_id"])
    if node.body.get("default_flywheel_role") is not None:
        raise Problem(409, f"role {node.label} is built in and cannot be changed")
    return node


def _group_roles(call: Call) -> list[str]:
    listed = call.target.body.get("roles")
    return [str(role) for role in listed] if isinstance(listed, list) else []


def _save_group_roles(call: Call, roles: list[str]) -> None:
    call.target.body["roles"] = [*roles]
    nodes.save(call.tx, call.target)


@route("get_all_group_roles", rule=On("group", "group_id", VIEW))
def get_all_group_roles(call: Call) -> list[Json]:
    """Lists the roles that a group offers."""
    found = (nodes.find(call.tx, "role", role) for role in _group_roles(call))
    return [role_document(call, node) for node in found if node is not None]


@route("get_group_role", rule=On("group", "group_id", VIEW))
def get_group_role(call: Call) -> Doc:
    """Returns a role that a group offers."""
    if call.params["role_id"] not in _group_roles(call):
        raise not_found("role", call.params["role_id"])
    return get_role(call)


@route("add_role_to_group", rule=On("group", "group_id", MODIFY))
def add_role_to_group(call: Call) -> Doc:
    """Lets a group offer a role."""
    node = nodes.get(call.tx, "role", call.input(IdInput).id)
    roles = _group_roles(call)
    if node.id in roles:
        raise Problem(409, f"group {call.target.id} has role {node.label} already")
    _save_group_roles(call, [*roles, node.id])
    return role_document(call, node)


@route("remove_role_from_group", rule=On("group", "group_id", MODIFY))
def remove_role_from_group(call: Call) -> None:
    """Lets a group no longer offer a role."""
    get_group_role(call)
    _save_group_roles(call, [role for role in _group_roles(call) if role != call.params["role_id"]])


@route("modify_role", rule=SiteAdmin())
def modify_role(call: Call) -> Doc:
    """Changes a role."""
    node = _own_role(call)
    given = call.input(RoleChange)
    node.label = given.label or node.label
    if given.actions is not None:
        node.body["actions"] = _check_actions(given.actions)
    nodes.save(call.tx, node)
    return role_document(call, node)


@route("delete_role", rule=SiteAdmin())
def delete_role(call: Call) -> None:
    """Deletes a role that nobody has."""
    node = _own_role(call)
    if role_document(call, node)["in_use"]:
        raise Problem(409, f"role {node.label} is in use")
    call.tx.run("DELETE FROM node WHERE kind = 'role' AND id = ?", (node.id,))


def modality_document(node: Node) -> Doc:
    """Returns the document of a modality."""
    return {
        "_id": node.id,
        "classification": node.body.get("classification") or {},
        "active": node.body.get("active", True),
        "description": node.body.get("description"),
        "rts_managed": False,
    }


@route("get_all_modalities", rule=LoggedIn())
def get_all_modalities(call: Call) -> object:
    """Lists the modalities."""
    return list_nodes(call, "modality", lambda found: [modality_document(node) for node in found])


@route("get_modality", rule=LoggedIn())
def get_modality(call: Call) -> Doc:
    """Returns one modality."""
    return modality_document(nodes.get(call.tx, "modality", call.params["modalityId"]))


@route("add_modality", rule=SiteAdmin())
def add_modality(call: Call) -> Doc:
    """Makes a modality."""
    given = call.input(ModalityInput)
    body: Doc = given.model_dump(mode="json", exclude={"id"})
    nodes.insert(call.tx, Node("modality", given.id, given.id, call.tx.now, call.tx.now, body=body))
    return {"_id": given.id}


@route("replace_modality", rule=SiteAdmin())
def replace_modality(call: Call) -> Doc:
    """Replaces the content of a modality."""
    node = nodes.get(call.tx, "modality", call.params["modalityId"])
    node.body = call.input(ModalityChange).model_dump(mode="json")
    nodes.save(call.tx, node)
    return modality_document(node)


@route("delete_modality", rule=SiteAdmin())
def delete_modality(call: Call) -> Doc:
    """Deletes a modality."""
    node = nodes.get(call.tx, "modality", call.params["modalityId"])
    call.tx.run("DELETE FROM node WHERE kind = 'modality' AND id = ?", (node.id,))
    return {"deleted": 1}
