"""Copying and deleting whole projects in the background, with a status that clients can look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flywheel_async.emulator import background, containers, nodes
from flywheel_async.emulator.background import NewId, Work
from flywheel_async.emulator.copying import COMPLETED, Copying
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.move_inputs import CopyFilter, ProjectCopy
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

STATIC: Final = "static"
SCHEDULED: Final = "scheduled"
FAILED: Final = "failed"


def begin_copy(call: Call, group: Node, given: ProjectCopy) -> Node:
    """Makes the project that a copy goes to and schedules the rest.

    Raises:
        Problem: 422, a rule of the filter is malformed.
    """
    copying = Copying(call.tx, call.site.new_id, given.filter)
    made = copying.begin(call.target, group, given.project_label)
    made.body.update(copy_status=SCHEDULED, copy_failure_reason=None, delete_status=None, delete_failure_reason=None)
    nodes.save(call.tx, made)
    containers.set_first_permissions(call, group, made, [])
    arguments: Doc = {
        "source": call.target.id,
        "project": made.id,
        "filter": given.filter.model_dump(mode="json"),
    }
    background.schedule(call.tx, call.site.new_id, "copy", arguments)
    return made


def _copying(tx: Tx, arguments: Doc) -> None:
    _note(tx, arguments, "copy", "copying")


def _copy(tx: Tx, arguments: Doc, new_id: NewId) -> None:
    made = nodes.find(tx, "project", str(arguments["project"]))
    if made is None:  # deleted while it was being made
        return
    source = nodes.get(tx, "project", str(arguments["source"]))
    Copying(tx, new_id, CopyFilter.model_validate(arguments["filter"])).fill(source, made)
    _note(tx, arguments, "copy", COMPLETED)


def _copy_failed(tx: Tx, arguments: Doc, reason: str) -> None:
    _note(tx, arguments, "copy", FAILED, reason)


def begin_delete(call: Call, project: Node) -> None:
    """Schedules the deletion of a project for the `delete_reason` of the query; once is enough."""
    reason = call.delete_reason()
    if project.body.get("delete_status") in (SCHEDULED, "deleting"):
        return
    project.body.update(delete_status=SCHEDULED, delete_failure_reason=None)
    nodes.save(call.tx, project)
    background.schedule(call.tx, call.site.new_id, "delete", {"project": project.id, "reason": reason})


def _deleting(tx: Tx, arguments: Doc) -> None:
    _note(tx, arguments, "delete", "deleting")


def _delete(tx: Tx, arguments: Doc, _new_id: NewId) -> None:
    project = nodes.find(tx, "project", str(arguments["project"]))
    if project is not None:
        reason = arguments["reason"]
        nodes.soft_delete(tx, project, reason if isinstance(reason, str) else None)


def _delete_failed(tx: Tx, arguments: Doc, reason: str) -> None:
    _note(tx, arguments, "delete", FAILED, reason)


def _note(tx: Tx, arguments: Doc, what: str, status: str, reason: str | None = None) -> None:
    project = nodes.find(tx, "project", str(arguments["project"]))
    if project is not None:
        project.body[f"{what}_status"] = status
        project.body[f"{what}_failure_reason"] = reason
        nodes.save(tx, project)


WORK: Final[Mapping[str, Work]] = {
    "copy": Work(_copying, _copy, _copy_failed),
    "delete": Work(_deleting, _delete, _delete_failed),
}
"""What projects do in the background."""


def delete_status(tx: Tx, project: Node) -> Doc:
    """Tells how far the deletion of a project is; the project may be gone already."""
    row = tx.one("SELECT deleted FROM node WHERE kind = 'project' AND id = ?", (project.id,))
    gone = row is not None and row["deleted"] is not None
    status = COMPLETED if gone else project.body.get("delete_status") or STATIC
    return {"delete_status": status, "delete_failure_reason": project.body.get("delete_failure_reason")}
