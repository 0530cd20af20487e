"""Saved data views: whose they are, what they keep, who may see and change them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator

VIEW = {
    "label": "mine",
    "description": "all",
    "columns": [{"src": "subject.label", "dst": "who", "type": "string"}, {"src": "session.age"}],
    "fileSpec": {
        "container": "acquisition",
        "filter": {"value": "*.csv"},
        "match": "all",
        "formatOptions": {"delimiter": ";"},
    },
    "includeIds": False,
    "filter": "session.label=x",
    "missingDataStrategy": "drop-row",
    "sort": True,
}


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def test_a_view_keeps_what_it_was_given(http: httpx.Client, site: Emulator, tree: Any) -> None:
    place = f"/containers/{tree.project}/views"
    view = got(http.post(place, json=VIEW))
    assert view.keys() == {"_id"}
    path = f"/views/{view['_id']}"
    found = got(http.get(path))
    assert {key: found[key] for key in ("label", "description", "includeIds", "missingDataStrategy", "sort")} == {
        key: VIEW[key] for key in ("label", "description", "includeIds", "missingDataStrategy", "sort")
    }
    spec = found["fileSpec"]
    assert (spec["container"], spec["filter"]["value"], spec["match"]) == ("acquisition", "*.csv", "all")
    assert spec["formatOptions"]["delimiter"] == ";"
    assert [column["src"] for column in found["columns"]] == ["subject.label", "session.age"]
    assert found["origin"] == {"type": "user", "id": site.admin_user}
    # Not in the API's description of a view, but without them what was read could not be run.
    assert (found.get("filter"), found.get("groupBy")) == (VIEW.get("filter"), VIEW.get("groupBy"))
    assert got(http.get(place)) == [found]
    # What was read can be sent back.
    assert got(http.put(path, json={**found, "label": "renamed"})) == {"modified": 1}
    assert got(http.get(path)) == {**found, "label": "renamed"}
    got(http.put(path, json={"sort": False}))
    assert (got(http.get(path))["sort"], got(http.get(path))["columns"]) == (False, found["columns"])
    assert got(http.get(place, params={"filter": "label=mine"})) == []
    assert len(got(http.get(place, params={"filter": "columns.src=session.age", "limit": 5}))) == 1
    assert got(http.delete(path)) == {"deleted": 1}
    assert http.get(path).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": None},
        {"label": ""},
        {"columns": [{"dst": "x"}]},
        {"columns": [{"src": "x", "type": "text"}]},
        {"columns": [{"src": "x", "accumulator": "median"}]},
        {"fileSpec": {"container": "acquisition"}},
        {"missingDataStrategy": "guess"},
        {"colums": []},
    ],
)
def test_views_are_checked(http: httpx.Client, tree: Any, wrong: dict[str, object]) -> None:
    place = f"/containers/{tree.project}/views"
    assert http.post(place, json={**VIEW, **wrong}).status_code == 422
    view = got(http.post(place, json=VIEW))["_id"]
    assert http.put(f"/views/{view}", json=wrong).status_code == 422


def test_whose_a_view_is(http: httpx.Client, site: Emulator, api: Any, tree: Any) -> None:
    owner, other = (api(site.add_user(f"{name}@example.com")) for name in ("view-owner", "view-other"))
    got(http.post(f"/groups/{tree.group}/permissions", json={"_id": "view-other@example.com", "access": "ro"}))
    # place: (who makes one, what making one gets from another user, what reading gets from another user)
    places = {
        "site": (http, 403, 200),
        tree.group: (http, 403, 200),
        "view-owner@example.com": (owner, 403, 403),
        tree.project: (http, 403, 403),
    }
    for place, (maker, writes, reads) in places.items():
        path = f"/containers/{place}/views"
        assert other.post(path, json=VIEW).status_code == writes, place
        view = f"/views/{got(maker.post(path, json=VIEW))['_id']}"
        assert other.get(path).status_code == reads, place
        assert other.get(view).status_code == reads, place
        assert other.put(view, json={"label": "x"}).status_code == 403, place
        assert other.delete(view).status_code == 403, place
        assert len(got(http.get(path))) == 1, place
    assert http.post(f"/containers/{tree.session}/views", json=VIEW).status_code == 422
    assert http.get("/containers/nothing/views").status_code == 404


def test_a_view_goes_with_its_project(http: httpx.Client, tree: Any) -> None:
    view = got(http.post(f"/containers/{tree.project}/views", json=VIEW))["_id"]
    got(http.delete(f"/projects/{tree.project}"))
    assert http.get(f"/views/{view}").status_code == 404


def test_columns_are_listed(http: httpx.Client) -> None:
    columns = {column["name"]: column for column in got(http.get("/views/columns"))}
    assert columns["subject.label"]["src"] == "subject.label"
    groups = [column for column in columns.values() if column.get("group")]
    assert {"project", "subject", "session", "acquisition"} <= {column["name"] for column in groups}
    assert all(member in columns for column in groups for member in column["group"])
    assert all(column["description"] for column in columns.values())
