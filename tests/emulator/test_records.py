"""Group tags, classifications, roles of groups, trees, branches, known uids, the change log, kept filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json() if response.content else None


def test_group_tags_reach_what_is_below(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    other = plant()
    places = [f"/{kind}s/{vars(tree)[kind]}" for kind in ("group", "project", "session")]
    for place in (*places, f"/projects/{other.project}"):
        got(http.post(f"{place}/tags", json={"value": "a/b"}))
    got(http.post(f"/sessions/{tree.session}/tags", json={"value": "new"}))
    got(http.put(f"/groups/{tree.group}/tags/a%2Fb", json={"value": "new"}))
    assert [got(http.get(place))["tags"] for place in places] == [["new"], ["new"], ["new"]]
    assert got(http.get(f"/projects/{other.project}"))["tags"] == ["a/b"]
    got(http.delete(f"/groups/{tree.group}/tags/new"))
    assert [got(http.get(place))["tags"] for place in places] == [[], [], []]


def test_classifications_follow_the_modality(http: httpx.Client, tree: Any) -> None:
    entry = f"/acquisitions/{tree.acquisition}/files/a.txt"

    def classify(body: dict[str, object]) -> int:
        return http.patch(f"{entry}/classification", json=body).status_code

    assert classify({"replace": {"Intent": ["Structural"]}}) == 422  # no modality yet
    assert classify({"replace": {"Custom": ["anything"]}}) == 200
    assert classify({"modality": "MR", "replace": {"Intent": ["Structural"], "Custom": ["x"]}}) == 200
    assert classify({"add": {"Intent": ["Functional"]}}) == 200
    assert classify({"add": {"Intent": ["Dance"]}}) == 422
    assert classify({"add": {"Colour": ["Red"]}}) == 422
    assert classify({"modality": "XX", "add": {"Custom": ["x"]}}) == 422
    assert classify({"delete": {"Intent": ["Structural"], "Colour": ["Red"]}}) == 200
    found = got(http.get(f"{entry}/info"))
    assert (found["modality"], found["classification"]) == ("MR", {"Intent": ["Functional"], "Custom": ["x"]})
    got(http.post("/modalities", json={"_id": "own", "classification": {"Colour": ["Red"]}}))
    assert classify({"modality": "own", "replace": {"Colour": ["Red"]}}) == 200
    got(http.put("/modalities/own", json={"classification": {"Colour": ["Blue"]}}))
    assert classify({"add": {"Colour": ["Red"]}}) == 422
    got(http.delete("/modalities/own"))
    assert http.get("/modalities/own").status_code == 404


def test_groups_offer_roles(http: httpx.Client, site: Emulator, tree: Any) -> None:
    roles = f"/groups/{tree.group}/roles"
    role = site.roles["ro"]
    assert got(http.post(roles, json={"_id": role}))["label"] == "read-only"
    assert http.post(roles, json={"_id": role}).status_code == 409
    assert http.post(roles, json={"_id": "nothing"}).status_code == 404
    assert [item["_id"] for item in got(http.get(roles))] == [role]
    assert got(http.get(f"/groups/{tree.group}"))["roles"] == [role]
    got(http.delete(f"{roles}/{role}"))
    assert http.get(f"{roles}/{role}").status_code == 404


def test_known_uids(http: httpx.Client, site: Emulator, api: Callable[[str], httpx.Client], tree: Any) -> None:
    body = {"project": tree.project, "subject": tree.subject, "label": "x", "uid": "1.2"}
    got(http.post("/sessions", json=body))
    got(http.post("/acquisitions", json={"session": tree.session, "label": "x", "uid": "1.2.3"}))
    ask = {"sessions": ["1.2", "9"], "acquisitions": ["1.2.3"]}
    assert got(http.post("/uids", json=ask)) == {"sessions": ["1.2"], "acquisitions": ["1.2.3"]}
    within = {**ask, "project_id": tree.project}
    assert got(http.post("/uids", json=within)) == {"sessions": ["1.2"], "acquisitions": ["1.2.3"]}
    elsewhere = {**ask, "project_ids": ["nothing"]}
    assert got(http.post("/uids", json=elsewhere)) == {"sessions": [], "acquisitions": []}
    guest = api(site.add_user("uids@example.com"))
    assert got(guest.post("/uids", json=ask)) == {"sessions": [], "acquisitions": []}
    assert http.post("/uids", json={}).status_code == 422


def test_the_change_log_tells_who_did_what(http: httpx.Client, tree: Any) -> None:
    session = f"/sessions/{tree.session}"
    got(http.put(session, json={"label": "new", "info": {"a": 1}}))
    got(http.put(session, json={"label": "newer"}))
    log = f"/changes/session/{tree.session}"
    changes = got(http.get(log))["changes"]
    assert [item["method"] for item in changes] == ["CREATE", "UPDATE", "UPDATE"]
    assert changes[1]["patch"] == {"label": "new", "info": {"a": 1}}
    assert {item["origin"]["id"] for item in changes} == {"admin@emulator.local"}
    values = [item["value"] for item in got(http.get(f"{log}/fields/label"))["changes"]]
    assert values == ["new", "newer"]
    got(http.post(f"/acquisitions/{tree.acquisition}/files", files=[("file", ("a.txt", b"2"))]))
    of_file = [item["method"] for item in got(http.get(f"/changes/file/{tree.file_id}"))["changes"]]
    assert of_file == ["CREATE", "REPLACE_FILE"]
    assert http.get("/changes/session/nothing").status_code == 404
    assert http.get("/changes/user/admin@emulator.local").status_code == 404


@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition", "analysis", "collection", "file"])
def test_the_reason_of_a_deletion_is_kept(http: httpx.Client, tree: Any, kind: str) -> None:
    ids = {**vars(tree), "file": tree.file_id}
    ids["analysis"] = got(http.post(f"/sessions/{tree.session}/analyses", json={"label": "x"}))["_id"]
    ids["collection"] = got(http.post("/collections", json={"label": "x"}))["_id"]
    family = "analyses" if kind == "analysis" else f"{kind}s"
    wrong = http.delete(f"/{family}/{ids[kind]}", params={"delete_reason": "because"})
    assert wrong.status_code == 422
    got(http.delete(f"/{family}/{ids[kind]}", params={"delete_reason": "duplicate_data"}))
    last = got(http.get(f"/changes/{kind}/{ids[kind]}"))["changes"][-1]
    assert (last["method"], last["reason"]) == ("DELETE", "duplicate_data")


def test_many_deletions_keep_one_reason(http: httpx.Client, tree: Any) -> None:
    params = {"delete_reason": "container_is_empty"}
    answer = got(http.request("DELETE", "/sessions", json=[tree.session, "nothing"], params=params))
    assert answer == {"deleted": 1, "not_found": 1}
    for kind in ("session", "acquisition"):
        assert got(http.get(f"/changes/{kind}/{vars(tree)[kind]}"))["changes"][-1]["reason"] == "container_is_empty"


def test_filters_are_kept_for_their_maker(
    http: httpx.Client, site: Emulator, api: Callable[[str], httpx.Client]
) -> None:
    user = api(site.add_user("filters@example.com"))
    body = {"label": "mine", "view": "usage", "filter": "label=x"}
    made = got(user.post("/custom_filters", json=body))
    assert got(user.get("/custom_filters"))["results"] == [made]
    assert got(http.get("/custom_filters"))["total"] == 0
    changed = got(user.put(f"/custom_filters/{made['_id']}", json={**body, "filter": {"a": 1}}))
    assert (changed["filter"], changed["origin"]) == ({"a": 1}, {"type": "user", "id": "filters@example.com"})
    assert api(site.add_user("else@example.com")).delete(f"/custom_filters/{made['_id']}").status_code == 403
    assert got(user.delete(f"/custom_filters/{made['_id']}")) == {"deleted": 1}


def test_a_branch_is_found_or_made(http: httpx.Client, tree: Any) -> None:
    url = f"/projects/{tree.project}/upsert-hierarchy"
    body = {
        "origin": {"type": "user", "id": "x"},
        "subject": {"label": "subject", "sex": "male"},
        "session": {"uid": "1.2", "label": "visit", "timestamp": "2020-01-01T00:00:00Z"},
        "acquisition": {"label": "scan", "info": {"a": 1}},
    }

    def results(answer: Any) -> list[str]:
        return [answer[kind]["upsert_result"] for kind in ("subject", "session", "acquisition")]

    first = got(http.post(url, json=body))
    assert results(first) == ["updated", "created", "created"]
    assert first["subject"]["_id"] == tree.subject
    again = got(http.post(url, json=body))
    assert results(again) == ["ignored", "ignored", "ignored"]
    assert [again[kind]["_id"] for kind in again] == [first[kind]["_id"] for kind in first]
    scan = got(http.get(f"/acquisitions/{first['acquisition']['_id']}"))
    assert (scan["info"], scan["parents"]["session"]) == ({"a": 1}, first["session"]["_id"])
    elsewhere = got(http.post(url, json={**body, "subject": {"label": "another"}, "acquisition": None}))
    assert (elsewhere["session"]["upsert_result"], elsewhere["session"]["_id"]) == ("conflict", first["session"]["_id"])
    for wrong in ({}, {"subject": {}}, {"subject": {"label": "x"}, "acquisition": {"label": "x"}}):
        assert http.post(url, json={"origin": {"type": "user"}, **wrong}).status_code == 422


def test_a_tree_shows_the_fields_asked_for(
    http: httpx.Client, site: Emulator, api: Callable[[str], httpx.Client], tree: Any
) -> None:
    got(http.post("/acquisitions", json={"session": tree.session, "label": "other"}))
    ask = {
        "projects": {"fields": ["label", "parents.group"], "filter": f"_id={tree.project}"},
        "sessions": {"fields": []},
        "acquisitions": {"fields": ["label"], "sort": "label:desc", "limit": 1},
    }
    (project,) = got(http.post("/tree", json=ask))
    assert (project["label"], project["parents.group"]) == ("project", tree.group)
    assert project["sessions"] == [{"_id": tree.session, "acquisitions": [{"_id": tree.acquisition, "label": "scan"}]}]
    guest = api(site.add_user("tree@example.com"))
    assert got(guest.post("/tree", json=ask)) == []
    assert "acquisitions" in got(http.get("/tree/graph"))["projects"]["connections"]
