"""Building requests from the table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from enum import Enum, IntEnum
from functools import reduce
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.fields.load import load_python
from flywheel_async.fields.members import member
from flywheel_async.raw.caller import build
from flywheel_async.raw.encode import json_bytes
from flywheel_async.raw.table import operation, operations
from flywheel_async.transport.request import Body, encode_segment


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


def test_list_parameters_repeat_the_name_in_a_query_and_are_joined_in_a_header() -> None:
    assert build("get_next_job", (), {"tags": ["a b", "c,d"]}).query == (("tags", "a b"), ("tags", "c,d"))
    assert build("get_next_job", (), {"tags": ("a",)}).query == (("tags", "a"),)
    assert build("get_next_job", (), {"tags": "a b"}).query == (("tags", "a b"),)
    assert build("get_next_job", (), {"tags": []}).query == ()
    assert build("get_all_projects", (), {"x_accept_feature": []}).headers == {}


def test_parameters_sent_by_default() -> None:
    body = {"return_type": "file"}
    assert build("search", (body,), {}).query == (("simple", "true"),)
    assert build("search", (body,), {"simple": None}).query == (("simple", "true"),)
    assert build("search", (body,), {"simple": False}).query == (("simple", "false"),)


class State(Enum):
    DONE = "complete"


class Count(IntEnum):
    FEW = 3


def test_members_of_enumerations_go_out_by_value() -> None:
    assert build("ask_jobs_state", (State.DONE, {}), {}).path == "/jobs/ask/complete"
    assert (
        build("get_all_projects", (), {"sort": State.DONE, "limit": Count.FEW}).target
        == "/projects?sort=complete&limit=3"
    )
    assert json_bytes({"state": State.DONE, "count": Count.FEW}) == b'{"state": "complete", "count": 3}'


@given(st.text(), st.text())
def test_query_values_arrive_as_they_are(first: str, second: str) -> None:
    try:
        target = build("get_all_projects", (), {"sort": second, "filter": first}).target
    except ArgumentError as exc:
        assert "UTF-8" in str(exc)
        return
    # The table decides about the order.
    assert parse_qsl(target.partition("?")[2], keep_blank_values=True) == [("filter", first), ("sort", second)]


@given(st.text() | st.text(alphabet="a \t\r\n\0\x7fé"))
def test_header_values_are_legal_or_refused(value: str) -> None:
    def legal() -> bool:
        try:
            return bool(h11.Request(method="GET", target="/", headers=[("Host", "a"), ("X", value.encode("ascii"))]))
        except (h11.LocalProtocolError, UnicodeEncodeError):
            return False

    try:
        headers = build("get_all_projects", (), {"x_accept_feature": [value]}).headers
    except ArgumentError as exc:
        assert "x_accept_feature" in str(exc)
        # h11 lets some control characters pass that no site needs.
        assert not legal() or not value.isprintable()
    else:
        assert headers == {"x-accept-feature": value}
        assert legal()


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


def test_a_delete_may_have_a_body() -> None:
    request = build("delete_project_tags", ("p1", ["a", "b"]), {})
    assert (request.method, request.path) == ("DELETE", "/projects/p1/tags")
    assert request.body == Body("application/json", b'["a", "b"]')
    assert build("delete_file_tags", ("f1",), {}).body == Body("application/json", b"")
    assert build("delete_file_tags", ("f1",), {"body": []}).body == Body("application/json", b"[]")
    assert build("modify_project", ("p1", {}), {}).body == Body("application/json", b"{}")


def test_a_text_may_stand_for_a_tag_or_a_note() -> None:
    assert build("add_project_tag", ("p1", "new"), {}).body == Body("application/json", b'{"value": "new"}')
    assert build("add_project_note", ("p1", "new"), {}).body == Body("application/json", b'{"text": "new"}')
    assert build("modify_file_info", ("f1",), {"body": "any"}).body == Body("application/json", b'"any"')


def test_the_stored_bytes_of_a_local_store_are_not_json() -> None:
    assert build("upload_signed_fs_file", ("token", b"\0\xff"), {}).body == Body("application/octet-stream", b"\0\xff")


def test_an_upload_brings_its_own_body() -> None:
    body = Body("multipart/form-data; boundary=x", b"--x--")
    assert build("upload_file_to_project", ("p1",), {"level": "project"}, upload=body).body is body
    with pytest.raises(ArgumentError, match="upload_file_to_project: the argument 'file' is missing"):
        build("upload_file_to_project", ("p1",), {})
    with pytest.raises(ArgumentError, match="did you mean 'files'"):
        build("upload_by_uid", (), {"filse": 1}, upload=body)
    with pytest.raises(ArgumentError, match="content_type cannot be given"):
        build("upload_file_to_project", ("p1",), {"content_type": "application/dicom"}, upload=body)


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
        ("get_all_projects", (), {"filter": ["a=1", "b=2"]}, "filter takes one value, not 2"),
        ("get_all_projects", (), {"limit": float("nan")}, "limit"),
        ("get_all_projects", (), {"sort": object()}, "sort: a object cannot be sent"),
        ("get_project", ("a", "b"), {}, r"at most 1 positional arguments \(project_id\), 2 given"),
        ("download_file_from_project", ("a", "b"), {"range": "0-\r\nx: y"}, "range: .* cannot be sent in a header"),
        ("add_project_tags", ("a", "tag"), {}, "body must be a list, not a str"),
        (
            "add_project",
            ("label",),
            {},
            r"add_project: body must be a dictionary or an object \(ProjectInput\), not a str",
        ),
        ("add_project_tag", ("a", 5), {}, "body must be a text, a dictionary or an object"),
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
        ({"a": {"\ud800": 1}}, r"body\.a: a key"),
        ({"a": 10**5000}, "too long"),
        (reduce(lambda inside, _: [inside], range(5000), list[object]()), "inside each other"),
    ],
)
def test_values_without_json_form(value: object, path: str) -> None:
    with pytest.raises(ArgumentError, match=path):
        json_bytes(value)


def test_a_number_too_long_for_a_query() -> None:
    with pytest.raises(ArgumentError, match="limit: the number is too long"):
        build("get_all_projects", (), {"limit": 10**5000})


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


class Series(Model):
    count: int | None = member(default=1)
    label: str | None = member("series-label")
    inner: Series | None = member()


class Foreign(BaseModel):
    count: int = 1
    label: str | None = None


def test_objects_send_what_was_given() -> None:
    assert json_bytes(Series()) == b"{}"
    # A change has to be able to set a member to its default.
    assert json.loads(json_bytes(Series(count=1, inner=Series(label="x")))) == {
        "count": 1,
        "inner": {"series-label": "x"},
    }
    changed = Series(label="x", extra=[None, Series()])
    changed.count = 1
    changed.label = None
    assert json.loads(json_bytes([changed])) == [{"count": 1, "extra": [None, {}]}]
    # From a site nobody knows what was given: what is not the default is sent.
    assert json.loads(json_bytes(load_python(Series, {"count": 2, "_x": 3}))) == {"count": 2, "_x": 3}


def test_objects_of_other_classes_are_sent_whole() -> None:
    assert json.loads(json_bytes({"info": Foreign()})) == {"info": {"count": 1}}
    with pytest.raises(ArgumentError, match=r"body\.inner\.count"):
        json_bytes({"inner": Foreign.model_construct(count=float("inf"))})


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
