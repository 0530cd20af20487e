"""What a request adds to documents or leaves out of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def test_origins_are_named(http: httpx.Client, site: Emulator, tree: Any) -> None:
    drone = {"x-scitran-auth": site.drone_secret, "x-scitran-method": "reaper", "x-scitran-name": "one"}
    path = f"/acquisitions/{tree.acquisition}"
    with httpx.Client(base_url=site.url, headers=drone, trust_env=False) as device:
        got(device.post(f"{path}/files", files=[("file", ("d.txt", b"x"))]))
        device_id = got(device.get("/devices/self"))["_id"]
    origins = {
        "user": {site.admin_user: {"firstname": "Site", "lastname": "Admin"}},
        "device": {device_id: {"name": "reaper_one"}},
        "job": {},
    }
    assert got(http.get(path))["join-origin"] is None
    assert got(http.get(path, params={"join": "origin"}))["join-origin"] == origins
    (listed,) = got(http.get(f"/sessions/{tree.session}/acquisitions", params={"join": "origin"}))
    assert listed["join-origin"] == origins


@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition"])
def test_authors_of_notes_are_named(http: httpx.Client, site: Emulator, tree: Any, kind: str) -> None:
    path = f"/{kind}s/{vars(tree)[kind]}"
    got(http.post(f"{path}/notes", json={"text": "n"}))
    got(http.put(f"/users/{site.admin_user}", json={"avatar": "https://example.com/a"}))
    (plain,) = got(http.get(path))["notes"]
    assert "firstname" not in plain
    (note,) = got(http.get(path, params={"join_avatars": "true"}))["notes"]
    assert (note["firstname"], note["lastname"], note["avatar"]) == ("Site", "Admin", "https://example.com/a")
    assert note["text"] == "n"


def test_projects_are_counted(http: httpx.Client, tree: Any) -> None:
    query = {"filter": f"_id={tree.project}"}
    assert got(http.get("/projects", params=query))[0]["stats"] is None
    stats = got(http.get("/projects", params={**query, "counts": "true"}))[0]["stats"]
    assert (stats["number_of"]["sessions"], stats["number_of"]["files"]) == (1, 1)


def test_features_leave_things_out(http: httpx.Client, tree: Any) -> None:
    path = f"/acquisitions/{tree.acquisition}"
    got(http.post(f"{path}/analyses", json={"label": "a"}))
    whole = got(http.get(path))
    assert (len(whole["files"]), len(whole["analyses"])) == (1, 1)
    slim = got(http.get(path, headers={"x-accept-feature": "Safe-Redirect, slim-containers"}))
    assert (len(slim["files"]), slim["analyses"]) == (1, None)
    bare = got(http.get(path, headers={"x-accept-feature": "Exclude-Files"}))
    assert (bare["files"], len(bare["analyses"])) == ([], 1)


def test_a_deleted_user_is_shown_on_request(http: httpx.Client, site: Emulator) -> None:
    site.add_user("gone@example.com")
    path = "/users/gone@example.com"
    assert got(http.get(path))["deleted"] is None
    got(http.delete(path))
    assert http.get(path).status_code == 404
    assert got(http.get(path, params={"include_deleted": "true"}))["deleted"] is not None
