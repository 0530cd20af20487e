"""A request for each route of the emulator that is answered with success to whoever may use it."""

from __future__ import annotations

import hashlib
import json
from itertools import count

import httpx
from tests.emulator.forest import MEMBERS, Forest, user_id

from flywheel_async.emulator.routing import Route
from flywheel_async.emulator.shapes import STORAGE_PROVIDER
from flywheel_async.emulator.transfer_rules import AtPlacement
from flywheel_async.emulator.views.guards import OnExecution, OnRun, OnSave

_numbers = count()

FOUND_ELSEWHERE = {"get_user_avatar": 307, "get_current_user_avatar": 307}
"""What a route answers whoever may use it, where that is not 200."""


def family(route: Route) -> str:
    """Returns the kind of thing that a route's path is about."""
    first = route.path.split("/")[1]
    return "analysis" if first == "analyses" else first.removesuffix("s")


UNNAMED = {"/_faults": "add_fault", "/dataexplorer/search/fields": "search_fields"}
"""What routes that are no operations of the API are called here."""

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
        elif name in ("sid", "search_id"):
            parts.append(ids["search"])
        elif route.operations[0] in ("get_views", "add_view"):
            parts.append(ids["project"])
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


def body(route: Route, ids: dict[str, str], roles: dict[str, str]) -> object:
    """Returns a request body that the route accepts."""
    operation = route.operations[0] if route.operations else UNNAMED[route.path]
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
        "add_fault": {"route": "GET /never"},
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
        "add_collection": {"label": "y"},
        "add_view": {"label": "y", "columns": [{"src": "project.label"}]},
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
        "create_download_ticket": {"nodes": [{"level": "acquisition", "_id": ids["acquisition"]}]},
        "create_signed_upload_url": {"provider_id": STORAGE_PROVIDER},
        "cleanup_signed_upload_url": {"provider_id": STORAGE_PROVIDER, "uuid": ids.get("object")},
        "complete_s3_multipart_upload": {
            "provider_id": STORAGE_PROVIDER,
            "uuid": ids.get("object"),
            "upload_id": ids.get("upload_id"),
            "etags": [hashlib.md5(b"part").hexdigest()],
        },
        "upsert_file": {
            "provider_id": STORAGE_PROVIDER,
            "uuid": ids.get("object"),
            "name": f"new{number}",
            "size": 4,
            "origin": {"type": "user"},
            "parent_ref": {"type": "acquisition", "id": ids["acquisition"]},
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


def prepare(route: Route, user: str, forest: Forest, params: dict[str, str]) -> None:
    """Makes what some routes need beforehand: results, tickets, tokens, objects in the store."""
    owner, operation = forest.clients["owner"], "".join(route.operations[:1])
    if isinstance(route.rule, OnRun | OnSave):
        params["containerId"] = forest.ids["project"]
    if isinstance(route.rule, OnExecution):
        forest.queue_view(user)
    elif operation == "restore_file":
        params["version"] = "1"
    elif operation in FOUND_ELSEWHERE:
        params["default"] = "https://example.com/picture"
    elif operation == "download_ticket":
        nodes = [{"level": "acquisition", "_id": forest.ids["acquisition"]}]
        params["ticket"] = forest.post("/download", {"nodes": nodes})["ticket"]
    elif operation == "upload_signed_fs_file":
        made = owner.post("/upload/signed-url", json={"provider_id": STORAGE_PROVIDER})
        params["token"] = httpx.URL(made.json()["upload_urls"][0]).params["token"]
    elif operation in ("project_packfile_upload", "end_project_packfile_upload"):
        packfile = f"/projects/{forest.ids['project']}/packfile"
        params["token"] = owner.post(f"{packfile}-start").json()["token"]
        owner.post(packfile, params=params, files=[("file", ("x", b"content"))])
        levels = {"session": {"label": "x"}, "acquisition": {"label": "x"}, "packfile": {"type": "dicom"}}
        params.update(metadata=json.dumps(levels), file_count="1")
    elif operation in ("cleanup_signed_upload_url", "complete_s3_multipart_upload", "upsert_file"):
        status = forest.clients[user].get("/auth/status")
        objects = forest.site.server.site.storage.objects
        owner_id = status.json()["origin"]["id"] if status.status_code == 200 else "nobody"
        pending = objects.begin("s3", owner_id, None, int(operation == "complete_s3_multipart_upload"), 60)
        writer = objects.writer(whole=True)
        writer.write(b"part")
        objects.put(pending, pending.parts, writer.finish())
        forest.ids.update(object=pending.name, upload_id=pending.upload_id)


def ask(route: Route, user: str, forest: Forest) -> httpx.Response:
    """Sends the request that a route is tried with."""
    params = {"exhaustive": "true"} if user == "site_admin_exhaustive" else {}
    request: dict[str, object] = {"params": params}
    prepare(route, user, forest, params)
    if route.takes_stream:
        request["files"] = [("file", ("x", b"content"))]
        if isinstance(route.rule, AtPlacement):
            place = {"group": {"_id": forest.ids["group"]}, "project": {"label": "x", "files": [{"name": "x"}]}}
            request["data"] = {"metadata": json.dumps(place)}
    elif route.method in ("POST", "PUT", "PATCH") or (route.operations[0:1] and route.method == "DELETE"):
        request["content"] = json.dumps(body(route, forest.ids, forest.site.roles))
    ids = forest.ids
    if route.operations == ("delete_user_key",):
        ids = {**ids, "user_key": forest.keys.get(user, "none")}
    return forest.clients[user].request(route.method, path(route, ids, user), **request)
