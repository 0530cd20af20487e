"""Uploads by label and by uid, and packfiles."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, packfiles


def send(http: httpx.Client, how: str, metadata: Any, *names: str, **params: str) -> httpx.Response:
    files = [("files", (name, name.encode())) for name in names]
    data = {} if metadata is None else {"metadata": json.dumps(metadata)}
    return http.post(f"/upload/{how}", files=files, data=data, params=params)


def placed(http: httpx.Client, how: str, metadata: Any, *names: str, **params: str) -> list[dict[str, Any]]:
    response = send(http, how, metadata, *names, **params)
    assert response.status_code == 200, response.text
    return list(response.json())


def test_a_branch_is_made_and_found_again(http: httpx.Client, tree: Any) -> None:
    metadata: dict[str, Any] = {
        "group": {"_id": tree.group},
        "project": {"label": "PROJECT", "files": [{"name": "p.txt"}]},
        "session": {
            "label": "new",
            "operator": "me",
            "subject": {"code": "01", "sex": "female", "files": [{"name": "s.txt"}]},
            "files": [{"name": "e.txt", "tags": ["t"]}],
        },
        "acquisition": {
            "label": "scan",
            "timestamp": "2020-01-02T03:04:05Z",
            "info": {"a.b": 1},
            "files": [{"name": "a.dcm", "type": "dicom", "info": {"x.y": 1}}],
        },
    }
    entries = placed(http, "label", metadata, "p.txt", "s.txt", "e.txt", "a.dcm", "not named.txt")
    assert [entry["name"] for entry in entries] == ["p.txt", "s.txt", "e.txt", "a.dcm"]
    assert [entry["parent_ref"]["type"] for entry in entries] == ["project", "subject", "session", "acquisition"]
    assert entries[0]["parent_ref"]["id"] == tree.project, "labels of projects are compared without case"
    assert entries[3]["_id"] == {"file_id": entries[3]["file_id"], "version": 1}
    assert (entries[3]["type"], entries[3]["info"], entries[2]["tags"]) == ("dicom", {"x_y": 1}, ["t"])
    parents = entries[3]["parents"]
    session = http.get(f"/sessions/{parents['session']}").json()
    assert (session["operator"], session["subject"]["label"], session["subject"]["sex"]) == ("me", "01", "female")
    assert session["timestamp"] == "2020-01-02T03:04:05+00:00", "it starts with its first acquisition"
    assert http.get(f"/acquisitions/{parents['acquisition']}").json()["info"] == {"a_b": 1}
    metadata["session"].update(operator="you", weight=70)
    metadata["acquisition"]["timestamp"] = "2020-01-01T00:00:00Z"
    again = placed(http, "label", metadata, "a.dcm")
    assert (again[0]["parents"], again[0]["version"]) == (parents, 2)
    session = http.get(f"/sessions/{parents['session']}").json()
    assert (session["operator"], session["weight"]) == ("me", 70), "only what was missing is filled in"
    other = {**metadata, "session": {"label": "new", "subject": {"code": "02"}, "files": [{"name": "e.txt"}]}}
    (entry,) = placed(http, "label", {**other, "acquisition": None}, "e.txt")
    assert entry["parents"]["session"] is not None
    assert entry["parents"]["subject"] != parents["subject"], "a session of another subject is another session"


def test_a_number_that_is_0_is_there(http: httpx.Client, tree: Any) -> None:
    metadata: dict[str, Any] = {"group": {"_id": tree.group}, "project": {"label": "project"}}
    metadata["session"] = {
        "label": "born",
        "age": 0,
        "operator": "",
        "subject": {"label": "b"},
        "files": [{"name": "e"}],
    }
    (entry,) = placed(http, "label", metadata, "e")
    metadata["session"].update(age=99, operator="me")
    placed(http, "label", metadata, "e")
    session = http.get(f"/sessions/{entry['parents']['session']}").json()
    assert (session["age"], session["operator"]) == (0, "me")


def test_what_is_not_what_was_announced(http: httpx.Client, tree: Any) -> None:
    metadata: dict[str, Any] = {"group": {"_id": tree.group}, "project": {"label": "announced"}}
    metadata["project"]["files"] = [{"name": "name", "size": 3}]
    assert send(http, "label", metadata, "name").status_code == 422
    twice = send(http, "label", {**metadata, "project": {"files": [{"name": "name"}]}}, "name", "name")
    assert (twice.status_code, "two files 'name'" in twice.json()["message"]) == (422, True)
    metadata["project"]["files"][0]["size"] = 4
    (entry,) = placed(http, "label", metadata, "name")
    assert (entry["size"], entry["version"]) == (4, 1)


def test_by_uid(http: httpx.Client, tree: Any) -> None:
    metadata: dict[str, Any] = {"group": {"_id": tree.group.upper()}, "project": {"label": "project"}}
    metadata["session"] = {"uid": f"1.2.{tree.session}", "label": "one", "files": [{"name": "e"}]}
    metadata["acquisition"] = {"uid": "3.4", "files": [{"name": "a"}]}
    first = placed(http, "uid", metadata, "e", "a")
    assert http.get(f"/acquisitions/{first[1]['parents']['acquisition']}").json()["label"] == "3.4"
    assert http.get(f"/subjects/{first[0]['parents']['subject']}").json()["label"] == "unknown"
    metadata["session"]["label"] = "two"
    again = placed(http, "uid", metadata, "e", "a")
    assert [entry["file_id"] for entry in again] == [entry["file_id"] for entry in first]
    assert send(http, "uid", {**metadata, "session": {"label": "x"}}, "a").status_code == 422
    assert send(http, "label", {**metadata, "session": {"uid": "x"}}, "a").status_code == 422


def test_the_reaper_finds_its_session_wherever_it_is(http: httpx.Client, plant: Callable[[], Any]) -> None:
    here, there = plant(), plant()
    uid = f"5.6.{here.session}"
    level = {"uid": uid, "label": "x", "files": [{"name": "f"}]}
    first = placed(http, "uid", {"group": {"_id": here.group}, "project": {"label": "project"}, "session": level}, "f")
    elsewhere = {"group": {"_id": there.group}, "project": {"label": "project"}, "session": level}
    again = placed(http, "reaper", elsewhere, "f")
    assert again[0]["file_id"] == first[0]["file_id"]
    (other,) = placed(http, "reaper", elsewhere, "f", uid_placement="false")
    assert other["parents"]["project"] == there.project


def test_a_group_that_is_nearly_named_and_one_that_is_not_there(site: Emulator, http: httpx.Client, api: Any) -> None:
    http.post("/groups", json={"_id": "neuroscience", "label": "x"})
    near = {"group": {"_id": "neurosciense"}, "project": {"label": "made", "files": [{"name": "f"}]}}
    (entry,) = placed(http, "label", near, "f")
    assert entry["parents"]["group"] == "neuroscience"
    far = {"group": {"_id": "zzzz"}, "project": {"label": "made", "files": [{"name": "f"}]}}
    (entry,) = placed(http, "label", far, "f")
    assert entry["parents"]["group"] == "unknown"
    assert http.get(f"/projects/{entry['parents']['project']}").json()["label"] == "zzzz_made"
    (entry,) = placed(http, "label", {"project": {"files": [{"name": "f"}]}}, "f")
    assert http.get(f"/projects/{entry['parents']['project']}").json()["label"] == "Unknown"
    writer = api(site.add_user("placing@example.com"))
    assert send(writer, "label", near, "f").status_code == 403
    new = {"group": {"_id": "neuroscience"}, "project": {"label": "new", "files": [{"name": "f"}]}}
    http.post("/groups/neuroscience/permissions", json={"_id": "placing@example.com", "access": "ro"})
    assert send(writer, "label", new, "f").status_code == 403
    http.put("/groups/neuroscience/permissions/placing@example.com", json={"access": "rw"})
    assert send(writer, "label", new, "f").status_code == 200


def test_uploads_that_are_refused(http: httpx.Client, tree: Any) -> None:
    place = {"group": {"_id": tree.group}, "project": {"label": "project", "files": [{"name": "f"}]}}
    assert send(http, "label", None, "f").status_code == 400
    assert send(http, "label", place).status_code == 400
    assert send(http, "label", [], "f").status_code == 422
    assert send(http, "label", {**place, "colour": 1}, "f").status_code == 422
    assert send(http, "label", {**place, "acquisition": {"label": "x"}}, "f").status_code == 422
    assert send(http, "label", {**place, "session": {"files": []}}, "f").status_code == 422
    bad = {"group": {"_id": tree.group}, "project": {"label": "project", "files": [{"name": ".."}]}}
    assert send(http, "label", bad, "..").status_code == 422
    assert http.get(f"/projects/{tree.project}").json()["files"] == []


def end(http: httpx.Client, where: str, token: str, count: int, **metadata: Any) -> httpx.Response:
    levels = {"session": {"label": "packed"}, "acquisition": {"label": "T1 / ünï"}, "packfile": {"type": "dicom"}}
    params = {"token": token, "metadata": json.dumps({**levels, **metadata}), "file_count": str(count)}
    return http.get(f"/projects/{where}/packfile-end", params=params)


def test_a_packfile(http: httpx.Client, tree: Any) -> None:
    token = http.post(f"/projects/{tree.project}/packfile-start").json()["token"]
    where = f"/projects/{tree.project}/packfile"
    for names in (["1.dcm", "2.dcm"], ["3.dcm"]):
        files = [("file", (name, name.encode())) for name in names]
        answer = http.post(where, params={"token": token}, files=files)
        assert [item["name"] for item in answer.json()] == names
    assert end(http, tree.project, token, 2).status_code == 422, "another number of files"
    response = end(http, tree.project, token, 3, project={"_id": tree.project})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\ndata: ") for block in response.text.strip().split("\n\n")]
    assert [name for name, _ in events] == ["event: progress"] * 3 + ["event: result"]
    result = json.loads(events[-1][1])
    assert (result["info"]["name"], result["info"]["type"]) == ("T1  n.zip", "dicom")
    content = http.get(f"/acquisitions/{result['acquisition_id']}/files/{result['info']['name']}").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {f"T1  n/{number}.dcm": f"{number}.dcm".encode() for number in (1, 2, 3)}
    session = http.get(f"/sessions/{result['session_id']}").json()
    assert (session["label"], session["project"]) == ("packed", tree.project)
    assert end(http, tree.project, token, 3).status_code == 404, "a token is good for one packfile"


def test_packfiles_that_are_refused(http: httpx.Client, plant: Callable[[], Any]) -> None:
    here, there = plant(), plant()
    token = http.post(f"/projects/{here.project}/packfile-start").json()["token"]
    files = [("file", ("x", b"x"))]
    assert http.post(f"/projects/{here.project}/packfile", files=files).status_code == 404
    assert http.post(f"/projects/{there.project}/packfile", params={"token": token}, files=files).status_code == 404
    assert end(http, here.project, token, 0).status_code == 400, "it is empty"
    http.post(f"/projects/{here.project}/packfile", params={"token": token}, files=files)
    assert end(http, here.project, token, 1, project={"_id": there.project}).status_code == 404
    assert end(http, here.project, token, 1, packfile={}).status_code == 422
    assert end(http, here.project, token, 1, session=1).status_code == 422


def test_old_packfiles_are_cleaned_away(http: httpx.Client, tree: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    http.post("/clean-packfiles")
    token = http.post(f"/projects/{tree.project}/packfile-start").json()["token"]
    http.post(f"/projects/{tree.project}/packfile", params={"token": token}, files=[("file", ("x", b"x"))])
    assert http.post("/clean-packfiles").json() == {"removed": {"tokens": 0, "files": 0}}
    monkeypatch.setattr(packfiles, "LIFETIME", 0.0)
    removed = http.post("/clean-packfiles").json()["removed"]
    assert (removed["tokens"] >= 1, removed["files"] >= 1) == (True, True)
    assert end(http, tree.project, token, 1).status_code == 404
