"""Saved data views: what they are kept as, whose they are, and who may see and change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.views.inputs import ViewInput
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.database import Tx

SITE: Final = "site"
OWNERS: Final = (SITE, "project", "group", "user")
"""What a view can belong to; a group may have the id of the site, which comes first."""

# What the server itself says about a view; clients send it back with what they read.
_OWN = {"id", "label", "parent", "origin"}
# What the API does not tell of a view, though it keeps it; a client that sends back what it read does not lose it.
_UNTOLD = {"parent", "filter", "groupBy"}
_DEFAULTS: Final[Doc] = {
    "description": None,
    "columns": [],
    "fileSpec": None,
    "filter": None,
    "groupBy": None,
    "includeIds": True,
    "includeLabels": True,
    "errorColumn": None,
    "missingDataStrategy": None,
    "sort": False,
}


def owner_of(tx: Tx, owner_id: str) -> Node:
    """Returns the site, group, project or user with an id.

    Raises:
        Problem: 404 there is no such thing, 422 views cannot belong to it.
    """
    for kind in OWNERS:
        node = nodes.find(tx, kind, owner_id)
        if node is not None:
            return node
    node = nodes.get_container(tx, owner_id)
    raise invalid(f"a view belongs to the site, a group, a project or a user, not to a {node.kind}", "path")


def require(call: Call, owner: Node, action: str) -> None:
    """Refuses callers who may not see, or manage, the views of something.

    Those of the site are shown to everybody and managed by site admins; those of a user are the user's, and site
    admins see and manage them too.

    Raises:
        Problem: 403.
    """
    caller = call.caller
    if owner.kind in ("group", "project"):
        access.require(call.tx, caller, owner, action)
        return
    own = owner.id == caller.user_id or (owner.kind == SITE and action == access.VIEWS_VIEW)
    if not own and not caller.is_admin:
        raise Problem(403, f"user {caller.user_id} may not {action} on {owner.kind} {owner.id}")


@dataclass(frozen=True, slots=True)
class OnViewOwner:
    """An action on what the views named in the path belong to, which becomes `call.target`."""

    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the owner and refuses callers without the action."""
        call.target = owner_of(call.tx, call.params["container_id"])
        require(call, call.target, self.action)

    def __str__(self) -> str:
        return f"{self.action} on the site, group, project or user"


@dataclass(frozen=True, slots=True)
class OnView:
    """An action on the view named in the path, which becomes `call.target`."""

    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the view and refuses callers without the action on what it belongs to."""
        call.target = get(call.tx, call.params["view_id"])
        require(call, owner_of(call.tx, str(call.target.body["parent"])), self.action)

    def __str__(self) -> str:
        return f"{self.action} on what the view belongs to"


def get(tx: Tx, view_id: str) -> Node:
    """Returns a saved view. One of a project that was deleted is gone with it.

    Raises:
        Problem: 404.
    """
    view = nodes.get(tx, "view", view_id)
    owner = str(view.body["parent"])
    if not any(nodes.find(tx, kind, owner) for kind in OWNERS):
        raise not_found("view", view_id)
    return view


def add(call: Call, owner: Node, given: ViewInput) -> str:
    """Keeps a view and returns its id.

    Raises:
        Problem: 422, it has no label.
    """
    if given.label is None:
        raise invalid("a saved view needs a label", "body", "label")
    body: Doc = {**_DEFAULTS, **_sent(given), "parent": owner.id, "origin": call.caller.origin}
    node = Node("view", call.site.new_id(), given.label, call.tx.now, call.tx.now, body=body)
    if owner.kind in ("group", "project"):
        node.group_id, node.project = owner.group_id or owner.id, owner.project
    nodes.insert(call.tx, node)
    return node.id


def change(call: Call, view: Node, given: ViewInput) -> None:
    """Changes the members that were sent.

    Raises:
        Problem: 422, it would lose its label.
    """
    if "label" in given.model_fields_set:
        if given.label is None:
            raise invalid("a label cannot be removed", "body", "label")
        view.label = given.label
    view.body.update(_sent(given))
    nodes.save(call.tx, view)


def _sent(given: ViewInput) -> Doc:
    sent: Doc = given.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=_OWN)
    return sent


def document(view: Node) -> Doc:
    """Returns the document of a saved view."""
    told: Doc = {name: value for name, value in view.body.items() if name not in _UNTOLD}
    return {"_id": view.id, "label": view.label, **told}
