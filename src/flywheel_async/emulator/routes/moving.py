"""Copies, moves and restored files."""

from __future__ import annotations

from flywheel_async.emulator import access, containers, copying, files, moving, nodes, project_tasks
from flywheel_async.emulator.access import COPY, FILES_CREATE, FILES_MODIFY, FILES_MOVE
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Streamed, json_reply
from flywheel_async.emulator.file_rules import OnFile
from flywheel_async.emulator.inputs import Input
from flywheel_async.emulator.move_inputs import (
    AcquisitionCopy,
    BulkMove,
    CopyFilter,
    FileMove,
    ProjectCopy,
    SessionCopy,
    SubjectCopy,
)
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import On, OnBulkMove
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


def _shown(call: Call, node: Node) -> Doc:
    return Shaper(call.tx, call.caller).container(node)


def _copy(call: Call, parent: Node, label: str, given: CopyFilter) -> Node:
    return copying.Copying(call.tx, call.site.new_id, given).copy(call.target, parent, label)


@route("project_copy", rule=On("project", "project_id", COPY))
def project_copy(call: Call) -> Streamed:
    """Makes a project that is the copy of another one; what is in it is copied in the background."""
    given = call.input(ProjectCopy)
    if call.target.body.get("copyable") is False:
        raise Problem(403, f"project {call.target.id} is not to be copied")
    group = containers.destination(call, "group", given.group_id)
    made = project_tasks.begin_copy(call, group, given)
    answer: Doc = {
        "task_id": call.site.new_id(),
        "snapshot_id": given.snapshot_id or call.site.new_id(),
        "project_id": made.id,
    }
    return call.site.background.after(json_reply(answer))


@route("subject_copy", rule=On("subject", "subject_id", COPY))
def subject_copy(call: Call) -> Doc:
    """Copies a subject into a project."""
    given = call.input(SubjectCopy)
    project = containers.destination(call, "project", given.dst_project_id)
    label = given.dst_subject_label or call.target.label or ""
    containers.require_free(call, project.id, label)
    return _shown(call, _copy(call, project, label, given.filter))


@route("session_copy", rule=On("session", "session_id", COPY))
def session_copy(call: Call) -> Doc:
    """Copies a session below a subject, or into a project: below its subject of the same label."""
    given = call.input(SessionCopy)
    if given.dst_subject_id is not None:
        subject = containers.destination(call, "subject", given.dst_subject_id)
        if given.dst_project_id not in (None, subject.project):
            raise invalid(f"subject {subject.id} is not in project {given.dst_project_id}", "body", "dst_subject_id")
    elif given.dst_project_id is not None:
        project = containers.destination(call, "project", given.dst_project_id)
        label = nodes.get(call.tx, "subject", call.target.subject or "").label or ""
        found = containers.find_subject(call, project.id, label)
        subject = found or containers.new_subject(call, project, label, Input())
    else:
        raise invalid("dst_subject_id or dst_project_id is needed", "body")
    label = given.dst_session_label or call.target.label or ""
    return _shown(call, _copy(call, subject, label, given.filter))


@route("acquisition_copy", rule=On("acquisition", "acquisition_id", COPY))
def acquisition_copy(call: Call) -> Doc:
    """Copies an acquisition into a session."""
    given = call.input(AcquisitionCopy)
    session = containers.destination(call, "session", given.dst_session_id)
    label = given.label or call.target.label or ""
    return _shown(call, _copy(call, session, label, given.filter))


@route("bulk_move_sessions", rule=OnBulkMove())
def bulk_move_sessions(call: Call) -> list[Json]:
    """Moves sessions and returns the conflicts."""
    return moving.bulk(call, call.input(BulkMove))


@route("move_file", rule=OnFile(FILES_MOVE))
def move_file(call: Call) -> Doc:
    """Moves a file with all versions to another container, or gives it another name."""
    given = call.input(FileMove)
    place = given.container_reference
    kind, node_id = (call.file.parent_kind, call.file.parent_id) if place is None else (place.type, place.id)
    if kind not in nodes.OWNERS or kind == "group":
        raise invalid(f"a {kind!r} has no files", "body", "container_reference", "type")
    parent = nodes.get(call.tx, kind, node_id)
    if parent.id != call.file.parent_id:
        access.require(call.tx, call.caller, parent, FILES_CREATE)
    files.move(call.tx, call.file, parent, files.check_name(call.file.name if given.name is None else given.name))
    return {"modified": 1, "jobs_spawned": 0}


@route("restore_file", rule=OnFile(FILES_MODIFY, deleted=True))
def restore_file(call: Call) -> Doc:
    """Makes an older version, or a deleted one, the latest again."""
    # The container must still be there.
    nodes.get(call.tx, call.file.parent_kind, call.file.parent_id)
    restored = files.restore(call.tx, call.file, call.caller.origin)
    return Shaper(call.tx, call.caller).file(restored)
