"""The cases of the client's own methods, by the names that contain the kind of object: `add_session_tag` and the like.

They are called through all three clients with the same positional arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.interop.cases_files import CLASSIFICATION
from tests.interop.cases_objects import (
    DATA,
    MEMBER,
    Folder,
    contents,
    entries,
    group_roles,
    new_role,
    notes_of,
    permission_of,
    sent,
    template,
    template_of,
    with_info,
    with_note,
    with_tags,
)
from tests.interop.worlds import MEMBERS, PLURAL, Run, archive, fresh

Case = Callable[["Run", str], None]

NAMED: dict[str, Case] = {}
"""By the name with `{}` in place of the kind, or `{}s` of its plural."""

ABOVE = {"project": "group", "subject": "project", "session": "subject", "acquisition": "session"}


def named(*patterns: str) -> Callable[[Case], Case]:
    """Declares the case of some names, which are all called in it."""

    def declare(function: Case) -> Case:
        NAMED.update(dict.fromkeys(patterns, function))
        return function

    return declare


def name_of(pattern: str, kind: str) -> str:
    return pattern.replace("{}s", PLURAL[kind]).replace("{}", kind)


def call(run: Run, name: str, *values: object, **keywords: object) -> Any:
    return run.do(getattr(run.fw, name)(*values, **keywords))


def new_container(run: Run) -> str:
    return run.world.make("session" if run.kind == "container" else run.kind)


# Containers.


@named("get_{}")
def get(run: Run, name: str) -> None:
    assert call(run, name, run.id).id == run.id


@named("get_all_{}s")
def get_all(run: Run, name: str) -> None:
    key = "file_id" if run.kind == "file" else "_id"
    found = call(run, name, filter=f"{key}={run.id}")
    found = getattr(found, "results", found)
    assert [entry.file_id if run.kind == "file" else entry.id for entry in found] == [run.id]


@named("add_{}")
def add(run: Run, name: str) -> None:
    label, ids = fresh("label "), run.world.ids
    body: dict[str, object] = {"label": label}
    if run.kind == "group":
        body["_id"] = fresh("group")
    elif run.kind in ABOVE:
        body[ABOVE[run.kind]] = ids[ABOVE[run.kind]]
        body |= {"project": ids["project"], "subject": {"_id": ids["subject"]}} if run.kind == "session" else {}
    identifier = call(run, name, body)
    assert run.witness.get(f"{PLURAL[run.kind]}/{identifier}")["label"] == label


@named("modify_{}")
def modify(run: Run, name: str) -> None:
    label = fresh("label ")
    call(run, name, run.id, {"label": label})
    assert run.stored()["label"] == label


@named("delete_{}")
def delete(run: Run, name: str) -> None:
    new = run.id if run.kind == "file" else new_container(run)
    call(run, name, new)
    assert run.witness.get(f"{PLURAL[run.kind]}/{new}") is None


@named("delete_{}s_by_ids")
def delete_by_ids(run: Run, name: str) -> None:
    if run.kind == "file":
        new = [run.upload(fresh("file"), b"x", "acquisition")["file_id"] for _ in range(2)]
    else:
        new = [new_container(run) for _ in range(2)]
    call(run, name, new)
    assert [run.witness.get(f"{PLURAL[run.kind]}/{one}") for one in new] == [None, None]


@named("get_{}_projects", "get_{}_subjects", "get_{}_sessions", "get_{}_acquisitions", "get_{}_analyses")
def get_children(run: Run, name: str) -> None:
    child = name.rpartition("_")[2]
    if child == "analyses":
        run.witness.post(f"{PLURAL[run.kind]}/{run.id}/analyses", {"label": fresh("analysis ")})
    if run.kind == "collection":
        change_contents(run, run.world.make("acquisition"))
    wanted = {entry["_id"] for entry in run.witness.get(f"{PLURAL[run.kind]}/{run.id}/{child}")}
    assert wanted
    assert {entry.id for entry in call(run, name, run.id)} == wanted


# Tags and notes.


@named("add_{}_tag")
def add_tag(run: Run, name: str) -> None:
    tag = fresh("tag")
    call(run, name, run.id, tag)
    assert tag in run.stored()["tags"]


@named("add_{}_tags")
def add_tags(run: Run, name: str) -> None:
    (old,), new = with_tags(run, "old"), fresh("tag")
    call(run, name, run.id, [old, new])
    stored = run.stored()["tags"]
    assert (stored.count(old), stored.count(new)) == (1, 1)


@named("set_{}_tags")
def set_tags(run: Run, name: str) -> None:
    with_tags(run, "old")
    call(run, name, run.id, ["a"])
    assert run.stored()["tags"] == ["a"]


@named("get_{}_tags")
def get_tags(run: Run, name: str) -> None:
    (tag,) = with_tags(run, "tag")
    assert call(run, name, run.id) == [tag]


@named("get_{}_tag")
def get_tag(run: Run, name: str) -> None:
    (tag,) = with_tags(run, "tag")
    assert call(run, name, run.id, tag) == tag


@named("rename_{}_tag")
def rename_tag(run: Run, name: str) -> None:
    (old,), new = with_tags(run, "old"), fresh("tag")
    call(run, name, run.id, old, {"value": new})
    assert (old in run.stored()["tags"], new in run.stored()["tags"]) == (False, True)


@named("delete_{}_tag")
def delete_tag(run: Run, name: str) -> None:
    old, kept = with_tags(run, "old", "kept")
    call(run, name, run.id, old)
    assert (old in run.stored()["tags"], kept in run.stored()["tags"]) == (False, True)


@named("delete_{}_tags")
def delete_tags(run: Run, name: str) -> None:
    one, two, kept = with_tags(run, "old", "old", "kept")
    call(run, name, run.id, body=[one, two, "absent"])
    stored = run.stored()["tags"]
    assert (one in stored, two in stored, kept in stored) == (False, False, True)


@named("add_{}_note")
def add_note(run: Run, name: str) -> None:
    text = fresh("note")
    call(run, name, run.id, text)
    assert text in notes_of(run).values()


@named("get_{}_note")
def get_note(run: Run, name: str) -> None:
    note = with_note(run)
    assert call(run, name, run.id, note).text == notes_of(run)[note]


@named("modify_{}_note")
def modify_note(run: Run, name: str) -> None:
    note, text = with_note(run), fresh("note")
    call(run, name, run.id, note, {"text": text})
    assert notes_of(run)[note] == text


@named("delete_{}_note")
def delete_note(run: Run, name: str) -> None:
    note = with_note(run)
    call(run, name, run.id, note)
    assert note not in notes_of(run)


# Info.


@named("modify_{}_info", "set_{}_info", "replace_{}_info", "delete_{}_info_fields")
def change_info(run: Run, name: str) -> None:
    with_info(run, a=1, b={"c": 1})
    if run.kind == "file":
        # The two routes of files take the plain info, to merge and to replace.
        call(run, name, run.id, body={"b": 2})
        assert run.stored()["info"] == ({"a": 1, "b": 2} if name.startswith("modify") else {"b": 2})
        return
    body, after = change_of(name, {"b": 2}, ["a"], {"a": 1, "b": 2}, {"b": {"c": 1}})
    call(run, name, run.id, body)
    assert run.stored()["info"] == after


def change_of(name: str, new: Any, gone: Any, merged: object, left: object) -> tuple[object, object]:
    """The body that a name takes, and what has to be there afterwards."""
    if name.startswith("modify"):
        return {"add" if "classification" in name else "set": new}, merged
    if name.startswith("set"):
        return new, merged
    return (new, new) if name.startswith("replace") else (gone, left)


# Permissions and roles.


@named("add_{}_permission")
def add_permission(run: Run, name: str) -> None:
    entry, _ = entries(run)
    call(run, name, run.id, entry)
    assert permission_of(run, entry["_id"]) == entry


@named("get_{}_user_permission", "modify_{}_user_permission", "delete_{}_user_permission")
def one_permission(run: Run, name: str) -> None:
    entry, other = entries(run)
    user = entry["_id"]
    run.witness.post(f"{PLURAL[run.kind]}/{run.id}/permissions", entry)
    if name.startswith("get"):
        assert sent(call(run, name, run.id, user)) == entry
    elif name.startswith("modify"):
        call(run, name, run.id, user, {key: other[key] for key in other if key != "_id"})
        assert permission_of(run, user) == other
    else:
        call(run, name, run.id, user)
        assert permission_of(run, user) is None


@named(
    "add_{}_permission_template",
    "get_{}_user_permission_template",
    "modify_{}_user_permission_template",
    "delete_{}_user_permission_template",
)
def one_template(run: Run, name: str) -> None:
    entry = template(run, stored=not name.startswith("add"))
    user = entry["_id"]
    if name.startswith("add"):
        call(run, name, run.id, entry)
        assert template_of(run, user) == entry
    elif name.startswith("get"):
        assert sent(call(run, name, run.id, user)) == entry
    elif name.startswith("modify"):
        roles = [list(run.site.roles.values())[1]]
        call(run, name, run.id, user, {"role_ids": roles})
        assert template_of(run, user)["role_ids"] == roles
    else:
        call(run, name, run.id, user)
        assert template_of(run, user) is None


@named("add_role_to_{}", "get_all_{}_roles", "get_{}_role", "remove_role_from_{}")
def roles(run: Run, name: str) -> None:
    identifier = new_role(run)
    if name.startswith("add"):
        call(run, name, run.id, {"_id": identifier})
        assert identifier in group_roles(run)
        return
    run.witness.post(f"groups/{run.id}/roles", {"_id": identifier})
    if name.startswith("get_all"):
        assert {entry.id for entry in call(run, name, run.id)} == group_roles(run)
    elif name.startswith("get"):
        assert call(run, name, run.id, identifier).id == identifier
    else:
        call(run, name, run.id, identifier)
        assert identifier not in group_roles(run)


# Files of a container.


@named("upload_file_to_{}", "upload_output_to_{}")
def upload(run: Run, name: str) -> None:
    file = fresh("file ü ")
    call(run, name, run.id, run.spec(file, b"abc"))
    assert run.entry(file)["size"] == 3


@named("download_file_from_{}", "download_output_from_{}")
def download(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), b"abc")["name"]
    with Folder() as path:
        call(run, name, run.id, file, str(path))
        assert path.read_bytes() == b"abc"


@named("download_file_from_{}_as_data", "download_output_from_{}_as_data")
def download_as_data(run: Run, name: str) -> None:
    assert call(run, name, run.id, run.upload(fresh("file"), b"abc")["name"]) == b"abc"
    assert call(run, name, run.id, run.upload(fresh("file"), archive())["name"], member=MEMBER) == DATA


@named("get_{}_download_url", "get_{}_output_download_url")
def download_url(run: Run, name: str) -> None:
    assert run.witness.fetch(call(run, name, run.id, run.upload(fresh("file"), b"abc")["name"])) == b"abc"


@named("get_{}_file_info", "get_{}_output_file")
def file_info(run: Run, name: str) -> None:
    entry = run.upload(fresh("file"), b"abc", info={"a": 1})
    found = call(run, name, run.id, entry["name"])
    assert (found.file_id, found.info["a"]) == (entry["file_id"], 1)


@named("get_{}_file_zip_info", "get_{}_output_zip_info")
def zip_info(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), archive())["name"]
    assert {member.path for member in call(run, name, run.id, file).members} == set(MEMBERS)


@named("modify_{}_file")
def modify_file(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), b"abc")["name"]
    call(run, name, run.id, file, {"type": "text"})
    assert run.entry(file)["type"] == "text"


@named("delete_{}_file")
def delete_file(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), b"abc")["name"]
    call(run, name, run.id, file)
    assert run.entry(file) is None


@named("modify_{}_file_info", "set_{}_file_info", "replace_{}_file_info", "delete_{}_file_info_fields")
def change_file_info(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), b"abc", info={"a": 1, "b": {"c": 1}})["name"]
    body, after = change_of(name, {"b": 2}, ["a"], {"a": 1, "b": 2}, {"b": {"c": 1}})
    call(run, name, run.id, file, body)
    assert run.entry(file)["info"] == after


@named(
    "modify_{}_file_classification",
    "set_{}_file_classification",
    "replace_{}_file_classification",
    "delete_{}_file_classification_fields",
)
def change_file_classification(run: Run, name: str) -> None:
    file = run.upload(fresh("file"), b"abc", modality="MR", classification=CLASSIFICATION)["name"]
    new, gone = {"Intent": ["Localizer"]}, {"Measurement": ["T1"]}
    merged = {"Intent": ["Structural", "Localizer"], "Measurement": ["T1"]}
    body, after = change_of(name, new, gone, merged, {"Intent": ["Structural"]})
    call(run, name, run.id, file, body)
    assert {key: entry for key, entry in run.entry(file)["classification"].items() if entry} == after


# Files by their id.


@named("modify_{}_classification")
def classification(run: Run, name: str) -> None:
    call(run, name, run.id, {"modality": "MR", "replace": CLASSIFICATION})
    assert (run.stored()["modality"], run.stored()["classification"]) == ("MR", CLASSIFICATION)


@named("get_{}_info")
def get_info(run: Run, name: str) -> None:
    with_info(run, a={"b": 1})
    assert call(run, name, run.id)["a"] == {"b": 1}


@named("get_{}_zip_info")
def get_zip_info(run: Run, name: str) -> None:
    assert {member.path for member in call(run, name, run.id).members} == set(MEMBERS)


@named("get_{}_versions", "restore_{}")
def versions(run: Run, name: str) -> None:
    run.upload(run.stored()["name"], b"newer", "acquisition")
    if name.startswith("get"):
        assert {entry.version for entry in call(run, name, run.id)} == {1, 2}
    else:
        call(run, name, run.id, 1, False)
        assert (run.stored()["version"], run.stored()["size"]) == (3, len(archive()))


@named("move_{}")
def move_file(run: Run, name: str) -> None:
    target = {"type": "session", "id": run.world.ids["session"]}
    call(run, name, run.id, {"container_reference": target, "name": fresh("moved")})
    assert run.stored()["parent_ref"] == target


# Analyses below a container.


@named("add_{}_analysis", "get_{}_analysis", "modify_{}_analysis", "delete_{}_analysis")
def one_analysis(run: Run, name: str) -> None:
    label = fresh("analysis ")
    if name.startswith("add"):
        new = call(run, name, run.id, {"label": label})
        assert run.witness.get(f"analyses/{new}")["label"] == label
        return
    new = run.witness.post(f"{PLURAL[run.kind]}/{run.id}/analyses", {"label": label})["_id"]
    if name.startswith("get"):
        found = call(run, name, run.id, new)
        assert found.label == label
        assert hasattr(type(found), "add_note"), "no methods"
    elif name.startswith("modify"):
        call(run, name, run.id, new, {"label": label + "x"})
        assert run.witness.get(f"analyses/{new}")["label"] == label + "x"
    else:
        call(run, name, run.id, new)
        assert run.witness.get(f"analyses/{new}") is None


# Contents of collections.


def change_contents(run: Run, acquisition: str) -> None:
    node = {"level": "acquisition", "_id": acquisition}
    run.witness.put(f"collections/{run.id}", {"contents": {"operation": "add", "nodes": [node]}})


@named("add_sessions_to_{}", "add_acquisitions_to_{}", "add_nodes_to_{}")
def add_to_collection(run: Run, name: str) -> None:
    new = run.world.make("acquisition")
    level = "session" if name.startswith("add_sessions") else "acquisition"
    nodes = [run.world.ids["session"] if level == "session" else new]
    call(run, name, run.id, *([level] if name.startswith("add_nodes") else []), nodes)
    assert new in contents(run)


# Copies and moves.


@named("{}_copy")
def copy(run: Run, name: str) -> None:
    above, label = ABOVE[run.kind], fresh("copy ")
    other = run.world.make(above)
    if run.kind == "project":
        body = {"group_id": other, "project_label": label}
    else:
        key = "label" if run.kind == "acquisition" else f"dst_{run.kind}_label"
        body = {f"dst_{above}_id": other, key: label}
    new = call(run, name, run.id, body)
    identifier = new.project_id if run.kind == "project" else new.id
    assert run.witness.get(f"{PLURAL[run.kind]}/{identifier}")["label"] == label


@named("bulk_move_{}s")
def bulk_move(run: Run, name: str) -> None:
    new, other = run.world.make("session"), run.world.make("subject")
    body = {"sources": [new], "destinations": [other], "destination_container_type": "subjects"}
    call(run, name, {**body, "conflict_mode": "move"})
    assert run.witness.get(f"sessions/{new}")["parents"]["subject"] == other


@named("upsert_{}_hierarchy")
def upsert_hierarchy(run: Run, name: str) -> None:
    label = fresh("subject ")
    origin = {"type": "user", "id": run.site.admin_user}
    call(run, name, run.id, {"origin": origin, "subject": {"label": label}, "session": {"label": "v"}})
    assert label in {entry["label"] for entry in run.witness.get(f"projects/{run.id}/subjects")}
