"""Devices: drones with the shared secret, then with a key of their own; and keys that users make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def drone(site: Emulator, name: str = "scanner 1", secret: str | None = None) -> httpx.Client:
    headers = {"x-scitran-auth": secret or site.drone_secret, "x-scitran-method": "my reaper"}
    if name:
        headers["x-scitran-name"] = name
    return httpx.Client(base_url=site.url, headers=headers, trust_env=False)


def test_the_first_contact_makes_a_device(
    site: Emulator, http: httpx.Client, api: Callable[[str], httpx.Client]
) -> None:
    with drone(site) as client:
        status = got(client.get("/auth/status"))
        assert (status["is_device"], status["user_id"], status["roles"]) == (True, None, ["drone"])
        device = status["origin"]["id"]
        assert status["origin"] == {"type": "device", "id": device}
        me = got(client.get("/devices/self"))
        assert (me["_id"], me["label"], me["method"], me["name"]) == (
            device,
            "my_reaper_scanner_1",
            "my reaper",
            "scanner 1",
        )
        assert got(client.get("/auth/status"))["origin"]["id"] == device
    with api(f"x:{me['key']}") as own:
        assert got(own.get("/auth/status"))["origin"]["id"] == device
        assert got(own.get("/devices/self"))["key"] == me["key"]
    listed = [item for item in got(http.get("/devices", params={"join_keys": "true"})) if item["_id"] == device]
    assert [item["key"] for item in listed] == [None]
    assert me["key"] not in http.get("/devices", params={"join_keys": "true"}).text
    assert http.get("/devices/self").status_code == 403


def test_what_a_drone_must_send(site: Emulator) -> None:
    with drone(site, secret="wrong") as client:
        assert client.get("/auth/status").status_code == 401
    with drone(site, name="") as client:
        assert client.get("/auth/status").status_code == 400


def test_drones_see_everything_but_do_not_run_the_site(site: Emulator, tree: Any) -> None:
    with drone(site) as client:
        device = got(client.get("/devices/self"))["_id"]
        assert tree.project in [item["_id"] for item in got(client.get("/projects"))]
        scan = f"/acquisitions/{tree.acquisition}"
        sent = got(client.post(f"{scan}/files", files=[("file", ("d.txt", b"x"))]))[0]
        assert sent["origin"] == {"type": "device", "id": device}
        made = got(client.post("/projects", json={"group": tree.group, "label": "of a drone"}))["_id"]
        assert got(client.get(f"/projects/{made}"))["permissions"] == []
        assert client.post("/users", json={"_id": "a@b.c", "firstname": "", "lastname": ""}).status_code == 403
        assert client.post("/groups", json={"_id": "made-by-drone"}).status_code == 403


def test_what_a_device_sent_takes_an_action_of_its_own_to_delete(
    site: Emulator, http: httpx.Client, api: Callable[[str], httpx.Client], tree: Any
) -> None:
    scan = f"/acquisitions/{tree.acquisition}"
    writer, cleaner = api(site.add_user("writer@example.com")), api(site.add_user("cleaner@example.com"))
    role = got(http.post("/roles", json={"label": "cleaner", "actions": ["files_delete_device_data"]}))["_id"]
    for user, role_id in (("writer@example.com", site.roles["rw"]), ("cleaner@example.com", role)):
        got(http.post(f"/projects/{tree.project}/permissions", json={"_id": user, "role_ids": [role_id]}))

    def sent(name: str, client: httpx.Client) -> str:
        return str(got(client.post(f"{scan}/files", files=[("file", (name, b"x"))]))[0]["file_id"])

    with drone(site) as client:
        ids = {name: sent(name, client) for name in ("a", "b", "c", "d")}
        # The user's version does not make the file the user's.
        sent("d", writer)
        for name, file_id in ids.items():
            assert writer.delete(f"{scan}/files/{name}").status_code == 403
            assert writer.delete(f"/containers/{tree.acquisition}/files/{name}").status_code == 403
            assert writer.delete(f"/files/{file_id}").status_code == 403
        assert writer.request("DELETE", "/files", json=[ids["a"], tree.file_id]).status_code == 403
        query = {"return_type": "file", "structured_query": f"file.name = a AND acquisition._id = {tree.acquisition}"}
        assert writer.request("DELETE", "/dataexplorer/search", json=query).status_code == 403
        assert writer.delete(f"/files/{ids['d']}", params={"version": 1}).status_code == 403
        assert got(writer.delete(f"/files/{ids['d']}", params={"version": 2})) == {"deleted": 1}
        assert got(client.delete(f"{scan}/files/a")) == {"deleted": 1}
        assert got(cleaner.delete(f"{scan}/files/b")) == {"deleted": 1}
        assert got(http.delete(f"/files/{ids['c']}")) == {"deleted": 1}
        assert cleaner.delete(f"{scan}/files/a.txt").status_code == 403
        assert got(writer.delete(f"{scan}/files/a.txt")) == {"deleted": 1}
        collection = got(http.post("/collections", json={"label": "x"}))["_id"]
        for user, level in (("writer@example.com", "rw"), ("cleaner@example.com", "admin")):
            got(http.post(f"/collections/{collection}/permissions", json={"_id": user, "access": level}))
        assert client.post(f"/collections/{collection}/files", files=[("file", ("e", b"x"))]).status_code == 200
        assert writer.delete(f"/collections/{collection}/files/e").status_code == 403
        assert got(cleaner.delete(f"/collections/{collection}/files/e")) == {"deleted": 1}


def test_tickets_are_for_devices_too(site: Emulator, http: httpx.Client, tree: Any) -> None:
    file = f"/acquisitions/{tree.acquisition}/files/a.txt"
    with drone(site, "with tickets") as client:
        one = got(client.get(file, params={"ticket": ""}))["ticket"]
        many = got(client.post("/download", json={"nodes": [{"level": "project", "_id": tree.project}]}))["ticket"]
        device = got(client.get("/devices/self"))["_id"]
    with httpx.Client(base_url=site.url, trust_env=False) as bare:
        assert bare.get(file, params={"ticket": one}).content == b"content"
        assert bare.get("/download", params={"ticket": many}).status_code == 200
        assert http.delete(f"/devices/{device}").status_code == 200
        assert bare.get(file, params={"ticket": one}).status_code == 402
        assert bare.get("/download", params={"ticket": many}).status_code == 402


def test_devices_report_how_they_are(site: Emulator, http: httpx.Client) -> None:
    with drone(site, "reporter") as client:
        device = got(client.get("/devices/self"))["_id"]

        def status() -> str:
            return str(got(http.get("/devices/status"))[device]["status"])

        assert status() == "unknown"
        got(client.put("/devices/self", json={"interval": 60, "version": "2", "info": {"a.b": 1}}))
        assert status() == "ok"
        shown = got(http.get(f"/devices/{device}"))
        assert (shown["version"], shown["interval"], shown["info"], shown["key"]) == ("2", 60, {"a_b": 1}, None)
        got(client.put("/devices/self", json={"errors": ["no disk"]}))
        assert status() == "error"
        got(http.put(f"/devices/{device}", json={"disabled": True}))
        assert client.get("/auth/status").status_code == 402


def test_devices_are_made_and_deleted_by_site_admins(
    site: Emulator, http: httpx.Client, api: Callable[[str], httpx.Client]
) -> None:
    device = got(http.post("/devices", json={"label": "made", "type": "x"}))["_id"]
    assert http.post("/devices", json={"label": "made", "type": "x"}).status_code == 409
    key = got(http.post(f"/devices/{device}/key", json={"label": "second"}))
    with api(f"x:{key['unencrypted_secret']}") as own:
        assert got(own.get("/devices/self"))["_id"] == device
        labels = [
            item["label"] for item in got(http.get(f"/devices/{device}", params={"join_keys": "true"}))["api_keys"]
        ]
        assert labels == ["device", "second"]
        assert http.delete(f"/devices/{device}/key/{key['key']}").status_code == 200
        assert own.get("/devices/self").status_code == 401
    assert http.delete(f"/devices/{device}").status_code == 200
    assert http.get(f"/devices/{device}").status_code == 404


def test_the_secret_survives_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as site:
        secret, admin = site.drone_secret, site.api_key.rpartition(":")[2]
        with drone(site) as client:
            key = got(client.get("/devices/self"))["key"]
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    with Emulator(tmp_path) as site:
        assert (site.drone_secret, site.api_key.rpartition(":")[2]) == (secret, admin)
        with drone(site) as client:
            assert got(client.get("/devices/self"))["key"] == key


def test_users_make_keys_of_their_own(site: Emulator, api: Callable[[str], httpx.Client]) -> None:
    user = api(site.add_user("keys@example.com"))
    made = got(user.post("/users/self/key", json={"label": "second"}))
    other = api(f"x:{made['unencrypted_secret']}")
    assert got(other.get("/users/self"))["_id"] == "keys@example.com"
    listed = got(user.get("/users/self"))["api_keys"]
    assert [(item["label"], item["unencrypted_secret"]) for item in listed] == [("emulator", None), ("second", None)]
    stranger = api(site.add_user("stranger@example.com"))
    assert stranger.delete(f"/users/self/key/{made['key']}").status_code == 404
    assert user.delete(f"/users/self/key/{made['key']}").status_code == 200
    assert other.get("/users/self").status_code == 401
    old = got(user.post("/users/self/key", json={"label": "x", "expires_at": "2020-01-01T00:00:00+00:00"}))
    assert api(f"x:{old['unencrypted_secret']}").get("/users/self").status_code == 401


def test_what_a_user_has_a_permission_on(
    site: Emulator, http: httpx.Client, api: Callable[[str], httpx.Client], tree: Any
) -> None:
    user = api(site.add_user("lists@example.com"))
    assert got(user.get("/users/lists@example.com/projects")) == []
    roles = {"_id": "lists@example.com", "role_ids": [site.roles["ro"]]}
    got(http.post(f"/projects/{tree.project}/permissions", json=roles))
    for client in (user, http):
        for kind in ("project", "session", "acquisition"):
            found = got(client.get(f"/users/lists@example.com/{kind}s"))
            assert [item["_id"] for item in found] == [vars(tree)[kind]], kind
    assert got(http.get("/users/lists@example.com/groups")) == []
    assert user.get("/users/admin@emulator.local/projects").status_code == 403


def test_a_user_has_info(site: Emulator, api: Callable[[str], httpx.Client]) -> None:
    user = api(site.add_user("info@example.com"))
    assert user.patch("/users/self/info", json={"set": {"a": 1, "b": 2}}).status_code == 200
    assert got(user.get("/users/self/info")) == {"a": 1, "b": 2}
    assert got(user.get("/users/self/info", params={"fields": "b,c"})) == {"b": 2}
