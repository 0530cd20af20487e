"""Permission rules of uploads and downloads that no container in the path can decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.problems import invalid

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call


@dataclass(frozen=True, slots=True)
class Ticketed:
    """Whoever has the ticket, or token, that the route itself asks for."""

    public: bool = True

    def check(self, call: Call) -> None:
        """Lets everybody pass: the ticket stands for the user it was given to."""

    def __str__(self) -> str:
        return "whoever has the ticket"


@dataclass(frozen=True, slots=True)
class AtPlacement:
    """Any user; the route itself refuses whoever may not upload to where the metadata in the body says."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Lets every user pass: where the files go is known only when they have arrived."""

    def __str__(self) -> str:
        return "files_create_single on the project in the metadata"


@dataclass(frozen=True, slots=True)
class OnReferenced:
    """An action on the container that `parent_ref` in the request body names; it becomes `call.target`.

    Args:
        action: What the caller must be allowed to do there.
    """

    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the container and refuses callers without the action."""
        reference = call.object().get("parent_ref")
        if not isinstance(reference, dict) or reference.get("type") not in nodes.OWNERS[1:]:
            raise invalid("parent_ref must name a container with files by type and id", "body", "parent_ref")
        call.target = nodes.get(call.tx, str(reference["type"]), str(reference.get("id")))
        access.require(call.tx, call.caller, call.target, self.action)

    def __str__(self) -> str:
        return f"{self.action} on the container in the body"
