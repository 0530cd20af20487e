"""What searches answer: hits, their order and number, other ways to ask, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.emulator.conftest import ok
from tests.emulator.search_site import COLLECTION, PROJECTS, THINGS, file_id, found_by, settle

from flywheel_async.emulator import Emulator


@pytest.fixture(scope="module")
def users(site: Emulator, api: Callable[[str], httpx.Client]) -> dict[str, httpx.Client]:
    """A client per user."""
    return settle(site, api)


def hit_of(client: httpx.Client, kind: str, query: str) -> dict[str, Any]:
    asked = {"structured_query": query, "return_type": kind, "size": 1}
    (hit,) = ok(client.post("/dataexplorer/search", params={"simple": "true"}, json=asked)).json()
    return dict(hit)


def test_hits_are_stubs_of_what_was_found_and_all_above(users: dict[str, httpx.Client], site: Emulator) -> None:
    hit = hit_of(users["some"], "file", "file.name = T1w.nii.gz")
    thing = next(
        thing
        for thing in THINGS
        if thing.fields.get("name") == "T1w.nii.gz" and (owner := thing.above("project")) and owner is PROJECTS[1]
    )
    assert thing.parent is not None
    for kind in ("group", "project", "subject", "session", "acquisition"):
        above = thing.above(kind)
        assert above is not None
        assert hit[kind]["_id"] == above.id
        assert hit[kind]["code" if kind == "subject" else "label"] == above.fields["label"]
    assert hit["parent"] == {"_id": thing.parent.id, "type": "acquisition", "container_type": "acquisition"}
    assert hit["file"] == {
        "name": "T1w.nii.gz",
        "type": "nifti",
        "size": thing.fields["size"],
        "created": thing.fields["created"].isoformat(),
        "classification": thing.fields["classification"],
        "cvat": None,
    }
    assert (hit["analysis"], hit["collection"]) == (None, None)
    assert hit["permissions"] == [{"_id": "some@example.com", "role_ids": [site.roles["ro"]]}]
    assert hit_of(users["all"], "file", "file.name = fit.json")["analysis"]["label"] == "fit"
    assert hit_of(users["collector"], "file", "parent.type = collection")["collection"]["_id"] == COLLECTION
    session = hit_of(users["some"], "session", "session.label = baseline")
    assert (session["acquisition"], session["file"], session["parent"]["type"]) == (None, None, "subject")
    assert hit_of(users["some"], "project", "project.label EXISTS")["parent"] is None


def test_other_forms_of_the_answer(users: dict[str, httpx.Client]) -> None:
    body = {"structured_query": "session.label = baseline", "return_type": "session"}
    wanted = found_by(users["some"], "session.label = baseline", "session")
    raw = ok(users["some"].post("/dataexplorer/search", json=body)).json()
    assert [hit["_id"] for hit in raw["results"]] == wanted
    assert [hit["_source"]["session"]["_id"] for hit in raw["results"]] == wanted
    table = ok(users["some"].post("/dataexplorer/search", params={"csv": "true"}, json=body))
    assert table.headers["content-type"].startswith("text/csv")
    header, *rows = table.text.splitlines()
    assert [row.split(",")[header.split(",").index("session._id")] for row in rows] == wanted
    assert users["some"].post("/dataexplorer/search", params={"facets": "true"}, json=body).status_code == 501


def test_the_size_has_a_default_and_a_limit(users: dict[str, httpx.Client]) -> None:
    def count(body_size: object = None, **params: str) -> int:
        body: dict[str, object] = {"structured_query": "project.label EXISTS", "return_type": "file"}
        body.update({} if body_size is None else {"size": body_size})
        answer = users["all"].post("/dataexplorer/search", params={"simple": "true", **params}, json=body)
        return len(answer.json()) if answer.status_code == 200 else -answer.status_code

    everything = count(10_000)
    assert everything > 100
    assert (count(), count(7), count(size="8"), count(7, size="8")) == (100, 7, 8, 7)
    assert [count(size) for size in (0, -1, 10_001)] == [-400, -400, -400]
    assert [count(size=size) for size in ("0", "10001", "many")] == [-400, -400, -400]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (f"file.parents.project = {PROJECTS[1].id}", f"project._id = {PROJECTS[1].id}"),
        (f"session.project = {PROJECTS[1].id}", f"project._id = {PROJECTS[1].id} AND session EXISTS"),
        ("project.group = neuro", "group._id = neuro"),
        ("session.parents.group = neuro", "group._id = neuro AND session EXISTS"),
        ("file.parent_ref.type = analysis", "analysis EXISTS"),
        (f"file.parent_ref.id = {PROJECTS[1].id}", f"parent._id = {PROJECTS[1].id}"),
        ("file.parents.analysis EXISTS AND NOT file.parents.acquisition EXISTS", "analysis EXISTS"),
        ("file.info.nested = 3", "file.type = nifti"),
        ("file.info.nested IN [2]", "file.type = nifti"),
        ("file.info.nested = 1 AND file.info.nested != 3", "no.such = 1"),
    ],
)
def test_what_a_thing_is_in_and_lists_in_lists(users: dict[str, httpx.Client], text: str, same: str) -> None:
    assert found_by(users["all"], text, "file") == found_by(users["all"], same, "file")


def test_order(users: dict[str, httpx.Client]) -> None:
    def order(field: str, way: str) -> list[str]:
        return found_by(users["all"], "session EXISTS", "session", sort={"field": field, "order": way})

    sessions = [thing for thing in THINGS if thing.kind == "session"]
    by_age = sorted(sessions, key=lambda thing: thing.fields["age"])
    assert order("session.age", "asc") == [thing.id for thing in by_age]
    by_subject = sorted(sessions, key=lambda thing: str(thing.parent and thing.parent.fields["label"]), reverse=True)
    assert order("subject.label", "desc") == [thing.id for thing in by_subject]
    untimed = [thing.id for thing in sessions if thing.fields["timestamp"] is None]
    assert order("session.timestamp", "asc")[: len(untimed)] == untimed
    for field in ("file.name", "session", "session.", "nothing.x", 'session.info."'):
        body = {"structured_query": "a = b", "return_type": "session", "sort": {"field": field, "order": "asc"}}
        assert users["all"].post("/dataexplorer/search", json=body).status_code == 422, field


def test_all_data_is_for_site_admins(users: dict[str, httpx.Client], http: httpx.Client) -> None:
    body = {"structured_query": "project.label EXISTS", "return_type": "project", "all_data": True}
    assert users["some"].post("/dataexplorer/search", json=body).status_code == 403
    assert found_by(http, "project.label EXISTS", "project") == []
    assert len(found_by(http, "project.label EXISTS", "project", all_data=True)) == len(PROJECTS)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"search_string": "BASE line"}, "session.label = baseline"),
        ({"search_string": "nii neuro"}, 'group._id = neuro AND file.name LIKE "%.nii.gz"'),
        ({"filters": [{"term": {"file.type": "nifti"}}]}, "file.type = nifti"),
        ({"filters": [{"terms": {"file.type": ["nifti", "dicom"]}}]}, "file.type IN [nifti, dicom]"),
        ({"filters": [{"terms": {"file.modality": ["MR", "null"]}}]}, "file.modality = MR OR NOT file.modality EXISTS"),
        ({"filters": [{"term": {"file.modality": "null"}}]}, "NOT file.modality EXISTS"),
        ({"filters": [{"range": {"file.size": {"gte": 100, "lt": 120}}}]}, "file.size >= 100 AND file.size < 120"),
        ({"filters": [{"range": {"session.timestamp": {"gt": "2020-01-01"}}}]}, "session.timestamp > 2020-01-01"),
        ({"filters": [{"term": {"session.info.done": True}}], "search_string": "T1w"},
         "session.info.done = true AND (acquisition.label = T1w OR file.name LIKE T1w*)"),
    ],
)  # fmt: skip
def test_other_ways_to_ask(users: dict[str, httpx.Client], given: dict[str, Any], text: str) -> None:
    wanted = found_by(users["all"], text, "file")
    assert wanted
    asked = {"return_type": "file", "size": 10_000, **given}
    hits = ok(users["all"].post("/dataexplorer/search", params={"simple": "true"}, json=asked)).json()
    assert [file_id(hit) for hit in hits] == wanted


@pytest.mark.parametrize(
    "given",
    [
        {"filters": [{"match": {"a.b": 1}}]},
        {"filters": [{"term": 1}]},
        {"filters": [{"term": {}}]},
        {"filters": [{"term": {"a.b": {}}}]},
        {"filters": [{"terms": {"a.b": []}}]},
        {"filters": [{"range": {"a.b": {"about": 1}}}]},
        {"filters": ["x"]},
        {"search_string": "word " * 100},
        {"structured_query": ""},
        {"structured_query": "a = b", "more": 1},
    ],
)
def test_what_cannot_be_understood_is_422(users: dict[str, httpx.Client], given: dict[str, Any]) -> None:
    assert users["all"].post("/dataexplorer/search", json={"return_type": "file", **given}).status_code == 422


def test_a_bad_query_says_where(users: dict[str, httpx.Client]) -> None:
    body = {"return_type": "file", "structured_query": "file.type = nifti\nAND file.name IN x"}
    answer = users["none"].post("/dataexplorer/search", json=body)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["ctx"] == {"line": 2, "pos": 18, "offset": 35}
    assert detail["loc"] == ["body", "structured_query"]
    assert answer.json()["message"] == "line 2, position 18: a list in [ ] should be here, not 'x'"
