"""Saved data views, and the columns that views may ask for."""

from __future__ import annotations

from flywheel_async.emulator import saved_views
from flywheel_async.emulator.access import VIEWS_MANAGE, VIEWS_VIEW
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.saved_views import OnView, OnViewOwner
from flywheel_async.emulator.views.columns import CATALOGUE
from flywheel_async.emulator.views.inputs import ViewInput
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


@route("get_views", rule=OnViewOwner(VIEWS_VIEW))
def get_views(call: Call) -> object:
    """Lists the views of the site, a group, a project or a user."""
    own = Sql("json_extract(d.body, '$.parent') = ?", (call.target.id,))
    return list_nodes(call, "view", lambda found: [saved_views.document(node) for node in found], within=own)


@route("add_view", rule=OnViewOwner(VIEWS_MANAGE))
def add_view(call: Call) -> Doc:
    """Keeps a view."""
    return {"_id": saved_views.add(call, call.target, call.input(ViewInput))}


@route("get_view", rule=OnView(VIEWS_VIEW))
def get_view(call: Call) -> Doc:
    """Returns a saved view."""
    return saved_views.document(call.target)


@route("modify_view", rule=OnView(VIEWS_MANAGE))
def modify_view(call: Call) -> Doc:
    """Changes a saved view."""
    saved_views.change(call, call.target, call.input(ViewInput))
    return {"modified": 1}


@route("delete_view", rule=OnView(VIEWS_MANAGE))
def delete_view(call: Call) -> Doc:
    """Deletes a saved view."""
    call.tx.run("DELETE FROM node WHERE kind = 'view' AND id = ?", (call.target.id,))
    return {"deleted": 1}


@route("data_view_columns", rule=LoggedIn())
def data_view_columns(call: Call) -> list[Json]:
    """Lists the columns that views may ask for, with groups of them."""
    return [alias.document() for alias in CATALOGUE.values()]
