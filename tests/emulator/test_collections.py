"""Collections: what is in them, who may see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def new(http: httpx.Client, label: str = "mine") -> str:
    return str(got(http.post("/collections", json={"label": label, "info": {"a": 1}}))["_id"])


def contents(operation: str, *nodes: tuple[str, str]) -> dict[str, object]:
    listed = [{"level": level, "_id": node} for level, node in nodes]
    return {"contents": {"operation": operation, "nodes": listed}}


def test_sessions_stand_for_their_acquisitions(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    other = plant()
    second = got(http.post("/acquisitions", json={"session": tree.session, "label": "second"}))["_id"]
    collection = f"/collections/{new(http)}"
    got(http.put(collection, json=contents("add", ("session", tree.session), ("acquisition", other.acquisition))))
    ids = [item["_id"] for item in got(http.get(f"{collection}/acquisitions"))]
    assert sorted(ids) == sorted([tree.acquisition, second, other.acquisition])
    assert {item["_id"] for item in got(http.get(f"{collection}/sessions"))} == {tree.session, other.session}
    of_session = got(http.get(f"{collection}/acquisitions", params={"session": other.session}))
    assert [item["_id"] for item in of_session] == [other.acquisition]
    by_query = got(http.get("/acquisitions", params={"collection_id": collection.rpartition("/")[2]}))
    assert [item["_id"] for item in by_query] == ids
    shown = got(http.get(collection))
    assert (shown["session_count"], shown["subject_count"], shown["curator"]) == (2, 2, "admin@emulator.local")
    assert got(http.get(f"/acquisitions/{second}"))["collections"] == [shown["_id"]]
    # Adding again changes nothing; what is made later is not in it.
    got(http.put(collection, json=contents("add", ("acquisition", second))))
    got(http.post("/acquisitions", json={"session": tree.session, "label": "late"}))
    assert len(got(http.get(f"{collection}/acquisitions"))) == 3
    got(http.put(collection, json=contents("remove", ("session", tree.session))))
    assert [item["_id"] for item in got(http.get(f"{collection}/acquisitions"))] == [other.acquisition]
    got(http.delete(f"/acquisitions/{other.acquisition}"))
    assert got(http.get(f"{collection}/sessions")) == []


def test_a_collection_has_metadata_files_and_permissions(http: httpx.Client) -> None:
    collection = f"/collections/{new(http, 'a/b')}"
    got(http.put(collection, json={"label": "c", "description": "d", "info": {"b": 2}}))
    got(http.post(f"{collection}/tags", json={"value": "t"}))
    got(http.post(f"{collection}/notes", json={"text": "n"}))
    sent = got(http.post(f"{collection}/files", files=[("file", ("f.txt", b"x"))]))[0]
    assert sent["parents"] == dict.fromkeys(("group", "project", "subject", "session", "acquisition", "analysis"))
    assert sent["parent_ref"] == {"type": "collection", "id": collection.rpartition("/")[2]}
    shown = got(http.get(collection))
    assert (shown["label"], shown["description"], shown["info"], shown["tags"]) == ("c", "d", {"a": 1, "b": 2}, ["t"])
    assert ([item["name"] for item in shown["files"]], shown["attachment_count"]) == (["f.txt"], 1)
    assert http.get(f"{collection}/files/f.txt").content == b"x"
    got(http.post(f"{collection}/permissions", json={"_id": "a@example.com", "access": "ro"}))
    got(http.put(f"{collection}/permissions/a@example.com", json={"access": "rw"}))
    assert got(http.get(f"{collection}/permissions/a@example.com")) == {"_id": "a@example.com", "access": "rw"}
    got(http.delete(f"{collection}/permissions/a@example.com"))
    assert http.get(f"{collection}/permissions/a@example.com").status_code == 404
    assert got(http.get(f"/containers/{shown['_id']}"))["container_type"] == "collection"


def test_others_see_only_what_they_may(
    http: httpx.Client, site: Emulator, api: Callable[[str], httpx.Client], tree: Any
) -> None:
    collection = new(http)
    got(http.put(f"/collections/{collection}", json=contents("add", ("session", tree.session))))
    file_id = got(http.post(f"/collections/{collection}/files", files=[("file", ("f.txt", b"x"))]))[0]["file_id"]
    guest = api(site.add_user("guest@example.com"))
    assert got(guest.get("/collections")) == []
    assert guest.get(f"/files/{file_id}").status_code == 403
    assert guest.get("/acquisitions", params={"collection_id": collection}).status_code == 403
    got(http.post(f"/collections/{collection}/permissions", json={"_id": "guest@example.com", "access": "ro"}))
    assert [item["_id"] for item in got(guest.get("/collections"))] == [collection]
    assert [item["_id"] for item in got(guest.get("/collections/curators"))] == ["admin@emulator.local"]
    assert got(guest.get(f"/files/{file_id}"))["name"] == "f.txt"
    assert file_id in [item["file_id"] for item in got(guest.get("/files"))["results"]]
    # The collection shows nothing of projects that the user may not see, nor takes it in.
    assert got(guest.get(f"/collections/{collection}/sessions")) == []
    assert got(guest.get(f"/collections/{collection}"))["session_count"] == 0
    own = got(guest.post("/collections", json={"label": "own"}))["_id"]
    assert guest.put(f"/collections/{own}", json=contents("add", ("session", tree.session))).status_code == 403
    assert guest.put(f"/collections/{collection}", json={"label": "x"}).status_code == 403


def test_deleting_collections(http: httpx.Client, tree: Any) -> None:
    first, second = new(http), new(http)
    got(http.put(f"/collections/{first}", json=contents("add", ("acquisition", tree.acquisition))))
    assert got(http.delete(f"/collections/{first}", params={"delete_reason": "test_data"}))["deleted"] == 1
    assert got(http.get(f"/acquisitions/{tree.acquisition}"))["collections"] == []
    assert got(http.request("DELETE", "/collections", json=[first, second])) == {"deleted": 1, "not_found": 1}
    assert http.put(f"/collections/{second}", json={"label": "x"}).status_code == 404
