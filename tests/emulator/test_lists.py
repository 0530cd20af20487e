"""Lists: filters, order and pages over HTTP, and paths."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator


@pytest.fixture(scope="module")
def project(http: httpx.Client, plant: Any) -> str:
    """A project with ten subjects `s0` to `s9`."""
    tree = plant()
    http.delete(f"/subjects/{tree.subject}")
    for number in range(10):
        body = {"project": tree.project, "label": f"s{number}", "tags": ["even" if number % 2 == 0 else "odd"]}
        http.post("/subjects", json={**body, "info": {"n": number, "deep": [{"k": number}, {"k": -1}]}})
    return str(tree.project)


def labels(http: httpx.Client, project: str, **params: Any) -> list[str]:
    response = http.get(f"/projects/{project}/subjects", params=params)
    assert response.status_code == 200, response.text
    return [item["label"] for item in response.json()]


ALL = [f"s{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("label=s3", ["s3"]),
        ("code=s3", ["s3"]),
        ("label=|[s1,'s2']", ["s1", "s2"]),
        ("label=~^s[4-6]$", ["s4", "s5", "s6"]),
        ("label=~7", ["s7"]),
        ("label!=s0,label!=s1", ALL[2:]),
        ("tags=even,info.n>4", ["s6", "s8"]),
        ("info.n=3", ["s3"]),
        ('info.n="3"', []),
        ("info.deep.k=2", ["s2"]),
        ("info.deep.k=-1", ALL),
        ("info.none=null", ALL),
        ("info.none!=null", []),
        ("sex!=male", ALL),
        ("created>2020-01-01", ALL),
        ("created<2020-01-01T00:00:00Z", []),
        ("permissions._id=admin@emulator.local", ALL),
        ("files.name=a.txt", []),
        ("parents.session=null", ALL),
    ],
)
def test_filters(http: httpx.Client, project: str, text: str, wanted: list[str]) -> None:
    assert labels(http, project, filter=text) == wanted


def test_filters_by_parent(http: httpx.Client, project: str) -> None:
    for text in (f"project={project}", f"parents.project={project}"):
        assert len(http.get("/subjects", params={"filter": text}).json()) == 10


def test_sessions_are_found_by_their_subject_and_files(http: httpx.Client, tree: Any) -> None:
    for text in ("subject.label=subject", "parents.subject=" + tree.subject, "subject=" + tree.subject):
        found = http.get(f"/projects/{tree.project}/sessions", params={"filter": text}).json()
        assert [item["_id"] for item in found] == [tree.session], text
    found = http.get(f"/sessions/{tree.session}/acquisitions", params={"filter": "files.type=text"}).json()
    assert [item["_id"] for item in found] == [tree.acquisition]


def test_files_are_found_by_their_fields(http: httpx.Client, tree: Any) -> None:
    for text in ("name=a.txt", "type=text", "size=7", "size<8", "parent_ref.type=acquisition"):
        params = {"filter": f"{text},parents.acquisition={tree.acquisition}"}
        page = http.get("/files", params=params).json()
        assert (page["total"], [item["file_id"] for item in page["results"]]) == (1, [tree.file_id]), text


def test_order_and_pages(http: httpx.Client, project: str) -> None:
    assert labels(http, project) == ALL
    assert labels(http, project, sort="label:desc") == ALL[::-1]
    assert labels(http, project, sort="tags,info.n:desc")[:2] == ["s8", "s6"]
    assert labels(http, project, limit="3") == ALL[:3]
    assert labels(http, project, limit="") == ALL
    assert labels(http, project, limit="0") == ALL
    assert labels(http, project, limit=3, skip=4) == ALL[4:7]
    assert labels(http, project, limit=4, page=3, sort="label") == ALL[8:]
    assert labels(http, project, limit=4, page=4, sort="label") == []


def test_walking_by_id(http: httpx.Client, project: str) -> None:
    seen: list[str] = []
    after = ""
    while True:
        page = http.get(f"/projects/{project}/subjects", params={"after_id": after, "limit": 4}).json()
        if not page:
            break
        seen += [item["label"] for item in page]
        after = page[-1]["_id"]
    assert seen == ALL


def test_pages_count_what_is_left(http: httpx.Client, project: str) -> None:
    headers = {"X-Accept-Feature": "Safe-Redirect, Pagination"}
    path = f"/projects/{project}/subjects"
    first = http.get(path, params={"limit": 6, "filter": "label!=s0"}, headers=headers).json()
    assert (first["count"], first["total"], len(first["results"])) == (6, 9, 6)
    params = {"limit": 6, "filter": "label!=s0", "after_id": first["results"][-1]["_id"]}
    last = http.get(path, params=params, headers=headers).json()
    assert (last["count"], last["total"]) == (3, 3)
    whole = http.get(path, headers=headers).json()
    assert whole["total"] == 10


@pytest.mark.parametrize(
    "query", ["filter=label", "filter=label%3D", "limit=-1", "sort=a:b", "page=2", "filter=a=~(", "sort=files.name"]
)
def test_mistakes(http: httpx.Client, project: str, query: str) -> None:
    response = http.get(f"/projects/{project}/subjects?{query}")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "query"


def test_lookup(http: httpx.Client, tree: Any) -> None:
    path = [tree.group, "project", "subject", "session", "scan"]
    kinds = ["group", "project", "subject", "session", "acquisition"]
    for depth, kind in enumerate(kinds, 1):
        node = http.post("/lookup", json={"path": path[:depth]}).json()
        assert (node["_id"], node["container_type"], node["node_type"]) == (getattr(tree, kind), kind, kind)
    file = http.post("/lookup", json={"path": [*path, "files", "a.txt"]}).json()
    assert (file["file_id"], file["container_type"]) == (tree.file_id, "file")
    by_id = [f"<id:{getattr(tree, kind)}>" for kind in kinds]
    assert http.post("/lookup", json={"path": by_id}).json()["_id"] == tree.acquisition
    by_id += ["files", f"<id:{tree.file_id}>"]
    assert http.post("/lookup", json={"path": by_id}).json()["file_id"] == tree.file_id


def test_a_path_that_leads_nowhere(http: httpx.Client, tree: Any) -> None:
    def miss(*path: str) -> str:
        response = http.post("/lookup", json={"path": list(path)})
        assert response.status_code == 404
        return str(response.json()["message"])

    scan = (tree.group, "project", "subject", "session", "scan")
    miss()
    miss("nobody")
    miss(tree.group, "Project")
    miss(*scan, "files", "none")
    miss(*scan, "files", "a.txt", "below")
    miss(tree.group, "files", "a.txt")
    assert "files/a.txt" in miss(*scan, "a.txt")
    assert http.post("/lookup", json={"path": tree.group}).status_code == 422


def test_resolve_shows_what_is_below(http: httpx.Client, tree: Any) -> None:
    found = http.post("/resolve", json={"path": [tree.group, "project", "subject", "session", "scan"]}).json()
    assert [node["container_type"] for node in found["path"]] == [
        "group",
        "project",
        "subject",
        "session",
        "acquisition",
    ]
    assert [(node["node_type"], node["name"]) for node in found["children"]] == [("file", "a.txt")]
    top = http.post("/resolve", json={"path": []}).json()
    assert top["path"] == []
    assert tree.group in [node["_id"] for node in top["children"]]
    assert {node["node_type"] for node in top["children"]} == {"group"}


def test_ties_on_a_label_go_to_the_oldest(http: httpx.Client, tree: Any) -> None:
    http.post("/acquisitions", json={"session": tree.session, "label": "scan"})
    path = [tree.group, "project", "subject", "session", "scan"]
    assert http.post("/lookup", json={"path": path}).json()["_id"] == tree.acquisition


def test_labels_with_slashes_and_dots(http: httpx.Client, tree: Any) -> None:
    for label in ("a/b", "..", "files", "<id:x", "x" * 256):
        body = {"session": tree.session, "label": label}
        made = http.post("/acquisitions", json=body).json()["_id"]
        found = http.get(f"/sessions/{tree.session}/acquisitions", params={"filter": f"label='{label}'"}).json()
        assert [item["_id"] for item in found] == [made]


def test_a_page_of_sessions_is_quick(http: httpx.Client, tree: Any) -> None:
    for number in range(100):
        http.post("/sessions", json={"project": tree.project, "label": f"{number}", "subject": tree.subject})

    def seconds() -> float:
        began = time.monotonic()
        assert len(http.get(f"/projects/{tree.project}/sessions").json()) == 101
        return time.monotonic() - began

    # Noise of the machine only ever adds.
    assert min(seconds() for _ in range(3)) < 1


@pytest.mark.parametrize("level", ["project", "subject", "session", "acquisition"])
def test_files_below_containers_are_found_without_a_look_at_all_others(site: Emulator, tree: Any, level: str) -> None:
    wanted = json.dumps([getattr(tree, level), "0" * 24])
    for what, order in (("*", " ORDER BY d.file_id LIMIT 1000"), ("COUNT(*)", "")):
        plan = site.server.site.db.write_now(
            lambda tx: tx.all(
                f"EXPLAIN QUERY PLAN SELECT {what} FROM file d WHERE d.current = 1"  # noqa: B023
                f" AND d.{level} IN (SELECT value FROM json_each(?)) AND d.file_id > ?{order}",  # noqa: B023
                (wanted, ""),
            )
        )
        assert any(f"INDEX file_of_{level} ({level}=?" in row["detail"] for row in plan), [*map(tuple, plan)]
