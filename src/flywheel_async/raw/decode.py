"""Turns the answer of an operation into the object a caller expects, by the type the table gives it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from flywheel_async.fields.base import Model
from flywheel_async.fields.load import load_page, load_python
from flywheel_async.raw.table import Operation

if TYPE_CHECKING:
    from flywheel_async.client import AsyncClient
    from flywheel_async.transport.response import Response

_MIXIN = re.compile(r"(Group|Project|Subject|Session|Acquisition|Analysis|Collection|File)Mixin")
_PLAIN = {
    "AuthSessionOutput": "AuthStatus",
    "ConfigOut": "SiteConfig",
    "CurrentUserOutput": "User",
    "EgressDevice": "Device",
    "FileVersionOutput": "FileVersionOutput",
    "ModalityOutput": "Modality",
    "Note": "Note",
    "ProjectCopyOutput": "ProjectCopyOutput",
    "RoleOutput": "Role",
    "RolePermissionOutput": "RolePermission",
    "AccessPermissionOutput": "AccessPermission",
    "User": "User",
    "Version": "Version",
    "ZipfileInfo": "ZipfileInfo",
}


class Record(Model):
    """An answer without a class of its own: its members are attributes and items, an `_id` also as `id`."""

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__("_id" if key == "id" and "_id" in self else key)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            return super().__getattr__("_id" if name == "id" and "_id" in self else name)


@cache
def _schemas() -> dict[str, Any]:
    text = resources.files("flywheel_async.raw").joinpath("models.json").read_bytes()
    table: dict[str, Any] = json.loads(text)
    rows = {row["name"]: row for row in table["models"]}
    return {"rows": rows, "aliases": table["aliases"]}


@cache
def unwrapped_member(schema: str) -> str | None:
    """The one member that stands for the whole answer, such as the id of a new object; else None."""
    schemas = _schemas()
    row = schemas["rows"].get(schemas["aliases"].get(schema, schema), {})
    return cast("str | None", row.get("unwraps_to"))


@cache
def scalar_member(schema: str) -> str | None:
    """The member that a plain text stands for when it is given as the body, such as the `value` of a tag; else None."""
    schemas = _schemas()
    row = schemas["rows"].get(schemas["aliases"].get(schema, schema), {})
    return cast("str | None", row.get("positional_scalar_field"))


@cache
def page_item(schema: str) -> str | None:
    """The schema of the items of a page such as `PageGenericFileOutput`; None when it is no page."""
    schemas = _schemas()
    row = schemas["rows"].get(schemas["aliases"].get(schema, schema), {})
    kinds = {field["name"]: str(field["type"]) for field in row.get("fields", ())}
    found = re.fullmatch(r"list\[(\w+)\]", kinds.get("results", ""))
    return found.group(1) if found and "total" in kinds else None


@cache
def class_name(schema: str) -> str | None:
    """The name of the class for a schema of the table, or None when it has none of its own."""
    schemas = _schemas()
    name = schemas["aliases"].get(schema, schema)
    row = schemas["rows"].get(name, {})
    for base in row.get("bases", ()):
        found = _MIXIN.fullmatch(base)
        if found:
            return found.group(1)
        if base in _PLAIN:
            return _PLAIN[base]
    return _PLAIN.get(name)


def split_union(kind: str) -> list[str]:
    """Splits `union[A,list[B]]` into its members; any other type is its own only member."""
    if not kind.startswith("union["):
        return [kind]
    parts, depth, start = list[str](), 0, len("union[")
    for index in range(start, len(kind) - 1):
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(kind[index], 0)
        if kind[index] == "," and depth == 0:
            parts.append(kind[start:index])
            start = index + 1
    return [*parts, kind[start:-1]]


def decode(core: AsyncClient, op: Operation, response: Response) -> object:
    """Builds what a call of an operation returns.

    Args:
        core: The client.
        op: The operation.
        response: Its answer.

    Returns:
        Objects of the caller's flavour where the schema has a class, `Record`s for other objects, lists of those, or
        plain values; a bare id where the answer only carries one; None for an empty answer.

    Raises:
        BadAnswer: The answer is not JSON.
    """
    value = response.json()
    kinds = split_union(op.returns or "object")
    if isinstance(value, list):
        item = next((kind[5:-1] for kind in kinds if kind.startswith("list[")), "object")
        name = _class_of(split_union(item))
        if name is not None:
            found, _ = load_page(_class(core, name), response.content)
            return [core._bind(one) for one in found]
        return [_record(one) for one in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, object]", value)
    for kind in kinds:
        only = unwrapped_member(kind)
        if only is not None:
            return members.get("_id" if only == "id" and "_id" in members else only)
    if op.returns == "object" or (op.returns or "").startswith("dict("):
        return members
    paged = next((found for found in map(page_item, kinds) if found is not None), None)
    if paged is not None and isinstance(members.get("results"), list):
        return _page(core, members, class_name(paged), response)
    name = _class_of(kinds)
    container = members.get("container_type")
    if name is None or not isinstance(container, str):
        return core._bind(load_python(_class(core, name), members)) if name else _record(members)
    return core._node(members, response)


def _page(core: AsyncClient, members: dict[str, object], name: str | None, response: Response) -> object:
    """A list route's answer that is always a page: its members, with the results as objects."""
    page = load_python(Record, {key: value for key, value in members.items() if key != "results"})
    if name is None:
        results: list[object] = [_record(one) for one in cast("list[object]", members["results"])]
    else:
        found, _ = load_page(_class(core, name), response.content)
        results = [core._bind(one) for one in found]
    extra = page.__pydantic_extra__
    if extra is not None:
        extra["results"] = results
    return page


def _class_of(kinds: list[str]) -> str | None:
    return next((name for name in map(class_name, kinds) if name is not None), None)


def _class(core: AsyncClient, name: str) -> type[Model]:
    registry = core._registry
    if name in registry:
        return registry[name]
    from flywheel_async import fields

    return cast("type[Model]", getattr(fields, name))


def _record(value: object) -> object:
    return load_python(Record, cast(object, value)) if isinstance(value, dict) else value
