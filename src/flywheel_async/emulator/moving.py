"""Moving several sessions at once, with a say about conflicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.emulator import containers, nodes
from flywheel_async.emulator.inputs import AcquisitionChange, SessionChange
from flywheel_async.emulator.move_inputs import BulkMove
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call


def bulk(call: Call, given: BulkMove) -> list[Json]:
    """Moves sessions and returns the conflicts that were met.

    A conflict is a subject of the same label in the destination project, a session of the same label below the
    destination subject, or an acquisition of the same label in the destination session. `dry` moves nothing, `skip`
    leaves what conflicts where it is, `move` moves it too: into the subject of that label, or beside its namesake.

    Raises:
        Problem: 422, there are several destinations but not one for each session.
    """
    if len(given.destinations) not in (1, len(given.sources)):
        raise invalid("give one destination, or one for each source", "body", "destinations")
    kind = given.destination_container_type.removesuffix("s")
    conflicts: list[Json] = []
    for number, source in enumerate(given.sources):
        session = nodes.get(call.tx, "session", source)
        target = nodes.get(call.tx, kind, given.destinations[number % len(given.destinations)])
        if kind == "session":
            _into_session(call, session, target, given, conflicts)
            continue
        found = _conflict(call, session, target)
        if found is not None:
            conflicts.append(_report(call, session, found))
        if given.conflict_mode == "dry" or (found is not None and given.conflict_mode == "skip"):
            continue
        left = session.subject or ""
        _move(call, session, target, found)
        if given.remove_source:
            _remove_if_empty(call, "subject", left, "session")
    return conflicts


def _conflict(call: Call, session: Node, target: Node) -> Node | None:
    if target.kind == "project":
        if session.project == target.id:
            return None
        subject = nodes.get(call.tx, "subject", session.subject or "")
        return containers.find_subject(call, target.id, subject.label or "")
    return _namesake(call, session, target, "session")


def _namesake(call: Call, node: Node, target: Node, kind: str) -> Node | None:
    same = (other for other in nodes.children(call.tx, target, kind) if other.label == node.label)
    return next((other for other in same if other.id != node.id), None)


def _move(call: Call, session: Node, target: Node, found: Node | None) -> None:
    if target.kind == "subject":
        subject = target.id
    elif found is not None:
        subject = found.id
    else:
        containers.change(call, session, SessionChange(project=target.id))
        return
    containers.change(call, session, SessionChange(subject=subject))


def _into_session(call: Call, session: Node, target: Node, given: BulkMove, conflicts: list[Json]) -> None:
    """Moves the acquisitions of a session into another one."""
    if session.id == target.id:
        raise invalid("a session cannot be moved into itself", "body", "destinations")
    for acquisition in nodes.children(call.tx, session, "acquisition"):
        found = _namesake(call, acquisition, target, "acquisition")
        if found is not None:
            conflicts.append(_report(call, acquisition, found))
        if given.conflict_mode == "move" or (given.conflict_mode == "skip" and found is None):
            containers.change(call, acquisition, AcquisitionChange(session=target.id))
    if given.remove_source and given.conflict_mode != "dry":
        _remove_if_empty(call, "session", session.id, "acquisition")


def _remove_if_empty(call: Call, kind: str, node_id: str, child: str) -> None:
    node = nodes.find(call.tx, kind, node_id)
    if node is not None and not nodes.children(call.tx, node, child):
        containers.delete(call, node)


def _report(call: Call, node: Node, found: Node) -> Doc:
    subject = nodes.get(call.tx, "subject", node.subject or "")
    return {
        "move_type": [node.kind],
        "id": node.id,
        "label": node.label,
        "subject_code": subject.label,
        "conflict_with": {"type": found.kind, "id": found.id},
        "conflict_label": found.label,
    }
