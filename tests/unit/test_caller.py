"""Building requests from the table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.caller import build, json_bytes
from flywheel_async.raw.table import operation, operations
from flywheel_async.transport.request import encode_segment


def test_table_is_whole() -> None:
    table = operations()
    assert len(table) == 535
    assert {op.method for op in table.values()} == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert operation("lookup_path").retry == "safe"
    assert operation("add_project").retry == "never"
    with pytest.raises(ArgumentError, match="get_project"):
        operation("get_projct")


def test_query_and_headers() -> None:
    request = build(
        "get_all_projects",
        (),
        {"filter": "label=a b,c", "limit": 5, "exhaustive": True, "x_accept_feature": ["a", "b"], "sort": None},
    )
    assert request.target == "/projects?exhaustive=true&filter=label%3Da%20b%2Cc&limit=5"
    assert request.headers == {"x-accept-feature": "a,b"}
    assert request.body is None
    assert request.retry == "safe"


def test_after_id_may_be_empty() -> None:
    assert build("get_all_projects", (), {"after_id": ""}).target == "/projects?after_id="


def test_bodies() -> None:
    request = build("modify_project", ("p1", {"label": "x", "description": None}), {})
    assert (request.method, request.path) == ("PUT", "/projects/p1")
    assert request.body is not None
    assert json.loads(request.body.data or b"") == {"label": "x", "description": None}
    empty = build("delete_project", ("p1",), {"delete_reason": "obsolete"})
    assert empty.target == "/projects/p1?delete_reason=obsolete"
    assert empty.body is not None
    assert (empty.body.content_type, empty.body.data) == ("application/json", b"")


@pytest.mark.parametrize(
    ("name", "values", "keywords", "said"),
    [
        ("get_project", (), {}, "project_id"),
        ("get_project", ("a", "b"), {}, "at most 1"),
        ("get_project", ("a",), {"project_id": "b"}, "twice"),
        ("get_project", ("a",), {"jion": "origin"}, "join"),
        ("add_project", (), {}, "body"),
        ("get_project", ("",), {}, "project_id"),
        ("get_project", (["x"],), {}, "project_id"),
        ("get_all_projects", (), {"filter": b"x"}, "filter"),
    ],
)
def test_bad_arguments_are_named(name: str, values: tuple[object, ...], keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        build(name, values, keywords)


@pytest.mark.parametrize("value", ["", ".", "..", "a\0b", "\ud800", None, True, b"x", 1.5])
def test_refused_path_values(value: object) -> None:
    with pytest.raises(ArgumentError, match="the name"):
        encode_segment(value, "the name")


@given(st.text(min_size=1, max_size=60).filter(lambda t: t not in (".", "..") and "\0" not in t))
def test_a_path_value_is_always_one_segment(name: str) -> None:
    try:
        encoded = encode_segment(name, "name")
    except ArgumentError:
        assert any("\ud800" <= char <= "\udfff" for char in name)
        return
    assert unquote(encoded) == name
    url = httpx.URL("http://h.example/api").copy_with(raw_path=f"/api/projects/5/files/{encoded}".encode())
    assert url.raw_path == f"/api/projects/5/files/{encoded}".encode()
    joined = httpx.Request("DELETE", url)
    assert joined.url.raw_path.decode().split("/") == ["", "api", "projects", "5", "files", encoded]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": [1, float("nan")]}}, r"body\.a\.b\[1\]"),
        ({"a": float("inf")}, r"body\.a"),
        ({"a": {1, 2}}, r"body\.a"),
        ({"a": b"x"}, r"body\.a"),
        ({5: 1}, "not a string"),
        ({"a": object()}, r"body\.a"),
        ({"a": datetime(2026, 1, 1)}, r"body\.a.*time zone"),
        ({"a": "\ud800"}, r"body\.a"),
    ],
)
def test_values_without_json_form(value: object, path: str) -> None:
    with pytest.raises(ArgumentError, match=path):
        json_bytes(value)


def test_cycles_are_found() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    with pytest.raises(ArgumentError, match="contains itself"):
        json_bytes(loop)
    shared = {"x": 1}
    assert json_bytes({"a": shared, "b": shared}) == b'{"a": {"x": 1}, "b": {"x": 1}}'


def test_dates_go_out_as_iso() -> None:
    body = json.loads(json_bytes({"t": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "d": date(2026, 1, 2)}))
    assert body == {"t": "2026-01-02T03:04:05+00:00", "d": "2026-01-02"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_json_round_trip(value: object) -> None:
    try:
        sent = json_bytes(value)
    except ArgumentError as exc:
        assert "UTF-8" in str(exc)
        return
    assert json.loads(sent) == value
