"""Collections: making them, what is in them, who curates them."""

from __future__ import annotations

from flywheel_async.emulator import access, collecting
from flywheel_async.emulator.access import VIEW
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import CollectionInput
from flywheel_async.emulator.joining import JoiningShaper
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, On
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


@route("add_collection", rule=LoggedIn())
def add_collection(call: Call) -> Doc:
    """Makes a collection."""
    return {"_id": collecting.add(call, call.input(CollectionInput))}


def _shaper(call: Call) -> JoiningShaper:
    return JoiningShaper(call, trimmed=not call.flag("include_all_info"))


@route("get_all_collections", rule=LoggedIn("lists what the user may see"))
def get_all_collections(call: Call) -> object:
    """Lists the collections."""
    return list_nodes(call, "collection", _shaper(call).containers)


@route("get_all_collections_curators", rule=LoggedIn("lists what the user may see"))
def get_all_collections_curators(call: Call) -> object:
    """Lists the users who made the collections that the caller may see."""
    text, values = access.visible(call.caller, call.tx, "collection", "c")
    curators = (
        "d.id IN (SELECT json_extract(c.body, '$.curator') FROM node c"
        f" WHERE c.kind = 'collection' AND c.deleted IS NULL AND {text})"
    )
    return list_nodes(
        call,
        "user",
        lambda found: [
            {"_id": node.id, "firstname": node.body.get("firstname"), "lastname": node.body.get("lastname")}
            for node in found
        ],
        within=Sql(curators, values),
    )


@route("get_collection_sessions", rule=On("collection", "collection_id", VIEW))
def get_collection_sessions(call: Call) -> object:
    """Lists the sessions with an acquisition in the collection."""
    sessions = (
        "d.id IN (SELECT a.session FROM member m JOIN node a ON a.kind = 'acquisition' AND a.id = m.acquisition_id"
        " WHERE m.collection_id = ? AND a.deleted IS NULL)"
    )
    return list_nodes(call, "session", _shaper(call).containers, within=Sql(sessions, (call.target.id,)))


@route("get_collection_acquisitions", rule=On("collection", "collection_id", VIEW))
def get_collection_acquisitions(call: Call) -> object:
    """Lists the acquisitions in the collection, all or those of one session."""
    within = in_collection(call.target.id)
    session = call.text("session")
    if session is not None:
        within = Sql(f"{within.text} AND d.session = ?", (*within.values, session))
    return list_nodes(call, "acquisition", _shaper(call).containers, within=within)


def in_collection(collection_id: str) -> Sql:
    """Returns the condition for the acquisitions of a collection."""
    return Sql("d.id IN (SELECT acquisition_id FROM member WHERE collection_id = ?)", (collection_id,))
