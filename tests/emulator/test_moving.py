"""Copies, moves of files and sessions, and restored versions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def upload(http: httpx.Client, path: str, name: str, content: bytes = b"x") -> str:
    sent = http.post(f"{path}/files", files=[("file", ("f", content))], data={"metadata": json.dumps({"name": name})})
    return str(got(sent)[0]["file_id"])


def only(http: httpx.Client, path: str) -> Any:
    (item,) = got(http.get(path))
    return item


def settled(http: httpx.Client, project_id: str) -> Any:
    """Returns a copied project once nothing more happens to it."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        project = got(http.get(f"/projects/{project_id}"))
        if project["copy_status"] in ("completed", "failed"):
            return project
        time.sleep(0.01)
    raise AssertionError(f"still {project['copy_status']}")


def test_a_project_copy_is_complete(http: httpx.Client, tree: Any) -> None:
    scan = f"/acquisitions/{tree.acquisition}"
    got(http.post(f"{scan}/tags", json={"value": "t"}))
    got(http.post(f"{scan}/notes", json={"text": "n"}))
    of_file = {"type": "acquisition", "id": tree.acquisition, "name": "a.txt"}
    analysis = got(http.post(f"{scan}/analyses", json={"label": "a", "inputs": [of_file]}))["_id"]
    upload(http, f"/analyses/{analysis}", "out.txt")
    got(http.post("/sessions", json={"project": tree.project, "subject": tree.subject, "label": "empty"}))
    body = {"group_id": tree.group, "project_label": "copy", "filter": {}}
    answer = got(http.post(f"/projects/{tree.project}/copy", json=body))
    assert answer.keys() == {"task_id", "snapshot_id", "project_id"}
    project = settled(http, answer["project_id"])
    assert (project["label"], project["copy_of"], project["copy_status"]) == ("copy", tree.project, "completed")
    session = only(http, f"/projects/{project['_id']}/sessions")  # the empty one is left out
    scan_id = only(http, f"/sessions/{session['_id']}/acquisitions")["_id"]
    found = got(http.get(f"/acquisitions/{scan_id}"))
    assert (found["tags"], [note["text"] for note in found["notes"]]) == (["t"], ["n"])
    (file,) = found["files"]
    source = {"file_id": tree.file_id, "version": 1}
    assert file["original_copy_of"] == source
    place = got(http.get(f"/files/{tree.file_id}"))["parents"]
    labels = {"project_label": "project", "group_label": got(http.get(f"/groups/{tree.group}"))["label"]}
    assert file["copy_of"] == {**source, "parents": place, **labels}
    assert file["file_id"] != tree.file_id
    assert http.get(f"/acquisitions/{found['_id']}/files/a.txt").content == b"content"
    (copied,) = found["analyses"]
    assert [item["file_id"] for item in copied["inputs"]] == [file["file_id"]]
    assert [item["name"] for item in copied["files"]] == ["out.txt"]
    # Copies are things of their own.
    got(http.delete(f"/projects/{tree.project}"))
    assert http.get(f"/acquisitions/{found['_id']}/files/a.txt").content == b"content"


def test_filters_leave_things_out(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    scan = f"/acquisitions/{tree.acquisition}"
    upload(http, scan, "b.nii")
    got(http.post(f"{scan}/tags", json={"value": "t"}))
    got(http.post(f"{scan}/analyses", json={"label": "a"}))
    second = got(http.post("/acquisitions", json={"session": tree.session, "label": "skip"}))["_id"]
    upload(http, f"/acquisitions/{second}", "c.nii")
    target = plant()
    rules = {
        "exclude_analysis": True,
        "exclude_tags": True,
        "exclude_notes": True,
        "include_rules": ["file.type=nifti"],
        "exclude_rules": ["acquisition.label=skip"],
    }
    body = {"dst_subject_id": target.subject, "dst_session_label": "copy", "filter": rules}
    made = got(http.post(f"/sessions/{tree.session}/copy", json=body))
    assert (made["label"], made["parents"]["subject"]) == ("copy", target.subject)
    scan_id = only(http, f"/sessions/{made['_id']}/acquisitions")["_id"]
    found = got(http.get(f"/acquisitions/{scan_id}"))
    assert ([file["name"] for file in found["files"]], found["tags"], found["analyses"]) == (["b.nii"], [], [])
    for rule in ("nothing", "type=nifti", "group.label=x"):
        wrong = {**body, "filter": {"include_rules": [rule]}}
        assert http.post(f"/sessions/{tree.session}/copy", json=wrong).status_code == 422
    assert http.post(f"/sessions/{tree.session}/copy", json={"filter": {}}).status_code == 422


def test_copies_of_subject_and_acquisition(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    target = plant()
    body = {"dst_project_id": target.project, "filter": {}}
    assert http.post(f"/subjects/{tree.subject}/copy", json=body).status_code == 409
    made = got(http.post(f"/subjects/{tree.subject}/copy", json={**body, "dst_subject_label": "new"}))
    assert (made["label"], made["project"], made["copy_of"]) == ("new", target.project, tree.subject)
    again = got(http.post(f"/subjects/{made['_id']}/copy", json={**body, "dst_subject_label": "newer"}))
    assert (again["copy_of"], again["original_copy_of"]) == (made["_id"], tree.subject)
    scan = {"dst_session_id": target.session, "filter": {}}
    copied = got(http.post(f"/acquisitions/{tree.acquisition}/copy", json=scan))
    assert (copied["label"], copied["session"], [f["name"] for f in copied["files"]]) == (
        "scan",
        target.session,
        ["a.txt"],
    )
    by_project = got(http.post(f"/sessions/{tree.session}/copy", json=body))
    assert by_project["parents"]["subject"] == target.subject
    got(http.put(f"/projects/{tree.project}", json={"copyable": False}))
    refused = {"group_id": tree.group, "project_label": "copy", "filter": {}}
    assert http.post(f"/projects/{tree.project}/copy", json=refused).status_code == 403


@pytest.mark.parametrize("mode", ["dry", "skip", "move"])
def test_sessions_move_into_a_project(http: httpx.Client, plant: Callable[[], Any], mode: str) -> None:
    source, target = plant(), plant()
    other = {"project": source.project, "subject": {"label": "free"}, "label": "second"}
    free = got(http.post("/sessions", json=other))["_id"]
    assert http.put(f"/sessions/{source.session}", json={"project": target.project}).status_code == 422
    body = {
        "sources": [source.session, free],
        "destinations": [target.project],
        "destination_container_type": "projects",
        "conflict_mode": mode,
    }
    conflicts = got(http.post("/bulk/move/sessions", json=body))
    assert conflicts == [
        {
            "move_type": ["session"],
            "id": source.session,
            "label": "session",
            "subject_code": "subject",
            "conflict_with": {"type": "subject", "id": target.subject},
            "conflict_label": "subject",
        }
    ]
    clashing, unique = (got(http.get(f"/sessions/{node}")) for node in (source.session, free))
    assert unique["project"] == (source.project if mode == "dry" else target.project)
    assert clashing["project"] == (target.project if mode == "move" else source.project)
    if mode == "move":
        assert clashing["parents"]["subject"] == target.subject
        scan = got(http.get(f"/acquisitions/{source.acquisition}"))
        assert (scan["parents"]["project"], scan["files"][0]["parents"]["subject"]) == (target.project, target.subject)
        labels = [item["label"] for item in got(http.get(f"/projects/{target.project}/subjects"))]
        assert sorted(labels) == ["free", "subject"]


def test_bulk_moves_to_subjects_and_sessions(http: httpx.Client, plant: Callable[[], Any]) -> None:
    source, target = plant(), plant()
    body = {"sources": [source.session], "conflict_mode": "skip", "remove_source": True}
    to_session = {**body, "destination_container_type": "sessions", "destinations": [target.session]}
    (conflict,) = got(http.post("/bulk/move/sessions", json=to_session))
    assert conflict["conflict_with"] == {"type": "acquisition", "id": target.acquisition}
    assert http.get(f"/sessions/{source.session}").status_code == 200
    got(http.post("/bulk/move/sessions", json={**to_session, "conflict_mode": "move"}))
    assert http.get(f"/sessions/{source.session}").status_code == 404
    assert len(got(http.get(f"/sessions/{target.session}/acquisitions"))) == 2
    third = plant()
    to_subject = {**body, "sources": [third.session], "destination_container_type": "subjects"}
    to_subject.update(destinations=[target.subject], conflict_mode="move")
    assert len(got(http.post("/bulk/move/sessions", json=to_subject))) == 1
    assert len(got(http.get(f"/subjects/{target.subject}/sessions"))) == 2
    assert http.get(f"/subjects/{third.subject}").status_code == 404
    wrong = {**to_subject, "sources": [target.session], "destinations": [third.project, target.project, source.project]}
    wrong["destination_container_type"] = "projects"
    assert http.post("/bulk/move/sessions", json=wrong).status_code == 422
    onto_itself = {**to_session, "sources": [target.session]}
    assert http.post("/bulk/move/sessions", json=onto_itself).status_code == 422


def test_files_move_with_all_versions(http: httpx.Client, tree: Any) -> None:
    scan, session = f"/acquisitions/{tree.acquisition}", f"/sessions/{tree.session}"
    upload(http, scan, "a.txt", b"second")
    place = {"container_reference": {"type": "session", "id": tree.session}, "name": "b/c.txt"}
    assert got(http.post(f"/files/{tree.file_id}/move", json=place))["modified"] == 1
    assert http.get(f"{session}/files/b%2Fc.txt").content == b"second"
    assert http.get(f"{session}/files/b%2Fc.txt", params={"version": 1}).content == b"content"
    found = got(http.get(f"/files/{tree.file_id}"))
    assert (found["parent_ref"], found["parents"]["acquisition"]) == ({"type": "session", "id": tree.session}, None)
    assert got(http.get(scan))["files"] == []
    upload(http, session, "taken")
    assert http.post(f"/files/{tree.file_id}/move", json={"name": "taken"}).status_code == 409
    assert http.post(f"/files/{tree.file_id}/move", json={"name": ""}).status_code == 422
    wrong = {"container_reference": {"type": "group", "id": tree.group}}
    assert http.post(f"/files/{tree.file_id}/move", json=wrong).status_code == 422


def test_a_version_is_restored(http: httpx.Client, tree: Any) -> None:
    scan, entry = f"/acquisitions/{tree.acquisition}", f"/files/{tree.file_id}"
    got(http.put(f"{entry}/info", json={"a": 1}))
    upload(http, scan, "a.txt", b"second")
    restore = {"version": 1, "evaluate_gear_rules": "false"}
    found = got(http.post(f"{entry}/restore", params=restore))
    assert (found["version"], found["restored_from"], found["info"]) == (3, 1, {"a": 1})
    assert found["restored_by"] == {"type": "user", "id": "admin@emulator.local"}
    assert http.get(f"{scan}/files/a.txt").content == b"content"
    listed = got(http.get(f"{entry}/versions"))
    assert [(item["version"], item["restored_from"]) for item in listed] == [(1, None), (2, None), (3, 1)]
    got(http.delete(entry))
    assert got(http.get(scan))["files"] == []
    assert got(http.post(f"{entry}/restore", params={**restore, "version": 2}))["version"] == 4
    assert http.get(f"{scan}/files/a.txt").content == b"second"
    got(http.delete(entry))
    upload(http, scan, "a.txt", b"another")
    assert http.post(f"{entry}/restore", params=restore).status_code == 409
    assert http.post(f"{entry}/restore", params={**restore, "version": 9}).status_code == 404
    assert http.post(f"{entry}/restore").status_code == 422
    got(http.delete(scan))
    assert http.post(f"{entry}/restore", params=restore).status_code == 404
