"""Who may use which route, and what it answers: every route of the emulator, for every kind of user."""

from __future__ import annotations

import re

import pytest
from tests.emulator.description import differences
from tests.emulator.forest import ARCHIVE, MEMBERS, SITE_ADMINS, USERS, Forest, user_id
from tests.emulator.permission_table import TABLE, level_of, levels_of
from tests.emulator.trial_requests import FOUND_ELSEWHERE, ask

from flywheel_async.emulator import access
from flywheel_async.emulator.routes import collect
from flywheel_async.emulator.routing import Route, Routes

ROUTES = collect(with_faults=True)
RANK = {"ro": 1, "rw": 2, "admin": 3, "site_admin_exhaustive": 3, "drone": 3}


def names(route: Route) -> tuple[str, ...]:
    """Returns the names of a route in the table."""
    return route.operations or (f"{route.method}:{route.path}",)


def test_the_table_tells_one_level_of_every_operation() -> None:
    served = [name for route in ROUTES for name in names(route)]
    assert {name: levels_of(name) for name in served if len(levels_of(name)) != 1} == {}
    patterns = [pattern for listed in TABLE.values() for pattern in listed.split()]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in served)] == []


def expected(level: str, user: str) -> int:
    """Returns the status that a user must get."""
    if level in ("public", "ticket"):
        return 200
    if user in ("wrong_key", "no_key"):
        return 401
    if user == "disabled":
        return 402
    if level == "packers":
        return 200 if user in RANK else 404
    may = {
        "anybody": True,
        "users": user != "drone",
        "devices": user == "drone",
        "owner": user in SITE_ADMINS,  # nobody here is the owner
        "finders": user in ("none", "site_admin") or RANK.get(user, 0) >= RANK["rw"],
        "site admins": user in SITE_ADMINS,
    }
    return 200 if may.get(level, RANK.get(user, 0) >= RANK.get(level, 0)) else 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: names(route)[0])
def test_a_route_for_every_user(route: Route, forest: Forest) -> None:
    level = level_of(names(route))
    wrong: dict[str, list[str]] = {}
    for user in USERS:
        wanted = expected(level, user)
        if wanted == 200:
            wanted = FOUND_ELSEWHERE.get(names(route)[0], 200)
        response = ask(route, user, forest)
        wrong[user] = differences(route, response)
        if response.status_code != wanted:
            wrong[user] = [f"{response.status_code}, not {wanted}: {response.text}"]
        if response.status_code < 300 and (route.writes or route.takes_stream):
            forest.restore()
    assert {user: found for user, found in wrong.items() if found} == {}


def test_owners_may_what_others_may_not(forest: Forest) -> None:
    forest.restore()
    own, mine = user_id("ro"), forest.clients["ro"]
    for kind in ("groups", "projects", "sessions", "acquisitions", "collections"):
        assert mine.get(f"/users/{own}/{kind}").status_code == 200, kind
    assert mine.put(f"/users/{own}", json={"firstname": "new"}).status_code == 200
    kept = {"label": "x", "view": "usage", "filter": "label=x"}
    made = f"/custom_filters/{mine.post('/custom_filters', json=kept).json()['_id']}"
    assert mine.put(made, json=kept).status_code == 200
    assert mine.delete(made).status_code == 200


def test_routes_for_any_container_take_what_its_kind_takes(forest: Forest) -> None:
    forest.restore()
    project, group = (f"/containers/{forest.ids[kind]}" for kind in ("project", "group"))
    wanted = {"rw": 403, "admin": 200}
    assert {user: forest.clients[user].put(group, json={"label": "y"}).status_code for user in wanted} == wanted
    assert {user: forest.clients[user].delete(project).status_code for user in wanted} == wanted
    assert forest.clients["admin"].delete(group).status_code == 403


def test_a_route_without_a_rule_cannot_be_declared() -> None:
    with pytest.raises(TypeError):
        Routes().add("get_project", handler=lambda call: None)


def test_fault_routes_need_the_option() -> None:
    plain = {(route.method, route.path) for route in collect(with_faults=False)}
    assert {route.path for route in ROUTES if (route.method, route.path) not in plain} == {"/_faults"}


def test_lists_show_what_a_user_may_see(forest: Forest) -> None:
    forest.restore()
    for kind in ("group", "project", "subject", "session", "acquisition"):
        for user in ("none", "site_admin", *MEMBERS, "site_admin_exhaustive"):
            params = {"exhaustive": "true"} if user == "site_admin_exhaustive" else {}
            listed = forest.clients[user].get(f"/{kind}s", params=params).json()
            seen = {item["_id"] for item in listed}
            assert (forest.ids[kind] in seen) is (user not in ("none", "site_admin")), (kind, user)
    files = {"none": False, "site_admin": False, "ro": True}
    for user, wanted in files.items():
        found = {item["file_id"] for item in forest.clients[user].get("/files").json()["results"]}
        assert (forest.ids["file"] in found) is wanted


def test_exhaustive_is_for_site_admins(forest: Forest) -> None:
    for path_ in ("/auth/status", "/groups", "/projects"):
        response = forest.clients["admin"].get(path_, params={"exhaustive": "true"})
        assert response.status_code == 403
        assert "exhaustive" in response.json()["message"]


def test_a_role_without_the_view_action_shows_nothing(forest: Forest) -> None:
    forest.restore()
    blind = forest.post("/roles", {"label": "blind", "actions": ["files_download"]})["_id"]
    change = forest.clients["owner"].put(
        f"/projects/{forest.ids['project']}/permissions/{user_id('ro')}", json={"role_ids": [blind]}
    )
    assert change.status_code == 200
    assert forest.clients["ro"].get(f"/projects/{forest.ids['project']}").status_code == 403
    assert forest.clients["ro"].get("/projects", params={"filter": f"_id={forest.ids['project']}"}).json() == []
    no_files = forest.post("/roles", {"label": "no files", "actions": [access.VIEW]})["_id"]
    name = f"/acquisitions/{forest.ids['acquisition']}/files/a.zip"
    assert forest.clients["ro"].get(name).content == ARCHIVE
    forest.clients["owner"].put(
        f"/projects/{forest.ids['project']}/permissions/{user_id('ro')}", json={"role_ids": [no_files]}
    )
    assert forest.clients["ro"].get(f"/acquisitions/{forest.ids['acquisition']}").json()["files"] == []
    assert forest.clients["ro"].get(name).status_code == 403


def test_the_members_of_a_zip_are_for_whoever_may_download_it(forest: Forest) -> None:
    forest.restore()
    role = forest.post("/roles", {"label": "viewer", "actions": [access.VIEW, access.FILES_VIEW]})["_id"]
    grants = f"/projects/{forest.ids['project']}/permissions/{user_id('ro')}"
    by_id, by_name = f"/files/{forest.ids['file']}/zip_info", f"/acquisitions/{forest.ids['acquisition']}/files/a.zip"
    statuses = []
    for role_id in (role, forest.site.roles["ro"]):
        forest.clients["owner"].put(grants, json={"role_ids": [role_id]})
        for path in (by_id, f"{by_name}?info=true"):
            statuses.append(forest.clients["ro"].get(path).status_code)
    assert statuses == [403, 403, 200, 200]


def test_moving_needs_rights_at_both_ends(forest: Forest) -> None:
    forest.restore()
    other = forest.post("/projects", {"group": forest.ids["spare_group"], "label": "other"})["_id"]
    move = {"project": other}
    subject = f"/subjects/{forest.ids['subject']}"
    assert forest.clients["rw"].put(subject, json=move).status_code == 403
    forest.post(f"/projects/{other}/permissions", {"_id": user_id("rw"), "role_ids": [forest.site.roles["rw"]]})
    assert forest.clients["rw"].put(subject, json=move).status_code == 200
    found = forest.clients["rw"].get(f"/acquisitions/{forest.ids['acquisition']}").json()
    assert found["parents"]["project"] == other
    assert found["parents"]["group"] == forest.ids["spare_group"]
    assert found["files"][0]["parents"]["project"] == other
    assert forest.clients["admin"].get(f"/acquisitions/{forest.ids['acquisition']}").status_code == 403
