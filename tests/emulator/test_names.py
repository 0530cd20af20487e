"""Names of every shape come back byte for byte, or are refused, on every verb that takes one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

NAMES = [
    "two words",
    " edges ",
    "a/b",
    "100%",
    "x%2Fy",
    "#1",
    "why?",
    "it's",
    'say "hi"',
    "a,b",
    "two\nlines",
    "...",
    "/",
    "a\\b",
    "a+b&c=d;e",
    "<id:x>",
    "\t",
    "日本",
    "e\u0301",
    "é" * 127 + "x",
]
# What no path can name.
REFUSED = ["", ".", ".."]


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition", "analysis", "collection"])
def test_labels(http: httpx.Client, tree: Any, kind: str, name: str) -> None:
    bodies: dict[str, dict[str, str]] = {
        "project": {"group": tree.group},
        "subject": {"project": tree.project},
        "session": {"project": tree.project, "subject": tree.subject},
        "acquisition": {"session": tree.session},
    }
    family = "analyses" if kind == "analysis" else f"{kind}s"
    where = f"/sessions/{tree.session}/analyses" if kind == "analysis" else f"/{family}"
    node = got(http.post(where, json={**bodies.get(kind, {}), "label": name}))["_id"]
    assert got(http.get(f"/{family}/{node}"))["label"] == name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    wanted = {"filter": f'label="{quoted}",_id={node}'}
    assert [item["_id"] for item in got(http.get(f"/{family}", params=wanted))] == [node]
    got(http.put(f"/{family}/{node}", json={"label": "other"}))
    got(http.put(f"/{family}/{node}", json={"label": name}))
    path = [tree.group, "project", "subject", "session", "scan"]
    level = ["project", "subject", "session", "acquisition", "analysis", "collection"].index(kind)
    if kind == "analysis":
        path = [*path[:4], "analyses", name]
    elif kind != "collection":
        path = [*path[: level + 1], name]
    if kind != "collection":
        assert got(http.post("/lookup", json={"path": path}))["_id"] == node


@pytest.mark.parametrize("name", NAMES)
def test_tags(http: httpx.Client, tree: Any, name: str) -> None:
    for path in (f"/groups/{tree.group}", f"/sessions/{tree.session}"):
        added = http.post(f"{path}/tags", json={"value": name})
        if len(name) > 64:
            assert added.status_code == 422
            continue
        one = f"{path}/tags/{quote(name, safe='')}"
        assert got(http.get(one)) == name
        got(http.put(one, json={"value": "other"}))
        got(http.put(f"{path}/tags/other", json={"value": name}))
        assert got(http.get(path))["tags"] == [name]
        assert got(http.delete(one)) == {"deleted": 1}
        assert http.patch(f"{path}/tags", json=[name]).status_code == 200
        assert http.request("DELETE", f"{path}/tags", json=[name]).status_code == 200
        assert got(http.get(path))["tags"] == []
    if len(name) <= 64:
        got(http.patch(f"/files/{tree.file_id}/tags", json=[name]))
        assert got(http.get(f"/files/{tree.file_id}/tags")) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_notes(http: httpx.Client, tree: Any, name: str) -> None:
    note = got(http.post(f"/sessions/{tree.session}/notes", json={"text": name}))
    assert got(http.get(f"/sessions/{tree.session}/notes/{note['_id']}"))["text"] == name


@pytest.mark.parametrize("name", NAMES)
def test_files(http: httpx.Client, tree: Any, name: str) -> None:
    path = f"/sessions/{tree.session}"
    sent = http.post(f"{path}/files", files=[("file", ("f", b"x"))], data={"metadata": json.dumps({"name": name})})
    (entry,) = got(sent)
    one = f"{path}/files/{quote(name, safe='')}"
    assert (entry["name"], got(http.get(f"{one}/info"))["name"]) == (name, name)
    assert http.get(one).content == b"x"
    got(http.patch(f"{one}/info", json={"set": {"a": 1}}))
    got(http.put(one, json={"type": "text"}))
    looked_up = [tree.group, "project", "subject", "session", "files", name]
    assert got(http.post("/lookup", json={"path": looked_up}))["file_id"] == entry["file_id"]
    inputs = [{"type": "session", "id": tree.session, "name": name}]
    analysis = got(http.post(f"{path}/analyses", json={"label": "x", "inputs": inputs}))["_id"]
    assert [item["name"] for item in got(http.get(f"/analyses/{analysis}"))["inputs"]] == [name]
    assert len(got(http.get(f"/analyses/{analysis}/input_files/{quote(name, safe='')}/info"))) == 1
    got(http.post(f"/files/{entry['file_id']}/move", json={"name": "other"}))
    got(http.post(f"/files/{entry['file_id']}/move", json={"name": name}))
    assert got(http.delete(one))["deleted"] == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_path_can_name_is_refused(http: httpx.Client, tree: Any, name: str) -> None:
    path = f"/sessions/{tree.session}"
    assert http.post(f"{path}/tags", json={"value": name}).status_code == 422
    assert http.patch(f"{path}/tags", json=[name]).status_code == 422
    assert http.patch(f"/files/{tree.file_id}/tags", json=[name]).status_code == 422
    assert http.post(f"/files/{tree.file_id}/move", json={"name": name}).status_code == 422
    sent = http.post(f"{path}/files", files=[("file", ("f", b"x"))], data={"metadata": json.dumps({"name": name})})
    assert sent.status_code == 422
