"""Uploads that name where each file goes: containers are found by label or uid, or made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import Field

from flywheel_async.emulator import access, containers, files, nodes
from flywheel_async.emulator.files import Content, FileRow
from flywheel_async.emulator.inputs import FileInput, GroupInput, Input, ProjectInput
from flywheel_async.emulator.metadata import clean_doc
from flywheel_async.emulator.move_inputs import HierarchyAcquisition, HierarchySession, HierarchySubject
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

How = Literal["label", "uid"]
UNKNOWN_GROUP = "unknown"
UNKNOWN_SUBJECT = "unknown"
_CLOSE = 0.8

Bare = TypeVar("Bare", HierarchySubject, HierarchySession, HierarchyAcquisition)


class PlacedGroup(Input):
    """The group; its id is taken with a grain of salt."""

    id: Annotated[str, Field(alias="_id")] = ""
    label: str | None = None


class PlacedProject(Input):
    """The project to find or make, and its files."""

    label: str = ""
    files: list[FileInput] = Field(default_factory=lambda: list[FileInput]())


class PlacedSubject(HierarchySubject):
    """The subject to find or make, and its files."""

    files: list[FileInput] = Field(default_factory=lambda: list[FileInput]())


class PlacedSession(HierarchySession):
    """The session to find or make, its subject, and its files."""

    subject: PlacedSubject | None = None
    files: list[FileInput] = Field(default_factory=lambda: list[FileInput]())


class PlacedAcquisition(HierarchyAcquisition):
    """The acquisition to find or make, and its files."""

    files: list[FileInput] = Field(default_factory=lambda: list[FileInput]())


class Placement(Input):
    """Where files go; files that no level names are dropped."""

    group: PlacedGroup = PlacedGroup()
    project: PlacedProject = PlacedProject()
    subject: PlacedSubject | None = None
    session: PlacedSession | None = None
    acquisition: PlacedAcquisition | None = None


def place(
    call: Call,
    how: How,
    given: Placement,
    arrived: Mapping[str, Content],
    *,
    anywhere: bool = False,
    project: Node | None = None,
) -> list[Json]:
    """Lists files in the containers that are named, which are made where they are missing.

    What is there already only gets the fields it lacks.

    Args:
        call: The request.
        how: Whether sessions and acquisitions are known by label or by uid.
        given: Where the files go.
        arrived: The files by name.
        anywhere: Whether a session with the uid is looked for in the whole site first, whatever group and project say.
        project: The project, when it is known already.

    Returns:
        The entries of the files.

    Raises:
        Problem: 403 the caller may not upload there, 422 a level is missing or unclear, or another size was announced.
    """
    session = _by_uid_anywhere(call, given) if anywhere else None
    if session is not None:
        project = nodes.get(call.tx, "project", session.project or "")
    project = project or _project(call, given)
    for action in (access.CREATE, access.FILES_CREATE):
        access.require(call.tx, call.caller, project, action)
    placed: list[tuple[Node, Sequence[FileInput]]] = [(project, given.project.files)]
    wanted = given.subject or (given.session.subject if given.session is not None else None)
    subject = project
    if wanted is not None or given.session is not None:
        wanted = wanted or PlacedSubject(label=UNKNOWN_SUBJECT)
        session = session or _session(call, how, project, given)
        subject = _subject(call, project, wanted, session)
        placed.append((subject, wanted.files))
    if given.session is not None:
        session = _level(call, "session", subject, _bare(HierarchySession, given.session), session)
        placed.append((session, given.session.files))
    if given.acquisition is not None:
        if session is None:
            raise invalid("an acquisition needs a session", "body", "metadata", "session")
        bare = _bare(HierarchyAcquisition, given.acquisition)
        found = _known(call, how, "acquisition", session, bare)
        acquisition = _level(call, "acquisition", session, bare, found)
        _start_earlier(call, session, acquisition)
        placed.append((acquisition, given.acquisition.files))
    return _add_files(call, placed, arrived)


def _bare(kind: type[Bare], given: Input) -> Bare:
    """Returns a level without what is no field of the container."""
    sent = given.model_dump(by_alias=True, exclude_unset=True, exclude={"files", "subject"})
    return kind.model_validate(sent)


def _by_uid_anywhere(call: Call, given: Placement) -> Node | None:
    uid = None if given.session is None else given.session.uid
    if uid is None:
        return None
    row = call.tx.one(
        "SELECT * FROM node WHERE kind = 'session' AND json_extract(body, '$.uid') = ? AND deleted IS NULL"
        " ORDER BY id LIMIT 1",
        (uid,),
    )
    return None if row is None else Node.from_row(row)


def _project(call: Call, given: Placement) -> Node:
    group, label = _group(call, given.group.id.strip().lower(), given.project.label.strip())
    rows = call.tx.all(
        "SELECT * FROM node WHERE kind = 'project' AND group_id = ? AND deleted IS NULL ORDER BY id", (group.id,)
    )
    for node in map(Node.from_row, rows):
        if (node.label or "").casefold() == label.casefold():
            return node
    if access.access_level(call.tx, call.caller, group.id) not in ("rw", "admin"):
        raise Problem(403, f"user {call.caller.user_id} may not make a project in group {group.id}")
    made = containers.add_project(call, group, ProjectInput(label=label, group=group.id))
    return nodes.get(call.tx, "project", made)


def _group(call: Call, wanted: str, project: str) -> tuple[Node, str]:
    """Returns the group that is meant and the label the project gets there."""
    ids = [row["id"] for row in call.tx.all("SELECT id FROM node WHERE kind = 'group' AND deleted IS NULL")]
    close = [wanted] if wanted in ids else get_close_matches(wanted, ids, 1, _CLOSE)
    if close and project:
        return nodes.get(call.tx, "group", close[0]), project
    label = "_".join(part for part in (wanted, project) if part) or "Unknown"
    if UNKNOWN_GROUP not in ids:
        if not (call.caller.is_device or call.caller.is_admin):
            raise Problem(403, f"there is no group {wanted!r}, and only devices and site admins may do without")
        containers.add_group(call, GroupInput.model_validate({"_id": UNKNOWN_GROUP, "label": "Unknown"}))
    return nodes.get(call.tx, "group", UNKNOWN_GROUP), label


def _subject(call: Call, project: Node, given: PlacedSubject, session: Node | None) -> Node:
    if session is not None:
        return nodes.get(call.tx, "subject", session.subject or "")
    label = given.label or given.code or UNKNOWN_SUBJECT
    found = containers.find_subject(call, project.id, label)
    bare = _bare(HierarchySubject, given)
    if found is None:
        return containers.new_subject(call, project, label, bare)
    return _filled(call, found, bare)


def _session(call: Call, how: How, project: Node, given: Placement) -> Node | None:
    """Returns the session that is meant; one of another subject is another session, unless it is known by uid."""
    if given.session is None:
        return None
    bare = _bare(HierarchySession, given.session)
    if how != "label":
        return _known(call, how, "session", project, bare)
    subject = given.subject or given.session.subject
    label = None if subject is None else subject.label or subject.code
    above = project if label is None else containers.find_subject(call, project.id, label)
    return None if above is None else _known(call, how, "session", above, bare)


def _known(call: Call, how: How, kind: str, above: Node, given: HierarchySession | HierarchyAcquisition) -> Node | None:
    value = given.label if how == "label" else given.uid
    if value is None:
        name = "label" if how == "label" else "uid"
        raise invalid(f"the {kind} needs a {name}", "body", "metadata", kind, name)
    column = "label" if how == "label" else "json_extract(body, '$.uid')"
    row = call.tx.one(
        f"SELECT * FROM node WHERE kind = ? AND {COLUMN_OF[above.kind]} = ? AND {column} = ? AND deleted IS NULL"
        " ORDER BY id LIMIT 1",
        (kind, above.id, value),
    )
    return None if row is None else Node.from_row(row)


def _level(
    call: Call,
    kind: Literal["session", "acquisition"],
    parent: Node,
    given: HierarchySession | HierarchyAcquisition,
    found: Node | None,
) -> Node:
    if found is not None:
        return _filled(call, found, given)
    node = containers.new(call, kind, given.label or given.uid, given, parent)
    nodes.insert(call.tx, node)
    return node


def _filled(call: Call, node: Node, given: HierarchySubject | HierarchySession | HierarchyAcquisition) -> Node:
    """Gives a container the fields that it lacks."""
    # A number that is 0 is there.
    lacking = {
        name for name in given.model_fields_set if name != "timestamp" and node.body.get(name) in (None, "", [], {})
    }
    if node.timestamp is None:
        lacking.add("timestamp")
    sent = given.model_dump(by_alias=True, exclude_unset=True, include=lacking)
    if sent:
        containers.apply(node, type(given).model_validate(sent))
        nodes.save(call.tx, node)
    return node


def _start_earlier(call: Call, session: Node, acquisition: Node) -> None:
    """A session starts with its earliest acquisition."""
    if acquisition.timestamp is not None and acquisition.timestamp < (session.timestamp or acquisition.timestamp + 1):
        session.timestamp = acquisition.timestamp
        nodes.save(call.tx, session)


def _add_files(
    call: Call, placed: Sequence[tuple[Node, Sequence[FileInput]]], arrived: Mapping[str, Content]
) -> list[Json]:
    shaper = Shaper(call.tx, call.caller)
    keeps = call.flag("preserve_metadata")
    found: list[Json] = []
    for node, named in placed:
        for given in named:
            content = arrived.get(given.name or "")
            if content is None:
                continue
            if given.size is not None and given.size != content.size:
                raise invalid(
                    f"{content.size} bytes of {given.name!r} came, not {given.size}", "body", "metadata", "size"
                )
            given.info = clean_doc(given.info or {})
            call.site.blobs.adopt(content)
            row = files.add(
                call.tx,
                node,
                files.check_name(given.name or ""),
                content,
                given,
                call.caller.origin,
                call.site.new_id(),
                keep_metadata=keeps,
            )
            found.append(stored(shaper, row))
    return found


def stored(shaper: Shaper, row: FileRow) -> Doc:
    """Returns the entry of a file as the routes below `/upload` do: `_id` names the version, too."""
    return {**shaper.file(row), "_id": {"file_id": row.file_id, "version": row.version}, "uuid": row.file_id}
