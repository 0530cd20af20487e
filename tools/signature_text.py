"""Writes the parameters of operations, and of the names built on them, as text for the generated stubs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flywheel_async.pagination import DEFAULT_PAGE
from flywheel_async.raw import flat
from flywheel_async.raw.operation import route
from flywheel_async.raw.schemas import BEHAVIOUR, Schemas, members_of, parse_kind
from flywheel_async.raw.table import Operation, Param
from type_text import answer_text, type_text

_NEW = re.compile(rf"({'|'.join(sorted(BEHAVIOUR))})Input")
_FILES = "Upload | Sequence[Upload]"


@dataclass(frozen=True)
class Argument:
    """One parameter of a call.

    Attributes:
        name: Its name.
        type: Its type, as Python text.
        default: The text of its default; None when it must be given.
        keyword: Whether it can only be given by name.
    """

    name: str
    type: str
    default: str | None = None
    keyword: bool = True

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.default is None else f" = {self.default}")


_TIMEOUT = Argument("_request_timeout", "float | tuple[float, float] | None", "None")


@dataclass(frozen=True)
class Call:
    """One name with what it takes and gives.

    Attributes:
        name: The name.
        arguments: Its parameters in order, those that can be given by position first.
        gives: The type of the result, as Python text.
        summary: One line for editors: the route.
    """

    name: str
    arguments: tuple[Argument, ...]
    gives: str
    summary: str

    @property
    def parameters(self) -> str:
        """The text between the brackets, without `self`."""
        texts = [str(one) for one in self.arguments if not one.keyword]
        named = [str(one) for one in self.arguments if one.keyword]
        return ", ".join([*texts, *(["*", *named] if named else [])])


def raw_call(schemas: Schemas, op: Operation, gives: str) -> Call:
    """Writes an operation as the raw API takes it.

    Args:
        schemas: The model table.
        op: The operation.
        gives: The type of the result, as Python text.
    """
    return Call(op.id, (*_arguments(schemas, op), _TIMEOUT), gives, route(op))


def iterating(call: Call, item: str) -> Call:
    """Turns a call of a list operation into one that walks over all its pages.

    Args:
        call: The operation's own call.
        item: The type of one item, as Python text.
    """
    kept = [one for one in call.arguments if one.name != "page"]
    sized = [Argument(one.name, one.type, str(DEFAULT_PAGE)) if one.name == "limit" else one for one in kept]
    return replace(call, arguments=tuple(sized), gives=item)


def _arguments(schemas: Schemas, op: Operation) -> Iterable[Argument]:
    found: dict[str, Argument] = {}
    for param in (*op.path_params, *op.query_params, *op.form_params, *op.header_params):
        if param.name != "content-type":
            found[param.python_name] = _argument(schemas, param)
    if op.body is not None:
        kind = body_text(schemas, op.body.type)
        found["body"] = Argument("body", kind) if op.body.required else Argument("body", f"{kind} | None", "None")
    for name in op.positional:
        yield replace(found.pop(name), keyword=False)
    yield from found.values()


def _argument(schemas: Schemas, param: Param) -> Argument:
    kind = _FILES if param.type == "file" else type_text(schemas, param.type, "argument")
    if param.type in ("date", "datetime"):
        kind += " | str"
    if param.required:
        return Argument(param.python_name, kind)
    return Argument(param.python_name, f"{kind} | None", _default(param))


def _default(param: Param) -> str:
    """What holds when the argument is left out: sent by the client, else assumed by the site."""
    value = param.default if param.client_sends is None else param.client_sends
    if param.type == "bool" and isinstance(value, str):
        value = value == "true"
    return repr(value) if isinstance(value, (bool, int, float, str)) else "None"


def body_text(schemas: Schemas, kind: str) -> str:
    """Writes what may be given as a JSON body: the model, a mapping, a text where one stands for it, or an object.

    Args:
        schemas: The model table.
        kind: The type of the body in the table's notation.

    Returns:
        For example `types.ProjectInput | Mapping[str, Any] | models.Project`.
    """
    extra: list[str] = []
    for member in members_of(parse_kind(kind)):
        created = _NEW.fullmatch(member.name)
        shaped = schemas.class_name(member.name)
        if created is not None:
            extra.append(f"models.{created[1]}")
        elif shaped is not None:
            extra.append(f"{'models' if shaped in BEHAVIOUR else 'fields'}.{shaped}")
    # A text is a `Sequence[str]` too, and would travel as a text.
    text = "list[str] | tuple[str, ...]" if kind == "list[str]" else type_text(schemas, kind, "argument")
    return " | ".join([text, *extra])


def flat_call(schemas: Schemas, name: str, derived: Mapping[str, Mapping[str, Any]]) -> Call:
    """Writes a flat name as clients offer it.

    Args:
        schemas: The model table.
        name: The name.
        derived: The names that wrap an operation, by name.
    """
    row = derived.get(name, {})
    target = flat.target(name)
    call = raw_call(schemas, target, answer_text(schemas, target.returns, simplified=True, streams=target.streams))
    call = replace(call, name=name)
    if flat._UPLOAD.fullmatch(name):
        return _upload(call)
    if flat._DOWNLOAD.fullmatch(name):
        return _download(call, name.endswith("_as_data"))
    collected = flat._COLLECT.fullmatch(name)
    if collected is not None:
        return _collect(call, collected[1])
    if flat.makes_url(name):
        kept = tuple(one for one in call.arguments if one.name != "ticket")
        return replace(call, arguments=kept, gives="str")
    if "body_wrapped_in" in row:
        return _wrapped(schemas, call, target, row)
    return call


def _upload(call: Call) -> Call:
    """Uploads by container have a verified transfer behind them, with options of their own."""
    places = [one for one in call.arguments if not one.keyword and one.name != "file"]
    options = (
        Argument("file", _FILES, keyword=False),
        Argument("signed", "bool | None", "None", keyword=False),
        Argument("metadata", "Mapping[str, Any] | str | Sequence[Mapping[str, Any] | str] | None", "None"),
        Argument("name", "str | None", "None"),
        Argument("on_progress", "OnProgress | None", "None"),
        Argument("content_type", "str | None", "None"),
        Argument("overwrite", "Overwrite", '"version"'),
        Argument("wait", "bool | float", "False"),
        Argument("preserve_metadata", "bool", "False"),
        _TIMEOUT,
    )
    return replace(call, arguments=(*places, *options), gives="list[models.File]")


def _download(call: Call, as_data: bool) -> Call:
    """Downloads by container have a verified transfer behind them, with options of their own."""
    places = [one for one in call.arguments if not one.keyword]
    dest = [] if as_data else [Argument("dest_file", "str | Path", keyword=False)]
    options = (
        Argument("member", "str | None", "None"),
        Argument("version", "int | None", "None"),
        Argument("on_progress", "OnProgress | None", "None"),
        Argument("deadline", "float | None", "None"),
        Argument("stall_timeout", "float | None", "None"),
    )
    to_path = (
        Argument("resume", "bool", "True"),
        Argument("fsync", "bool", "False"),
        Argument("set_mtime", "bool", "False"),
        Argument("parallel", "int | None", "None"),
        Argument("overwrite", "Replacing", '"replace"'),
    )
    arguments = (*places, *dest, *options, *(() if as_data else to_path), _TIMEOUT)
    return replace(call, arguments=arguments, gives="bytes" if as_data else "Path")


def _collect(call: Call, level: str) -> Call:
    """Adding to a collection takes ids or objects."""
    kinds = {
        "session": ["session_ids"],
        "acquisition": ["acquisition_ids"],
        "node": ["level", "node_ids"],
    }[level]
    objects = {"session": "models.Session", "acquisition": "models.Acquisition"}
    item = objects.get(level, " | ".join(objects.values()))
    types = {"level": 'Literal["session", "acquisition"]'}
    arguments = [Argument(one, types.get(one, f"str | Iterable[str | {item}]"), keyword=False) for one in kinds]
    first = Argument("collection_id", "str", keyword=False)
    return replace(call, arguments=(first, *arguments, _TIMEOUT), gives="None")


def _wrapped(schemas: Schemas, call: Call, target: Operation, row: Mapping[str, Any]) -> Call:
    """The names that put their body into one member of the operation's body."""
    wrapper = str(row["body_wrapped_in"])
    schema = target.body.type if target.body is not None else ""
    kind = next(field.type for field in schemas.fields(schema) if field.name == wrapper)
    text = type_text(schemas, kind, "argument") + (" | str" if wrapper == "delete" and kind == "list[str]" else "")
    arguments = [Argument(name, text if name == "body" else "str", keyword=False) for name in row["args"]]
    return replace(call, arguments=(*arguments, _TIMEOUT))
