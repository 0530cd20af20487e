"""Running, keeping and storing data views: executions, saved views, mistakes, limits."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.emulator.conftest import Api, Tree, ok
from tests.emulator.view_site import zipped

from flywheel_async.emulator import Emulator
from flywheel_async.emulator.process import EmulatorProcess
from flywheel_async.emulator.views import matching

LABELS: dict[str, Any] = {"columns": [{"src": "session.label"}], "includeIds": False, "errorColumn": False}
ROWS = [{"project.label": "project", "subject.label": "subject", "session.label": "session"}]
# A pattern that takes longer than anybody would wait, and a text that it does not match.
SLOW = "^(a|a|aa)+$"
LONG = "a" * 40 + "b"


def queue(http: httpx.Client, on: str, view: dict[str, Any] | str, **params: str) -> dict[str, Any]:
    """Queues a view and returns the execution when it has ended."""
    params["containerId"] = on
    if isinstance(view, str):
        queued = ok(http.post(f"/views/{view}/queue", params=params)).json()
    else:
        queued = ok(http.post("/views/queue", params=params, json=view)).json()
    assert queued["state"] == "queued"
    return ended(http, queued["_id"])


def ended(http: httpx.Client, execution_id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found: dict[str, Any] = ok(http.get(f"/data_view_executions/{execution_id}")).json()
        if found["state"] in ("completed", "failed"):
            return found
        time.sleep(0.01)
    raise AssertionError("the execution does not end")


def data(http: httpx.Client, execution_id: str, **params: str) -> Any:
    return ok(http.get(f"/data_view_executions/{execution_id}/data", params=params)).json()


def upload(http: httpx.Client, on: str, name: str, content: bytes) -> None:
    ok(http.post(on, files=[("file", ("x", content))], data={"metadata": json.dumps({"name": name})}))


def test_an_execution_from_start_to_end(http: httpx.Client, tree: Tree) -> None:
    found = queue(http, tree.project, {**LABELS, "label": "mine"})
    assert found["state"] == "completed"
    assert (found["project_id"], found["data_view_label"], found["data_view_id"]) == (tree.project, "mine", None)
    assert found["user_id"] == "admin@emulator.local"
    assert found["created"] <= found["timestamp_ran"] <= found["modified"] < found["expires_on"]
    assert data(http, found["_id"]) == {"data": ROWS}
    assert data(http, found["_id"], file_format="json-flat") == ROWS
    answer = http.get(f"/data_view_executions/{found['_id']}/data", params={"file_format": "csv", "file_name": "mine"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="mine.csv"'
    listed = http.get("/data_view_executions", params={"filter": f"project_id={tree.project}"}).json()
    assert [item["_id"] for item in listed] == [found["_id"]]
    assert http.post(f"/data_view_executions/{found['_id']}/delete").json() == {"deleted": 1}
    for path in ("", "/data"):
        assert http.get(f"/data_view_executions/{found['_id']}{path}").status_code == 404


def test_the_query_filters_sorts_and_cuts(http: httpx.Client, tree: Tree) -> None:
    for label in ("b", "a", "c"):
        ok(http.post("/acquisitions", json={"session": tree.session, "label": label}))
    view = {"columns": [{"src": "acquisition.label", "dst": "l"}], "includeIds": False, "includeLabels": False}
    found = queue(http, tree.project, view, filter="l!=scan", sort="l:desc", skip="1", limit="1")
    assert data(http, found["_id"]) == {"data": [{"l": "b", "errors": None}]}


def test_saved_views(http: httpx.Client, tree: Tree) -> None:
    made = ok(http.post(f"/containers/{tree.project}/views", json={**LABELS, "label": "mine", "sort": True})).json()
    view = http.get(f"/views/{made['_id']}").json()
    assert (view["label"], view["columns"]) == ("mine", [{"src": "session.label"}])
    assert view["origin"] == {"type": "user", "id": "admin@emulator.local"}
    assert [item["_id"] for item in http.get(f"/containers/{tree.project}/views").json()] == [made["_id"]]
    found = queue(http, tree.session, made["_id"])
    assert (found["data_view_id"], found["data_view_label"]) == (made["_id"], "mine")
    assert data(http, found["_id"]) == {"data": ROWS}
    assert ok(http.put(f"/views/{made['_id']}", json={"label": "ours", "includeLabels": False})).json() == {
        "modified": 1
    }
    params = {"containerId": tree.project, "format": "json-flat"}
    assert http.get(f"/views/{made['_id']}/data", params=params).json() == [{"session.label": "session"}]
    assert http.get(f"/views/{made['_id']}").json()["label"] == "ours"
    assert http.put(f"/views/{made['_id']}", json={"columns": [{"src": "nothing"}]}).status_code == 422
    assert http.delete(f"/views/{made['_id']}").json() == {"deleted": 1}
    for response in (
        http.get(f"/views/{made['_id']}"),
        http.get(f"/views/{made['_id']}/data", params=params),
        http.post(f"/views/{made['_id']}/queue", params=params),
    ):
        assert response.status_code == 404
        assert "view" in response.json()["message"]
    # What was run before is still there.
    assert data(http, found["_id"]) == {"data": ROWS}


def test_views_of_site_group_and_user(site: Emulator, api: Api, http: httpx.Client, tree: Tree) -> None:
    member, other = (api(site.add_user(f"{name}@example.com")) for name in ("member", "other"))
    ok(http.post(f"/groups/{tree.group}/permissions", json={"_id": "member@example.com", "access": "ro"}))
    view = {**LABELS, "label": "mine"}
    expected = {
        "site": ((200, 403, 403), (200, 200, 200)),
        tree.group: ((200, 403, 403), (200, 200, 403)),
        "member@example.com": ((200, 200, 403), (200, 200, 403)),
    }
    for owner, (may_add, may_see) in expected.items():
        for client, add, see in zip((http, member, other), may_add, may_see, strict=True):
            assert client.post(f"/containers/{owner}/views", json=view).status_code == add, owner
            assert client.get(f"/containers/{owner}/views").status_code == see, owner
    assert http.post(f"/containers/{tree.session}/views", json=view).status_code == 422
    assert http.post("/containers/nobody/views", json=view).status_code == 404
    assert http.post("/containers/site/views", json=LABELS).status_code == 422


def test_storing_a_result(http: httpx.Client, tree: Tree) -> None:
    into = {"containerType": "session", "containerId": tree.session, "filename": "found.tsv"}
    made = ok(http.post("/views/save", params={"containerId": tree.project}, json={**into, "view": LABELS})).json()
    assert made["_id"] == {"file_id": made["file_id"], "version": 1}
    assert (made["name"], made["parent_ref"]) == ("found.tsv", {"type": "session", "id": tree.session})
    stored = http.get(f"/sessions/{tree.session}/files/found.tsv").text
    assert list(csv.DictReader(io.StringIO(stored), delimiter="\t")) == ROWS
    found = queue(http, tree.session, {**LABELS, "label": "mine"})
    made = ok(http.post(f"/data_view_executions/{found['_id']}/save", params={"file_format": "csv"})).json()
    assert (made["name"], made["parent_ref"]) == ("mine.csv", {"type": "project", "id": tree.project})
    stored = http.get(f"/projects/{tree.project}/files/mine.csv").text
    assert list(csv.DictReader(io.StringIO(stored))) == ROWS
    for change, status in (
        ({"filename": ".."}, 422),
        ({"containerType": "group", "containerId": tree.group}, 422),
        ({"containerId": tree.project}, 404),
        ({"viewId": "x"}, 404),
        ({"view": None}, 422),
        ({"view": {"columns": [{"src": "x"}]}}, 422),
    ):
        body = {**into, "view": LABELS, **change}
        assert http.post("/views/save", params={"containerId": tree.project}, json=body).status_code == status, change
    names = {item["name"] for item in http.get(f"/sessions/{tree.session}").json()["files"]}
    assert names == {"found.tsv"}


def test_a_ticket_does_instead_of_a_key(http: httpx.Client, api: Api, tree: Tree) -> None:
    view = ok(http.post(f"/containers/{tree.project}/views", json={**LABELS, "label": "mine"})).json()["_id"]
    found = queue(http, tree.project, view)["_id"]
    stranger = api("")
    paths = [f"/views/{view}/data?containerId={tree.project}", f"/data_view_executions/{found}/data?file_name=x"]
    tickets = [ok(http.get(f"{path}&ticket=")).json()["ticket"] for path in paths]
    for path, ticket in zip(paths, tickets, strict=True):
        assert ok(stranger.get(f"{path}&ticket={ticket}")).json() == {"data": ROWS}
    assert stranger.get(f"{paths[0]}&ticket={tickets[1]}").status_code == 400
    assert stranger.get(f"/acquisitions/{tree.acquisition}/files/a.txt?ticket={tickets[0]}").status_code == 404


def test_what_a_role_does_not_allow(site: Emulator, api: Api, http: httpx.Client, tree: Tree) -> None:
    """Containers, files, contents and analyses take actions of their own."""
    user = "narrow@example.com"
    client = api(site.add_user(user))
    spec: dict[str, Any] = {"container": "session", "filter": {"value": "*"}, "processFiles": False}
    of_files = {"columns": [{"src": "file.name"}], "fileSpec": spec}
    of_contents = {"fileSpec": {**spec, "processFiles": True}}
    of_analyses = {**of_files, "fileSpec": {**spec, "analysisFilter": {"label": {"value": "*"}}}}
    views = [LABELS, of_files, of_contents, of_analyses]
    actions = ["containers_view_metadata", "files_view_metadata", "files_download", "analyses_view_metadata"]
    for count in range(5):
        role = ok(http.post("/roles", json={"label": "narrow", "actions": actions[:count]})).json()["_id"]
        entry = f"/projects/{tree.project}/permissions"
        http.delete(f"{entry}/{user}")
        ok(http.post(entry, json={"_id": user, "role_ids": [role]}))
        statuses = [
            client.post("/views/data", params={"containerId": tree.project}, json=view).status_code for view in views
        ]
        assert statuses == [200 if number < count else 403 for number in range(4)], count


def test_executions_belong_to_who_queued_them(site: Emulator, api: Api, http: httpx.Client, tree: Tree) -> None:
    member = api(site.add_user("reader@example.com"))
    entry = f"/projects/{tree.project}/permissions"
    ok(http.post(entry, json={"_id": "reader@example.com", "role_ids": [site.roles["ro"]]}))
    mine, theirs = (queue(client, tree.project, LABELS)["_id"] for client in (http, member))
    assert member.get(f"/data_view_executions/{mine}").status_code == 403
    assert http.get(f"/data_view_executions/{theirs}/data").status_code == 403
    assert http.get(f"/data_view_executions/{theirs}/data", params={"exhaustive": "true"}).status_code == 200
    assert [item["_id"] for item in member.get("/data_view_executions").json()] == [theirs]
    everything = {item["_id"] for item in http.get("/data_view_executions", params={"exhaustive": "true"}).json()}
    assert {mine, theirs} <= everything
    http.delete(f"{entry}/reader@example.com")
    assert member.get(f"/data_view_executions/{theirs}/data").status_code == 403


SPEC: dict[str, Any] = {"container": "session", "filter": {"value": "*"}}


@pytest.mark.parametrize(
    ("view", "loc", "words"),
    [
        ({}, ["body", "columns"], "needs columns or a fileSpec"),
        ({"columns": [{"src": "nothing"}]}, ["body", "columns", 0, "src"], "unknown column 'nothing'"),
        ({"columns": [{"src": "session.nothing"}]}, ["body", "columns", 0, "src"], "unknown column 'session.nothing'"),
        ({"columns": [{"src": "planet.name"}]}, ["body", "columns", 0, "src"], "unknown column"),
        ({"columns": [{"src": "session.permissions"}]}, ["body", "columns", 0, "src"], "unknown column"),
        ({"columns": [{"src": "file.name"}]}, ["body", "columns", 0, "src"], "needs a fileSpec"),
        ({"columns": [{"src": "analysis.label"}], "fileSpec": SPEC}, ["body", "columns", 0, "src"], "analysisFilter"),
        ({"columns": [{"src": "session.label", "type": "date"}]}, ["body", "columns", 0, "type"], "'int', 'float'"),
        ({"columns": [{"src": "session.age", "expr": "x ** 2"}]}, ["body", "columns", 0, "expr"], "bad expression"),
        ({"columns": [{"src": "session.age", "expr": "open(x)"}]}, ["body", "columns", 0, "expr"], "bad expression"),
        ({"columns": [{"src": "session.age", "expr": "x +"}]}, ["body", "columns", 0, "expr"], "bad expression"),
        (
            {"columns": [{"src": "session.label", "dst": "a"}, {"src": "subject.label", "dst": "a"}]},
            ["body", "columns"],
            "two columns are called 'a'",
        ),
        ({"columns": [{"src": "session.label", "dst": "errors"}]}, ["body", "columns"], "errorColumn"),
        ({"columns": [{"src": "session.age", "accumulator": "sum"}]}, ["body", "columns"], "needs a groupBy"),
        (
            {"columns": [{"src": "session.age"}], "groupBy": {"columns": ["subject.sex"]}},
            ["body", "columns"],
            "needs an accumulator",
        ),
        (
            {"columns": [{"src": "acquisition.label"}], "fileSpec": SPEC},
            ["body", "fileSpec", "container"],
            "must be the lowest one",
        ),
        ({"fileSpec": {**SPEC, "container": "group"}}, ["body", "fileSpec", "container"], "'project', 'subject'"),
        ({"fileSpec": {**SPEC, "match": "any"}}, ["body", "fileSpec", "match"], "'first', 'last'"),
        ({"fileSpec": {**SPEC, "format": "xml"}}, ["body", "fileSpec", "format"], "'csv', 'tsv' or 'json'"),
        (
            {"fileSpec": {**SPEC, "formatOptions": {"delimiter": ""}}},
            ["body", "fileSpec", "formatOptions", "delimiter"],
            "",
        ),
        ({"fileSpec": {**SPEC, "formatOptions": {"strict": 1}}}, ["body", "fileSpec", "formatOptions", "strict"], ""),
        (
            {"fileSpec": {**SPEC, "filter": {"value": "(", "regex": True}}},
            ["body", "fileSpec", "filter", "value"],
            "bad pattern",
        ),
        (
            {"fileSpec": {**SPEC, "processFiles": False, "columns": [{"src": "x"}]}},
            ["body", "fileSpec", "columns", 0],
            "need processFiles",
        ),
        ({"columns": [{"src": "session.label"}], "filter": "x"}, ["body", "filter"], "no operator"),
        ({"columns": [{"src": "session.label"}], "filter": "nothing=1"}, ["body", "filter", "src"], "unknown column"),
        (
            {"columns": [{"src": "session.label"}], "filter": "acquisition.label=1"},
            ["body", "filter"],
            "below the sessions",
        ),
        ({"columns": [{"src": "session.label"}], "missingDataStrategy": "guess"}, ["body", "missingDataStrategy"], ""),
        ({"columns": [{"src": "session.label"}], "surprise": 1}, ["body", "surprise"], ""),
    ],
)
def test_mistakes_are_told(http: httpx.Client, tree: Tree, view: dict[str, Any], loc: list[object], words: str) -> None:
    for path in ("/views/data", "/views/queue"):
        response = http.post(path, params={"containerId": tree.project}, json=view)
        assert response.status_code == 422, response.text
        assert response.json()["detail"][0]["loc"] == loc
        assert words in response.json()["detail"][0]["msg"]


def test_mistakes_in_the_query(http: httpx.Client, tree: Tree) -> None:
    for params, status in (
        ({}, 422),
        ({"containerId": "nothing"}, 404),
        ({"containerId": tree.group}, 422),
        ({"containerId": tree.project, "format": "xml"}, 422),
        ({"containerId": tree.project, "limit": "x"}, 422),
        ({"containerId": tree.project, "filter": "x"}, 422),
        ({"containerId": tree.project, "filter": "session.label=~("}, 422),
        ({"containerId": tree.project, "sort": "acquisition.label"}, 422),
    ):
        assert http.post("/views/data", params=params, json=LABELS).status_code == status, params


def test_a_catastrophic_pattern_ends_and_holds_nobody_up(
    http: httpx.Client, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "BUDGET_SECONDS", 3.0)
    upload(http, f"/sessions/{tree.session}/files", LONG, b"x")
    view = {"fileSpec": {**SPEC, "filter": {"value": SLOW, "regex": True}, "processFiles": False}}
    queued = [ok(http.post("/views/queue", params={"containerId": tree.project}, json=view)).json() for _ in range(2)]
    slowest = 0.0
    for _ in range(10):
        started = time.monotonic()
        ok(http.get("/projects"))
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 1.5
    for item in queued:
        found = ended(http, item["_id"])
        assert (found["state"], found["reason"]) == ("failed", "the patterns of the view took longer than 1 s")
        answer = http.get(f"/data_view_executions/{item['_id']}/data")
        assert answer.status_code == 409
        assert "took longer" in answer.json()["message"]
    named = {"columns": [{"src": "file.name"}], "fileSpec": {**SPEC, "processFiles": False}}
    params = {"containerId": tree.project, "filter": f"file.name=~{SLOW}"}
    answer = http.post("/views/data", params=params, json=named)
    assert answer.status_code == 422
    assert "took longer" in answer.json()["message"]


def test_a_container_that_is_deleted_meanwhile(http: httpx.Client, site: Emulator, tree: Tree) -> None:
    found = queue(http, tree.project, LABELS)["_id"]
    ok(http.delete(f"/projects/{tree.project}"))
    assert http.get(f"/data_view_executions/{found}/data").status_code == 404
    assert http.post("/views/queue", params={"containerId": tree.project}, json=LABELS).status_code == 404


def test_hostile_files_are_errors_of_their_rows(http: httpx.Client, tree: Tree) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one line.csv", b"a" * (8 * 1024 * 1024))
        archive.writestr("large.json", b" " * (11 * 1024 * 1024) + b"[]")
    hostile = {
        "a.json": b'{"a": NaN}',
        "b.json": b"[" * 100_000,
        "c.json": b'{"a": "\\ud800"}',
        "d.json": b"[1]",
        "e.csv": b"",
        "f.csv": b"a\n" + b"x" * 200_000,
        "g.csv": b",".join(b"c" for _ in range(2000)),
        "h.csv.gz": b"no gzip",
        "i.json": b'{"a": 1e999, "b": [1e999], "c": 1}',
    }
    for name, content in hostile.items():
        upload(http, f"/sessions/{tree.session}/files", name, content)
    spec = {**SPEC, "match": "all", "columns": [{"src": "a"}, {"src": "b"}, {"src": "c"}]}
    view = {"columns": [{"src": "file.name"}], "fileSpec": spec, "includeIds": False, "includeLabels": False}
    rows = ok(http.post("/views/data", params={"containerId": tree.project}, json=view)).json()["data"]
    assert {row["file.name"] for row in rows if row["errors"]} == set(hostile) - {"i.json"}
    assert rows[-1] == {"file.name": "i.json", "a": None, "b": None, "c": 1, "errors": None}
    upload(http, f"/sessions/{tree.session}/files", "bomb.zip", bomb.getvalue())
    for member, words in (("*.csv", "a line has"), ("*.json", "at most")):
        spec = {**SPEC, "filter": {"value": "bomb.zip"}, "zipMember": {"value": member}}
        rows = ok(http.post("/views/data", params={"containerId": tree.project}, json={"fileSpec": spec})).json()[
            "data"
        ]
        assert words in rows[0]["errors"]


@pytest.mark.parametrize(
    "options", [{"quotechar": ","}, {"escapechar": '"'}, {"delimiter": " ", "skipinitialspace": True}]
)
def test_options_that_exclude_each_other(http: httpx.Client, tree: Tree, options: dict[str, Any]) -> None:
    upload(http, f"/sessions/{tree.session}/files", "o.csv", b"a,b\n1,2\n")
    view = {"fileSpec": {**SPEC, "filter": {"value": "o.csv"}, "formatOptions": options, "columns": [{"src": "a"}]}}
    (row,) = ok(http.post("/views/data", params={"containerId": tree.project}, json=view)).json()["data"]
    assert row["a"] is None
    assert "exclude each other" in row["errors"]


def test_a_column_of_the_file_does_not_hide_one_of_the_view(http: httpx.Client, tree: Tree) -> None:
    upload(http, f"/sessions/{tree.session}/files", "x.csv", b"session.label,errors,mine\nno,no,yes\n")
    view = {"columns": [{"src": "session.label"}], "fileSpec": {**SPEC, "filter": {"value": "x.csv"}}}
    rows = ok(http.post("/views/data", params={"containerId": tree.project}, json=view)).json()["data"]
    assert (rows[0]["session.label"], rows[0]["errors"], rows[0]["mine"]) == ("session", None, "yes")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path / "site") as running:
        yield running


def test_executions_survive_a_kill(process: EmulatorProcess, api: Callable[[str], httpx.Client]) -> None:
    headers = {"authorization": f"scitran-user {process.api_key.rpartition(':')[2]}"}
    with httpx.Client(base_url=process.url, headers=headers, trust_env=False, timeout=20) as client:
        ok(client.post("/groups", json={"_id": "gg", "label": "g"}))
        project = ok(client.post("/projects", json={"group": "gg", "label": "p"})).json()["_id"]
        table = b"a\n" + b"1\n" * 50_000
        upload(client, f"/projects/{project}/files", "t.csv", table)
        upload(client, f"/projects/{project}/files", "a.zip", zipped({"x.csv": b"q\n1\n"}))
        small = queue(client, project, {"columns": [{"src": "project.label", "dst": "p"}], "includeIds": False})["_id"]
        view = {"fileSpec": {"container": "project", "filter": {"value": "t.csv"}}, "includeIds": False}
        large = ok(client.post("/views/queue", params={"containerId": project}, json=view)).json()["_id"]
        assert client.get(f"/data_view_executions/{large}").json()["state"] != "completed"
        process.kill()
    process.start()
    with httpx.Client(base_url=process.url, headers=headers, trust_env=False, timeout=60) as client:
        assert data(client, small)["data"] == [{"project.label": "p", "p": "p", "errors": None}]
        assert ended(client, large)["state"] == "completed"
        answer = client.get(f"/data_view_executions/{large}/data", params={"file_format": "csv"})
        assert len(answer.text.splitlines()) == 50_001
