"""Finding or making a whole branch of a project in one request, so that an import can be repeated."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from flywheel_async.emulator import containers, nodes
from flywheel_async.emulator.move_inputs import Hierarchy, HierarchyAcquisition, HierarchySession, HierarchySubject
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

Level = HierarchySubject | HierarchySession | HierarchyAcquisition


def upsert(call: Call, project: Node, given: Hierarchy) -> Doc:
    """Finds, makes or changes a subject, a session below it and an acquisition below that.

    Each is looked for by id, then by uid in the project, then by label below its parent. What was found gets the
    fields that were sent; `upsert_result` says `created`, `updated`, `ignored` when nothing differed, or `conflict`
    when it was found below another parent, where it is left alone.

    Raises:
        Problem: 404 no such id, 422 a level is missing above another one, or nothing tells which one is meant.
    """
    answer: Doc = {}
    parent = project
    levels: list[tuple[str, Level | None]] = [
        ("subject", given.subject),
        ("session", given.session),
        ("acquisition", given.acquisition),
    ]
    for kind, level in levels:
        if level is None:
            break
        node, result = _one(call, project, parent, kind, level)
        answer[kind] = {"_id": node.id, "label": node.label, "uid": node.body.get("uid"), "upsert_result": result}
        parent = node
    if len(answer) < sum(level is not None for _, level in levels) or not answer:
        raise invalid("a subject is needed, and for an acquisition a session too", "body")
    return answer


def _one(call: Call, project: Node, parent: Node, kind: str, given: Level) -> tuple[Node, str]:
    label, uid = given.label, None if isinstance(given, HierarchySubject) else given.uid
    found = _find(call, project, parent, kind, given.id, uid, label)
    if found is None:
        label = label or uid
        if label is None:
            raise invalid(f"the {kind} needs a label", "body", kind)
        node = containers.new(call, kind, label, given, parent)
        nodes.insert(call.tx, node)
        return node, "created"
    if getattr(found, COLUMN_OF[parent.kind]) != parent.id:
        return found, "conflict"
    before = deepcopy(found)
    containers.apply(found, given)
    found.label = label or found.label
    if found == before:
        return found, "ignored"
    nodes.save(call.tx, found)
    return found, "updated"


def _find(
    call: Call, project: Node, parent: Node, kind: str, node_id: str | None, uid: str | None, label: str | None
) -> Node | None:
    if node_id is not None:
        return nodes.get(call.tx, kind, node_id)
    row = None
    if uid is not None:
        row = call.tx.one(
            "SELECT * FROM node WHERE kind = ? AND project = ? AND json_extract(body, '$.uid') = ?"
            " AND deleted IS NULL ORDER BY id LIMIT 1",
            (kind, project.id, uid),
        )
    elif label is not None:
        row = call.tx.one(
            f"SELECT * FROM node WHERE kind = ? AND {COLUMN_OF[parent.kind]} = ? AND label = ?"
            " AND deleted IS NULL ORDER BY id LIMIT 1",
            (kind, parent.id, label),
        )
    return None if row is None else Node.from_row(row)
