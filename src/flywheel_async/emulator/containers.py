"""Creating, changing, moving and deleting containers; permissions are checked by the caller of these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, metadata, nodes, permissions
from flywheel_async.emulator.inputs import (
    AcquisitionChange,
    AcquisitionInput,
    EmbeddedSubject,
    GroupInput,
    Input,
    ProjectChange,
    ProjectInput,
    RolePermission,
    SessionChange,
    SessionInput,
    SubjectChange,
    SubjectFields,
    SubjectInput,
)
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.times import to_ms
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

# Members of a body that have columns, or lead to other documents.
_NOT_BODY = frozenset(
    (
        "id",
        "label",
        "code",
        "group",
        "project",
        "subject",
        "session",
        "timestamp",
        "permissions",
        "modified",
        "routing_field",
        "source",
    )
)


def new(call: Call, kind: str, label: str | None, given: Input, parent: Node | None) -> Node:
    """Builds a node below `parent` from an input model."""
    node = Node(kind, call.site.new_id(), label, call.tx.now, call.tx.now)
    if parent is not None:
        for column in nodes.LEVELS:
            setattr(node, column, getattr(parent, column))
    setattr(node, nodes.COLUMN_OF[kind], node.id)
    apply(node, given)
    return node


def apply(node: Node, given: Input) -> None:
    """Puts the members that were sent into a node; metadata is merged leaf by leaf."""
    sent: Doc = given.model_dump(mode="json", exclude_unset=True)
    for name, value in sent.items():
        if name == "timestamp":
            moment: datetime | None = getattr(given, name)
            node.timestamp = None if moment is None else to_ms(moment)
        elif name == "info":
            before = node.body.get("info")
            if isinstance(value, dict):
                node.body["info"] = metadata.merged(
                    before if isinstance(before, dict) else {}, metadata.clean_doc(value)
                )
        elif name == "tags":
            tags = value if isinstance(value, list) else []
            node.body["tags"] = [*dict.fromkeys(str(tag) for tag in tags)]
        elif name not in _NOT_BODY:
            node.body[name] = value


def add_group(call: Call, given: GroupInput) -> str:
    """Makes a group; its creator becomes its admin."""
    node = Node("group", given.id, given.label or given.id, call.tx.now, call.tx.now, group_id=given.id)
    apply(node, given)
    nodes.insert(call.tx, node)
    if not call.caller.is_device:
        permissions.set_access(call.tx, node.id, call.caller.user_id, "admin")
    return node.id


def add_project(call: Call, group: Node, given: ProjectInput) -> str:
    """Makes a project; its creator becomes its admin, and the group's templates apply.

    With `inherit=true` in the query, the group's own permissions are copied as default roles too.
    """
    node = new(call, "project", given.label, given, group)
    nodes.insert(call.tx, node)
    set_first_permissions(call, group, node, given.permissions or [])
    return node.id


def set_first_permissions(call: Call, group: Node, node: Node, given: Sequence[RolePermission]) -> None:
    """Gives a new project its permissions: the group's templates, what the request says, and the maker as admin."""
    grants: dict[str, list[str]] = {}
    if call.flag("inherit"):
        for user, level in permissions.levels(call.tx, group.id).items():
            grants[user] = [call.site.roles[level]]
    grants.update(permissions.templates(group))
    for entry in given:
        grants[entry.id] = entry.role_ids
    if not call.caller.is_device:
        grants[call.caller.user_id] = [call.site.roles["admin"]]
    for user, role_ids in grants.items():
        permissions.set_roles(call.tx, node.id, user, role_ids)


def add_subject(call: Call, project: Node, given: SubjectInput) -> str:
    """Makes a subject.

    Raises:
        Problem: 409 the label is taken in the project, 422 no label or two different ones.
    """
    label = _subject_label(given)
    if label is None:
        raise invalid("a subject needs a label", "body", "label")
    return new_subject(call, project, label, given).id


def new_subject(call: Call, project: Node, label: str, given: Input) -> Node:
    """Makes a subject with a label that is free in the project."""
    require_free(call, project.id, label)
    node = new(call, "subject", label, given, project)
    nodes.insert(call.tx, node)
    return node


def _subject_label(given: SubjectFields | EmbeddedSubject) -> str | None:
    if given.label is not None and given.code is not None and given.label != given.code:
        raise invalid("label and code are the same thing and differ", "body", "code")
    return given.label or given.code


def find_subject(call: Call, project_id: str, label: str) -> Node | None:
    """Returns the subject of a project with a label, or None."""
    row = call.tx.one(
        "SELECT * FROM node WHERE kind = 'subject' AND project = ? AND label = ? AND deleted IS NULL",
        (project_id, label),
    )
    return None if row is None else Node.from_row(row)


def require_free(call: Call, project_id: str, label: str, status: int = 409) -> None:
    """Refuses a subject label that is in use in a project."""
    if find_subject(call, project_id, label) is not None:
        raise Problem(status, f"project {project_id} has a subject {label!r} already")


def _session_subject(call: Call, project: Node, given: str | EmbeddedSubject) -> Node:
    """Returns the subject a session asks for: by id, or found or made by label."""
    if isinstance(given, str):
        wanted: str | None = given
        label = None
    else:
        wanted, label = given.id, _subject_label(given)
    if wanted is not None:
        subject = nodes.get(call.tx, "subject", wanted)
        if subject.project != project.id:
            raise invalid(f"subject {wanted} is not in project {project.id}", "body", "subject")
        return subject
    if label is None:
        raise invalid("a session's subject needs _id or label", "body", "subject")
    found = find_subject(call, project.id, label)
    if found is not None:
        return found
    node = new(call, "subject", label, Input(), project)
    if isinstance(given, EmbeddedSubject) and given.master_code is not None:
        node.body["master_code"] = given.master_code
    if isinstance(given, EmbeddedSubject) and given.age is not None:
        node.body["age"] = given.age
    nodes.insert(call.tx, node)
    return node


def add_session(call: Call, project: Node, given: SessionInput) -> str:
    """Makes a session, and its subject if that is not there yet."""
    subject = _session_subject(call, project, given.subject)
    node = new(call, "session", given.label, given, subject)
    nodes.insert(call.tx, node)
    return node.id


def add_acquisition(call: Call, session: Node, given: AcquisitionInput) -> str:
    """Makes an acquisition."""
    node = new(call, "acquisition", given.label, given, session)
    nodes.insert(call.tx, node)
    return node.id


def change(call: Call, node: Node, given: Input) -> None:
    """Applies the members that were sent; a new parent id moves the container with everything below it.

    Raises:
        Problem: 403 a move the caller may not make, 404 no such parent, 409 or 422 a subject label that is taken.
    """
    moved = _move(call, node, given)
    if isinstance(given, SubjectFields):
        label = _subject_label(given)
        if label is not None and (label != node.label or moved):
            require_free(call, node.project or "", label)
    else:
        label = getattr(given, "label", None)
    if label is not None:
        node.label = label
    elif given.model_fields_set & {"label", "code"}:
        raise invalid("a label cannot be removed", "body", "label")
    apply(node, given)
    nodes.save(call.tx, node)
    if moved:
        nodes.move_below(call.tx, node)


def _move(call: Call, node: Node, given: Input) -> bool:
    """Gives the node its new ancestors; tells whether they changed."""
    before = (node.group_id, node.project, node.subject, node.session)
    if isinstance(given, ProjectChange) and given.group not in (None, node.group_id):
        destination(call, "group", node.group_id or "")
        node.group_id = destination(call, "group", given.group or "").id
    elif isinstance(given, SubjectChange) and given.project not in (None, node.project):
        project = destination(call, "project", given.project or "")
        require_free(call, project.id, node.label or "", status=422)
        node.group_id, node.project = project.group_id, project.id
    elif isinstance(given, SessionChange):
        _move_session(call, node, given)
    elif isinstance(given, AcquisitionChange) and given.session is not None:
        session = destination(call, "session", given.session)
        node.group_id, node.project = session.group_id, session.project
        node.subject, node.session = session.subject, session.id
    if before[1] is not None and node.project != before[1]:
        left = nodes.get(call.tx, "project", before[1])
        access.require(call.tx, call.caller, left, access.DELETE)
    return before != (node.group_id, node.project, node.subject, node.session)


def _move_session(call: Call, node: Node, given: SessionChange) -> None:
    subject: Node | None = None
    if given.project is not None and given.project != node.project:
        project = destination(call, "project", given.project)
        if given.subject is not None:
            subject = _session_subject(call, project, given.subject)
        else:
            here = nodes.get(call.tx, "subject", node.subject or "")
            # The site refuses to guess whether the two subjects are the same person.
            require_free(call, project.id, here.label or "", status=422)
            subject = new_subject(call, project, here.label or "", Input())
    elif isinstance(given.subject, str):
        subject = destination(call, "subject", given.subject)
    elif given.subject is not None:
        project = nodes.get(call.tx, "project", node.project or "")
        subject = _session_subject(call, project, given.subject)
    if subject is not None:
        node.group_id, node.project, node.subject = subject.group_id, subject.project, subject.id


def destination(call: Call, kind: str, node_id: str) -> Node:
    """Returns the new parent of something, where the caller must be allowed to create."""
    node = nodes.get(call.tx, kind, node_id)
    access.require(call.tx, call.caller, node, access.CREATE)
    return node


def delete(call: Call, node: Node) -> Doc:
    """Deletes a container with everything below it, for the `delete_reason` of the query.

    Raises:
        Problem: 400, a group that still has projects.
    """
    if node.kind != "group":
        nodes.soft_delete(call.tx, node, call.delete_reason())
        return {"deleted": 1}
    if call.tx.one(
        "SELECT 1 FROM node WHERE kind = 'project' AND group_id = ? AND deleted IS NULL LIMIT 1", (node.id,)
    ):
        raise Problem(400, f"group {node.id} still has projects")
    # Removed for good, so that the id can be used again.
    call.tx.run("DELETE FROM node WHERE kind = 'group' AND id = ?", (node.id,))
    call.tx.run("DELETE FROM permission WHERE container_id = ?", (node.id,))
    return {"deleted": 1}
