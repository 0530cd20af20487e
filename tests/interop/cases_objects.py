"""One case per method and property of an object: it is used, and the site asked what that did."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.interop.compare import plain
from tests.interop.worlds import AGE, MEMBERS, PLURAL, Run, archive, fresh

Case = Callable[[Run], None]

CASES: dict[tuple[str, str | None], Case] = {}
"""By method and kind; None for every kind that has no case of its own."""


def case(method: str, *kinds: str) -> Callable[[Case], Case]:
    """Declares the case of a method, for some kinds or for all."""

    def declare(function: Case) -> Case:
        CASES.update({(method, kind): function for kind in kinds or (None,)})
        return function

    return declare


def case_of(method: str, kind: str) -> Case | None:
    return CASES.get((method, kind)) or CASES.get((method, None))


def sent(value: object) -> Any:
    """A reference without the members that say nothing."""
    found = plain(value)
    assert isinstance(found, dict)
    return {key: entry for key, entry in found.items() if entry is not None}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# What every object can do.


@case("update")
def update(run: Run) -> None:
    for number, give in enumerate(("keywords", "mapping")):
        label = fresh("new ")
        body = {"label": label}
        run.do(run.item().update(**body) if give == "keywords" else run.item().update(body))
        assert run.stored()["label"] == label, number


@case("update", "file")
def update_of_file(run: Run) -> None:
    run.do(run.item().update(type="text"))
    run.do(run.item().update({"modality": "MR"}))
    assert (run.stored()["type"], run.stored()["modality"]) == ("text", "MR")


@case("reload")
def reload(run: Run) -> None:
    item, label = run.item(), fresh("new ")
    run.witness.put(f"{PLURAL[run.kind]}/{run.id}", {"label": label})
    assert run.do(item.reload()).label == label


@case("reload", "file")
def reload_of_file(run: Run) -> None:
    """It stays with its version."""
    item = run.item()
    run.witness.put(f"files/{run.id}/tags", ["first"])
    assert run.do(item.reload()).tags == ["first"]
    run.upload(item.name, b"newer", "acquisition")
    again = run.do(item.reload())
    assert (again.version, again.size) == (1, len(archive()))


@case("delete")
def delete(run: Run) -> None:
    new = run.world.make(run.kind)
    run.do(run.get(run.kind, new).delete())
    assert run.witness.get(f"{PLURAL[run.kind]}/{new}") is None


@case("delete", "file")
def delete_of_file(run: Run) -> None:
    run.do(run.item().delete())
    assert run.stored() is None


@case("ref")
def ref(run: Run) -> None:
    assert sent(run.item().ref()) == {"type": run.kind, "id": run.id}


@case("ref", "file")
def ref_of_file(run: Run) -> None:
    item = run.item()
    assert sent(item.ref()) == {"type": "acquisition", "id": run.world.ids["acquisition"], "name": item.name}


@case("local_created")
def local_created(run: Run) -> None:
    value = run.item().local_created
    assert value == instant(run.stored()["created"])
    assert value.utcoffset() == value.astimezone().utcoffset()


@case("local_modified")
def local_modified(run: Run) -> None:
    assert run.item().local_modified == instant(run.stored()["modified"])


@case("container_type")
def container_type(run: Run) -> None:
    assert run.item().container_type == run.kind


@case("child_types")
def child_types(run: Run) -> None:
    item = run.item()
    assert all(hasattr(item, name) for name in item.child_types)
    assert ("files" in item.child_types) == (run.kind not in ("group", "file"))


# Tags.


def with_tags(run: Run, *tags: str) -> list[str]:
    """Gives the object tags of its own, on the site."""
    found = [fresh(tag) for tag in tags]
    run.witness.patch(f"{'containers' if run.kind == 'analysis' else PLURAL[run.kind]}/{run.id}/tags", found)
    return found


@case("add_tag")
def add_tag(run: Run) -> None:
    (old,), new = with_tags(run, "old"), fresh("tag")
    run.do(run.item().add_tag(new))
    assert {old, new} <= set(run.stored()["tags"])


@case("add_tags")
def add_tags(run: Run) -> None:
    (old,), new = with_tags(run, "old"), fresh("tag")
    run.do(run.item().add_tags([new, old]))
    stored = run.stored()["tags"]
    assert (stored.count(old), stored.count(new)) == (1, 1)


@case("set_tags")
def set_tags(run: Run) -> None:
    with_tags(run, "old")
    run.do(run.item().set_tags(["b", "a"]))
    assert sorted(run.stored()["tags"]) == ["a", "b"]


@case("rename_tag")
def rename_tag(run: Run) -> None:
    (old, kept), new = with_tags(run, "old", "kept"), fresh("tag")
    run.do(run.item().rename_tag(old, new))
    stored = run.stored()["tags"]
    assert (old in stored, kept in stored, new in stored) == (False, True, True)


@case("delete_tag")
def delete_tag(run: Run) -> None:
    old, kept = with_tags(run, "old", "kept")
    run.do(run.item().delete_tag(old))
    assert (old in run.stored()["tags"], kept in run.stored()["tags"]) == (False, True)


@case("delete_tags")
def delete_tags(run: Run) -> None:
    one, two, kept = with_tags(run, "old", "old", "kept")
    run.do(run.item().delete_tags([one, two, "absent"]))
    stored = run.stored()["tags"]
    assert (one in stored, two in stored, kept in stored) == (False, False, True)


# Notes.


def with_note(run: Run) -> str:
    return run.witness.post(f"{PLURAL[run.kind]}/{run.id}/notes", {"text": fresh("note")})["_id"]


def notes_of(run: Run) -> dict[str, str]:
    return {note["_id"]: note["text"] for note in run.stored()["notes"]}


@case("add_note")
def add_note(run: Run) -> None:
    text = fresh("note ü ")
    run.do(run.item().add_note(text))
    assert text in notes_of(run).values()


@case("update_note")
def update_note(run: Run) -> None:
    note, text = with_note(run), fresh("note")
    run.do(run.item().update_note(note, text))
    assert notes_of(run)[note] == text


@case("delete_note")
def delete_note(run: Run) -> None:
    note = with_note(run)
    run.do(run.item().delete_note(note))
    assert note not in notes_of(run)


# Info.


def with_info(run: Run, **info: object) -> None:
    """Sets the info, on the site."""
    if run.kind == "file":
        item = run.stored()
        container = f"acquisitions/{run.world.ids['acquisition']}/files/{item['name']}"
        run.witness.patch(f"{container}/info", {"replace": info})
    else:
        run.witness.patch(f"{PLURAL[run.kind]}/{run.id}/info", {"replace": info})


@case("update_info")
def update_info(run: Run) -> None:
    with_info(run, a={"b": 1}, c=1)
    run.do(run.item().update_info({"a": {"d": [None, "x"]}}))
    run.do(run.item().update_info(e=True))
    assert run.stored()["info"] == {"a": {"d": [None, "x"]}, "c": 1, "e": True}


@case("replace_info")
def replace_info(run: Run) -> None:
    with_info(run, a=1)
    run.do(run.item().replace_info({"b": {"c": None}}))
    assert run.stored()["info"] == {"b": {"c": None}}


@case("delete_info")
def delete_info(run: Run) -> None:
    with_info(run, a=1, b=1, c=1, d=1)
    run.do(run.item().delete_info("a", "absent"))
    run.do(run.item().delete_info(["b", "c"]))
    assert run.stored()["info"] == {"d": 1}


# Permissions and roles.


def entries(run: Run) -> tuple[dict[str, object], dict[str, object]]:
    """Two different permissions of one new user."""
    user = run.fresh_user()
    if run.kind in ("group", "collection"):
        return {"_id": user, "access": "ro"}, {"_id": user, "access": "rw"}
    first, second, *_ = run.site.roles.values()
    return {"_id": user, "role_ids": [first]}, {"_id": user, "role_ids": [second]}


def permission_of(run: Run, user: object) -> Any:
    found = [entry for entry in run.stored()["permissions"] if entry["_id"] == user]
    return found[0] if found else None


@case("add_permission")
def add_permission(run: Run) -> None:
    entry, _ = entries(run)
    run.do(run.item().add_permission(entry))
    assert permission_of(run, entry["_id"]) == entry


@case("get_permission")
def get_permission(run: Run) -> None:
    entry, _ = entries(run)
    run.witness.post(f"{PLURAL[run.kind]}/{run.id}/permissions", entry)
    assert sent(run.do(run.item().get_permission(entry["_id"]))) == entry


@case("update_permission")
def update_permission(run: Run) -> None:
    entry, other = entries(run)
    run.witness.post(f"{PLURAL[run.kind]}/{run.id}/permissions", entry)
    run.do(run.item().update_permission(entry["_id"], {key: other[key] for key in other if key != "_id"}))
    assert permission_of(run, entry["_id"]) == other


@case("delete_permission")
def delete_permission(run: Run) -> None:
    entry, _ = entries(run)
    run.witness.post(f"{PLURAL[run.kind]}/{run.id}/permissions", entry)
    run.do(run.item().delete_permission(entry["_id"]))
    assert permission_of(run, entry["_id"]) is None


def template(run: Run, *, stored: bool = True) -> dict[str, object]:
    """A template entry for a new user, which the site has already if asked for."""
    entry: dict[str, object] = {"_id": run.fresh_user(), "role_ids": [next(iter(run.site.roles.values()))]}
    if stored:
        run.witness.post(f"groups/{run.id}/permissions/templates", entry)
    return entry


def template_of(run: Run, user: object) -> Any:
    return run.witness.get(f"groups/{run.id}/permissions/templates/{user}")


@case("add_permission_template")
def add_permission_template(run: Run) -> None:
    entry = template(run, stored=False)
    run.do(run.item().add_permission_template(entry))
    assert template_of(run, entry["_id"]) == entry


@case("get_permission_template")
def get_permission_template(run: Run) -> None:
    entry = template(run)
    assert sent(run.do(run.item().get_permission_template(entry["_id"]))) == entry


@case("update_permission_template")
def update_permission_template(run: Run) -> None:
    entry, other = template(run), {"role_ids": [list(run.site.roles.values())[1]]}
    run.do(run.item().update_permission_template(entry["_id"], other))
    assert template_of(run, entry["_id"])["role_ids"] == other["role_ids"]


@case("delete_permission_template")
def delete_permission_template(run: Run) -> None:
    entry = template(run)
    run.do(run.item().delete_permission_template(entry["_id"]))
    assert template_of(run, entry["_id"]) is None


def group_roles(run: Run) -> set[str]:
    return {entry["_id"] for entry in run.witness.get(f"groups/{run.id}/roles")}


def new_role(run: Run) -> str:
    return run.witness.post("roles", {"label": fresh("role"), "actions": ["containers_view_metadata"]})["_id"]


@case("add_role")
def add_role(run: Run) -> None:
    identifier = new_role(run)
    assert run.do(run.item().add_role(identifier)).id == identifier
    assert identifier in group_roles(run)


@case("get_roles")
def get_roles(run: Run) -> None:
    run.witness.post(f"groups/{run.id}/roles", {"_id": new_role(run)})
    assert {entry.id for entry in run.do(run.item().get_roles())} == group_roles(run)


@case("remove_role")
def remove_role(run: Run) -> None:
    identifier = new_role(run)
    run.witness.post(f"groups/{run.id}/roles", {"_id": identifier})
    run.do(run.item().remove_role(identifier))
    assert identifier not in group_roles(run)


# What is below.


def adds(child: str, **extra: object) -> Case:
    """The case of an `add_CHILD`: by keywords and by mapping, with the new object as the answer."""

    def check(run: Run) -> None:
        more = {"subject": {"_id": run.world.ids["subject"]}} if run.kind == "project" and child == "session" else {}
        body = {"label": fresh("child "), **extra, **more}
        for new in (
            run.do(getattr(run.item(), f"add_{child}")(**body)),
            run.do(getattr(run.item(), f"add_{child}")({**body, "label": fresh("child ")})),
        ):
            stored = run.witness.get(f"{PLURAL[child]}/{new.id}")
            assert stored["label"] == new.label
            assert stored["parents"][run.kind] == run.id
        assert type(new).__name__.removesuffix("Output") == child.capitalize()

    return check


for _child in ("project", "subject", "session", "acquisition"):
    case(f"add_{_child}")(adds(_child))


@case("add_analysis")
def add_analysis(run: Run) -> None:
    entry = run.upload(fresh("input"), b"x", "acquisition")
    source = {"type": "acquisition", "id": run.world.ids["acquisition"], "name": entry["name"]}
    adds("analysis", inputs=[source], description="why", info={"a": 1})(run)
    new = run.do(run.item().add_analysis(label=fresh("analysis "), inputs=[source], info={"a": 1}))
    stored = run.witness.get(f"analyses/{new.id}")
    assert (stored["parent"]["type"], stored["parent"]["id"]) == (run.kind, run.id)
    assert [file["name"] for file in stored["inputs"]] == [file.name for file in new.inputs] == [entry["name"]]
    assert stored["info"] == {"a": 1}


@case("get_analyses")
def get_analyses(run: Run) -> None:
    made = run.witness.post(f"{PLURAL[run.kind]}/{run.id}/analyses", {"label": fresh("analysis ")})["_id"]
    assert made in {entry.id for entry in run.do(run.item().get_analyses())}


@case("analyses")
def analyses(run: Run) -> None:
    """The entries that came with the object."""
    if run.kind != "collection":
        run.witness.post(f"{PLURAL[run.kind]}/{run.id}/analyses", {"label": fresh("analysis ")})
    found = run.item().analyses
    assert [entry.id for entry in found or []] == [entry["_id"] for entry in run.stored().get("analyses") or []]
    assert found or run.kind == "collection"


@case("files")
def files(run: Run) -> None:
    """The entries that came with the object."""
    entry = run.upload(fresh("file"), b"abc")
    found = next(file for file in run.item().files if file.name == entry["name"])
    assert (found.file_id, found.size, run.do(found.read())) == (entry["file_id"], 3, b"abc")


def finds(kind: str) -> Case:
    """The case of a finder of the children of an object, in all its forms."""

    def check(run: Run) -> None:
        if run.kind == "collection":
            add_to_collection(run, "add", run.world.make("acquisition"))
        else:
            run.world.make(kind)
        finder = getattr(run.item(), PLURAL[kind])
        wanted = {entry["_id"] for entry in run.witness.get(f"{PLURAL[run.kind]}/{run.id}/{PLURAL[kind]}")}
        assert wanted
        label = run.witness.get(f"{PLURAL[kind]}/{min(wanted)}")["label"]
        assert {entry.id for entry in run.do(finder())} == wanted
        assert {entry.id for entry in run.do(finder.find())} == wanted
        assert {entry.id for entry in run.each(finder.iter(limit=2))} == wanted
        assert [entry.id for entry in run.each(finder.iter_find(f'label="{label}"'))] == [min(wanted)]
        assert run.do(finder.find_first(f'label="{label}"')).id == min(wanted)
        assert run.do(finder.find_one(f'label="{label}"')).id == min(wanted)
        assert run.do(finder.find_first("label=none")) is None

    return check


for _child in ("project", "subject", "session", "acquisition"):
    case(PLURAL[_child])(finds(_child))


def add_to_collection(run: Run, operation: str, acquisition: str) -> None:
    node = {"level": "acquisition", "_id": acquisition}
    run.witness.put(f"collections/{run.id}", {"contents": {"operation": operation, "nodes": [node]}})


def contents(run: Run) -> set[str]:
    return {entry["_id"] for entry in run.witness.get(f"collections/{run.id}/acquisitions")}


@case("add_acquisitions")
def add_acquisitions(run: Run) -> None:
    one, two = run.world.make("acquisition"), run.world.make("acquisition")
    run.do(run.item().add_acquisitions(one, run.get("acquisition", two)))
    assert {one, two} <= contents(run)


@case("add_sessions")
def add_sessions(run: Run) -> None:
    sessions = [run.world.make("session"), run.world.make("session")]
    scans = {run.world.make("acquisition", session=session) for session in sessions}
    run.do(run.item().add_sessions(sessions[0], run.get("session", sessions[1])))
    assert scans <= contents(run)


@case("remove_acquisitions")
def remove_acquisitions(run: Run) -> None:
    one, kept = run.world.make("acquisition"), run.world.make("acquisition")
    add_to_collection(run, "add", one)
    add_to_collection(run, "add", kept)
    run.do(run.item().remove_acquisitions(one))
    assert (one in contents(run), kept in contents(run)) == (False, True)


@case("remove_sessions")
def remove_sessions(run: Run) -> None:
    session = run.world.make("session")
    one = run.world.make("acquisition", session=session)
    add_to_collection(run, "add", one)
    run.do(run.item().remove_sessions(session))
    assert one not in contents(run)


# Time and age.


@case("local_timestamp")
def local_timestamp(run: Run) -> None:
    value = run.item().local_timestamp
    assert value == instant(run.stored()["timestamp"])
    assert value.utcoffset() == value.astimezone().utcoffset()


@case("original_timestamp")
def original_timestamp(run: Run) -> None:
    assert run.item().original_timestamp.isoformat() == "2024-05-06T03:08:09-04:00"
    new = run.world.make(run.kind, timezone=None)
    with pytest.raises(ValueError, match="time ?zone"):
        _ = run.get(run.kind, new).original_timestamp


def ages(unit: str, seconds: int) -> Case:
    def check(run: Run) -> None:
        assert getattr(run.item(), f"age_{unit}") == pytest.approx(AGE / seconds)

    return check


for _unit, _seconds in {"years": 31557600, "months": 2592000, "weeks": 604800, "days": 86400}.items():
    case(f"age_{_unit}")(ages(_unit, _seconds))


# Copies and moves.


@case("copy_to")
def copy_to(run: Run) -> None:
    above = {"project": "group", "subject": "project", "session": "subject", "acquisition": "session"}[run.kind]
    other, label = run.world.make(above), fresh("copy ")
    new = run.do(run.item().copy_to(run.get(above, other), label))
    identifier = new.project_id if run.kind == "project" else new.id
    stored = run.witness.get(f"{PLURAL[run.kind]}/{identifier}")
    assert (stored["label"], stored["parents"][above]) == (label, other)


@case("move_to")
def move_to(run: Run) -> None:
    above = {"project": "group", "subject": "project", "session": "subject", "acquisition": "session"}[run.kind]
    new, other = run.world.make(run.kind), run.world.make(above)
    run.do(run.get(run.kind, new).move_to(run.get(above, other)))
    assert run.witness.get(f"{PLURAL[run.kind]}/{new}")["parents"][above] == other


@case("get_parent")
@case("parent")
def parent(run: Run) -> None:
    item = run.item()
    for found in [run.do(item.get_parent())] if hasattr(type(item), "get_parent") else []:
        assert (found.container_type, found.id) == expected_parent(run)
    if run.kind == "file":
        found = run.do(item.parent)
        assert (found.container_type, found.id) == expected_parent(run)


def expected_parent(run: Run) -> tuple[str, str]:
    kind = "acquisition" if run.kind == "file" else "session"
    return kind, run.world.ids[kind]


def archives(kind: str) -> Case:
    """The case of a bulk download."""

    def check(run: Run) -> None:
        run.upload(fresh("file"), b"abc")
        with Folder() as path:
            run.do(getattr(run.item(), f"download_{kind}")(str(path)))
            if kind == "zip":
                assert zipfile.is_zipfile(path)
            else:
                assert tarfile.is_tarfile(path)

    return check


case("download_tar")(archives("tar"))
case("download_zip")(archives("zip"))


class Folder:
    """A place for a download."""

    def __enter__(self) -> Path:
        self._folder = TemporaryDirectory()
        return Path(self._folder.name) / "file"

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


MEMBER, DATA = list(MEMBERS.items())[-1]
