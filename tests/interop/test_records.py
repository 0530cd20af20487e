"""What the site keeps beside containers, with all three clients: filters, changes, uids, codes, references, trees."""

from __future__ import annotations

import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.compare import plain
from tests.interop.conftest import Tree
from tests.interop.flavours import Flavour, Trio, Witness
from tests.interop.worlds import fresh

import flywheel_async

pytestmark = QUIET

ERRORS = (flywheel.ApiException, flywheel_async.APIError)


def test_custom_filters(client: Flavour, trio: Trio) -> None:
    label = fresh("filter ")
    made = client.call("create_custom_filter", {"label": label, "view": "usage", "filter": "label=x"})
    page = trio.get("get_all_custom_filters", filter=f"label={label}")
    assert (page.total, [entry.id for entry in page.results]) == (1, [made.id])
    assert (page.results[0].filter, plain(page.results[0].view)) == ("label=x", "usage")
    body = {"label": label, "view": "tasks", "filter": "label=y"}
    changed = client.call("update_custom_filter", made.id, body)
    assert (changed.filter, plain(changed.view)) == ("label=y", "tasks")
    assert client.call("delete_custom_filter", made.id).deleted == 1
    assert trio.get("get_all_custom_filters", filter=f"label={label}").results == []


def test_the_change_log(client: Flavour, trio: Trio, tree: Tree) -> None:
    session = tree.session.id
    client.call("modify_session", session, {"label": "second", "info": {"a": 1}})
    client.call("modify_session", session, {"label": "third"})
    log = trio.get("get_change_log", "session", session)
    assert [plain(change.method) for change in log.changes] == ["CREATE", "UPDATE", "UPDATE"]
    assert log.changes[1].patch == {"label": "second", "info": {"a": 1}}
    of_label = trio.get("get_field_change_log", "session", session, "label")
    assert [change.value for change in of_label.changes] == ["second", "third"]
    client.call("delete_session", session, delete_reason="duplicate_data")
    last = trio.get("get_change_log", "session", session).changes[-1]
    assert (plain(last.method), plain(last.reason)) == ("DELETE", "duplicate_data")


def test_uids(client: Flavour, tree: Tree) -> None:
    uid = fresh("1.2.")
    client.call("modify_acquisition", tree.acquisition.id, {"uid": uid})
    known = client.call("check_uids_exist", {"acquisitions": [uid, "9"], "project_id": tree.project.id})
    assert (known.acquisitions, known.sessions) == ([uid], [])


def test_a_branch_is_found_or_made(client: Flavour, trio: Trio, tree: Tree) -> None:
    body = {
        "origin": {"type": "user"},
        "subject": {"label": "0042", "sex": "female"},
        "session": {"label": "visit 2", "uid": fresh("1.3.")},
        "acquisition": {"label": "T2w", "info": {"a": 1}},
    }

    def results() -> tuple[list[str], str]:
        made = client.call("upsert_project_hierarchy", tree.project.id, body)
        parts = (made.subject, made.session, made.acquisition)
        return [plain(part.upsert_result) for part in parts], made.acquisition.id

    first, again = results(), results()
    assert (first[0], again[0]) == (["updated", "created", "created"], ["ignored", "ignored", "ignored"])
    assert first[1] == again[1]
    assert trio.get("get_acquisition", first[1]).info == {"a": 1}
    assert trio.get("get_subject", tree.subject.id).sex == "female"


def test_master_codes(client: Flavour, trio: Trio, tree: Tree) -> None:
    person = {"first_name": fresh("Ann"), "last_name": "Ü", "date_of_birth": "1970-01-02"}
    code = client.call("create_master_subject_code", person).code
    assert trio.get("create_master_subject_code", person).code == code
    assert trio.get("verify_master_subject_code", code).code == code
    client.call("modify_subject", tree.subject.id, {"master_code": code})
    assert trio.get("get_subject", tree.subject.id).master_code == code
    with pytest.raises(ERRORS) as unknown:
        client.call("verify_master_subject_code", "unknown")
    assert unknown.value.status == 404
    own = fresh("p")
    assert client.call("create_master_subject_code", {"patient_id": own, "use_patient_id": True}).code == own


def test_users_of_a_directory(client: Flavour, trio: Trio) -> None:
    name, entry = fresh("central") + "@example.org", fresh("entry")

    def sync(revision: int, given_name: str) -> None:
        body = {
            "email": name,
            "given_name": given_name,
            "family_name": "B",
            "disabled": False,
            "auth0id": "x",
            "revision": revision,
            "role": "user",
        }
        assert client.call("sync_user", entry, body) is None

    sync(2, "Ann")
    found = trio.get("get_user", name)
    assert (found.firstname, found.lastname, found.central_user_id) == ("Ann", "B", entry)
    assert plain(found.roles) == ["user"]
    sync(1, "Old")
    assert trio.get("get_user", name).firstname == "Ann"
    sync(3, "Bea")
    assert trio.get("get_user", name).firstname == "Bea"


def test_files_by_reference(client: Flavour, trio: Trio, tree: Tree) -> None:
    body = {
        "name": "r.dcm",
        "size": 5,
        "provider_id": "0123456789abcdef01234567",
        "path": "bucket/r.dcm",
        "reference": True,
        "client_hash": "abc",
        "origin": {"type": "user", "id": "x"},
        "parent_ref": {"type": "acquisition", "id": tree.acquisition.id},
        "info": {"a": 1},
    }
    made = client.call("upsert_file", body)
    assert (plain(made.upsert_result), made.version, made.type) == ("created", 1, "dicom")
    assert plain(client.call("upsert_file", body).upsert_result) == "ignored"
    assert plain(client.call("upsert_file", {**body, "path": "elsewhere"}).upsert_result) == "conflict"
    again = client.call("upsert_file", {**body, "path": "elsewhere"}, force_update=True)
    assert (plain(again.upsert_result), again.version, again.file_id) == ("updated", 2, made.file_id)
    found = trio.get("get_file", made.file_id)
    assert (found.reference, found.path, found.client_hash, found.info) == (True, "elsewhere", "abc", {"a": 1})
    assert [entry.version for entry in trio.get("get_file_versions", made.file_id)] == [1, 2]
    with pytest.raises(ERRORS) as nowhere:
        client.call("download_file_from_acquisition_as_data", tree.acquisition.id, "r.dcm")
    assert nowhere.value.status == 404


def test_trees(trio: Trio, tree: Tree) -> None:
    tree.session.add_acquisition(label="T2w")
    wanted = {
        "projects": {"fields": ["label"], "filter": f"_id={tree.project.id}"},
        "sessions": {"fields": ["label", "subject.label"]},
        "acquisitions": {"fields": ["label"], "sort": "label:desc", "limit": 1},
    }
    (project,) = plain(trio.get("fetch_tree", wanted))
    assert (project["_id"], project["label"]) == (tree.project.id, "Study")
    (session,) = project["sessions"]
    assert (session["label"], session["subject.label"]) == ("visit 1", "0042")
    assert [scan["label"] for scan in session["acquisitions"]] == ["T2w"]
    joined = trio.get("get_tree_graph")["projects"].connections["sessions"]
    assert (joined.local, joined.foreign) == ("_id", "parents.project")


@pytest.mark.parametrize(("mode", "conflicts", "left"), [("dry", 1, 2), ("skip", 1, 1), ("move", 1, 0)])
def test_moving_many(client: Flavour, witness: Witness, tree: Tree, mode: str, conflicts: int, left: int) -> None:
    other = tree.subject.add_session(label="visit 2")
    target = tree.project.add_subject(label="0043")
    target.add_session(label="visit 1")
    body = {
        "sources": [tree.session.id, other.id],
        "destinations": [target.id],
        "destination_container_type": "subjects",
        "conflict_mode": mode,
    }
    found = client.call("bulk_move_sessions", body)
    assert [(entry.id, entry.conflict_label) for entry in found] == [(tree.session.id, "visit 1")] * conflicts
    assert len(witness.get(f"subjects/{tree.subject.id}/sessions")) == left


def test_a_key_is_removed_everywhere(client: Flavour, trio: Trio, tree: Tree) -> None:
    key = fresh("key")
    client.call("replace_session_info", tree.session.id, {key: {"b": 1, "c": 2}, "d": 3})
    assert client.call("cleanup_info", "sessions", f"{key}.b").modified == 1
    assert trio.get("get_session", tree.session.id).info == {key: {"c": 2}, "d": 3}
