"""Containers: making, reading, changing, moving and deleting them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.raw.table import operations


def get(http: httpx.Client, path: str) -> dict[str, Any]:
    response = http.get(path)
    assert response.status_code == 200, response.text
    return dict(response.json())


def add(http: httpx.Client, path: str, body: dict[str, object]) -> str:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["_id"])


def test_parents_always_have_six_keys(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    levels = ["group", "project", "subject", "session", "acquisition"]
    for number, kind in enumerate(levels[1:], 1):
        parents = get(http, f"/{kind}s/{ids[kind]}")["parents"]
        wanted = {level: ids[level] if place < number else None for place, level in enumerate(levels)}
        assert parents == {**wanted, "analysis": None}


def test_every_field_of_the_output_models_is_there(http: httpx.Client, tree: Any) -> None:
    text = resources.files("flywheel_async.raw").joinpath("models.json").read_text("utf-8")
    listed = json.loads(text)["models"]
    models = listed if isinstance(listed, dict) else {model["name"]: model for model in listed}
    ids = vars(tree)
    operation_of = {
        "get_group": ids["group"],
        "get_project": ids["project"],
        "get_subject": ids["subject"],
        "get_session": ids["session"],
        "get_acquisition": ids["acquisition"],
        "get_file": ids["file_id"],
        "get_analysis": add(http, f"/sessions/{ids['session']}/analyses", {"label": "x"}),
        "get_collection": add(http, "/collections", {"label": "x"}),
        "get_device": add(http, "/devices", {"label": "x", "type": "x"}),
    }
    for name, node in operation_of.items():
        operation = operations()[name]
        document = get(http, operation.path.split("{")[0] + node)
        model = "AnalysisOutput" if name == "get_analysis" else operation.returns
        wanted = {field["wire"] for field in models[model]["fields"]}
        assert wanted - document.keys() == set(), name


def test_any_container_says_its_kind(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    for kind in ("group", "project", "subject", "session", "acquisition"):
        document = get(http, f"/containers/{ids[kind]}")
        assert (document["container_type"], document["_id"]) == (kind, ids[kind])


def test_ids_grow_and_times_are_utc(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    made = [ids[kind] for kind in ("project", "subject", "session", "acquisition")]
    assert made == sorted(made)
    assert all(len(node) == 24 for node in made)
    assert str(get(http, f"/projects/{made[0]}")["created"]).endswith("+00:00")


def test_a_session_finds_or_makes_its_subject(http: httpx.Client, tree: Any) -> None:
    project = tree.project
    first = add(http, "/sessions", {"project": project, "label": "a", "subject": {"label": "new"}})
    second = add(http, "/sessions", {"project": project, "label": "b", "subject": {"code": "new"}})
    third = add(http, "/sessions", {"project": project, "label": "c", "subject": tree.subject})
    subjects = [get(http, f"/sessions/{node}")["subject"] for node in (first, second, third)]
    assert subjects[0]["_id"] == subjects[1]["_id"]
    assert subjects[0]["label"] == subjects[0]["code"] == "new"
    assert subjects[2]["_id"] == tree.subject


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"label": "x"}, 422),
        ({"label": "x", "subject": {}}, 422),
        ({"label": "x", "subject": {"label": "a", "code": "b"}}, 422),
        ({"label": "x", "subject": "0" * 24}, 404),
        ({"label": "x", "subject": {"label": "a"}, "timestamp": "yesterday"}, 422),
        ({"subject": {"label": "a"}}, 422),
        ({"label": "", "subject": {"label": "a"}}, 422),
    ],
)
def test_sessions_that_are_refused(http: httpx.Client, tree: Any, body: dict[str, object], status: int) -> None:
    body["project"] = tree.project
    assert http.post("/sessions", json=body).status_code == status
    assert len(http.get(f"/projects/{tree.project}/subjects").json()) == 1, "no subject is left behind"


def test_a_subject_of_another_project_is_refused(http: httpx.Client, plant: Any) -> None:
    one, two = plant(), plant()
    body = {"project": one.project, "label": "x", "subject": two.subject}
    assert http.post("/sessions", json=body).status_code == 422


def test_duplicates(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    assert http.post("/groups", json={"_id": ids["group"], "label": "x"}).status_code == 409
    subject = {"project": ids["project"], "label": "subject"}
    assert http.post("/subjects", json=subject).status_code == 409
    add(http, "/projects", {"group": ids["group"], "label": "project"})
    add(http, "/acquisitions", {"session": ids["session"], "label": "scan"})


def test_missing_parents(http: httpx.Client) -> None:
    missing = "0" * 24
    assert http.post("/projects", json={"group": "nobody", "label": "x"}).status_code == 404
    assert http.post("/subjects", json={"project": missing, "label": "x"}).status_code == 404
    assert http.post("/acquisitions", json={"session": missing, "label": "x"}).status_code == 404
    assert http.post("/acquisitions", json={"label": "x"}).status_code == 422
    assert http.get(f"/projects/{missing}/sessions").status_code == 404


def test_a_change_touches_only_what_is_sent(http: httpx.Client, tree: Any) -> None:
    path = f"/sessions/{tree.session}"
    assert http.put(path, json={"age": 31557600, "info": {"a": {"b": 1, "c": 2}}}).json() == {"modified": 1}
    http.put(path, json={"info": {"a": {"b": None}, "x.y": 1, "$z": 2}, "timestamp": "2020-05-04T03:02:01+02:00"})
    document = get(http, path)
    assert document["label"] == "session"
    assert document["age"] == 31557600
    assert document["info"] == {"a": {"b": None, "c": 2}, "x_y": 1, "-z": 2}
    assert document["timestamp"] == "2020-05-04T01:02:01+00:00"
    assert document["revision"] == 3
    http.put(path, json={"timestamp": None, "age": None})
    assert get(http, path)["timestamp"] is None
    assert get(http, path)["age"] is None


def test_info_set_delete_replace(http: httpx.Client, tree: Any) -> None:
    path = f"/acquisitions/{tree.acquisition}"
    http.patch(f"{path}/info", json={"set": {"a": {"b": 1}, "c": 2}})
    http.patch(f"{path}/info", json={"set": {"a.d": 3}, "delete": ["c", "never"]})
    assert get(http, path)["info"] == {"a": {"b": 1, "d": 3}}
    http.patch(f"{path}/info", json={"set": {"a": 0}})
    assert get(http, path)["info"] == {"a": 0}
    http.patch(f"{path}/info", json={"replace": {"only": [1, {"k.k": 1}]}})
    assert get(http, path)["info"] == {"only": [1, {"k_k": 1}]}
    for bad in ({}, {"set": {}}, {"delete": []}, {"set": {"a": 1}, "replace": {}}, {"set": {"a..b": 1}}):
        assert http.patch(f"{path}/info", json=bad).status_code == 422, bad


def test_tags(http: httpx.Client, tree: Any) -> None:
    path = f"/subjects/{tree.subject}"
    assert http.post(f"{path}/tags", json={"value": "one"}).json() == {"modified": 1}
    assert http.post(f"{path}/tags", json={"value": "one"}).status_code == 409
    http.patch(f"{path}/tags", json=["two", "one", "three"])
    assert http.get(f"{path}/tags/two").json() == "two"
    assert http.put(f"{path}/tags/two", json={"value": "zwei"}).json() == "zwei"
    http.request("DELETE", f"{path}/tags", json=["three", "never"])
    assert get(http, path)["tags"] == ["one", "zwei"]
    assert http.delete(f"{path}/tags/one").json() == {"deleted": 1}
    assert http.delete(f"{path}/tags/one").status_code == 404


def test_notes(http: httpx.Client, tree: Any) -> None:
    path = f"/projects/{tree.project}"
    note = http.post(f"{path}/notes", json={"text": "first"}).json()
    assert http.put(f"{path}/notes/{note['_id']}", json={"text": "second"}).json() == 1
    assert http.get(f"{path}/notes/{note['_id']}").json()["text"] == "second"
    assert get(http, path)["notes"][0]["user"] == "admin@emulator.local"
    assert http.delete(f"{path}/notes/{note['_id']}").status_code == 200
    assert http.get(f"{path}/notes/{note['_id']}").status_code == 404


def test_deleting_hides_everything_below(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    assert http.delete(f"/subjects/{ids['subject']}").json() == {"deleted": 1}
    for path in ("subjects/" + ids["subject"], "sessions/" + ids["session"], "acquisitions/" + ids["acquisition"]):
        assert http.get(f"/{path}").status_code == 404
    assert http.get(f"/files/{ids['file_id']}").status_code == 404
    assert http.get(f"/projects/{ids['project']}/acquisitions").json() == []
    assert http.delete(f"/subjects/{ids['subject']}").status_code == 404
    assert get(http, f"/projects/{ids['project']}")["label"] == "project"


def test_deleting_by_ids(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    other = add(http, "/acquisitions", {"session": ids["session"], "label": "y"})
    response = http.request("DELETE", "/acquisitions", json=[ids["acquisition"], other, "0" * 24])
    assert response.json() == {"deleted": 2, "not_found": 1}


def test_a_group_with_projects_stays_and_its_id_can_be_used_again(http: httpx.Client, tree: Any) -> None:
    group = tree.group
    assert http.delete(f"/groups/{group}").status_code == 400
    http.delete(f"/projects/{tree.project}")
    assert http.delete(f"/groups/{group}").status_code == 200
    assert http.post("/groups", json={"_id": group, "label": "again"}).status_code == 200


def test_moving_takes_everything_along(http: httpx.Client, plant: Any) -> None:
    one, two = plant(), plant()
    assert http.put(f"/acquisitions/{one.acquisition}", json={"session": two.session}).status_code == 200
    moved = get(http, f"/acquisitions/{one.acquisition}")
    assert moved["parents"]["subject"] == two.subject
    assert moved["files"][0]["parents"]["session"] == two.session
    assert http.put(f"/projects/{two.project}", json={"group": one.group}).status_code == 200
    assert get(http, f"/acquisitions/{one.acquisition}")["parents"]["group"] == one.group
    assert get(http, f"/sessions/{two.session}")["group"] == one.group


def test_moving_a_session(http: httpx.Client, plant: Any) -> None:
    one, two = plant(), plant()
    clash = http.put(f"/sessions/{one.session}", json={"project": two.project})
    assert clash.status_code == 422, "the other project has a subject of that label"
    http.put(f"/subjects/{two.subject}", json={"label": "different"})
    assert http.put(f"/sessions/{one.session}", json={"project": two.project}).status_code == 200
    session = get(http, f"/sessions/{one.session}")
    assert session["parents"]["project"] == two.project
    assert session["subject"]["label"] == "subject"
    assert session["subject"]["_id"] != one.subject
    assert http.put(f"/sessions/{one.session}", json={"subject": two.subject}).status_code == 200
    assert get(http, f"/sessions/{one.session}")["subject"]["label"] == "different"
    found = get(http, f"/acquisitions/{one.acquisition}")["parents"]
    assert (found["project"], found["subject"]) == (two.project, two.subject)


def test_lists_are_trimmed(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    http.put(f"/sessions/{ids['session']}", json={"info": {"BIDS": {"a": 1}, "other": 2}})
    path = f"/projects/{ids['project']}/sessions"
    item = http.get(path).json()[0]
    assert item["info"] == {"BIDS": {"a": 1}}
    assert item["info_exists"] is True
    assert item["analyses"] is None
    full = http.get(path, params={"include_all_info": "true"}).json()[0]
    assert full["info"] == {"BIDS": {"a": 1}, "other": 2}


def test_permissions_of_groups_and_projects(site: Emulator, http: httpx.Client, tree: Any, api: Any) -> None:
    ids = vars(tree)
    key = site.add_user("member@example.com")
    group = f"/groups/{ids['group']}/permissions"
    assert http.post(group, json={"_id": "member@example.com", "access": "ro"}).json()["access"] == "ro"
    assert http.post(group, json={"_id": "member@example.com", "access": "rw"}).status_code == 409
    assert http.put(f"{group}/member@example.com", json={"access": "rw"}).json()["access"] == "rw"
    assert http.put(f"{group}/nobody@example.com", json={"access": "rw"}).status_code == 404
    assert http.put(f"{group}/member@example.com", json={"access": "owner"}).status_code == 422
    project = f"/projects/{ids['project']}/permissions"
    unknown = {"_id": "member@example.com", "role_ids": ["none"]}
    assert http.post(project, json=unknown).status_code == 422
    http.post(project, json={"_id": "member@example.com", "role_ids": [site.roles["ro"]]})
    member = api(key)
    shown = get(member, f"/projects/{ids['project']}")["permissions"]
    assert {entry["_id"] for entry in shown} == {"admin@emulator.local", "member@example.com"}
    in_group = get(member, f"/groups/{ids['group']}")["permissions"]
    assert in_group == [{"_id": "member@example.com", "access": "rw"}], "others' entries are for group admins"
    assert http.delete(f"{project}/member@example.com").json() == {"modified": 1}
    assert member.get(f"/projects/{ids['project']}").status_code == 403


def test_group_templates_apply_to_new_projects(site: Emulator, http: httpx.Client, tree: Any) -> None:
    group = f"/groups/{tree.group}"
    template = {"_id": "later@example.com", "role_ids": [site.roles["rw"]]}
    http.post(f"{group}/permissions/templates", json=template)
    project = add(http, "/projects", {"group": tree.group, "label": "templated"})
    assert template in get(http, f"/projects/{project}")["permissions"]
    assert template not in get(http, f"/projects/{tree.project}")["permissions"]
    path = f"{group}/permissions/templates/later@example.com"
    changed = {"role_ids": [site.roles["ro"]]}
    assert http.put(path, params={"propagate": "true"}, json=changed).status_code == 200
    found = get(http, f"/projects/{tree.project}")["permissions"]
    assert {"_id": "later@example.com", **changed} in found


def test_users(site: Emulator, http: httpx.Client, api: Any) -> None:
    body = {"_id": "new@example.com", "firstname": "New", "lastname": "User"}
    assert http.post("/users", json=body).json() == {"_id": "new@example.com"}
    assert http.post("/users", json=body).status_code == 409
    assert http.post("/users", json={**body, "_id": "no-address"}).status_code == 422
    member = api(site.add_user("new@example.com"))
    assert member.get("/users/self").json()["firstname"] == "New"
    assert member.put("/users/new@example.com", json={"lastname": "Name"}).status_code == 200
    assert member.put("/users/new@example.com", json={"roles": ["site_admin"]}).status_code == 403
    assert http.put("/users/new@example.com", json={"disabled": True}).status_code == 200
    assert member.get("/users/self").status_code == 402
    http.put("/users/new@example.com", json={"disabled": False})
    assert member.get("/users/self").status_code == 200
    assert http.delete("/users/admin@emulator.local").status_code == 403
    assert http.delete("/users/new@example.com").status_code == 200
    assert member.get("/users/self").status_code == 402
    assert http.get("/users/new@example.com").status_code == 404
    assert http.post("/users", json=body).status_code == 200
    assert member.get("/users/self").status_code == 401, "the key was the deleted user's"


def test_key_spellings(site: Emulator) -> None:
    key = site.api_key.rpartition(":")[2]
    spellings = {
        f"scitran-user {key}": 200,
        f"Scitran-User host:{key}": 200,
        f"scitran-user host:8080:{key}": 200,
        f"Bearer {key}": 200,
        f"Basic {key}": 401,
        key: 401,
        "scitran-user": 401,
        "scitran-user WRONG": 401,
    }
    for value, status in spellings.items():
        response = httpx.get(f"{site.url}/auth/status", headers={"authorization": value}, trust_env=False)
        assert response.status_code == status, value


def test_roles_and_modalities(http: httpx.Client) -> None:
    roles = {role["label"]: role for role in http.get("/roles").json()}
    assert {"read-only", "read-write", "admin"} <= roles.keys()
    assert set(roles["read-only"]["actions"]) < set(roles["read-write"]["actions"]) < set(roles["admin"]["actions"])
    assert http.put(f"/roles/{roles['admin']['_id']}", json={"actions": []}).status_code == 409
    assert http.delete(f"/roles/{roles['admin']['_id']}").status_code == 409
    assert http.post("/roles", json={"label": "x", "actions": ["fly"]}).status_code == 422
    assert http.get("/modalities/MR").json()["classification"]["Intent"]
    assert [item["_id"] for item in http.get("/modalities", params={"filter": "_id=MR"}).json()] == ["MR"]
