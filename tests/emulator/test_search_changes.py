"""Deleting what a search finds, and searches that are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.emulator.conftest import Tree, ok

from flywheel_async.emulator import Emulator


def delete(client: httpx.Client, kind: str, text: str | None, **params: str) -> httpx.Response:
    body = {"return_type": kind} | ({} if text is None else {"structured_query": text})
    return client.request("DELETE", "/dataexplorer/search", json=body, params=params)


def count(client: httpx.Client, kind: str, text: str) -> int:
    body = {"return_type": kind, "structured_query": text}
    return len(ok(client.post("/dataexplorer/search", params={"simple": "true"}, json=body)).json())


@pytest.fixture
def reader(site: Emulator, api: Callable[[str], httpx.Client], http: httpx.Client, tree: Tree) -> httpx.Client:
    """A user who may only read the tree's project."""
    client = api(site.add_user("reader@example.com"))
    grant = {"_id": "reader@example.com", "role_ids": [site.roles["ro"]]}
    ok(http.post(f"/projects/{tree.project}/permissions", json=grant))
    return client


def test_what_is_found_is_deleted_for_a_reason(http: httpx.Client, tree: Tree) -> None:
    here = f"project._id = {tree.project}"
    ok(http.post("/acquisitions", json={"session": tree.session, "label": "other"}))
    assert delete(http, "file", f"{here} AND file.name = a.txt", delete_reason="test_data").json() == {
        "deleted": 1,
        "not_found": 0,
        "delete_scheduled": 0,
    }
    assert http.get(f"/files/{tree.file_id}").status_code == 404
    last = ok(http.get(f"/changes/file/{tree.file_id}")).json()["changes"][-1]
    assert (last["method"], last["reason"]) == ("DELETE", "test_data")
    assert delete(http, "acquisition", f'{here} AND acquisition.label =~ "scan|other"').json()["deleted"] == 2
    assert count(http, "acquisition", here) == 0
    assert count(http, "session", here) == 1
    assert delete(http, "project", here).json()["deleted"] == 1
    assert count(http, "session", here) == 0
    assert delete(http, "project", here).json()["deleted"] == 0


def test_nothing_is_deleted_by_accident(http: httpx.Client, reader: httpx.Client, tree: Tree) -> None:
    assert delete(http, "project", None).status_code == 422
    assert http.request(
        "DELETE", "/dataexplorer/search", json={"return_type": "project", "search_string": " "}
    ).status_code == 422  # fmt: skip
    assert delete(http, "project", "project._id = ").status_code == 422
    assert delete(http, "session", f"project._id = {tree.project}", delete_reason="because").status_code == 422
    assert delete(reader, "session", f"project._id = {tree.project}").status_code == 403
    assert delete(reader, "session", "session EXISTS").status_code == 403
    assert delete(reader, "project", "project._id = x").json()["deleted"] == 0
    assert count(http, "session", f"project._id = {tree.project}") == 1


def saved(client: httpx.Client, parent: dict[str, str], label: str = "mine") -> httpx.Response:
    search = {"return_type": "file", "structured_query": "file.type = nifti", "size": 5}
    return client.post("/dataexplorer/queries", json={"label": label, "search": search, "parent": parent})


def listed(client: httpx.Client, **params: Any) -> list[str]:
    return [item["label"] for item in ok(client.get("/dataexplorer/queries", params=params)).json()]


def test_a_search_is_kept_changed_and_forgotten(http: httpx.Client, tree: Tree) -> None:
    parent = {"type": "project", "id": tree.project}
    made = ok(saved(http, parent, "first")).json()["_id"]
    kept = ok(http.get(f"/dataexplorer/queries/{made}")).json()
    assert (kept["_id"], kept["label"], kept["parent"]) == (made, "first", parent)
    assert kept["search"] == {"return_type": "file", "structured_query": "file.type = nifti", "size": 5}
    changed = ok(http.put(f"/dataexplorer/queries/{made}", json={"label": "second"})).json()
    assert (changed["label"], changed["search"]) == ("second", kept["search"])
    new = {"return_type": "session", "search_string": "x"}
    assert ok(http.put(f"/dataexplorer/queries/{made}", json={"search": new})).json()["search"] == new
    assert listed(http, filter=f"_id={made}") == ["second"]
    page = ok(http.get("/dataexplorer/queries", headers={"x-accept-feature": "pagination"})).json()
    assert page["count"] == len(page["results"]) == page["total"]
    assert ok(http.delete(f"/dataexplorer/queries/{made}")).json()["deleted"] == 1
    assert http.get(f"/dataexplorer/queries/{made}").status_code == 404
    assert saved(http, {"type": "project", "id": "nothing"}).status_code == 404
    assert saved(http, {"type": "file", "id": "x"}).status_code == 422


def test_who_sees_and_changes_a_search_depends_on_where_it_hangs(
    site: Emulator, api: Callable[[str], httpx.Client], http: httpx.Client, reader: httpx.Client, tree: Tree
) -> None:
    stranger = api(site.add_user("stranger@example.com"))
    parents = {
        "site": {"type": "site", "id": "site"},
        "group": {"type": "group", "id": tree.group},
        "project": {"type": "project", "id": tree.project},
        "session": {"type": "session", "id": tree.session},
    }
    ids = {name: ok(saved(http, parent, name)).json()["_id"] for name, parent in parents.items()}
    own = ok(saved(reader, {"type": "user", "id": "reader@example.com"}, "own")).json()["_id"]
    expected = {
        "admin": ["site", "group", "project", "session"],
        "reader": ["site", "project", "session", "own"],
        "stranger": ["site"],
    }
    for name, client in (("admin", http), ("reader", reader), ("stranger", stranger)):
        assert listed(client) == expected[name]
        for where, search_id in ids.items():
            status = client.get(f"/dataexplorer/queries/{search_id}").status_code
            assert status == (200 if where in expected[name] else 403), (name, where)
    assert set(listed(http, exhaustive="true")) == {*ids, "own"}
    for where, search_id in ids.items():
        assert reader.put(f"/dataexplorer/queries/{search_id}", json={"label": "x"}).status_code == 403, where
        assert reader.delete(f"/dataexplorer/queries/{search_id}").status_code == 403
        assert saved(reader, parents[where]).status_code == 403
    assert stranger.get(f"/dataexplorer/queries/{own}").status_code == 403
    assert saved(reader, {"type": "user", "id": "stranger@example.com"}).status_code == 403
    ok(reader.delete(f"/dataexplorer/queries/{own}"))
    ok(http.delete(f"/projects/{tree.project}"))
    assert listed(http, exhaustive="true") == ["site", "group"]
