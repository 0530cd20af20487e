"""The operations as methods of a client, by the names the official client has for them.

One mechanism over the operation table: `fw.modify_project(id, {...})` looks the name up, builds the request, and
returns what the table says. Nothing here is written per operation.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlencode

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.caller import bind, build
from flywheel_async.raw.decode import decode, scalar_member
from flywheel_async.raw.table import derived, operation, operations
from flywheel_async.resources import archives, collections
from flywheel_async.resources.info import checked_info, checked_members, to_set

if TYPE_CHECKING:
    from flywheel_async.client import AsyncClient

_UPLOAD = re.compile(r"upload_file_to_(\w+)|upload_output_to_(?:\w+_)?(analysis)")
_DOWNLOAD = re.compile(r"download_file_from_(\w+?)(_as_data)?|download_output_from_(?:\w+_)?(analysis)(_as_data)?")
_COLLECT = re.compile(r"add_(session|acquisition|node)s_to_collection")
_URL = re.compile(r"get_(\w+)_download_url")


class FlatOperation:
    """One name, bound to a client; call it with the arguments of the operation table, by position or by name.

    Args:
        core: The client.
        name: The name.
    """

    def __init__(self, core: AsyncClient, name: str) -> None:
        self._core = core
        self._name = name
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<operation {self._name}>"

    async def __call__(self, *values: object, **keywords: object) -> Any:
        """Calls the operation.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `body` is the JSON body.

        Returns:
            What the table says: an object, a list, a bare id, plain data or None. Its type is `Any` because it differs
            from name to name.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
            APIError: The site refused.
        """
        return await self.call(*values, **keywords)

    async def call(self, *values: object, **keywords: object) -> Any:
        """Does what calling the object does."""
        return await call(self._core, self._name, values, keywords)


@cache
def names() -> frozenset[str]:
    """Every name that works on a client."""
    wrapped = {name for name, row in derived().items() if _is_built(name, row)}
    return frozenset(operations()) | wrapped


def _is_built(name: str, row: Mapping[str, Any]) -> bool:
    return "body_wrapped_in" in row or any(pattern.fullmatch(name) for pattern in (_DOWNLOAD, _URL, _COLLECT))


def unknown(owner: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuses an attribute that is no operation either.

    Raises:
        AttributeError: Always; the message names the nearest name.
    """
    near = difflib.get_close_matches(name, [*known, *names()], 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"{owner} has no attribute {name!r}{hint}")


async def call(core: AsyncClient, name: str, values: tuple[object, ...], keywords: Mapping[str, object]) -> object:
    """Calls an operation by its flat name; see `FlatOperation`."""
    if (found := _UPLOAD.fullmatch(name)) is not None:
        return await _upload(core, found.group(1) or found.group(2), name, values, keywords)
    if (found := _DOWNLOAD.fullmatch(name)) is not None:
        kind = found.group(1) or found.group(3)
        return await _download(core, kind, bool(found.group(2) or found.group(4)), name, values, keywords)
    if (found := _COLLECT.fullmatch(name)) is not None:
        level = None if found.group(1) == "node" else found.group(1)
        await _collect(core, level, name, values, keywords)
        return None
    if (found := _URL.fullmatch(name)) is not None:
        return await _download_url(core, name, values, keywords)
    wrapped = derived().get(name, {}).get("body_wrapped_in")
    if wrapped is not None:
        return await _wrapped(core, name, str(wrapped), values, keywords)
    op = operation(name)
    arguments = bind(op, values, keywords)
    member = scalar_member(op.body.type) if op.body is not None else None
    if member is not None and isinstance(arguments.get("body"), str):
        arguments["body"] = {member: arguments["body"]}
    if op.body is not None:
        body = checked_members(arguments.get("body"), _info_members(op.body.type))
        if op.body.type == "Info" and isinstance(body, dict):
            change = cast("dict[str, object]", body)
            body = {**change, **to_set(change["set"], {})} if change.get("set") else change
        arguments["body"] = body
    return decode(core, op, await core._call(name, **arguments))


def _info_members(schema: str) -> tuple[str, ...]:
    """The members of a body that hold metadata."""
    return ("set", "replace") if schema == "Info" else ("info",)


def _named(
    name: str, order: tuple[str, ...], values: tuple[object, ...], keywords: Mapping[str, object], needed: int
) -> dict[str, object]:
    """Binds the arguments of a name whose parameters are not those of an operation."""
    if len(values) > len(order):
        raise ArgumentError(f"{name} takes at most {len(order)} positional arguments, {len(values)} given")
    given = dict(zip(order, values, strict=False))
    for key, value in keywords.items():
        if key in given:
            raise ArgumentError(f"{name}: the argument {key!r} is given twice")
        if key not in order:
            raise ArgumentError(f"{name}: unknown argument {key!r}; it takes {', '.join(order)}")
        given[key] = value
    for key in order[:needed]:
        if key not in given:
            raise ArgumentError(f"{name}: the argument {key!r} is missing")
    return given


async def _wrapped(
    core: AsyncClient, name: str, wrapper: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> object:
    row = derived()[name]
    given = _named(name, tuple(row["args"]), values, keywords, len(row["args"]))
    body = given.pop("body")
    if wrapper == "delete" and isinstance(body, str):
        body = [body]
    target = str(row["calls"][0])
    schema = operation(target).body
    if schema is not None and schema.type == "Info" and wrapper != "delete":
        # A dotted key would reach into another one on some sites; `to_set` stores it as the site would.
        body = to_set(body, {})["set"] if wrapper == "set" else checked_info(body)
    return decode(core, operation(target), await core._call(target, *given.values(), {wrapper: body}))


async def _upload(
    core: AsyncClient, kind: str, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> object:
    order = ["container_id", "file", "signed", "metadata", "name", "on_progress"]
    if kind == "analysis" and name != "upload_output_to_analysis":
        order.insert(0, "parent_id")
    given = _named(name, tuple(order), values, keywords, order.index("file") + 1)
    return await core._files.upload(
        kind,
        str(given["container_id"]),
        given["file"],
        name=cast("str | None", given.get("name")),
        metadata=cast("Mapping[str, object] | str | None", given.get("metadata")),
        on_progress=cast("Any", given.get("on_progress")),
    )


async def _download(
    core: AsyncClient,
    kind: str,
    as_data: bool,
    name: str,
    values: tuple[object, ...],
    keywords: Mapping[str, object],
) -> object:
    order = ["container_id", "file_name", *([] if as_data else ["dest_file"])]
    if kind == "analysis" and re.search(r"_from_\w+_analysis", name):
        order.insert(0, "parent_id")
    row = operations().get(name.removesuffix("_as_data"))
    renamed = dict(zip((row.positional if row else ()), order, strict=False))
    optional = ["member", "version"]
    plain = {renamed.get(key, key): value for key, value in keywords.items()}
    given = _named(name, (*order, *optional), values, plain, len(order))
    container_id, file_name = str(given["container_id"]), cast("str", given["file_name"])
    version, member = cast("int | None", given.get("version")), cast("str | None", given.get("member"))
    if member is not None:
        if as_data:
            return await archives.read(core, kind, container_id, file_name, member, version)
        return await archives.download(core, kind, container_id, file_name, member, given["dest_file"], None, version)
    if version is not None:
        entry = await core._files.entry(kind, container_id, file_name)
        old = core._object("File", await core._call("get_file", entry["file_id"], version=version))
        if as_data:
            return await core._files.read_entry(old)
        return await core._files.download_entry(old, given["dest_file"])
    if as_data:
        return await core._files.read(kind, container_id, file_name)
    return await core._files.download(kind, container_id, file_name, given["dest_file"])


async def _collect(
    core: AsyncClient, level: str | None, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> None:
    row = derived()[name]
    collection_id, *rest = _named(name, tuple(row["args"]), values, keywords, len(row["args"])).values()
    kind = level or str(rest.pop(0))
    if kind not in ("session", "acquisition"):
        raise ArgumentError(f"{name}: level must be session or acquisition, not {kind!r}")
    items = cast("Iterable[object]", [rest[0]] if isinstance(rest[0], str) else rest[0])
    await collections.change(core, str(collection_id), "add", "session" if kind == "session" else "acquisition", items)


async def _download_url(
    core: AsyncClient, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> str:
    target = str(derived()[name]["calls"][0])
    response = await core._call(target, *values, **{**keywords, "ticket": ""})
    answer = response.json()
    ticket = cast("dict[str, object]", answer).get("ticket") if isinstance(answer, dict) else None
    if not isinstance(ticket, str):
        raise response.unexpected("a download ticket")
    path = build(target, values, {**keywords, "ticket": ""}).path
    return f"{core._transport.site.base_url}{path}?{urlencode({'ticket': ticket})}"
