"""Users."""

from __future__ import annotations

from flywheel_async.emulator import nodes, users
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import UserChange, UserInput
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, OwnOrSiteAdmin, SiteAdmin
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


def user_document(node: Node) -> Doc:
    """Returns the document of a user; keys are never part of it."""
    roles = node.body.get("roles")
    granted = roles if isinstance(roles, list) else []
    return {
        "_id": node.id,
        "user_id": node.id,
        "firstname": node.body.get("firstname"),
        "lastname": node.body.get("lastname"),
        "email": node.body.get("email") or node.id,
        "avatar": node.body.get("avatar"),
        "roles": granted,
        "root": "site_admin" in granted,
        "disabled": bool(node.body.get("disabled")),
        "preferences": node.body.get("preferences") or {},
        "firstlogin": None,
        "lastlogin": None,
        "created": iso(node.created),
        "modified": iso(node.modified),
        "deleted": None,
        "central_user_id": None,
        "central_revision": None,
        "info": node.body.get("info") or {},
    }


@route("get_current_user", rule=LoggedIn())
def get_current_user(call: Call) -> Doc:
    """Returns the user who asks."""
    document = user_document(nodes.get(call.tx, "user", call.caller.user_id))
    rows = call.tx.all("SELECT label, created FROM api_key WHERE user_id = ?", (call.caller.user_id,))
    document["api_keys"] = [
        {"label": row["label"], "created": iso(row["created"]), "expires_at": None, "last_used": None} for row in rows
    ]
    document["visited_projects"] = []
    return document


@route("get_all_users", rule=LoggedIn())
def get_all_users(call: Call) -> object:
    """Lists the users."""
    return list_nodes(call, "user", lambda found: [user_document(node) for node in found])


@route("get_user", rule=LoggedIn())
def get_user(call: Call) -> Doc:
    """Returns one user."""
    return user_document(nodes.get(call.tx, "user", call.params["user_id"]))


@route("add_user", rule=SiteAdmin())
def add_user(call: Call) -> Doc:
    """Makes a user, who gets no key by this."""
    given = call.input(UserInput)
    body: Doc = given.model_dump(mode="json", exclude_unset=True, exclude={"id", "password", "root"})
    body.setdefault("roles", ["user"])
    if given.root:
        body["roles"] = ["site_admin"]
    users.create(call.tx, given.id, body)
    return {"_id": given.id}


@route("modify_user", rule=OwnOrSiteAdmin("uid"))
def modify_user(call: Call) -> Doc:
    """Changes a user. Nobody changes their own roles, and only site admins disable users."""
    node = nodes.get(call.tx, "user", call.params["uid"])
    given = call.input(UserChange)
    if given.model_fields_set & {"roles", "disabled", "root"}:
        if node.id == call.caller.user_id:
            raise Problem(403, "users cannot change their own roles or disable themselves")
        if not call.caller.is_admin:
            raise Problem(403, "only a site admin may do this")
    node.body.update(given.model_dump(mode="json", exclude_unset=True, exclude={"password", "root"}))
    if given.root is not None and given.roles is None:
        node.body["roles"] = ["site_admin"] if given.root else ["user"]
    nodes.save(call.tx, node)
    if given.disabled and call.flag("clear_permissions"):
        call.tx.run("DELETE FROM permission WHERE user_id = ?", (node.id,))
    return {"modified": 1}


@route("delete_user", rule=SiteAdmin())
def delete_user(call: Call) -> Doc:
    """Deletes a user with all permissions; the user's key then answers 402."""
    node = nodes.get(call.tx, "user", call.params["UserId"])
    if node.id == call.caller.user_id:
        raise Problem(403, "users cannot delete themselves")
    call.tx.run("UPDATE node SET deleted = ? WHERE kind = 'user' AND id = ?", (call.tx.now, node.id))
    call.tx.run("DELETE FROM permission WHERE user_id = ?", (node.id,))
    return {"deleted": 1}
