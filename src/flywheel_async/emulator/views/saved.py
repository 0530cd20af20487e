"""Views kept under a label: for the whole site, a group, a project or a user."""

from __future__ import annotations

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.call import validate
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.views.inputs import ViewInput
from flywheel_async.emulator.views.planning import Run, make_plan
from flywheel_async.emulator.wire import Doc

SITE = "site"
"""The id under which views for everybody are kept."""

_SHOWN = (
    "label",
    "description",
    "columns",
    "fileSpec",
    "filter",
    "groupBy",
    "includeIds",
    "includeLabels",
    "errorColumn",
    "missingDataStrategy",
    "sort",
)


def owner(tx: Tx, owner_id: str) -> Node:
    """Returns the site, group, project or user with an id.

    Raises:
        Problem: 404 there is none; 422 it is a container that keeps no views.
    """
    # A group may have the id of the site, which comes first.
    row = tx.one(
        f"SELECT * FROM node WHERE id = ? AND deleted IS NULL AND kind IN {(*nodes.OWNERS, 'user', SITE)}"
        f" ORDER BY kind = '{SITE}' DESC",
        (owner_id,),
    )
    if row is None:
        raise not_found("container", owner_id)
    found = Node.from_row(row)
    if found.kind not in (SITE, "group", "project", "user"):
        raise invalid(f"a {found.kind} keeps no views; a project, a group, a user and the site do", "path")
    return found


def require(tx: Tx, caller: Caller, of: Node, *, change: bool) -> None:
    """Refuses who may not see, or change, the views of an owner.

    Raises:
        Problem: 403.
    """
    if of.kind == "project":
        access.require(tx, caller, of, access.VIEWS_MANAGE if change else access.VIEWS_VIEW)
        return
    if of.kind == "group":
        level = access.access_level(tx, caller, of.id)
        allowed = level == "admin" or (level is not None and not change)
    elif of.kind == "user":
        allowed = of.id == caller.user_id or caller.is_admin
    else:
        allowed = not change or caller.is_admin
    if not allowed:
        raise Problem(403, f"user {caller.user_id} may not {'change' if change else 'see'} views of {of.kind} {of.id}")


def owner_of(tx: Tx, view: Node) -> Node:
    """Returns the owner of a saved view.

    Raises:
        Problem: 404, the owner was deleted.
    """
    return owner(tx, str(view.body["parent"]))


def add(tx: Tx, new_id: str, caller: Caller, of: Node, given: ViewInput) -> str:
    """Keeps a view.

    Raises:
        Problem: 422, it has no label, or cannot be run.
    """
    if given.label is None:
        raise invalid("a view that is kept needs a label", "body", "label")
    make_plan(given, Run())
    body: Doc = {**_content(given), "parent": of.id, "origin": caller.origin}
    project = of.id if of.kind == "project" else None
    nodes.insert(tx, Node("view", new_id, given.label, tx.now, tx.now, of.group_id, project, body=body))
    return new_id


def change(tx: Tx, view: Node, changes: Doc) -> None:
    """Replaces parts of a view.

    Raises:
        Problem: 422, what comes out cannot be run.
    """
    given = validate(ViewInput, {**load(view).model_dump(mode="json", by_alias=True, exclude_none=True), **changes})
    if given.label is None:
        raise invalid("a view that is kept needs a label", "body", "label")
    make_plan(given, Run())
    view.label = given.label
    view.body = {**_content(given), "parent": view.body["parent"], "origin": view.body["origin"]}
    nodes.save(tx, view)


def load(view: Node) -> ViewInput:
    """Returns the view that was kept."""
    return validate(ViewInput, {name: view.body[name] for name in _SHOWN if name in view.body})


def document(view: Node) -> Doc:
    """Returns a view as the API shows it, with filter and groups where it has some: a client may send it to be run."""
    shown: Doc = {name: view.body.get(name) for name in _SHOWN}
    extra = {name for name in ("filter", "groupBy") if shown.get(name) is None}
    told: Doc = {name: value for name, value in shown.items() if name not in extra}
    return {"_id": view.id, **told, "columns": view.body.get("columns") or [], "origin": view.body["origin"]}


def _content(given: ViewInput) -> Doc:
    whole: Doc = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: value for name, value in whole.items() if name in _SHOWN}
