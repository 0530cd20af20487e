"""Searches that are kept: where each one hangs decides who sees it and who may change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.access import MODIFY, VIEW
from flywheel_async.emulator.nodes import LEVELS, Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.search.inputs import SavedParent, SaveSearchInput, SearchInput
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

KIND = "search"


@dataclass(frozen=True, slots=True)
class OnSaved:
    """Seeing or changing the kept search named in the path, which becomes `call.target`.

    What hangs on a container has the permissions of the container. What hangs on the site is seen by everybody and
    changed by site admins; what hangs on a user is that user's own.

    Args:
        param: The path parameter with its id.
        action: What the caller must be allowed to do with the container.
    """

    param: str
    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the search and refuses callers without the action on what it hangs on."""
        call.target = nodes.get(call.tx, KIND, call.params[self.param])
        _require(call, parent_of(call.target), self.action)

    def __str__(self) -> str:
        return f"{self.action} on what the search hangs on"


@dataclass(frozen=True, slots=True)
class OnSavedParent:
    """Changing what the search in the body is to hang on."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses callers who may not change it."""
        _require(call, call.input(SaveSearchInput).parent, MODIFY)

    def __str__(self) -> str:
        return f"{MODIFY} on the parent in the body"


def _require(call: Call, parent: SavedParent, action: str) -> None:
    if parent.type == "user":
        if parent.id != call.caller.user_id and not call.caller.is_admin:
            raise Problem(403, "only the user or a site admin may do this")
    elif parent.type != "site":
        access.require(call.tx, call.caller, nodes.get(call.tx, parent.type, parent.id), action)
    elif action != VIEW and not call.caller.is_admin:
        raise Problem(403, "only a site admin may do this")


def parent_of(node: Node) -> SavedParent:
    """Returns what a kept search hangs on."""
    return SavedParent.model_validate(node.body["parent"])


def add(call: Call, given: SaveSearchInput) -> str:
    """Keeps a search."""
    node = Node(KIND, call.site.new_id(), given.label, call.tx.now, call.tx.now)
    node.body = {"search": kept(given.search), "parent": given.parent.model_dump(), "origin": call.caller.origin}
    if given.parent.type not in ("site", "user"):
        # With the columns of its container it is moved and deleted together with it.
        above = nodes.get(call.tx, given.parent.type, given.parent.id)
        for column in LEVELS:
            setattr(node, column, getattr(above, column))
    nodes.insert(call.tx, node)
    return node.id


def kept(search: SearchInput) -> Doc:
    """Returns a search as it is kept."""
    found: Doc = search.model_dump(mode="json", exclude_unset=True)
    return found


def shown(node: Node) -> Doc:
    """Returns the document of a kept search."""
    return {
        "_id": node.id,
        "label": node.label,
        "search": node.body["search"],
        "parent": node.body["parent"],
        "created": iso(node.created),
        "modified": iso(node.modified),
    }


def seen_by(call: Call) -> Sql:
    """Returns the condition for the kept searches that the caller sees."""
    if call.caller.sees_all:
        return Sql("1")
    projects, of_projects = access.visible(call.caller, call.tx, "project", "p")
    text = (
        "CASE json_extract(d.body, '$.parent.type') WHEN 'site' THEN 1"
        " WHEN 'user' THEN json_extract(d.body, '$.parent.id') = ?"
        " WHEN 'group' THEN d.group_id IN (SELECT container_id FROM permission WHERE user_id = ?)"
        f" ELSE d.project IN (SELECT p.id FROM node p WHERE p.kind = 'project' AND {projects}) END"
    )
    return Sql(text, (call.caller.user_id, call.caller.user_id, *of_projects))
