"""Files by reference, metadata keys that are removed everywhere, and who is who on the whole site."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json() if response.content else None


def reference(tree: Any, **given: object) -> dict[str, object]:
    return {
        "name": "r.dcm",
        "size": 5,
        "provider_id": "somewhere",
        "path": "bucket/r.dcm",
        "reference": True,
        "client_hash": "abc",
        "origin": {"type": "user", "id": "x"},
        "parent_ref": {"type": "acquisition", "id": tree.acquisition},
        "info": {"a.b": 1},
        **given,
    }


def test_a_file_by_reference(http: httpx.Client, tree: Any) -> None:
    def send(query: dict[str, str] | None = None, **given: object) -> tuple[str, int]:
        found = got(http.post("/files", json=reference(tree, **given), params=query))
        return found["upsert_result"], found["version"]

    assert send() == ("created", 1)
    assert send() == ("ignored", 1)
    assert send(size=6) == ("updated", 2)
    assert send(size=6, client_hash="def") == ("updated", 3)
    assert send({"force_update": "true"}, size=6, client_hash="def") == ("updated", 4)
    assert send(path="another/place") == ("conflict", 4)
    assert send(name="a.txt") == ("conflict", 1)  # an uploaded file has this name
    (file,) = got(http.get("/files", params={"filter": f"name=r.dcm,parent_ref.id={tree.acquisition}"}))["results"]
    expected = {
        "reference": True,
        "path": "bucket/r.dcm",
        "provider_id": "somewhere",
        "client_hash": "def",
        "hash": None,
        "size": 6,
        "type": "dicom",
        "info": {"a_b": 1},
        "origin": {"type": "user", "id": "x"},
    }
    assert {key: file[key] for key in expected} == expected
    download = http.get(f"/acquisitions/{tree.acquisition}/files/r.dcm")
    assert download.status_code == 404
    assert "reference" in download.json()["message"]
    assert http.get(f"/files/{file['file_id']}/zip_info").status_code == 404


@pytest.mark.parametrize("size", [0, 5])
def test_no_archive_with_a_file_by_reference(http: httpx.Client, tree: Any, size: int) -> None:
    got(http.post("/files", json=reference(tree, size=size)))
    wanted = {"nodes": [{"level": "session", "_id": tree.session}]}
    refused = http.post("/download", json=wanted)
    assert refused.status_code == 400
    assert "r.dcm is a reference" in refused.json()["message"]
    ticket = got(http.post("/download", json={**wanted, "filters": [{"types": {"minus": ["dicom"]}}]}))
    assert ticket["file_cnt"] == 1
    assert http.get("/download", params={"ticket": ticket["ticket"]}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": None},
        {"path": None},
        {"path": ""},
        {"size": -1},
        {"name": ".."},
        {"parent_ref": {"type": "group", "id": "g"}},
        {"parent_ref": "x"},
        {"origin": {"type": "nobody"}},
        {"provider_id": ""},
        {"other": 1},
    ],
)
def test_references_are_checked(http: httpx.Client, tree: Any, wrong: dict[str, object]) -> None:
    assert http.post("/files", json=reference(tree, **wrong)).status_code == 422
    assert [file["name"] for file in got(http.get(f"/acquisitions/{tree.acquisition}"))["files"]] == ["a.txt"]


def test_a_key_is_removed_everywhere(http: httpx.Client, plant: Any) -> None:
    trees = [plant(), plant()]
    for tree in trees:
        got(http.put(f"/sessions/{tree.session}", json={"info": {"a": {"b": 1, "c": 2}}}))
        got(http.put(f"/projects/{tree.project}", json={"info": {"a": {"b": 1}}}))
        got(http.put(f"/files/{tree.file_id}/info", json={"a": {"b": 1}}))
    assert got(http.patch("/sessions/info/cleanup/a.b")) == {"modified": 2}
    assert got(http.patch("/sessions/info/cleanup/a.b")) == {"modified": 0}
    for tree in trees:
        assert got(http.get(f"/sessions/{tree.session}"))["info"] == {"a": {"c": 2}}
        assert got(http.get(f"/projects/{tree.project}"))["info"] == {"a": {"b": 1}}
    assert got(http.patch("/files/info/cleanup/a")) == {"modified": 2}
    assert got(http.get(f"/files/{trees[0].file_id}/info")) == {}
    assert got(http.patch("/containers/info/cleanup/a.b")) == {"modified": 2}
    assert got(http.get(f"/changes/project/{trees[0].project}"))["changes"][-1]["patch"] == {"info": {"a": {}}}
    assert http.patch("/groups/info/cleanup/a").status_code == 404
    assert http.patch("/sessions/info/cleanup/a..b").status_code == 422


def test_master_codes(http: httpx.Client) -> None:
    def code(status: int = 200, **given: object) -> str:
        response = http.post("/subjects/master-code", json=given)
        assert response.status_code == status, response.text
        return str(response.json().get("code"))

    name = {"first_name": "Ada", "last_name": "Byron", "date_of_birth": "1815-12-10"}
    first = code(**name)
    assert code(first_name=" ADA ", last_name="byron", date_of_birth="1815-12-10") == first
    assert code(first_name="Ida", last_name="Byron", date_of_birth="1815-12-10") != first
    by_id = code(patient_id="p1")
    assert by_id not in ("p1", first)
    assert code(patient_id="p1", **name) == by_id
    assert code(patient_id="p2", use_patient_id=True) == "p2"
    assert code(409, patient_id=first, use_patient_id=True) == "None"
    assert got(http.get(f"/subjects/master-code/{first}")) == {"code": first}
    assert http.get("/subjects/master-code/unknown").status_code == 404
    code(400, first_name="Ada")
    code(422, patient_id="")
    code(422, patient_id="x", born="1815")


def test_avatars(http: httpx.Client, site: Emulator, api: Any) -> None:
    user = api(site.add_user("seen@example.com"))
    paths = ("/users/self/avatar", "/users/seen@example.com/avatar")
    for path in paths:
        assert user.get(path).status_code == 404
        assert user.get(path, params={"default": "javascript:alert(1)"}).status_code == 404
        found = user.get(path, params={"default": "https://example.com/d"})
        assert (found.status_code, found.headers["location"]) == (307, "https://example.com/d")
    got(user.put("/users/seen@example.com", json={"avatar": "https://example.com/a"}))
    for path in paths:
        found = user.get(path, params={"default": "https://example.com/d"})
        assert (found.status_code, found.headers["location"]) == (307, "https://example.com/a")


def test_users_of_a_central_directory(http: httpx.Client) -> None:
    news = {
        "email": "central@example.com",
        "given_name": "A",
        "family_name": "B",
        "disabled": False,
        "auth0id": "x",
        "revision": 5,
        "role": "developer",
    }

    def sync(cid: str = "c1", **given: object) -> dict[str, Any]:
        assert got(http.put(f"/users/sync/{cid}", json={**news, **given})) is None
        return dict(got(http.get("/users/central@example.com")))

    user = sync()
    assert (user["firstname"], user["roles"], user["central_user_id"]) == ("A", ["developer"], "c1")
    assert sync(revision=5, given_name="late")["firstname"] == "A"
    user = sync(revision=6, given_name="new", disabled=True)
    assert (user["firstname"], user["disabled"], user["central_revision"]) == ("new", True, 6)
    assert http.put("/users/sync/c2", json={**news, "revision": 9}).status_code == 409
    assert http.put("/users/sync/c1", json={**news, "role": "king"}).status_code == 422
    assert http.put("/users/sync/c1", json={"email": "central@example.com"}).status_code == 422
