"""The official client's plain methods, one by one, against the emulator: each request is understood, each answer read.

Our client is the second witness: what a method is said to have done is looked up through it.
"""

from __future__ import annotations

import io
import json
import zipfile

import flywheel
import pytest
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences, plain
from tests.interop.conftest import Tree

from flywheel_async.emulator import Emulator

pytestmark = QUIET


KINDS = ["project", "subject", "session", "acquisition"]
NAMED = [*KINDS, "container"]
"""The kinds as they stand in method names; `container` methods take any container's id."""


def call(official: flywheel.Client, pattern: str, kind: str, *args: object, **kwargs: object) -> object:
    """Calls the method of one kind, for example `add_{}_tag` of `session`."""
    return getattr(official, pattern.format(kind))(*args, **kwargs)


def owner(tree: Tree, kind: str) -> str:
    return getattr(tree, "session" if kind == "container" else kind).id


@pytest.mark.parametrize("kind", [*NAMED, "group"])
def test_tags(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    own = ours(lambda fw: fw.get(owner(tree, kind)))

    def tags() -> list[str]:
        return ours(lambda fw: own.reload()).tags

    call(official, "add_{}_tag", kind, own.id, "one")
    call(official, "add_{}_tags", kind, own.id, ["two", "three", "one"])
    assert tags() == ["one", "two", "three"]
    assert call(official, "get_{}_tag", kind, own.id, "two") == "two"
    call(official, "rename_{}_tag", kind, own.id, "two", {"value": "zwei"})
    assert sorted(tags()) == ["one", "three", "zwei"]
    call(official, "delete_{}_tag", kind, own.id, "zwei")
    call(official, "delete_{}_tags", kind, own.id, ["three", "absent"])
    assert tags() == ["one"]
    with pytest.raises(flywheel.ApiException, match=r"\(404\)"):
        call(official, "get_{}_tag", kind, own.id, "zwei")
    with pytest.raises(flywheel.ApiException, match=r"\(409\)"):
        call(official, "add_{}_tag", kind, own.id, "one")


@pytest.mark.parametrize("kind", NAMED)
def test_notes(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    own = ours(lambda fw: fw.get(owner(tree, kind)))
    call(official, "add_{}_note", kind, own.id, "first")
    note = ours(lambda fw: own.reload()).notes[0]
    assert differences(call(official, "get_{}_note", kind, own.id, note.id), note) == []
    call(official, "modify_{}_note", kind, own.id, note.id, {"text": "second"})
    again = ours(lambda fw: own.reload()).notes
    assert [(entry.id, entry.text) for entry in again] == [(note.id, "second")]
    assert again[0].modified >= note.modified
    call(official, "delete_{}_note", kind, own.id, note.id)
    assert ours(lambda fw: own.reload()).notes == []


@pytest.mark.parametrize("kind", NAMED)
def test_info(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    own = ours(lambda fw: fw.get(owner(tree, kind)))

    def info() -> object:
        return ours(lambda fw: own.reload()).info

    call(official, "replace_{}_info", kind, own.id, {"a": {"b": 1, "c": None}, "d": [1]})
    assert info() == {"a": {"b": 1, "c": None}, "d": [1]}
    call(official, "set_{}_info", kind, own.id, {"d": {"e": "f"}, "g": True})
    assert info() == {"a": {"b": 1, "c": None}, "d": {"e": "f"}, "g": True}
    call(official, "delete_{}_info_fields", kind, own.id, ["a", "absent"])
    assert info() == {"d": {"e": "f"}, "g": True}
    call(official, "modify_{}_info", kind, own.id, {"set": {"h": 1}, "delete": ["g"]})
    assert info() == {"d": {"e": "f"}, "h": 1}
    call(official, "modify_{}", kind, own.id, {"label": "same"})
    assert info() == {"d": {"e": "f"}, "h": 1}


@pytest.mark.parametrize("kind", NAMED)
def test_file_metadata(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    own = ours(lambda fw: fw.get(owner(tree, kind)))
    place = (own.id, "a b.txt")
    call(official, "upload_file_to_{}", kind, own.id, flywheel.FileSpec("a b.txt", b"x"))

    def entry() -> object:
        return ours(lambda fw: own.get_file("a b.txt"))

    call(official, "modify_{}_file", kind, *place, {"modality": "MR", "type": "nifti"})
    call(official, "replace_{}_file_info", kind, *place, {"a": 1, "b": 2})
    call(official, "set_{}_file_info", kind, *place, {"c": {"d": 3}})
    call(official, "delete_{}_file_info_fields", kind, *place, ["a"])
    call(official, "replace_{}_file_classification", kind, *place, {"Intent": ["Structural"]})
    call(official, "set_{}_file_classification", kind, *place, {"Measurement": ["T1"], "Intent": ["Localizer"]})
    call(official, "delete_{}_file_classification_fields", kind, *place, {"Intent": ["Structural"]})
    mine = entry()
    assert (mine.type, mine.modality, mine.info) == ("nifti", "MR", {"b": 2, "c": {"d": 3}})
    assert mine.classification == {"Intent": ["Localizer"], "Measurement": ["T1"]}
    assert differences(call(official, "get_{}_file_info", kind, *place), mine) == []
    call(official, "delete_{}_file", kind, *place)
    assert ours(lambda fw: own.reload()).files == []


def test_files_by_id(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    made = tree.session.upload_file([flywheel.FileSpec(name, b"x") for name in ("a.txt", "b.txt", "c.txt")])
    first, second, third = (entry.file_id for entry in made)
    official.add_file_tags(first, ["one", "two"])
    official.delete_file_tags(first, body=["one"])
    assert official.get_file_tags(first) == ["two"]
    official.set_file_tags(first, ["three"])
    official.modify_file_classification(first, {"modality": "MR", "replace": {"Intent": ["Structural"]}})
    mine = ours(lambda fw: fw.files.find_one(f"file_id={first}"))
    assert (mine.tags, mine.modality, mine.classification) == (["three"], "MR", {"Intent": ["Structural"]})
    assert differences(official.get_file(first), ours(lambda fw: mine.reload())) == []
    official.delete_file(first)
    official.delete_files_by_ids([second, third])
    assert ours(lambda fw: fw.get(tree.session.id)).files == []


@pytest.mark.parametrize("kind", NAMED)
def test_zip_members(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.comment = b"two members"
        archive.writestr("a.txt", "first")
        archive.writestr("folder/b ü.txt", "second one")
    own = ours(lambda fw: fw.get(owner(tree, kind)))
    ours(lambda fw: own.upload_file(packed.getvalue(), name="two.zip"))
    listed = call(official, "get_{}_file_zip_info", kind, own.id, "two.zip")
    assert listed.comment == "two members"
    assert [(member.path, member.size) for member in listed.members] == [("a.txt", 5), ("folder/b ü.txt", 10)]
    entry = official.get(own.id).files[0]
    assert entry.read_zip_member("folder/b ü.txt") == b"second one"
    assert differences(listed, official.get_file_zip_info(entry.file_id)) == []


def test_group_permissions(site: Emulator, official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    site.add_user("member@example.org")
    group, member = tree.group.id, "member@example.org"
    official.add_group_permission(group, {"_id": member, "access": "ro"})
    assert plain(official.get_group_user_permission(group, member))["access"] == "ro"
    official.modify_group_user_permission(group, member, {"access": "admin"})
    own = ours(lambda fw: fw.get(group))
    assert {entry.id: entry.access for entry in own.permissions}[member] == "admin"
    official.delete_group_user_permission(group, member)
    assert member not in {entry.id for entry in ours(lambda fw: own.reload()).permissions}
    official.add_group_permission_template(group, {"_id": member, "role_ids": [site.roles["ro"]]})
    assert official.get_group_user_permission_template(group, member).role_ids == [site.roles["ro"]]
    official.modify_group_user_permission_template(group, member, {"role_ids": [site.roles["rw"]]})
    assert differences(official.get_group(group), ours(lambda fw: own.reload())) == []
    assert [entry.role_ids for entry in own.permissions_template] == [[site.roles["rw"]]]
    official.delete_group_user_permission_template(group, member)
    assert ours(lambda fw: own.reload()).permissions_template == []


def test_project_permissions(site: Emulator, official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    site.add_user("member@example.org")
    project, member = tree.project.id, "member@example.org"
    official.add_project_permission(project, {"_id": member, "role_ids": [site.roles["ro"]]})
    assert official.get_project_user_permission(project, member).role_ids == [site.roles["ro"]]
    official.modify_project_user_permission(project, member, {"role_ids": [site.roles["admin"]]})
    own = ours(lambda fw: fw.get(project))
    assert {entry.id: entry.role_ids for entry in own.permissions}[member] == [site.roles["admin"]]
    official.delete_project_user_permission(project, member)
    assert member not in {entry.id for entry in ours(lambda fw: own.reload()).permissions}


def test_users(official: flywheel.Client, ours: Ours) -> None:
    name = "new@example.org"
    assert official.add_user(flywheel.User(id=name, firstname="New", lastname="User")) == name
    own = ours(lambda fw: fw.users.find_one(f"_id={name}"))
    assert (own.firstname, own.disabled) == ("New", False)
    official.modify_user(name, {"firstname": "Newer", "disabled": True})
    assert differences(official.get_user(name), ours(lambda fw: own.reload())) == []
    assert (own.firstname, own.disabled) == ("Newer", True)
    ours(lambda fw: own.update(disabled=False))
    assert official.get_user(name).disabled is False
    ours(lambda fw: own.delete())
    with pytest.raises(flywheel.ApiException, match=r"\(404\)"):
        official.get_user(name)


def test_roles_and_modalities(site: Emulator, official: flywheel.Client) -> None:
    roles = official.get_all_roles()
    assert {role.id for role in roles} == set(site.roles.values())
    assert len({role.label for role in roles}) == 3
    official.add_role({"label": "mine", "actions": ["files_view_contents"]})
    made = next(role for role in official.get_all_roles() if role.label == "mine")
    official.modify_role(made.id, {"label": "still mine"})
    assert official.get_role(made.id).label == "still mine"
    official.delete_role(made.id)
    assert [modality.id for modality in official.get_all_modalities()] == ["MR"]
    assert "Structural" in official.get_modality("MR").classification["Intent"]
    official.add_modality({"_id": "EEG", "classification": {"Task": ["rest"]}})
    official.replace_modality("EEG", {"classification": {"Task": ["music"]}})
    assert official.get_modality("EEG").classification == {"Task": ["music"]}
    official.delete_modality("EEG")


@pytest.mark.parametrize("kind", KINDS)
def test_deleting_several(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    item = getattr(tree, kind)
    answer = call(official, "delete_{}s_by_ids", kind, [item.id])
    assert answer.deleted == 1
    assert ours(lambda fw: getattr(fw, f"{kind}s").find(f"_id={item.id}")) == []


def test_containers_of_any_kind(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    for kind in KINDS:
        official.modify_container(getattr(tree, kind).id, {"label": f"any {kind}"})
        assert ours(lambda fw, kind=kind: fw.get(getattr(tree, kind).id)).label == f"any {kind}"
    official.upload_file_to_container(tree.subject.id, flywheel.FileSpec("a.txt", b"x"))
    assert official.download_file_from_container_as_data(tree.subject.id, "a.txt") == b"x"
    official.delete_container(tree.acquisition.id)
    assert tree.session.acquisitions() == []


def test_own_metadata_of_an_upload(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    """A new version forgets the old metadata unless it is asked to keep it."""
    scan = tree.acquisition
    scan.upload_file(flywheel.FileSpec("a.txt", b"1"), metadata=json.dumps({"info": {"a": 1}, "tags": ["t"]}))
    scan.upload_file(flywheel.FileSpec("a.txt", b"2"), preserve_metadata=True)
    kept = ours(lambda fw: fw.get(scan.id)).files[0]
    assert (kept.version, kept.info, kept.tags) == (2, {"a": 1}, ["t"])
    scan.upload_file(flywheel.FileSpec("a.txt", b"3"))
    fresh = ours(lambda fw: fw.get(scan.id)).files[0]
    assert (fresh.version, fresh.info, fresh.tags) == (3, {}, [])
