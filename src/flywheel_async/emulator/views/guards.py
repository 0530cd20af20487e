"""The permission rules of the view routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.views import executions, saved
from flywheel_async.emulator.views.columns import LEVELS

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.nodes import Node


@dataclass(frozen=True, slots=True)
class OnViewsOf:
    """Seeing or changing the views of the owner named in the path, which becomes `call.target`."""

    param: str
    change: bool
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the owner and refuses callers who may not."""
        call.target = saved.owner(call.tx, call.params[self.param])
        saved.require(call.tx, call.caller, call.target, change=self.change)

    def __str__(self) -> str:
        return f"{access.VIEWS_MANAGE if self.change else access.VIEWS_VIEW} on the owner"


@dataclass(frozen=True, slots=True)
class OnView:
    """Seeing or changing the view named in the path, which becomes `call.target`."""

    param: str
    change: bool
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the view and refuses callers who may not."""
        call.target = nodes.get(call.tx, "view", call.params[self.param])
        saved.require(call.tx, call.caller, saved.owner_of(call.tx, call.target), change=self.change)

    def __str__(self) -> str:
        return f"{access.VIEWS_MANAGE if self.change else access.VIEWS_VIEW} on the view"


@dataclass(frozen=True, slots=True)
class OnRun:
    """Running a view on the container in the query, which becomes `call.target`; the view may be a saved one.

    What the view shows of files and analyses takes the actions for them too, which depend on the view itself.

    Args:
        param: The path parameter with the id of the view, or None for one in the body.
    """

    param: str | None = None
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds view and container and refuses callers who may not see one of them."""
        if self.param is not None:
            OnView(self.param, change=False).check(call)
        call.target = _container(call)
        access.require(call.tx, call.caller, call.target, access.VIEW)

    def __str__(self) -> str:
        return "containers_view_metadata on the container"


@dataclass(frozen=True, slots=True)
class OnSave:
    """Running a view on the container in the query, which becomes `call.target`; storing a file where the body says."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Finds both containers, and the view when it is a saved one, and refuses callers who may not."""
        OnRun().check(call)
        body = call.object()
        kind, container_id = (str(body.get(name, "")) for name in ("containerType", "containerId"))
        if kind.removesuffix("s") not in nodes.OWNERS or kind.startswith("group"):
            raise invalid("containerType must be the kind of a container that has files", "body", "containerType")
        into = nodes.get(call.tx, kind.removesuffix("s"), container_id)
        access.require(call.tx, call.caller, into, access.FILES_CREATE)
        view_id = body.get("viewId")
        if isinstance(view_id, str):
            view = nodes.get(call.tx, "view", view_id)
            saved.require(call.tx, call.caller, saved.owner_of(call.tx, view), change=False)

    def __str__(self) -> str:
        return "containers_view_metadata on the container, files_create_single on the one in the body"


def _container(call: Call) -> Node:
    """Returns the container in the query.

    Raises:
        Problem: 404 there is none, 422 none is named, or one that views do not run on.
    """
    container_id = call.text("containerId")
    if container_id is None:
        raise invalid("containerId is needed", "query", "containerId")
    node = nodes.get_container(call.tx, container_id)
    if node.kind not in LEVELS:
        raise invalid(f"views run on a {', '.join(LEVELS)}, not on a {node.kind}", "query", "containerId")
    return node


@dataclass(frozen=True, slots=True)
class OnExecution:
    """An execution of the caller's own, or any for who sees everything; it becomes `call.target`.

    Args:
        param: The path parameter with its id.
        action: What the caller must be allowed to do in its project, or None.
    """

    param: str
    action: str | None = None
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the execution and refuses other users, and those who lost their permission meanwhile."""
        node = nodes.get(call.tx, "execution", call.params[self.param])
        if executions.expired(call.tx, node):
            raise not_found("execution", node.id)
        if node.body["user_id"] != call.caller.user_id and not call.caller.sees_all:
            raise Problem(403, f"execution {node.id} belongs to another user")
        if self.action is not None:
            access.require(call.tx, call.caller, nodes.get(call.tx, "project", node.project or ""), self.action)
        call.target = node

    def __str__(self) -> str:
        return f"who queued it{f', with {self.action} on the project' if self.action else ''}"
