"""The stubs that type checkers read say what happens: every call they allow is accepted, every result is as promised.

All operations are called in both flavours with every argument that the stub declares, against a site that answers what
the table says, once for each kind of answer.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Coroutine, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from flywheel_async import AsyncClient, FileSpec, fields, types
from flywheel_async.errors import FlywheelError
from flywheel_async.raw import flat
from flywheel_async.raw.schemas import Kind, members_of, parse_kind, schemas
from flywheel_async.raw.table import Operation, operations
from flywheel_async.sync import Client

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "flywheel_async"
KEY = "localhost:1:__force_insecure:not-a-real-key"

Method = ast.FunctionDef | ast.AsyncFunctionDef
Methods = dict[str, dict[str, Method]]


class Site:
    """A site that answers every request with the same thing, which a test sets."""

    def __init__(self) -> None:
        self.answer = httpx.Response(200)
        self.requests = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        kind = {"content-type": self.answer.headers.get("content-type", "text/plain")}
        return httpx.Response(200, stream=httpx.ByteStream(self.answer.content), headers=kind)


@cache
def methods_of(stub: Path) -> Methods:
    """The methods of every class of a stub."""
    classes = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ClassDef)]
    return {
        node.name.removeprefix("Async"): {
            one.name: one
            for one in node.body
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and not one.decorator_list
        }
        for node in classes
    }


class Flavour:
    """One client with the stub written for it."""

    def __init__(self, stub: Path, client: Any, models: Any, run: Callable[[Any], Any]) -> None:
        self.methods = methods_of(stub)
        self.client = client
        self.names = {"models": models, "fields": fields, "types": types}
        self.run = run


@pytest.fixture
def answering() -> Site:
    return Site()


@pytest.fixture(params=["async", "sync"])
def flavour(request: pytest.FixtureRequest, answering: Site) -> Iterator[Flavour]:
    transport = httpx.MockTransport(answering)
    if request.param == "async":
        from flywheel_async import models

        with anyio.from_thread.start_blocking_portal() as portal:

            async def wait(result: Any) -> Any:
                return await result if isinstance(result, Coroutine) else result

            client = AsyncClient(KEY, disable_auth_check=True, transport=transport)
            yield Flavour(PACKAGE / "raw/signatures.pyi", client, models, lambda result: portal.call(wait, result))
            portal.call(client.aclose)
    else:
        from flywheel_async.sync import models as sync_models

        with Client(KEY, disable_auth_check=True, transport=transport) as fw:
            yield Flavour(PACKAGE / "sync/_signatures.pyi", fw, sync_models, lambda result: result)


def argument(kind: str) -> object:
    """A value of a declared type."""
    first = kind.split(" | ")[0]
    plain: dict[str, object] = {
        "Upload": FileSpec("a.txt", b"abc"),
        "Literal['session', 'acquisition']": "session",
        "OnProgress": lambda progress: None,
        "Overwrite": "version",
        "Replacing": "replace",
        "bool": True,
        "date": "2026-01-02",
        "datetime": "2026-01-02T03:04:05Z",
        "float": 5.0,
        "int": 7,
        "list[str]": ["text"],
        "str": "text",
    }
    if first in plain:
        return plain[first]
    named = schemas().enums.get(first.removeprefix("types."))
    if named is not None:
        return next(iter(named.values()))
    if "str" in kind.split(" | ") and not first.startswith("Mapping["):
        return "text"
    if first.startswith("Sequence["):
        return ["text"] if first == "Sequence[str]" or "str]" in kind else [{}]
    return {"text": ["text"]}


def given(method: Method, tmp_path: Path) -> tuple[dict[str, object], dict[str, object]]:
    """Values for every argument that a stub declares: for those that may stand by position, and for the others."""

    def values(args: list[ast.arg]) -> dict[str, object]:
        kinds = {one.arg: ast.unparse(one.annotation) for one in args if one.annotation is not None}
        assert len(kinds) == len(args)
        return {name: str(tmp_path / "x") if name == "dest_file" else argument(kind) for name, kind in kinds.items()}

    return values(method.args.args[1:]), values(method.args.kwonlyargs)


def sample(kind: Kind) -> object:
    """What a site may answer for a type of the table."""
    if kind.name == "list":
        return [sample(kind.args[0])]
    if kind.name == "dict":
        return {"key": sample(kind.args[0])}
    if kind.name == "union":
        return sample(kind.args[0])
    plain: dict[str, object] = {"str": "text", "int": 3, "bool": True, "float": 0.5, "object": {"a": 1}}
    if kind.name in plain:
        return plain[kind.name]
    table = schemas()
    candidates = table.candidates(kind.name)
    if candidates:
        return {table.row(kind.name)["discriminator"]: next(iter(candidates))}
    members = {field.wire: parse_kind(field.type) for field in table.fields(kind.name)}
    wanted = {wire: sample(each) for wire, each in members.items() if each.name in plain or each.name == "list"}
    shaped = table.class_name(kind.name)
    return {**wanted, **({"container_type": shaped.lower()} if shaped else {})}


def answers(op: Operation) -> Iterator[httpx.Response]:
    """Every kind of answer that the table promises for an operation."""
    if op.streams:
        yield httpx.Response(200, content=b"\0\1", headers={"content-type": "application/octet-stream"})
    for kind in members_of(parse_kind(op.returns)) if op.returns else ():
        if kind.name == "str" and "union" in str(op.returns):
            yield httpx.Response(200, content=b"a,b\n", headers={"content-type": "text/csv"})
        else:
            content = json.dumps(sample(kind)).encode()
            yield httpx.Response(200, content=content, headers={"content-type": "application/json"})
    if op.returns is None:
        yield httpx.Response(204)


def fits(value: object, kind: ast.expr, names: dict[str, Any]) -> bool:
    """Whether a value is of a type as the stub spells it."""
    if isinstance(kind, ast.BinOp):
        return fits(value, kind.left, names) or fits(value, kind.right, names)
    if isinstance(kind, ast.Constant):
        return value is None
    if isinstance(kind, ast.Subscript) and isinstance(kind.value, ast.Name):
        if kind.value.id == "list":
            return isinstance(value, list) and all(fits(one, kind.slice, names) for one in value)
        assert kind.value.id == "dict"
        assert isinstance(kind.slice, ast.Tuple)
        inner = kind.slice.elts[1]
        return isinstance(value, dict) and all(fits(one, inner, names) for one in value.values())
    if isinstance(kind, ast.Subscript):
        results = getattr(value, "results", None)
        return fits(value, kind.value, names) and all(fits(one, kind.slice, names) for one in results or [None])
    if isinstance(kind, ast.Attribute):
        assert isinstance(kind.value, ast.Name)
        return type(value) is getattr(names[kind.value.id], kind.attr)
    assert isinstance(kind, ast.Name)
    plain = {"str": str, "int": int, "bool": bool, "bytes": bytes, "float": float, "Any": object}
    return isinstance(value, plain[kind.id])


def inner(kind: ast.expr | None) -> ast.expr:
    """The type between the brackets, for example that which a `RawResponse[...]` parses into."""
    assert isinstance(kind, ast.Subscript)
    return kind.slice


def test_raw_calls_and_answers(flavour: Flavour, answering: Site, tmp_path: Path) -> None:
    methods = flavour.methods["Raw"]
    assert set(methods) == set(operations())
    wrong: list[str] = []
    for name, method in methods.items():
        for answer in answers(operations()[name]):
            answering.answer = answer
            values, keywords = given(method, tmp_path)
            value = flavour.run(getattr(flavour.client.raw, name)(*values.values(), **keywords)).parse()
            if not fits(value, inner(method.returns), flavour.names):
                wrong.append(f"{name}: {answer.content!r} gives {value!r}, not {ast.unparse(inner(method.returns))}")
    assert not wrong, "\n".join(wrong)


def test_streaming_calls(flavour: Flavour, answering: Site, tmp_path: Path) -> None:
    methods = flavour.methods["Streaming"]
    assert set(methods) == set(operations())
    for name, method in methods.items():
        values, keywords = given(method, tmp_path)
        getattr(flavour.client.raw.streaming, name)(*values.values(), **keywords)
        getattr(flavour.client.raw.streaming, name)(**values, **keywords)
    assert answering.requests == 0


def test_iterate_calls_and_items(flavour: Flavour, answering: Site, tmp_path: Path) -> None:
    methods = flavour.methods["Iterate"]
    assert set(methods) == {name for name in operations() if hasattr(flavour.client.raw.iterate, name)}
    wrong: list[str] = []
    for name, method in methods.items():
        for answer in answers(operations()[name]):
            answering.answer = answer
            values, keywords = given(method, tmp_path)
            for chosen in ("after_id", "skip"):
                keywords.pop(chosen, None)
            pager = getattr(flavour.client.raw.iterate, name)(*values.values(), **keywords)
            page = flavour.run(pager.next_page()) if hasattr(pager, "next_page") else next(pager.pages())
            kind = inner(method.returns)
            assert page, name
            wrong += [
                f"{name}: {one!r} is no {ast.unparse(kind)}" for one in page if not fits(one, kind, flavour.names)
            ]
    assert not wrong, "\n".join(wrong)


def test_flat_names_show_what_they_take(flavour: Flavour) -> None:
    for name, method in flavour.methods["FlatNames"].items():
        shown = inspect.signature(getattr(flavour.client, name)).parameters
        positional = [one.arg for one in method.args.args[1:]]
        assert list(shown)[: len(positional)] == positional, name
        declared = {*positional, *(one.arg for one in method.args.kwonlyargs)} - {"_request_timeout"}
        assert {*shown} == declared, name


def test_flat_calls_and_answers(flavour: Flavour, answering: Site, tmp_path: Path) -> None:
    methods = flavour.methods["FlatNames"]
    assert set(methods) <= flat.names()
    assert flat.names() - set(methods) <= set(dir(type(flavour.client)))
    wrong: list[str] = []
    for name, method in methods.items():
        op = operations().get(name)
        # Transfers and the names that wrap an operation ask for more than one thing, or for something else.
        simple = op is not None and not (flat._UPLOAD.fullmatch(name) or flat._DOWNLOAD.fullmatch(name))
        for answer in answers(op) if op is not None and simple else [httpx.Response(200, json={})]:
            answering.answer = answer
            values, keywords = given(method, tmp_path)
            calls: list[tuple[tuple[object, ...], dict[str, object]]] = [(tuple(values.values()), keywords)]
            if not simple:
                calls.append(((), {**values, **keywords}))
            for positional, named in calls:
                before = answering.requests
                try:
                    value = flavour.run(getattr(flavour.client, name)(*positional, **named))
                except FlywheelError as problem:
                    # What the site answers is of no use to a transfer, but it must have been asked.
                    if simple or answering.requests == before:
                        wrong.append(f"{name}: {problem}")
                else:
                    assert method.returns is not None
                    if simple and not fits(value, method.returns, flavour.names):
                        wrong.append(f"{name}: {answer.content!r} gives {value!r}, not {ast.unparse(method.returns)}")
    assert not wrong, "\n".join(wrong)
