"""Analyses made by hand: inputs, outputs, lists, paths, metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator

KINDS = ("project", "subject", "session", "acquisition")


def made(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["_id"])


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def reference(tree: Any, name: str = "a.txt") -> dict[str, str]:
    return {"type": "acquisition", "id": tree.acquisition, "name": name}


@pytest.mark.parametrize("kind", KINDS)
def test_an_analysis_belongs_to_the_container_it_was_added_to(http: httpx.Client, tree: Any, kind: str) -> None:
    ids = vars(tree)
    body = {"label": "mean", "description": "d", "info": {"a.b": 1}, "inputs": [reference(tree)]}
    analysis = made(http.post(f"/{kind}s/{ids[kind]}/analyses", params={"job": "true"}, json=body))
    found = got(http.get(f"/analyses/{analysis}", params={"inflate_job": "true"}))
    assert found["parent"] == {"type": kind, "id": ids[kind]}
    level = KINDS.index(kind)
    assert found["parents"] == {
        "group": tree.group,
        **{name: ids[name] if KINDS.index(name) <= level else None for name in KINDS},
        "analysis": None,
    }
    assert (found["label"], found["description"], found["info"], found["job"]) == ("mean", "d", {"a_b": 1}, None)
    assert [(item["name"], item["file_id"], item["file_group"]) for item in found["inputs"]] == [
        ("a.txt", tree.file_id, "inputs")
    ]
    assert got(http.get(f"/containers/{analysis}"))["container_type"] == "analysis"
    for path in (f"/{kind}s/{ids[kind]}", f"/containers/{ids[kind]}"):
        assert [item["_id"] for item in got(http.get(f"{path}/analyses"))] == [analysis]
        assert got(http.get(f"{path}/analyses/{analysis}"))["_id"] == analysis
        assert [item["_id"] for item in got(http.get(path))["analyses"]] == [analysis]
    assert got(http.get(f"/{kind}s", params={"filter": f"_id={ids[kind]}"}))[0]["analyses"] is None


def test_the_version_of_an_input_stays(http: httpx.Client, tree: Any) -> None:
    analysis = made(http.post(f"/sessions/{tree.session}/analyses", json={"label": "x", "inputs": [reference(tree)]}))
    http.post(f"/acquisitions/{tree.acquisition}/files", files=[("file", ("a.txt", b"second"))])
    http.delete(f"/files/{tree.file_id}")
    listed = got(http.get(f"/analyses/{analysis}/input_files/a.txt/info"))
    assert [(item["file_id"], item["version"]) for item in listed] == [(tree.file_id, 1)]
    assert http.get(f"/analyses/{analysis}/files/a.txt").content == b"content"
    assert http.get(f"/analyses/{analysis}/input_files/b.txt/info").status_code == 404


def test_a_missing_input_makes_nothing(http: httpx.Client, tree: Any) -> None:
    wrong = [reference(tree), reference(tree, "nothing.txt")]
    url = f"/sessions/{tree.session}/analyses"
    assert http.post(url, json={"label": "x", "inputs": wrong}).status_code == 404
    assert http.post(url, json={"label": "x", "inputs": [{**reference(tree), "type": "user"}]}).status_code == 422
    assert http.post(url, json={"label": "x", "job": {"gear_id": "x"}}).status_code == 501
    assert http.post(f"/groups/{tree.group}/analyses", json={"label": "x"}).status_code == 404
    assert http.post(f"/containers/{tree.group}/analyses", json={"label": "x"}).status_code == 422
    assert got(http.get(url)) == []


def test_an_input_is_sent_to_whoever_may_download_it_where_it_lies(
    site: Emulator, api: Callable[[str], httpx.Client], http: httpx.Client, plant: Callable[[], Any]
) -> None:
    theirs, own = plant(), plant()
    viewer = api(site.add_user("viewer@example.com"))
    actions = ["containers_view_metadata", "files_view_metadata"]
    role = made(http.post("/roles", json={"label": "viewer", "actions": actions}))
    for tree, role_id in ((theirs, role), (own, site.roles["admin"])):
        grant = {"_id": "viewer@example.com", "role_ids": [role_id]}
        got(http.post(f"/projects/{tree.project}/permissions", json=grant))
    body = {"label": "x", "inputs": [reference(theirs), {**reference(own), "id": own.acquisition}]}
    with_both = made(viewer.post(f"/projects/{own.project}/analyses", json=body))
    body = {"label": "y", "inputs": [reference(theirs)]}
    analysis = made(viewer.post(f"/projects/{own.project}/analyses", json=body))
    assert [item["name"] for item in got(viewer.get(f"/analyses/{analysis}"))["inputs"]] == ["a.txt"]
    file = f"/analyses/{analysis}/files/a.txt"
    for params in ({}, {"ticket": ""}, {"info": "true"}, {"member": "x"}, {"view": "true"}):
        assert viewer.get(file, params=params).status_code == 403, params
    below = f"/projects/{own.project}{file}"
    assert viewer.get(below).status_code == 403
    packed = {"nodes": [{"level": "analysis", "_id": analysis}]}
    assert viewer.post("/download", json=packed).status_code == 404
    found = got(viewer.post("/download", json={"nodes": [{"level": "analysis", "_id": with_both}]}))
    assert found["file_cnt"] == 1
    whole = viewer.post(
        "/download",
        params={"type": "full", "analyses": "true"},
        json={"nodes": [{"level": "project", "_id": own.project}]},
    )
    assert got(whole)["file_cnt"] == 2
    # A ticket is as good as what the one it was given to may do when it is used.
    grants = f"/projects/{theirs.project}/permissions/viewer@example.com"
    http.put(grants, json={"role_ids": [site.roles["ro"]]})
    ticket = got(viewer.get(file, params={"ticket": ""}))["ticket"]
    assert httpx.get(site.url + file, params={"ticket": ticket}, trust_env=False).content == b"content"
    http.put(grants, json={"role_ids": [role]})
    assert httpx.get(site.url + file, params={"ticket": ticket}, trust_env=False).status_code == 403


def test_outputs_come_and_go(http: httpx.Client, tree: Any) -> None:
    analysis = made(http.post(f"/sessions/{tree.session}/analyses", json={"label": "x"}))
    sent = [("file", ("1.txt", b"one")), ("file", ("2.txt", b"two"))]
    listed = got(http.post(f"/analyses/{analysis}/files", files=sent))
    assert [item["parents"]["analysis"] for item in listed] == [analysis, analysis]
    assert listed[0]["parent_ref"] == {"type": "analysis", "id": analysis}
    nested = f"/sessions/{tree.session}/analyses/{analysis}"
    assert http.get(f"{nested}/files/1.txt").content == b"one"
    http.post(f"{nested}/files", files=[("file", ("3.txt", b"three"))])
    assert got(http.patch(f"/analyses/{analysis}/files/1.txt/info", json={"set": {"a": 1}})) == {"modified": 1}
    assert got(http.get(f"/analyses/{analysis}/files/1.txt/info"))["info"] == {"a": 1}
    assert got(http.delete(f"/analyses/{analysis}/files/2.txt"))["deleted"] == 1
    assert [item["name"] for item in got(http.get(nested))["files"]] == ["1.txt", "3.txt"]
    page = got(http.get("/files", params={"filter": f"parents.analysis={analysis}"}))
    assert page["total"] == 2
    ticket = got(http.get(f"/analyses/{analysis}/files/1.txt?ticket="))["ticket"]
    plain = httpx.get(f"{http.base_url}analyses/{analysis}/files/1.txt", params={"ticket": ticket}, trust_env=False)
    assert plain.content == b"one"


def test_an_analysis_has_tags_notes_and_info(http: httpx.Client, tree: Any) -> None:
    analysis = made(http.post(f"/subjects/{tree.subject}/analyses", json={"label": "x"}))
    nested = f"/subjects/{tree.subject}/analyses/{analysis}"
    got(http.post(f"/analyses/{analysis}/tags", json={"value": "t"}))
    note = got(http.post(f"{nested}/notes", json={"text": "first"}))
    got(http.post(f"/analyses/{analysis}/notes", json={"text": "second"}))
    got(http.patch(f"/analyses/{analysis}/info", json={"set": {"a": 1}}))
    got(http.put(nested, json={"label": "y", "description": "new"}))
    found = got(http.get(f"/analyses/{analysis}"))
    assert (found["label"], found["description"], found["tags"], found["info"]) == ("y", "new", ["t"], {"a": 1})
    assert [item["text"] for item in found["notes"]] == ["first", "second"]
    assert got(http.delete(f"{nested}/notes/{note['_id']}")) == {"deleted": 1}
    assert http.put(f"/analyses/{analysis}", json={"info": {}}).status_code == 422
    assert got(http.delete(nested, params={"delete_reason": "test_data"}))["deleted"] == 1
    assert http.get(f"/analyses/{analysis}").status_code == 404


def test_a_wrong_parent_is_not_found(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    analysis = made(http.post(f"/sessions/{tree.session}/analyses", json={"label": "x"}))
    other = plant()
    assert http.get(f"/sessions/{other.session}/analyses/{analysis}").status_code == 404
    assert http.get(f"/projects/{tree.project}/analyses/{analysis}").status_code == 404
    assert http.get(f"/containers/{tree.session}/analyses/{analysis}").status_code == 200


def test_paths_lead_to_analyses(http: httpx.Client, tree: Any) -> None:
    labels = {"project": "a/b", "session": "<id:x>", "acquisition": "mean"}
    way = [tree.group, "project", "subject", "session", "scan"]
    for number, kind in enumerate(KINDS, 2):
        if kind not in labels:
            continue
        analysis = made(http.post(f"/{kind}s/{vars(tree)[kind]}/analyses", json={"label": labels[kind]}))
        http.post(f"/analyses/{analysis}/files", files=[("file", ("o.txt", b"x"))])
        path = [*way[:number], "analyses", labels[kind]]
        assert got(http.post("/lookup", json={"path": path}))["_id"] == analysis
        by_id = [*way[:number], "analyses", f"<id:{analysis}>"]
        assert got(http.post("/lookup", json={"path": by_id}))["container_type"] == "analysis"
        below = got(http.post("/resolve", json={"path": path}))["children"]
        assert [item["name"] for item in below] == ["o.txt"]
        assert got(http.post("/lookup", json={"path": [*path, "files", "o.txt"]}))["parent_ref"]["id"] == analysis
        children = got(http.post("/resolve", json={"path": way[:number]}))["children"]
        assert analysis in [item["_id"] for item in children]
        assert http.post("/lookup", json={"path": [*path, "deeper"]}).status_code == 404


def test_lists_of_analyses(http: httpx.Client, tree: Any) -> None:
    ids = vars(tree)
    analyses = {kind: made(http.post(f"/{kind}s/{ids[kind]}/analyses", json={"label": kind})) for kind in KINDS}
    by_parent = {"filter": f"parents.project={tree.project}", "sort": "label:desc"}
    assert [item["label"] for item in got(http.get("/analyses", params=by_parent))] == sorted(KINDS, reverse=True)
    one = got(http.get("/analyses", params={"filter": f"parent.type=session,parent.id={tree.session}"}))
    assert [item["_id"] for item in one] == [analyses["session"]]
    everything = got(http.get(f"/projects/{tree.project}/all/analyses"))
    assert [item["_id"] for item in everything] == sorted(analyses.values())
    assert [item["label"] for item in got(http.get(f"/projects/{tree.project}/sessions/analyses"))] == ["session"]
    assert http.get(f"/sessions/{tree.session}/subjects/analyses").status_code == 400
    assert http.get(f"/nothings/{tree.session}/all/analyses").status_code == 404


def test_analyses_go_with_what_they_belong_to(http: httpx.Client, tree: Any, plant: Callable[[], Any]) -> None:
    analysis = made(http.post(f"/acquisitions/{tree.acquisition}/analyses", json={"label": "x"}))
    http.post(f"/analyses/{analysis}/files", files=[("file", ("o.txt", b"x"))])
    other = plant()
    got(http.put(f"/acquisitions/{tree.acquisition}", json={"session": other.session}))
    moved = got(http.get(f"/analyses/{analysis}"))
    assert (moved["parents"]["session"], moved["parents"]["project"]) == (other.session, other.project)
    assert moved["files"][0]["parents"]["project"] == other.project
    got(http.delete(f"/sessions/{other.session}"))
    assert http.get(f"/analyses/{analysis}").status_code == 404
