"""What operations answer, as objects: every type of the table, both flavours, and the rules of the protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.models.samples import sample

from flywheel_async import AsyncClient, fields, models, types
from flywheel_async.core import Core
from flywheel_async.errors import BadAnswer
from flywheel_async.raw.decode import Record, decode, parse
from flywheel_async.raw.schemas import BEHAVIOUR, Kind, members_of, parse_kind, schemas
from flywheel_async.raw.table import operation, operations
from flywheel_async.sync import models as sync_models
from flywheel_async.sync._flavour import SYNC
from flywheel_async.transport.response import Response

TABLE = schemas()


@pytest.fixture(params=["async", "sync"])
def core(request: pytest.FixtureRequest) -> Core:
    client = AsyncClient("localhost:1:__force_insecure:not-a-real-key")
    if request.param == "sync":
        client._flavour = SYNC
    return client


def answered(content: object, media_type: str = "application/json") -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response("some_operation", 200, {"content-type": media_type}, body)


def kinds_of_answers() -> Iterator[tuple[str, str]]:
    """One operation for every type that answers have, with each of the types in it."""
    by_type = {(op.returns, op.streams): name for name, op in operations().items() if op.returns is not None}
    for (returns, _), name in by_type.items():
        yield from ((name, text(kind)) for kind in members_of(parse_kind(returns)))


def text(kind: Kind) -> str:
    if kind.name == "list":
        return f"list[{text(kind.args[0])}]"
    if kind.name == "dict":
        return f"dict(str, {text(kind.args[0])})"
    return f"union[{','.join(map(text, kind.args))}]" if kind.args else kind.name


def expected(core: Core, kind: Kind) -> set[type]:
    """The classes an object of a type of the table may have."""
    if kind.name == "union":
        return {cls for one in kind.args for cls in expected(core, one)}
    if not TABLE.row(kind.name):
        plain: dict[str, type] = {"str": str, "int": int, "object": dict, "bytes": bytes}
        return {plain[kind.name]}
    shaped = TABLE.class_name(kind.name)
    if shaped is None:
        return {getattr(types, kind.name)}
    return {core._registry[shaped] if shaped in BEHAVIOUR else getattr(fields, shaped)}


@pytest.mark.parametrize(("name", "kind"), list(kinds_of_answers()))
def test_every_type_of_answer(core: Core, name: str, kind: str) -> None:
    op, parsed = operation(name), parse_kind(kind)
    value = sample(TABLE, kind)
    found: Any = parse(core, op, answered(value))
    kinds = members_of(parse_kind(op.returns or ""))
    (item,) = [one.args[0] for one in kinds if one.name == "list"][:1] or [None]
    page = TABLE.page_item(parsed.name)
    if page is not None and item is None and name != "get_session_jobs":
        assert isinstance(found, getattr(types, parsed.name))
        assert found.results
        assert {type(one) for one in found.results} <= expected(core, page)
    elif page is not None and item is None:
        assert type(found) is types.Page
    elif page is not None or parsed.name == "list":
        assert isinstance(found, list)
        assert len(found) == 2
        assert {type(one) for one in found} <= (expected(core, item) - {dict}) | {Record}
    elif parsed.name == "dict":
        assert {type(one) for one in found.values()} <= expected(core, parsed.args[0])
    else:
        # An object that fits several schemas is of the first one.
        assert type(found) in {cls for one in kinds if not one.args for cls in expected(core, one)}
    if kind == op.returns and parsed.name != "ResolverNode":
        assert type(found) in (list, dict) or type(found) in expected(core, parsed)


def test_an_operation_without_an_answer(core: Core) -> None:
    for content in (b"", b"null", b"<html>"):
        assert parse(core, operation("delete_user"), answered(content)) is None
    assert parse(core, operation("download_ticket"), answered(b"\0\1")) == b"\0\1"


@pytest.mark.parametrize("name", ["get_project", "get_all_projects", "get_container", "add_project", "lookup_path"])
def test_an_empty_answer(core: Core, name: str) -> None:
    assert parse(core, operation(name), answered(b"")) is None
    assert decode(core, operation(name), answered(b" \n")) is None


@pytest.mark.parametrize("name", ["get_project", "get_all_projects", "search", "get_all_files"])
@pytest.mark.parametrize("content", [b"<html>", b"[{", b"{"])
def test_an_answer_that_is_not_json(core: Core, name: str, content: bytes) -> None:
    with pytest.raises(BadAnswer, match="some_operation"):
        parse(core, operation(name), answered(content))


@pytest.mark.parametrize("content", [{}, {"results": 5}, {"message": "no"}, [5], [["a"]], "x", 5])
def test_no_list_where_there_must_be_one(core: Core, content: object) -> None:
    with pytest.raises(BadAnswer):
        parse(core, operation("get_all_projects"), answered(content))


@pytest.mark.parametrize("name", ["get_project", "add_project", "get_all_files", "get_container", "lookup_path"])
@pytest.mark.parametrize("content", ["x", 5, True, [{"_id": "x"}], [[]]])
def test_no_object_where_there_must_be_one(core: Core, name: str, content: object) -> None:
    with pytest.raises(BadAnswer, match="not an object"):
        decode(core, operation(name), answered(content))


@pytest.mark.parametrize(
    ("name", "answer", "simple"),
    [
        ("add_project", {"_id": "5"}, "5"),
        ("add_project", {"id": "5"}, "5"),
        ("add_project", {}, None),
        ("cancel_batch", {"number_cancelled": 3}, 3),
    ],
)
def test_an_answer_that_is_one_value(core: Core, name: str, answer: dict[str, object], simple: object) -> None:
    assert decode(core, operation(name), answered(answer)) == simple
    whole: Any = parse(core, operation(name), answered(answer))
    assert type(whole) is getattr(types, str(operation(name).returns))
    assert whole[TABLE.unwrapped_member(type(whole).__name__)] == simple


@pytest.mark.parametrize("kind", ["group", "project", "subject", "session", "acquisition", "analysis", "collection"])
def test_a_container_of_any_kind(core: Core, kind: str) -> None:
    found = parse(core, operation("get_container"), answered({"_id": "5", "container_type": kind, "new": 1}))
    assert type(found) is core._registry[kind.capitalize()]
    assert found._core is core
    assert found["new"] == 1
    node = parse(core, operation("lookup_path"), answered({"_id": "5", "node_type": kind.upper()}))
    assert kind == "collection" or type(node) is type(found)


def test_a_container_of_an_unknown_kind(core: Core) -> None:
    with pytest.raises(BadAnswer, match="container_type"):
        parse(core, operation("get_container"), answered({"_id": "5", "container_type": "starship"}))
    node = parse(core, operation("lookup_path"), answered({"container_type": "starship", "label": "x"}))
    assert isinstance(node, types.ResolverNode)
    assert node["label"] == "x"
    gear = parse(core, operation("lookup_path"), answered({"container_type": "gear", "gear": {"name": "x"}}))
    assert isinstance(gear, types.GearNode)
    assert gear.gear.name == "x"


def test_pages(core: Core) -> None:
    page = {"count": 1, "total": 7, "results": [{"_id": "5", "label": "P"}], "later": 1}
    (project,) = parse(core, operation("get_all_projects"), answered(page))
    assert (type(project), project._core) == (core._registry["Project"], core)
    files: Any = parse(core, operation("get_all_files"), answered(page))
    assert (files.count, files.total, files["later"]) == (1, 7, 1)
    assert type(files.results[0]) is core._registry["File"]
    assert json.loads(files.to_json())["results"][0]["_id"] == "5"
    assert files.to_dict()["results"][0]["label"] == "P"


def test_a_file_or_what_stands_for_it(core: Core) -> None:
    op = operation("download_file_from_project")
    assert type(parse(core, op, answered({"ticket": "5"}))) is types.DownloadTicketStub
    assert type(parse(core, op, answered({"comment": "", "members": []}))) is fields.ZipfileInfo
    for content in (b'{"EchoTime": 0.1}', b"{}", b"[1]", b"{", b"\0"):
        assert parse(core, op, answered(content)) == content
    assert parse(core, op, answered(b'{"ticket": "5"}', "application/octet-stream")) == b'{"ticket": "5"}'


def test_text_in_place_of_a_list(core: Core) -> None:
    op = operation("get_usage_data_summary")
    assert parse(core, op, answered(b"a,b\n", "text/csv; charset=utf-8")) == "a,b\n"
    assert parse(core, op, answered(b"[]")) == []


def test_objects_without_a_schema(core: Core) -> None:
    (node,) = decode(core, operation("fetch_tree"), answered([{"_id": "5", "x": {"y": 1}}]))
    assert (type(node), node.id, node["id"], node.x) == (Record, "5", "5", {"y": 1})
    assert decode(core, operation("get_file_info"), answered({"a": 1})) == {"a": 1}
    assert decode(core, operation("modify_project_note"), answered(1)) == 1
    assert decode(core, operation("modify_project_note"), answered({"modified": 1})) == {"modified": 1}


def test_members_that_are_left_out(core: Core) -> None:
    result: Any = parse(core, operation("modify_project"), answered({"modified": 1}))
    assert (result.modified, result.jobs_spawned) == (1, types.ModifiedResult().jobs_spawned)
    assert types.ModifiedResult in type(result).mro()


def test_flavours_are_not_mixed(core: Core) -> None:
    own = models if core._flavour is not SYNC else sync_models
    body = {"_id": "5", "files": [{"name": "x"}]}
    project: Any = parse(core, operation("get_project"), answered(body))
    assert (type(project), type(project.files[0])) == (own.Project, own.File)
