"""Help with query texts: mistakes, suggestions, names of fields; and queries that would take the site down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.emulator.conftest import ok
from tests.emulator.search_site import settle
from tests.emulator.test_search_grammar import HOSTILE

from flywheel_async.emulator import Emulator
from flywheel_async.emulator.search import execution
from flywheel_async.emulator.search.grammar import MAX_LENGTH, parse


@pytest.fixture(scope="module")
def users(site: Emulator, api: Callable[[str], httpx.Client]) -> dict[str, httpx.Client]:
    """A client per user."""
    return settle(site, api)


def post(client: httpx.Client, action: str, text: str) -> Any:
    return ok(client.post(f"/dataexplorer/search/{action}", json={"structured_query": text})).json()


def test_parse_tells_mistakes_and_their_places(users: dict[str, httpx.Client]) -> None:
    assert post(users["none"], "parse", "a = b") == {"valid": True, "errors": []}
    answer = post(users["none"], "parse", "a = b AND\n c LIKE")
    (error,) = answer["errors"]
    assert not answer["valid"]
    assert (error["line"], error["pos"], error["offset"]) == (2, 8, 17)
    assert "a value" in error["message"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_queries_are_422_promptly(users: dict[str, httpx.Client], text: str) -> None:
    started = time.monotonic()
    body = {"return_type": "file", "structured_query": text}
    assert users["none"].post("/dataexplorer/search", json=body).status_code == 422
    assert post(users["none"], "parse", text)["valid"] is False
    if len(text) > MAX_LENGTH:
        assert post(users["none"], "suggest", text)["suggestions"] == []
    assert time.monotonic() - started < 5


def test_deep_and_wide_queries_within_the_limits_run(users: dict[str, httpx.Client]) -> None:
    deep = "file.info.a = 1"
    for number in range(30):
        deep = f"file.info.k{number} IN [1, x, 2020-01-01] {('AND', 'OR')[number % 2]} ({deep})"
    wide = " OR ".join(f"(session.info.a = {number} AND parent.label = x)" for number in range(100))
    for text in (deep, wide):
        for kind in ("file", "project"):
            body = {"return_type": kind, "structured_query": text}
            ok(users["all"].post("/dataexplorer/search", json=body))


def test_slow_expressions_are_ended_and_hold_up_nobody(users: dict[str, httpx.Client], http: httpx.Client) -> None:
    tree = {"_id": "slow", "label": "a" * 200 + "b"}
    ok(http.post("/groups", json=tree))
    ok(http.post("/projects", json={"group": "slow", "label": "x" * 200}))
    statuses: list[int] = []

    def search() -> None:
        body = {"return_type": "project", "structured_query": 'project.label =~ "(x|x|xx)+y"'}
        statuses.append(http.post("/dataexplorer/search", json=body).status_code)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    answered = 0
    while any(thread.is_alive() for thread in threads):
        ok(users["none"].get("/projects"))
        answered += 1
    assert statuses == [422] * 4
    assert answered > 10
    body = {"return_type": "project", "structured_query": f'project.label LIKE "{"%x" * 90}y"'}
    assert http.post("/dataexplorer/search", json=body).status_code == 200


def test_searches_that_take_too_long_are_ended(users: dict[str, httpx.Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "LIMIT_SECONDS", 0.0)
    terms = " OR ".join(f"file.info.a.b.k{number} = 1" for number in range(60))
    answer = users["all"].post("/dataexplorer/search", json={"return_type": "project", "structured_query": terms})
    assert answer.status_code == 422
    assert "took longer" in answer.json()["message"]
    monkeypatch.undo()
    ok(users["all"].post("/dataexplorer/search", json={"return_type": "project", "structured_query": terms}))


@pytest.mark.parametrize(
    ("text", "offset", "some"),
    [
        ("", 0, ["group.label", "file.name"]),
        ("sess", 0, ["session.label", "session.timestamp"]),
        ("NOT (file.cl", 5, ["file.classification"]),
        ("session.info.", 0, ["session.info.visit", "session.info.mixed"]),
        ("Session.Info.Vis", 0, []),
        ("session.info.VIS", 0, ["session.info.visit"]),
        ('session.label = x AND "session.info.deep.a', 22, ['"session.info.deep.a b"']),
        ("session.label ", 14, ["=", "LIKE", "CONTAINS", "EXISTS", "IN"]),
        ("session.label li", 14, ["LIKE"]),
        ("session.label = ", 16, ["baseline", '"follow_up 100%"', '"2020-01-01"']),
        ("session.label = BASE", 16, ["baseline"]),
        ('session.label = "follow', 16, ['"follow_up 100%"']),
        ("subject.label IN [sub-01, ", 26, ['"1001"', '"AND"', r'"say \"x\""']),
        ("session.info.visit > ", 21, ["0", "1", "2"]),
        ("session.info.done = ", 20, ["true", "false"]),
        ("file.tags = ch", 12, ["checked"]),
        ("file.size = 1", 12, ["100"]),
        ("file.name =~ T1", 13, ["T1w.nii.gz"]),
        ("subject.label IN ", 17, ["["]),
        ("subject.label IN [x ", 20, [",", "]"]),
        ("subject.label = x ", 18, ["AND", "OR"]),
        ("(subject.label = x a", 19, ["AND"]),
        ("(subject.label = x ", 19, ["AND", "OR", ")"]),
        ("file.created > ", 15, []),
        ("nothing.here = ", 15, []),
        ("a b c ", 6, []),
        ("x = 'y", 6, []),
    ],
)
def test_suggestions(users: dict[str, httpx.Client], text: str, offset: int, some: list[str]) -> None:
    answer = post(users["all"], "suggest", text)
    values = [entry["value"] for entry in answer["suggestions"]]
    assert answer["from"] == offset
    assert set(some) <= set(values)
    assert bool(values) is bool(some)
    for value in values[:5]:
        if "EXISTS" in some:
            break
        goes_on = f"{text[:offset]}{value}"
        (following,) = [post(users["all"], "suggest", f"{goes_on} ")]
        assert following["suggestions"], goes_on


def test_a_suggested_value_finds_what_it_shows(users: dict[str, httpx.Client]) -> None:
    start = "subject.label = "
    shown = {entry["display"]: entry["value"] for entry in post(users["all"], "suggest", start)["suggestions"]}
    assert set(shown) == {"sub-01", "1001", 'say "x"', "AND"}
    for display, value in shown.items():
        parse(start + value)
        body = {"return_type": "subject", "structured_query": start + value}
        hits = ok(users["all"].post("/dataexplorer/search", params={"simple": "true"}, json=body)).json()
        assert {hit["subject"]["code"] for hit in hits} == {display}


def test_suggestions_come_from_what_the_user_sees(users: dict[str, httpx.Client]) -> None:
    for text in ("project.label = ", "subject.label = ", "file.name = ", "session.info.visit = "):
        assert post(users["none"], "suggest", text)["suggestions"] == []
    labels = [entry["display"] for entry in post(users["some"], "suggest", "project.label = ")["suggestions"]]
    assert labels == ["cardio Study 0", "neuro Study 1"]
    assert post(users["none"], "suggest", "session.info.")["suggestions"] == []


def test_mapped_fields(users: dict[str, httpx.Client]) -> None:
    def below(path: str, user: str = "all") -> Any:
        return ok(users[user].get("/dataexplorer/mapped_fields", params={"path": path} if path else {})).json()

    assert set(below("")) == {
        *("group", "project", "subject", "session", "acquisition", "analysis", "file", "parent"),
    }
    assert {"timestamp": "date", "info": "object", "age": "integer"}.items() <= below("session").items()
    assert below("file.classification") == {"Intent": "array", "Measurement": "array"}
    assert {"visit": "integer", "done": "boolean", "list": "array", "deep": "object"}.items() <= below(
        "session.info"
    ).items()
    assert below("session.info.deep") == {"a b": "array", "when": "string"}
    assert below("nothing") == below("session.info.nothing") == below("session.info", "none") == {}


def test_names_of_fields(users: dict[str, httpx.Client]) -> None:
    found = ok(users["all"].post("/dataexplorer/search/fields", json={"field": "file.ty"})).json()
    assert found == [{"name": "file.type", "type": "string", "facet": False}]


def test_status(users: dict[str, httpx.Client]) -> None:
    assert ok(users["none"].get("/dataexplorer/search/status")).json() == {"status": "up-to-date"}
