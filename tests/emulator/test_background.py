"""What goes on after the answer: copies and deletions of projects, watched, failing, and across restarts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator

Json = dict[str, Any]


def got(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def until(http: httpx.Client, path: str, key: str, *wanted: str) -> Json:
    """Returns what is at a path once a member of it has one of some values."""
    ends = time.monotonic() + 10
    found: Json = {}
    while time.monotonic() < ends:
        found = got(http.get(path))
        if found[key] in wanted:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{key} is still {found[key]}")


def copy(http: httpx.Client, tree: Any, **given: object) -> str:
    body = {"group_id": tree.group, "project_label": "copy", "filter": {}, **given}
    return str(got(http.post(f"/projects/{tree.project}/copy", json=body))["project_id"])


def test_a_copy_is_there_at_once_and_filled_later(site: Emulator, http: httpx.Client, tree: Any) -> None:
    with site.background.held():
        made = copy(http, tree)
        project = got(http.get(f"/projects/{made}"))
        assert (project["copy_status"], project["copy_of"], project["label"]) == ("scheduled", tree.project, "copy")
        assert got(http.get(f"/projects/{made}/subjects")) == []
    project = until(http, f"/projects/{made}", "copy_status", "completed")
    assert project["copy_failure_reason"] is None
    assert [item["label"] for item in got(http.get(f"/projects/{made}/acquisitions"))] == ["scan"]
    methods = [change["method"] for change in got(http.get(f"/changes/project/{made}"))["changes"]]
    assert methods[0] == "CREATE"
    (acquisition,) = got(http.get(f"/projects/{made}/acquisitions"))
    (change,) = got(http.get(f"/changes/acquisition/{acquisition['_id']}"))["changes"]
    assert change["origin"] == {"type": "user", "id": site.admin_user}


def test_a_copy_of_what_is_gone_fails_with_a_reason(site: Emulator, http: httpx.Client, tree: Any) -> None:
    with site.background.held():
        made = copy(http, tree)
        got(http.delete(f"/projects/{tree.project}"))
    project = until(http, f"/projects/{made}", "copy_status", "completed", "failed")
    assert project["copy_status"] == "failed"
    assert tree.project in project["copy_failure_reason"]


def test_a_copy_that_is_deleted_is_not_filled(site: Emulator, http: httpx.Client, tree: Any) -> None:
    with site.background.held():
        gone, other = copy(http, tree), copy(http, tree)
        got(http.delete(f"/projects/{gone}"))
    until(http, f"/projects/{other}", "copy_status", "completed")
    assert http.get(f"/projects/{gone}").status_code == 404
    labels = [item["parents"]["project"] for item in got(http.get("/acquisitions"))]
    assert gone not in labels
    assert other in labels


@pytest.mark.parametrize("rules", [["nothing"], ["type=nifti"], ["file.name=~("], ["group.label=x"]])
def test_bad_rules_are_refused_at_once(http: httpx.Client, tree: Any, rules: list[str]) -> None:
    body = {"group_id": tree.group, "project_label": "bad", "filter": {"exclude_rules": rules}}
    assert http.post(f"/projects/{tree.project}/copy", json=body).status_code == 422
    assert "bad" not in [item["label"] for item in got(http.get(f"/groups/{tree.group}/projects"))]


def test_a_deletion_in_the_background(site: Emulator, http: httpx.Client, tree: Any) -> None:
    path = f"/projects/{tree.project}"
    nothing = {"delete_failure_reason": None}
    assert got(http.get(f"{path}/delete-status")) == {"delete_status": "static", **nothing}
    query = {"background": "true", "delete_reason": "test_data"}
    with site.background.held():
        for _ in range(2):  # asking twice is the same as asking once
            accepted = got(http.delete(path, params=query), 202)
            assert accepted == {"deleted": 0, "not_found": 0, "delete_scheduled": 1}
        assert got(http.get(path))["delete_status"] == "scheduled"
        assert got(http.get(f"{path}/delete-status")) == {"delete_status": "scheduled", **nothing}
    until(http, f"{path}/delete-status", "delete_status", "completed")
    assert http.get(path).status_code == 404
    assert http.get(f"/acquisitions/{tree.acquisition}").status_code == 404
    change = got(http.get(f"/changes/project/{tree.project}"))["changes"][-1]
    assert (change["method"], change["reason"]) == ("DELETE", "test_data")
    wrong = {"background": "true", "delete_reason": "because"}
    assert http.delete(path, params=wrong).status_code == 404
    assert http.get("/projects/unknown/delete-status").status_code == 404


def test_a_deletion_at_once_is_completed_too(http: httpx.Client, tree: Any) -> None:
    path = f"/projects/{tree.project}"
    assert http.delete(path, params={"background": "true", "delete_reason": "because"}).status_code == 422
    assert got(http.delete(path)) == {"deleted": 1}
    assert got(http.get(f"{path}/delete-status"))["delete_status"] == "completed"


def test_work_goes_on_after_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path, seed="demo") as site:
        headers = {"authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"}
        with httpx.Client(base_url=site.url, headers=headers, trust_env=False) as http:
            (project,) = got(http.get("/projects"))
            body = {"group_id": project["group"], "project_label": "copy", "filter": {}}
            with site.background.held():
                made = got(http.post(f"/projects/{project['_id']}/copy", json=body))["project_id"]
                site.restart()
            until(http, f"/projects/{made}", "copy_status", "completed")
            assert len(got(http.get(f"/projects/{made}/subjects"))) == 2
