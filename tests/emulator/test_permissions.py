"""Who may use which route: every route of the emulator, for every kind of user."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import httpx
import pytest

from flywheel_async.emulator import Emulator, access
from flywheel_async.emulator.references import OnParentRef
from flywheel_async.emulator.routes import collect
from flywheel_async.emulator.routes.search import DeletesFound
from flywheel_async.emulator.routing import Route, Routes
from flywheel_async.emulator.rules import (
    AtPathEnd,
    Device,
    LoggedIn,
    On,
    OnAnalysis,
    OnBulkMove,
    OnEach,
    OnFile,
    OnLogged,
    OnParent,
    OnPlural,
    OwnDocument,
    OwnOrSiteAdmin,
    Public,
    SiteAdmin,
)
from flywheel_async.emulator.search.saved import OnSaved, OnSavedParent
from flywheel_async.emulator.views.guards import OnExecution, OnRun, OnSave, OnView, OnViewsOf

USERS = ("ro", "rw", "admin", "none", "site_admin", "site_admin_exhaustive", "drone", "disabled", "wrong_key", "no_key")
MEMBERS = ("ro", "rw", "admin")
SITE_ADMINS = ("site_admin", "site_admin_exhaustive")
RANK = {"ro": 1, "rw": 2, "admin": 3, "site_admin_exhaustive": 3, "drone": 3}

# The level that each action takes, written down apart from the emulator's own tables.
IN_PROJECT = {
    access.VIEW: "ro",
    access.FILES_VIEW: "ro",
    access.FILES_DOWNLOAD: "ro",
    access.TAGS_VIEW: "ro",
    access.NOTES_VIEW: "ro",
    access.CREATE: "rw",
    access.MODIFY: "rw",
    access.DELETE: "rw",
    access.FILES_CREATE: "rw",
    access.FILES_MODIFY: "rw",
    access.FILES_DELETE: "rw",
    access.TAGS_MANAGE: "rw",
    access.NOTES_MANAGE: "rw",
    access.PERMISSIONS_MANAGE: "admin",
    access.ANALYSES_VIEW: "ro",
    access.ANALYSES_CREATE: "rw",
    access.FILES_MOVE: "rw",
    access.COPY: "admin",
    access.TEMPLATES_MANAGE: "admin",
    access.SETTINGS_VIEW: "ro",
    access.SETTINGS_MODIFY: "admin",
    access.VIEWS_VIEW: "ro",
    access.VIEWS_MANAGE: "rw",
}
ON_GROUP = {
    access.VIEW: "ro",
    access.TAGS_VIEW: "ro",
    access.TAGS_MANAGE: "rw",
    access.MODIFY: "admin",
    access.CREATE: "admin",
    access.PERMISSIONS_MANAGE: "admin",
}
IN_COLLECTION = {**IN_PROJECT, access.DELETE: "admin"}


def level(route: Route) -> str:
    """Returns the least access level that may use a route."""
    rule = route.rule
    if isinstance(rule, AtPathEnd | OnLogged):
        return "ro"
    if isinstance(rule, OnBulkMove | OnSave | OnSavedParent | DeletesFound):
        return "rw"
    if isinstance(rule, OnSaved):
        return IN_PROJECT[rule.action]
    if isinstance(rule, OnRun):
        return "ro"
    if isinstance(rule, OnView | OnViewsOf):
        return "rw" if rule.change else "ro"
    if isinstance(rule, OnExecution):
        return "ro" if rule.action is None else IN_PROJECT[rule.action]
    if isinstance(rule, OnFile | OnParentRef):
        return IN_PROJECT[rule.action]
    if isinstance(rule, OnEach):
        return "admin" if rule.kind in ("project", "collection") else "rw"
    assert isinstance(rule, On | OnParent | OnAnalysis | OnPlural)
    if isinstance(rule, OnAnalysis | OnPlural):
        return IN_PROJECT[rule.action]
    if rule.kind == "collection":
        return IN_COLLECTION[rule.action]
    if rule.kind == "group":
        return ON_GROUP[rule.action]
    if rule.kind == "project" and rule.action == access.DELETE:
        return "admin"
    return IN_PROJECT[rule.action]


LEAST = {
    "set_project_template": "admin",
    "remove_project_template": "admin",
    "recalc_project": "admin",
    "get_project_settings": "ro",
    "modify_project_settings": "admin",
    "get_project_delete_status": "admin",
    "project_copy": "admin",
    "get_views": "ro",
    "add_view": "rw",
    "get_view": "ro",
    "modify_view": "rw",
    "delete_view": "rw",
    "upsert_file": "rw",
    "upload_file_to_project": "rw",
    "download_file_from_project": "ro",
    "add_project_permission": "admin",
    "delete_project": "admin",
    "delete_session": "rw",
    "modify_project": "rw",
    "get_project": "ro",
    "modify_group": "admin",
    "add_project": "admin",
}
"""The least level of some routes, written down apart from their rules."""
FOR_SITE_ADMINS = ("add_group", "add_user", "add_role", "recalc_all_projects", "sync_user", "cleanup_info")


def test_routes_have_the_rules_they_should_have() -> None:
    by_name = {name: route for route in ROUTES for name in route.operations}
    assert {name: level(by_name[name]) for name in LEAST} == LEAST
    assert [name for name in FOR_SITE_ADMINS if not isinstance(by_name[name].rule, SiteAdmin)] == []


def expected(route: Route, user: str) -> int:
    """Returns the status that a user must get."""
    rule = route.rule
    if isinstance(rule, Public):
        return 200
    if user in ("wrong_key", "no_key"):
        return 401
    if user == "disabled":
        return 402
    if isinstance(rule, LoggedIn):
        return 403 if rule.only_users and user == "drone" else 200
    if isinstance(rule, Device):
        return 200 if user == "drone" else 403
    if isinstance(rule, DeletesFound) and user in ("none", "site_admin"):
        return 200  # who sees nothing finds nothing to delete
    deletes_groups = (isinstance(rule, On) and rule.kind == "group" and rule.action == access.DELETE) or (
        isinstance(rule, OnEach) and rule.kind == "group"
    )
    if isinstance(rule, SiteAdmin | OwnOrSiteAdmin | OwnDocument) or deletes_groups:
        return 200 if user in SITE_ADMINS else 403
    return 200 if RANK.get(user, 0) >= RANK[level(route)] else 403


def archive() -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as file:
        file.writestr("member.txt", "content")
    return found.getvalue()


ARCHIVE = archive()
_numbers = count()


@dataclass
class Forest:
    """A site with a tree in which ro, rw and admin are members, which can be put back as it was planted.

    Attributes:
        site: The site.
        clients: A client for each user.
        ids: The ids of what was planted.
        keys: The id of a second key of each user who has one.
    """

    site: Emulator
    clients: dict[str, httpx.Client]
    ids: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plant()
        self._live = sqlite3.connect(self.site.data / "site.sqlite")
        self._planted = sqlite3.connect(":memory:")
        self._live.backup(self._planted)

    def close(self) -> None:
        self._planted.close()
        self._live.close()

    def restore(self) -> None:
        """Puts the site back as it was planted."""
        self._planted.backup(self._live)
        self.site.faults.clear()

    def plant(self) -> None:
        """Makes a tree."""
        number = next(_numbers)
        self.ids = {"group": f"group{number}", "spare_group": f"spare{number}"}
        for name in ("group", "spare_group"):
            self.post("/groups", {"_id": self.ids[name], "label": "x"})
        for user in MEMBERS:
            self.post(f"/groups/{self.ids['group']}/permissions", {"_id": user_id(user), "access": user})
            self.post(f"/groups/{self.ids['spare_group']}/permissions", {"_id": user_id(user), "access": user})
            template = {"_id": user_id(user), "role_ids": [self.site.roles[user]]}
            self.post(f"/groups/{self.ids['group']}/permissions/templates", template)
        self.ids["project"] = self.post("/projects", {"group": self.ids["group"], "label": "x"})["_id"]
        below = {"project": self.ids["project"], "label": "x"}
        self.ids["subject"] = self.post("/subjects", below)["_id"]
        self.ids["session"] = self.post("/sessions", {**below, "subject": self.ids["subject"]})["_id"]
        self.ids["acquisition"] = self.post("/acquisitions", {"session": self.ids["session"], "label": "x"})["_id"]
        self.ids["container"] = self.ids["acquisition"]
        self.ids["collection"] = self.post("/collections", {"label": "x"})["_id"]
        for user in MEMBERS:
            self.post(f"/collections/{self.ids['collection']}/permissions", {"_id": user_id(user), "access": user})
        for kind in ("project", "subject", "session", "acquisition"):
            path = f"/{kind}s/{self.ids[kind]}/analyses"
            self.ids[f"{kind}_analysis"] = self.post(path, {"label": "x"})["_id"]
        # The last file made is the one that routes by file id are tried on.
        for kind in ("group", "collection", "project", "subject", "session", "analysis", "acquisition"):
            path = f"/{kind}s/{self.ids[kind]}" if kind != "analysis" else f"/analyses/{self.ids['session_analysis']}"
            self.post(f"{path}/tags", {"value": "tag"})
            if kind == "group":
                continue
            note = self.clients["rw"].post(f"{path}/notes", json={"text": "n"})
            self.ids[f"{kind}_note"] = note.json()["_id"]
            sent = self.clients["rw"].post(
                f"{path}/files", files=[("file", ("x", ARCHIVE))], data={"metadata": '{"name": "a.zip"}'}
            )
            self.ids["file"] = sent.json()[0]["file_id"]
        self.ids["container_note"] = self.ids["acquisition_note"]
        self.ids["analysis"] = self.ids["session_analysis"]
        self.ids["container_analysis"] = self.ids["acquisition_analysis"]
        for kind in ("project", "subject", "acquisition"):
            analysis = f"/analyses/{self.ids[f'{kind}_analysis']}"
            self.ids[f"{kind}_analysis_note"] = (
                self.clients["rw"].post(f"{analysis}/notes", json={"text": "n"}).json()["_id"]
            )
            sent = [("file", ("a.zip", ARCHIVE))]
            assert self.clients["rw"].post(f"{analysis}/files", files=sent).status_code == 200
        self.ids["session_analysis_note"] = self.ids["analysis_note"]
        self.ids["container_analysis_note"] = self.ids["acquisition_analysis_note"]
        of_inputs = [{"type": "acquisition", "id": self.ids["acquisition"], "name": "a.zip"}]
        made = self.post(f"/sessions/{self.ids['session']}/analyses", {"label": "x", "inputs": of_inputs})
        self.ids["analysis_with_input"] = made["_id"]
        self.ids["role"] = self.post("/roles", {"label": "x", "actions": [access.VIEW]})["_id"]
        self.ids["spare_role"] = self.post("/roles", {"label": "x", "actions": [access.VIEW]})["_id"]
        self.post(f"/groups/{self.ids['group']}/roles", {"_id": self.ids["role"]})
        kept = {"label": "x", "view": "usage", "filter": "label=x"}
        self.ids["filter"] = self.post("/custom_filters", kept)["_id"]
        view = {"label": "x", "columns": [{"src": "session.label"}]}
        self.ids["view"] = self.post(f"/containers/{self.ids['project']}/views", view)["_id"]
        search = {"return_type": "file", "search_string": "a.zip"}
        parent = {"type": "project", "id": self.ids["project"]}
        self.ids["search"] = self.post("/dataexplorer/queries", {"label": "x", "search": search, "parent": parent})[
            "_id"
        ]
        self.ids["device"] = self.post("/devices", {"label": f"device{number}", "type": "x"})["_id"]
        self.ids["device_key"] = self.post(f"/devices/{self.ids['device']}/key", {"label": "x"})["key"]
        self.ids["modality"] = self.post("/modalities", {"_id": f"m{number}"})["_id"]
        self.ids["code"] = self.post("/subjects/master-code", {"patient_id": "x"})["code"]
        for user in ("owner", *MEMBERS, "none", "site_admin"):
            self.keys[user] = self.clients[user].post("/users/self/key", json={"label": "x"}).json()["key"]
        self.keys["site_admin_exhaustive"] = self.keys["site_admin"]
        # The first contact of a drone makes a device.
        assert self.clients["drone"].get("/devices/self").status_code == 200
        self.ids["user"] = self.site.add_user(f"spare{number}@example.com") and f"spare{number}@example.com"

    def queue_view(self, user: str) -> None:
        """Lets a user run a view, or the drone for one who may not; returns when there is a result."""
        where = f"/views/{self.ids['view']}/queue?containerId={self.ids['project']}"
        queued = self.clients[user].post(where)
        if queued.status_code != 200:
            queued = self.clients["drone"].post(where)
        self.ids["execution"] = queued.json()["_id"]
        state = f"/data_view_executions/{self.ids['execution']}"
        while self.clients["drone"].get(state).json()["state"] != "completed":
            pass

    def post(self, path: str, body: dict[str, object]) -> dict[str, str]:
        response = self.clients["owner"].post(path, json=body)
        assert response.status_code == 200, response.text
        return dict(response.json())


def user_id(user: str) -> str:
    return f"{user}@example.com"


@pytest.fixture(scope="module")
def forest(site: Emulator, api: Callable[[str], httpx.Client]) -> Iterator[Forest]:
    keys = {"owner": site.api_key, "wrong_key": "x:WRONG", "no_key": ""}
    for user in (*MEMBERS, "none"):
        keys[user] = site.add_user(user_id(user))
    keys["site_admin"] = keys["site_admin_exhaustive"] = site.add_user(user_id("site"), roles=["site_admin"])
    keys["disabled"] = site.add_user(user_id("disabled"), disabled=True)
    clients = {user: api(key) for user, key in keys.items()}
    clients["drone"] = api("")
    clients["drone"].headers.update(
        {"x-scitran-auth": site.drone_secret, "x-scitran-method": "reaper", "x-scitran-name": "one"}
    )
    # Nothing goes on after an answer while the database is put back.
    with site.background.held():
        planted = Forest(site, clients)
        yield planted
        planted.close()


def family(route: Route) -> str:
    """Returns the kind of thing that a route's path is about."""
    first = route.path.split("/")[1]
    return "analysis" if first == "analyses" else first.removesuffix("s")


LITERALS = {"container_name": "sessions", "subcontainer_name": "all"}


def path(route: Route, ids: dict[str, str], user: str) -> str:
    """Fills in the path parameters."""
    kind = family(route)
    parts: list[str] = []
    for part in route.path.split("/"):
        if not part.startswith("{"):
            parts.append(part)
            continue
        name = part.strip("{}")
        if name in ("filename", "file_name"):
            parts.append("a.zip")
        elif name == "value":
            parts.append("tag")
        elif name == "note_id":
            parts.append(ids[f"{kind}_analysis_note" if "analyses" in parts and kind != "analysis" else f"{kind}_note"])
        elif name == "analysis_id" and kind != "analysis":
            parts.append(ids[f"{kind}_analysis"])
        elif name in ("container_type", "field") and route.operations != ("cleanup_info",):
            parts.append({"container_type": "session", "field": "label"}[name])
        elif name in ("view_id", "code"):
            parts.append(ids[name.removesuffix("_id")])
        elif name == "data_view_execution_id":
            parts.append(ids["execution"])
        elif route.operations[0] in ("get_views", "add_view"):
            parts.append(ids["project"])
        elif name in ("sid", "search_id"):
            parts.append(ids["search"])
        elif route.operations == ("cleanup_info",):
            parts.append({"container_type": "sessions", "path": "a.b"}[name])
        elif route.operations == ("sync_user",):
            parts.append("central")
        elif name == "custom_filter_id":
            parts.append(ids["filter"])
        elif name == "key_id":
            parts.append(ids["device_key"])
        elif name == "role_id":
            parts.append(ids["role"])
        elif name == "id_":
            parts.append(ids["user_key"])
        elif name in LITERALS:
            parts.append(LITERALS[name])
        elif name == "container_id" and kind not in ids:
            parts.append(ids["session"])
        elif route.operations[0] == "get_analysis_input_files":
            parts.append(ids["analysis_with_input"])
        elif "permissions" in parts:
            reads_own = route.method == "GET" and user in MEMBERS
            parts.append(user_id(user if reads_own else "ro"))
        elif kind == "modalitie":
            parts.append(ids["modality"])
        else:
            parts.append(ids["spare_group"] if route.operations[0] == "delete_group" else ids[kind])
    return "/".join(parts)


_UNNAMED = {"/_faults": "add_fault", "/dataexplorer/search/fields": "search_fields"}
"""What routes that are no operations of the API are called here."""


def body(route: Route, ids: dict[str, str], roles: dict[str, str]) -> object:
    """Returns a request body that the route accepts."""
    operation = route.operations[0] if route.operations else _UNNAMED[route.path]
    number = next(_numbers)
    exact: dict[str, object] = {
        "add_group": {"_id": f"new{number}", "label": "x"},
        "add_project": {"group": ids["group"], "label": "y"},
        "add_subject": {"project": ids["project"], "label": f"new{number}"},
        "add_session": {"project": ids["project"], "subject": ids["subject"], "label": "y"},
        "add_acquisition": {"session": ids["session"], "label": "y"},
        "add_user": {"_id": f"new{number}@example.com", "firstname": "a", "lastname": "b"},
        "modify_user": {"firstname": "new"},
        "add_role": {"label": "y", "actions": []},
        "modify_role": {"label": "y"},
        "add_modality": {"_id": f"new{number}"},
        "replace_modality": {"active": False},
        "lookup_path": {"path": [ids["group"], "x"]},
        "resolve_path": {"path": [ids["group"], "x"]},
        "add_fault": {"route": "never"},
        "delete_groups_by_ids": [ids["spare_group"]],
        "set_file_tags": ["a"],
        "replace_file_info": {"a": 1},
        "modify_file_info": {"a": 1},
        "modify_file_classification": {"add": {"Custom": ["a"]}},
        "add_group_permission": {"_id": f"new{number}@example.com", "access": "ro"},
        "modify_group_user_permission": {"access": "ro"},
        "add_group_permission_template": {"_id": f"new{number}@example.com", "role_ids": [roles["ro"]]},
        "project_copy": {"group_id": ids["group"], "project_label": "copy", "filter": {}},
        "subject_copy": {"dst_project_id": ids["project"], "dst_subject_label": f"copy{number}", "filter": {}},
        "session_copy": {"dst_subject_id": ids["subject"], "filter": {}},
        "acquisition_copy": {"dst_session_id": ids["session"], "label": "copy"},
        "bulk_move_sessions": {
            "sources": [ids["session"]],
            "destinations": [ids["subject"]],
            "destination_container_type": "subjects",
            "conflict_mode": "dry",
        },
        "move_file": {"name": f"new{number}.zip"},
        "generate_user_key": {"label": "mine"},
        "modify_current_user_info": {"set": {"a": 1}},
        "add_role_to_group": {"_id": ids["spare_role"]},
        "create_device": {"label": f"new{number}", "type": "x"},
        "modify_device": {"disabled": False},
        "update_device": {"version": "1"},
        "generate_key": {"label": "x"},
        "fetch_tree": {"projects": {"fields": ["label"]}},
        "upsert_project_hierarchy": {"origin": {"type": "user"}, "subject": {"label": "x"}},
        "check_uids_exist": {"sessions": ["x"]},
        "create_custom_filter": {"label": "x", "view": "usage", "filter": "label=x"},
        "update_custom_filter": {"label": "x", "view": "usage", "filter": "label=y"},
        "add_view": {"label": "y", "columns": [{"src": "session.label"}]},
        "evaluate_view_adhoc": {"columns": [{"src": "session.label"}]},
        "queue_adhoc": {"columns": [{"src": "session.label"}]},
        "save_view_data_to_container": {
            "viewId": ids["view"],
            "containerType": "session",
            "containerId": ids["session"],
            "filename": f"new{number}.csv",
        },
        "search": {"return_type": "file", "structured_query": "file.type EXISTS"},
        "parse_search_query": {"structured_query": "file.type"},
        "get_search_query_suggestions": {"structured_query": "file.type = "},
        "search_fields": {"field": "file."},
        "delete_by_search": {"return_type": "session", "structured_query": f"session._id = {ids['session']}"},
        "save_search": {
            "label": "x",
            "search": {"return_type": "file"},
            "parent": {"type": "project", "id": ids["project"]},
        },
        "replace_search": {"label": "y"},
        "add_collection": {"label": "y"},
        "upsert_file": {
            "name": "r.dcm",
            "size": 5,
            "provider_id": "p",
            "path": "a/b",
            "reference": True,
            "origin": {"type": "user"},
            "parent_ref": {"type": "session", "id": ids["session"]},
        },
        "create_master_subject_code": {"patient_id": "y"},
        "set_project_template": {"templates": [{"acquisitions": [{"label": "x"}]}]},
        "modify_project_settings": {"external_routing_id": "x"},
        "sync_user": {
            "email": f"new{number}@example.com",
            "given_name": "a",
            "family_name": "b",
            "disabled": False,
            "auth0id": "x",
            "revision": 1,
            "role": "user",
        },
        "add_collection_permission": {"_id": f"new{number}@example.com", "access": "ro"},
        "modify_collection_user_permission": {"access": "ro"},
        "add_project_permission": {"_id": f"new{number}@example.com", "role_ids": [roles["ro"]]},
    }
    if operation in exact:
        return exact[operation]
    kind = family(route)
    endings: list[tuple[str, object]] = [
        ("s_by_ids", [ids.get(kind)]),
        ("analyses_by_ids", [ids.get(kind)]),
        ("_user_permission", {"role_ids": [roles["ro"]]}),
        ("_permission_template", {"role_ids": [roles["ro"]]}),
        ("_tags", ["tag"]),
        ("_tag", {"value": f"new{number}"}),
        ("_note", {"text": "x"}),
        ("_file_info", {"set": {"a": 1}}),
        ("_classification", {"add": {"Custom": ["a"]}}),
        ("_info", {"set": {"a": 1}}),
        ("_file", {"type": "text"}),
        ("", {"label": "x"}),
    ]
    return next(value for ending, value in endings if operation.endswith(ending))


ROUTES = collect(with_faults=True)
FOUND_ELSEWHERE = {"get_user_avatar": 307, "get_current_user_avatar": 307}
"""What a route answers whoever may use it, where that is not 200."""


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operations[0] if route.operations else route.method)
def test_a_route_for_every_user(route: Route, forest: Forest) -> None:
    wrong: dict[str, tuple[int, int, str]] = {}
    for user in USERS:
        wanted = expected(route, user)
        if wanted == 200 and route.operations:
            wanted = FOUND_ELSEWHERE.get(route.operations[0], 200)
        response = ask(route, user, forest)
        if response.status_code != wanted:
            wrong[user] = (response.status_code, wanted, response.text)
        if response.status_code < 300 and (route.writes or route.takes_stream):
            forest.restore()
    assert wrong == {}


def ask(route: Route, user: str, forest: Forest) -> httpx.Response:
    """Sends the request that a route is tried with."""
    params = {"exhaustive": "true"} if user == "site_admin_exhaustive" else {}
    request: dict[str, object] = {"params": params}
    if route.operations == ("restore_file",):
        params["version"] = "1"
    if isinstance(route.rule, OnRun | OnSave):
        params["containerId"] = forest.ids["project"]
    if isinstance(route.rule, OnExecution):
        forest.queue_view(user)
    if route.operations and route.operations[0] in FOUND_ELSEWHERE:
        params["default"] = "https://example.com/picture"
    if route.takes_stream:
        request["files"] = [("file", ("x", b"content"))]
    elif route.method in ("POST", "PUT", "PATCH") or (route.operations[0:1] and route.method == "DELETE"):
        request["content"] = json.dumps(body(route, forest.ids, forest.site.roles))
    ids = forest.ids
    if route.operations == ("delete_user_key",):
        ids = {**ids, "user_key": forest.keys.get(user, "none")}
    return forest.clients[user].request(route.method, path(route, ids, user), **request)


def test_a_route_without_a_rule_cannot_be_declared() -> None:
    with pytest.raises(TypeError):
        Routes().add("get_project", handler=lambda call: None)


def test_only_few_routes_are_public() -> None:
    public = {route.operations for route in ROUTES if isinstance(route.rule, Public)}
    assert public == {("get_config",), ("get_version",)}


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
