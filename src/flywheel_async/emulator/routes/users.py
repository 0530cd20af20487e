"""Users."""

from __future__ import annotations

import re

from flywheel_async.emulator import keys, metadata, nodes, users
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Reply
from flywheel_async.emulator.inputs import InfoChange
from flywheel_async.emulator.joining import JoiningShaper
from flywheel_async.emulator.keys import Owner
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.routing import Routes, id_param
from flywheel_async.emulator.rules import LoggedIn, OwnOrSiteAdmin, SiteAdmin
from flywheel_async.emulator.site_inputs import KeyInput, UserChange, UserInput, UserSync
from flywheel_async.emulator.times import iso, iso_or_none, to_ms
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
        "central_user_id": node.body.get("central_user_id"),
        "central_revision": node.body.get("central_revision"),
        "info": node.body.get("info") or {},
    }


@route("get_current_user", rule=LoggedIn(only_users=True))
def get_current_user(call: Call) -> Doc:
    """Returns the user who asks."""
    document = user_document(nodes.get(call.tx, "user", call.caller.user_id))
    document["api_keys"] = keys.listed(call.tx, Owner(call.caller.user_id))
    document["visited_projects"] = []
    return document


@route("generate_user_key", rule=LoggedIn(only_users=True))
def generate_user_key(call: Call) -> Doc:
    """Makes a further key of the user who asks."""
    given = call.input(KeyInput)
    expires = None if given.expires_at is None else to_ms(given.expires_at)
    return keys.generate(call.tx, Owner(call.caller.user_id), given.label, call.site.new_id(), expires)


@route("delete_user_key", rule=LoggedIn(only_users=True))
def delete_user_key(call: Call) -> None:
    """Makes a key of the user who asks invalid."""
    keys.delete(call.tx, Owner(call.caller.user_id), call.params["id_"])


def _own_info(node: Node) -> Doc:
    info = node.body.get("info")
    return info if isinstance(info, dict) else {}


@route("get_current_user_info", rule=LoggedIn(only_users=True))
def get_current_user_info(call: Call) -> Doc:
    """Returns the metadata of the user who asks, or the keys of it that `fields` names."""
    info = _own_info(nodes.get(call.tx, "user", call.caller.user_id))
    fields = call.text("fields")
    return info if fields is None else {key: info[key] for key in fields.split(",") if key in info}


@route("modify_current_user_info", rule=LoggedIn(only_users=True))
def modify_current_user_info(call: Call) -> None:
    """Changes the metadata of the user who asks."""
    node = nodes.get(call.tx, "user", call.caller.user_id)
    node.body["info"] = metadata.change_info(_own_info(node), call.input(InfoChange))
    nodes.save(call.tx, node)


def _declare_lists(kind: str) -> None:
    operation = f"get_user_{kind}s"
    param = id_param(operation)

    @route(operation, rule=OwnOrSiteAdmin(param))
    def list_of_user(call: Call) -> object:
        """Lists what a user has a permission on."""
        user = nodes.get(call.tx, "user", call.params[param])
        shaper = JoiningShaper(call, trimmed=not call.flag("include_all_info"))
        return list_nodes(call, kind, shaper.containers, seen_by=Caller(user.id, ()))


for _kind in ("group", "project", "session", "acquisition", "collection"):
    _declare_lists(_kind)


@route("get_all_users", rule=LoggedIn())
def get_all_users(call: Call) -> object:
    """Lists the users."""
    return list_nodes(call, "user", lambda found: [user_document(node) for node in found])


@route("get_user", rule=LoggedIn())
def get_user(call: Call) -> Doc:
    """Returns one user; with `include_deleted` also one who was deleted."""
    find = nodes.get_ever if call.flag("include_deleted") else nodes.get
    node = find(call.tx, "user", call.params["user_id"])
    row = call.tx.one("SELECT deleted FROM node WHERE kind = 'user' AND id = ?", (node.id,))
    return {**user_document(node), "deleted": iso_or_none(row["deleted"] if row else None)}


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


@route("get_current_user_avatar", rule=LoggedIn(only_users=True))
def get_current_user_avatar(call: Call) -> Reply:
    """Leads to the picture of the user who asks."""
    return _avatar(call, call.caller.user_id)


@route("get_user_avatar", rule=LoggedIn())
def get_user_avatar(call: Call) -> Reply:
    """Leads to the picture of a user."""
    return _avatar(call, call.params["user_id"])


def _avatar(call: Call, user_id: str) -> Reply:
    """Redirects to a user's picture, or to the one of the query when the user has none."""
    node = nodes.get(call.tx, "user", user_id)
    for place in (node.body.get("avatar"), call.text("default")):
        if isinstance(place, str) and re.fullmatch(r"https?://[\x21-\x7e]+", place):
            return Reply(b"", 307, headers=[("location", place)])
    raise not_found("avatar of", user_id)


@route("sync_user", rule=SiteAdmin())
def sync_user(call: Call) -> None:
    """Takes over what a central directory says about a user; news that are older than what is known are passed over."""
    given = call.input(UserSync)
    users.sync(call.tx, call.params["cid"], given)


@route("delete_user", rule=SiteAdmin())
def delete_user(call: Call) -> Doc:
    """Deletes a user with all permissions; the user's key then answers 402."""
    node = nodes.get(call.tx, "user", call.params["UserId"])
    if node.id == call.caller.user_id:
        raise Problem(403, "users cannot delete themselves")
    call.tx.run("UPDATE node SET deleted = ? WHERE kind = 'user' AND id = ?", (call.tx.now, node.id))
    call.tx.run("DELETE FROM permission WHERE user_id = ?", (node.id,))
    return {"deleted": 1}
