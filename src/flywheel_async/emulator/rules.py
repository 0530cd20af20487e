"""Permission rules: every route names one, and it is checked before the route's own work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flywheel_async.emulator import access, files, nodes
from flywheel_async.emulator.move_inputs import BulkMove
from flywheel_async.emulator.problems import Problem, invalid, not_found

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.nodes import Node


class Rule(Protocol):
    """Decides whether a request may go on."""

    @property
    def public(self) -> bool:
        """Whether the route is open to callers without a key."""
        ...

    def check(self, call: Call) -> None:
        """Refuses the request, or returns.

        Raises:
            Problem: 403 when the caller may not, 404 when the thing asked for is not there.
        """
        ...

    def __str__(self) -> str:
        """Describes the rule in a few words, for the list of routes."""
        ...


@dataclass(frozen=True, slots=True)
class Public:
    """Open to everybody, with or without a key."""

    public: bool = True

    def check(self, call: Call) -> None:
        """Lets everybody pass."""

    def __str__(self) -> str:
        return "public"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Any enabled user or device.

    Args:
        shows: What limits the answer itself, such as lists that leave out what the caller may not see.
        only_users: Whether devices are refused.
    """

    shows: str = ""
    only_users: bool = False
    public: bool = False

    def check(self, call: Call) -> None:
        """Lets every user pass; the key was checked before."""
        if self.only_users and call.caller.is_device:
            raise Problem(403, "a device is no user")

    def __str__(self) -> str:
        who = "any user" if self.only_users else "any user or device"
        return f"{who}{f' ({self.shows})' if self.shows else ''}"


@dataclass(frozen=True, slots=True)
class SiteAdmin:
    """Site admins, with or without `exhaustive`."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses everybody who is no site admin."""
        if not call.caller.is_admin:
            raise Problem(403, "only a site admin may do this")

    def __str__(self) -> str:
        return "site admin"


@dataclass(frozen=True, slots=True)
class Device:
    """Devices only."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses users."""
        if not call.caller.is_device:
            raise Problem(403, "only a device may do this")

    def __str__(self) -> str:
        return "device"


@dataclass(frozen=True, slots=True)
class OwnOrSiteAdmin:
    """The user named in the path, or a site admin."""

    param: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses other users."""
        if call.params[self.param] != call.caller.user_id and not call.caller.is_admin:
            raise Problem(403, "only the user or a site admin may do this")

    def __str__(self) -> str:
        return "the user or site admin"


@dataclass(frozen=True, slots=True)
class On:
    """An action on the container named in the path, which becomes `call.target`.

    Args:
        kind: The container kind, or None for any.
        param: The path parameter with its id.
        action: What the caller must be allowed to do there.
        deleted: Whether it may be a deleted one; for a given kind only.
    """

    kind: str | None
    param: str
    action: str
    deleted: bool = False
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the container and refuses callers without the action."""
        node_id = call.params[self.param]
        if self.kind is not None and self.deleted:
            node = nodes.get_ever(call.tx, self.kind, node_id)
        elif self.kind is None:
            node = nodes.get_container(call.tx, node_id)
        else:
            node = nodes.get(call.tx, self.kind, node_id)
        _require(call, node, self.action)
        call.target = node

    def __str__(self) -> str:
        return f"{self.action} on the {self.kind or 'container'}"


def _require(call: Call, node: Node, action: str) -> None:
    """Checks an action; deleting takes more on a project than below it, and a site admin on a group."""
    if action == access.DELETE and node.kind == "group":
        SiteAdmin().check(call)
        return
    if action == access.DELETE and node.kind == "project":
        action = access.DELETE_PROJECT
    access.require(call.tx, call.caller, node, action)


@dataclass(frozen=True, slots=True)
class AtPathEnd:
    """Any user; the route itself refuses whoever may not see what the path in the body ends at."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Lets every user pass: what the path names is known only after it was walked."""

    def __str__(self) -> str:
        return "containers_view_metadata at the end of the path"


@dataclass(frozen=True, slots=True)
class OnAnalysis:
    """An action on the analysis named in the path below its parent; it becomes `call.target`.

    Args:
        kind: The parent's kind, or None for any.
        param: The path parameter with the parent's id.
        action: What the caller must be allowed to do with the analysis.
    """

    kind: str | None
    param: str
    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the analysis and refuses callers without the action."""
        node = nodes.get(call.tx, "analysis", call.params["analysis_id"])
        kind, parent = nodes.parent_of(node)
        if parent != call.params[self.param] or self.kind not in (None, kind):
            raise not_found(f"analysis of {kind} {call.params[self.param]}", node.id)
        access.require(call.tx, call.caller, node, self.action)
        call.target = node

    def __str__(self) -> str:
        return f"{self.action} on the analysis"


@dataclass(frozen=True, slots=True)
class OnPlural:
    """An action on a container whose kind is a path parameter too, in the plural; it becomes `call.target`.

    Args:
        kind_param: The path parameter with the kind, such as `sessions`.
        param: The path parameter with the id.
        action: What the caller must be allowed to do there.
    """

    kind_param: str
    param: str
    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the container and refuses callers without the action."""
        kind = call.params[self.kind_param].removesuffix("s")
        if kind not in nodes.CONTAINERS or call.params[self.kind_param] != f"{kind}s":
            raise Problem(404, "there is nothing at this path")
        call.target = nodes.get(call.tx, kind, call.params[self.param])
        access.require(call.tx, call.caller, call.target, self.action)

    def __str__(self) -> str:
        return f"{self.action} on the container"


@dataclass(frozen=True, slots=True)
class OnParent:
    """An action on the container that the request body names as the parent, which becomes `call.target`.

    Args:
        kind: The parent's kind, which is also the body's key for it.
        action: What the caller must be allowed to do there.
    """

    kind: str
    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the parent and refuses callers without the action."""
        parent = call.object().get(self.kind)
        if not isinstance(parent, str):
            raise invalid(f"{self.kind} must be the id of a {self.kind}", "body", self.kind)
        node = nodes.get(call.tx, self.kind, parent)
        access.require(call.tx, call.caller, node, self.action)
        call.target = node

    def __str__(self) -> str:
        return f"{self.action} on the {self.kind} in the body"


@dataclass(frozen=True, slots=True)
class OwnDocument:
    """A document such as a custom filter: its maker, or a site admin; it becomes `call.target`.

    Args:
        kind: The kind of document.
        param: The path parameter with its id.
    """

    kind: str
    param: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the document and refuses other users."""
        call.target = nodes.get(call.tx, self.kind, call.params[self.param])
        if call.target.body.get("origin") != call.caller.origin and not call.caller.is_admin:
            raise Problem(403, f"only the maker of {self.kind} {call.target.id} or a site admin may do this")

    def __str__(self) -> str:
        return "its maker or site admin"


@dataclass(frozen=True, slots=True)
class OnLogged:
    """Seeing the container or file whose kind and id are path parameters, also when it was deleted."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Finds what the log is about and refuses callers who may not see it."""
        kind, node_id = call.params["container_type"], call.params["container_id"]
        if kind == "file":
            row = call.tx.one("SELECT * FROM file WHERE file_id = ? ORDER BY version DESC LIMIT 1", (node_id,))
            if row is None:
                raise not_found("file", node_id)
            access.require_file(call.tx, call.caller, files.FileRow.from_row(row), access.FILES_VIEW)
            return
        if kind not in nodes.OWNERS:
            raise not_found(kind, node_id)
        access.require(call.tx, call.caller, nodes.get_ever(call.tx, kind, node_id), access.VIEW)

    def __str__(self) -> str:
        return "containers_view_metadata on the container"


@dataclass(frozen=True, slots=True)
class OnBulkMove:
    """Moving every session that the body lists away from its project and to the destination it lists."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses the whole request when one of the moves is not allowed."""
        given = call.input(BulkMove)
        kind = given.destination_container_type.removesuffix("s")
        for action, of, ids in ((access.DELETE, "session", given.sources), (access.CREATE, kind, given.destinations)):
            for node_id in ids:
                access.require(call.tx, call.caller, nodes.get(call.tx, of, node_id), action)

    def __str__(self) -> str:
        return "deletion of each session, creation at each destination"


@dataclass(frozen=True, slots=True)
class OnEach:
    """Deletion of every container whose id the body lists; ids that are not there are passed over."""

    kind: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses the whole request when one of the containers may not be deleted."""
        for node_id in call.ids():
            node = nodes.find(call.tx, self.kind, node_id)
            if node is not None:
                _require(call, node, access.DELETE)

    def __str__(self) -> str:
        return f"deletion of each {self.kind} in the body"
