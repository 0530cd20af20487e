"""Containers: get, add, change, delete, and the metadata on them (`info`, tags, notes)."""

from __future__ import annotations

from collections.abc import Callable

from flywheel_async.emulator import access, collecting, containers, metadata, nodes, project_tasks, tagging
from flywheel_async.emulator.access import (
    CREATE,
    DELETE,
    MODIFY,
    NOTES_MANAGE,
    NOTES_VIEW,
    TAGS_MANAGE,
    TAGS_VIEW,
    VIEW,
)
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Streamed, json_reply
from flywheel_async.emulator.inputs import (
    AcquisitionChange,
    AcquisitionInput,
    AnalysisChange,
    CollectionChange,
    GroupChange,
    GroupInput,
    InfoChange,
    Input,
    NoteInput,
    ProjectChange,
    ProjectInput,
    SessionChange,
    SessionInput,
    SubjectChange,
    SubjectInput,
    Tag,
)
from flywheel_async.emulator.joining import JoiningShaper
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.routing import Handler, Routes, id_param
from flywheel_async.emulator.rules import On, OnEach, OnParent, Rule, SiteAdmin
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc, Json
from flywheel_async.raw.table import operations

ROUTES = Routes()
route = ROUTES.route

_CHANGES: dict[str, type[Input]] = {
    "group": GroupChange,
    "project": ProjectChange,
    "subject": SubjectChange,
    "session": SessionChange,
    "acquisition": AcquisitionChange,
    "analysis": AnalysisChange,
}


def get_one(call: Call) -> Doc:
    """Returns a container."""
    return JoiningShaper(call).container(call.target)


def get_any(call: Call) -> Doc:
    """Returns a container of any kind, and says which kind it is."""
    return {"container_type": call.target.kind, **get_one(call)}


def change_one(call: Call) -> Doc:
    """Changes or moves a container."""
    if call.target.kind == "collection":
        collecting.change(call, call.target, call.input(CollectionChange))
        return {"modified": 1}
    containers.change(call, call.target, call.input(_CHANGES[call.target.kind]))
    return {"modified": 1}


def delete_one(call: Call) -> Doc | Streamed:
    """Deletes a container; a project, if so wished, after the answer."""
    if call.target.kind == "project" and call.flag("background"):
        project_tasks.begin_delete(call, call.target)
        return call.site.background.after(json_reply({"deleted": 0, "not_found": 0, "delete_scheduled": 1}, 202))
    return containers.delete(call, call.target)


def delete_many(kind: str) -> None:
    """Declares the deletion of several containers of a kind."""

    plural = "analyses" if kind == "analysis" else f"{kind}s"

    @route(f"delete_{plural}_by_ids", rule=OnEach(kind))
    def delete_by_ids(call: Call) -> Doc:
        wanted = list(dict.fromkeys(call.ids()))
        deleted = 0
        for node_id in wanted:
            node = nodes.find(call.tx, kind, node_id)
            if node is not None:
                containers.delete(call, node)
                deleted += 1
        return {"deleted": deleted, "not_found": len(wanted) - deleted}


def change_info(call: Call) -> Doc:
    """Changes a container's metadata object."""
    if call.target.kind == "group":
        raise invalid("a group has no info", "path")
    before = call.target.body.get("info")
    change = call.input(InfoChange)
    call.target.body["info"] = metadata.change_info(before if isinstance(before, dict) else {}, change)
    nodes.save(call.tx, call.target)
    return {"modified": 1}


@route("add_group", rule=SiteAdmin())
def add_group(call: Call) -> Doc:
    """Makes a group."""
    return {"_id": containers.add_group(call, call.input(GroupInput))}


@route("add_project", rule=OnParent("group", CREATE))
def add_project(call: Call) -> Doc:
    """Makes a project."""
    return {"_id": containers.add_project(call, call.target, call.input(ProjectInput))}


@route("add_subject", rule=OnParent("project", CREATE))
def add_subject(call: Call) -> Doc:
    """Makes a subject."""
    return {"_id": containers.add_subject(call, call.target, call.input(SubjectInput))}


@route("add_session", rule=OnParent("project", CREATE))
def add_session(call: Call) -> Doc:
    """Makes a session."""
    return {"_id": containers.add_session(call, call.target, call.input(SessionInput))}


@route("add_acquisition", rule=OnParent("session", CREATE))
def add_acquisition(call: Call) -> Doc:
    """Makes an acquisition."""
    return {"_id": containers.add_acquisition(call, call.target, call.input(AcquisitionInput))}


def _tags(node: Node) -> list[Json]:
    tags = node.body.setdefault("tags", [])
    if not isinstance(tags, list):
        raise TypeError("tags are always an array")
    return tags


def _save_tags(call: Call, tags: list[Json]) -> None:
    call.target.body["tags"] = tags
    nodes.save(call.tx, call.target)


def add_tag(call: Call) -> Doc:
    """Adds a tag that is not there yet."""
    value = call.input(Tag).value
    tags = _tags(call.target)
    if value in tags:
        raise Problem(409, f"tag {value!r} is there already")
    _save_tags(call, [*tags, value])
    return {"modified": 1}


def add_tags(call: Call) -> None:
    """Adds several tags; those that are there already stay."""
    _save_tags(call, list(dict.fromkeys([*_tags(call.target), *_checked(call)])))


def delete_tags(call: Call) -> None:
    """Removes several tags; those that are not there are passed over."""
    gone = _checked(call)
    held = [tag for tag in gone if tag in _tags(call.target)]
    _save_tags(call, [tag for tag in _tags(call.target) if tag not in gone])
    for tag in held if call.target.kind == "group" else []:
        tagging.replace_below(call.tx, call.target.id, tag, None)


def _checked(call: Call) -> list[str]:
    return call.tags()


def get_tag(call: Call) -> str:
    """Returns a tag, which tells that it is there."""
    value = call.params["value"]
    if value not in _tags(call.target):
        raise not_found("tag", value)
    return value


def rename_tag(call: Call) -> str:
    """Renames a tag; one of a group is renamed on everything below the group too."""
    old = get_tag(call)
    new = call.input(Tag).value
    tags = _tags(call.target)
    if new in tags and new != old:
        raise Problem(409, f"tag {new!r} is there already")
    _save_tags(call, [new if tag == old else tag for tag in tags])
    if call.target.kind == "group" and new != old:
        tagging.replace_below(call.tx, call.target.id, old, new)
    return new


def delete_tag(call: Call) -> Doc:
    """Removes a tag; one of a group goes from everything below the group too."""
    value = get_tag(call)
    _save_tags(call, [tag for tag in _tags(call.target) if tag != value])
    if call.target.kind == "group":
        tagging.replace_below(call.tx, call.target.id, value, None)
    return {"deleted": 1}


def _notes(node: Node) -> list[Json]:
    notes = node.body.setdefault("notes", [])
    if not isinstance(notes, list):
        raise TypeError("notes are always an array")
    return notes


def _note(call: Call) -> Doc:
    for note in _notes(call.target):
        if isinstance(note, dict) and note["_id"] == call.params["note_id"]:
            return note
    raise not_found("note", call.params["note_id"])


def _own_note(call: Call) -> Doc:
    """Returns a note that the caller may change: an own one, or any for those who manage the project."""
    note = _note(call)
    if note["user"] != call.caller.user_id and not access.may(
        call.tx, call.caller, call.target, access.PERMISSIONS_MANAGE
    ):
        raise Problem(403, "only its author or a project admin may change a note")
    return note


def add_note(call: Call) -> Doc:
    """Adds a note."""
    moment = iso(call.tx.now)
    note: Doc = {"_id": call.site.new_id(), "text": call.input(NoteInput).text, "user": call.caller.user_id}
    note.update(created=moment, modified=moment, timestamp=moment)
    _notes(call.target).append(note)
    nodes.save(call.tx, call.target)
    return note


def get_note(call: Call) -> Doc:
    """Returns a note."""
    return _note(call)


def change_note(call: Call) -> int:
    """Changes the text of a note."""
    note = _own_note(call)
    note.update(text=call.input(NoteInput).text, modified=iso(call.tx.now))
    nodes.save(call.tx, call.target)
    return 1


def delete_note(call: Call) -> Doc:
    """Deletes a note."""
    _notes(call.target).remove(_own_note(call))
    nodes.save(call.tx, call.target)
    return {"deleted": 1}


def declare_notes(prefix: str, rule: Callable[[str, str], Rule]) -> None:
    """Declares the note routes of a family, as far as it has them.

    Args:
        prefix: What the operation ids hold before `_note`.
        rule: Makes the rule of a route from its operation id and the action it takes.
    """
    routes: list[tuple[str, str, Handler]] = [
        (f"add_{prefix}_note", NOTES_MANAGE, add_note),
        (f"get_{prefix}_note", NOTES_VIEW, get_note),
        (f"modify_{prefix}_note", NOTES_MANAGE, change_note),
        (f"delete_{prefix}_note", NOTES_MANAGE, delete_note),
    ]
    _add_known(routes, rule)


def _add_known(routes: list[tuple[str, str, Handler]], rule: Callable[[str, str], Rule]) -> None:
    known = operations()
    for operation, action, handler in routes:
        if operation in known:
            ROUTES.add(operation, rule=rule(operation, action), handler=handler)


def _declare(kind: str) -> None:
    """Declares the routes that every kind of container, and the family for any kind, has."""
    of = None if kind == "container" else kind

    def rule(operation: str, action: str) -> Rule:
        return On(of, id_param(operation), action)

    routes: list[tuple[str, str, Handler]] = [
        (f"get_{kind}", VIEW, get_any if of is None else get_one),
        (f"modify_{kind}", MODIFY, change_one),
        (f"delete_{kind}", DELETE, delete_one),
        (f"add_{kind}_tag", TAGS_MANAGE, add_tag),
        (f"add_{kind}_tags", TAGS_MANAGE, add_tags),
        (f"delete_{kind}_tags", TAGS_MANAGE, delete_tags),
        (f"get_{kind}_tag", TAGS_VIEW, get_tag),
        (f"rename_{kind}_tag", TAGS_MANAGE, rename_tag),
        (f"delete_{kind}_tag", TAGS_MANAGE, delete_tag),
        (f"modify_{kind}_info", MODIFY, change_info),
    ]
    _add_known(routes, rule)
    declare_notes(kind, rule)


for _kind in (*nodes.OWNERS, "container"):
    _declare(_kind)
for _kind in nodes.OWNERS:
    delete_many(_kind)
