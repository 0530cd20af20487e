"""The operations as methods of a client, by the names the official client has for them.

One mechanism over the operation table: `fw.modify_project(id, {...})` looks the name up, builds the request, and
returns what the table says. Nothing here is written per operation.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlencode

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import bind, build
from flywheel_async.raw.decode import decode, parse
from flywheel_async.raw.operation import unknown as refuse
from flywheel_async.raw.schemas import members_of, parse_kind, schemas
from flywheel_async.raw.sending import Call, prepare, send, take_timeout
from flywheel_async.raw.table import derived, operation, operations
from flywheel_async.resources import archives, collections
from flywheel_async.resources.bodies import changeable, filled
from flywheel_async.resources.info import checked_info, checked_members, to_delete, to_set
from flywheel_async.resources.reasons import checked_reason
from flywheel_async.transport.client import waiting_at_most

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.raw.table import Operation
    from flywheel_async.transport.request import Timeout

_UPLOAD = re.compile(r"upload_file_to_(\w+)|upload_output_to_(?:\w+_)?(analysis)")
_DOWNLOAD = re.compile(r"download_file_from_(\w+?)(_as_data)?|download_output_from_(?:\w+_)?(analysis)(_as_data)?")
_COLLECT = re.compile(r"add_(session|acquisition|node)s_to_collection")
_URL = re.compile(r"get_(\w+)_download_url")

# Operations whose body is a metadata object itself.
_WHOLE_INFO = ("modify_file_info", "replace_file_info")


class FlatOperation:
    """One name, bound to a client; call it with the arguments of the operation table, by position or by name.

    Args:
        core: The client.
        name: The name.
    """

    def __init__(self, core: Core, name: str) -> None:
        self._core = core
        self._name = name
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<operation {self._name}>"

    def __call__(self, *values: object, **keywords: object) -> Coroutine[object, object, Any]:
        """Checks the arguments, and calls the operation when awaited.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `body` is the JSON body. Of the controls of the official client,
                `_request_timeout` (seconds, or a pair for connecting and reading) and
                `_ignore_simplified_return_value` (whether a model with an `id` stays one) are known.

        Returns:
            What the table says: an object, a list, a bare id, plain data or None. Its type is `Any` because it differs
            from name to name.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
            APIError: The site refused.
        """
        return call(self._core, self._name, values, keywords)


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
    refuse(owner, name, [*known, *names()])


def call(
    core: Core, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> Coroutine[object, object, Any]:
    """Calls an operation by its flat name; see `FlatOperation`."""
    rest = dict(keywords)
    whole = bool(rest.pop("_ignore_simplified_return_value", False))
    rest, timeout = take_timeout(name, rest)
    if (found := _UPLOAD.fullmatch(name)) is not None:
        return _timed(timeout, _upload(core, found.group(1) or found.group(2), name, values, rest))
    if (found := _DOWNLOAD.fullmatch(name)) is not None:
        kind = found.group(1) or found.group(3)
        return _timed(timeout, _download(core, kind, bool(found.group(2) or found.group(4)), name, values, rest))
    if (found := _COLLECT.fullmatch(name)) is not None:
        level = None if found.group(1) == "node" else found.group(1)
        return _timed(timeout, _collect(core, level, name, values, rest))
    if _URL.fullmatch(name) is not None and name not in operations():
        return _timed(timeout, _download_url(core, name, values, rest))
    wrapper = derived().get(name, {}).get("body_wrapped_in")
    if wrapper is not None:
        op, arguments = _unwrapped(name, str(wrapper), values, rest)
    else:
        op = operation(name)
        arguments = _checked(op, bind(op, values, rest))
    return _timed(timeout, _answered(core, op, prepare(core, op, (), arguments), whole))


async def _timed(timeout: Timeout | None, called: Awaitable[object]) -> object:
    with waiting_at_most(timeout):
        return await called


async def _answered(core: Core, op: Operation, ready: Call, whole: bool) -> object:
    answer = await send(core, ready)
    return parse(core, op, answer) if whole else decode(core, op, answer)


def _checked(op: Operation, arguments: dict[str, object]) -> dict[str, object]:
    """The arguments of an operation, with what the verbs of objects check as well.

    Raises:
        ArgumentError: A reason, a member or a metadata object cannot be sent.
    """
    if "delete_reason" in arguments:
        arguments["delete_reason"] = checked_reason(arguments["delete_reason"])
    if op.body is None or arguments.get("body") is None:
        return arguments
    if op.id.startswith("modify_"):
        _check_changes(op.body.type, arguments["body"])
    if op.id in _WHOLE_INFO:
        return {**arguments, "body": checked_info(arguments["body"], "body")}
    body = checked_members(arguments["body"], ("set", "replace") if op.body.type == "Info" else ("info",))
    if op.body.type == "Info" and isinstance(body, dict):
        change = cast("dict[str, object]", body)
        body = {**change, **to_set(change["set"], {})} if change.get("set") else change
    return {**arguments, "body": body}


def _check_changes(kind: str, body: object) -> None:
    """Makes sure that a change names no member that only the site writes, unless the schema has it."""
    table = schemas()
    found = [member.name for member in members_of(parse_kind(kind)) if table.row(member.name)]
    declared = {name for schema in found for field in table.fields(schema) for name in (field.name, field.wire)}
    members = filled(body) if isinstance(body, Model) else body
    if found and isinstance(members, Mapping):
        given = cast("Mapping[str, object]", members)
        # A few schemas have `modified` although it is a site's own.
        changeable({name: given[name] for name in given if name not in declared or name in ("created", "modified")})


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


def _unwrapped(
    name: str, wrapper: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> tuple[Operation, dict[str, object]]:
    """The operation below a name that wraps its body, and the arguments of that."""
    row = derived()[name]
    given = _named(name, tuple(row["args"]), values, keywords, len(row["args"]))
    body = given.pop("body")
    op = operation(str(row["calls"][0]))
    if op.body is not None and op.body.type == "Info":
        if wrapper == "delete":
            body = to_delete([body])["delete"]
        else:
            # A dotted key would reach into another one on some sites; `to_set` stores it as the site would.
            body = to_set(body, {})["set"] if wrapper == "set" else checked_info(body)
    return op, bind(op, (*given.values(), {wrapper: body}), {})


async def _upload(
    core: Core, kind: str, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> object:
    order = ["container_id", "file", "signed", "metadata", "name", "on_progress"]
    if kind == "analysis" and name != "upload_output_to_analysis":
        order.insert(0, "parent_id")
    # The table's own names differ from one container to the next.
    renamed = dict(zip(operation(name).positional, order, strict=False))
    plain = {renamed.get(key, key): value for key, value in keywords.items()}
    given = _named(name, tuple(order), values, plain, order.index("file") + 1)
    return await core._files.upload(
        kind,
        str(given["container_id"]),
        given["file"],
        name=cast("str | None", given.get("name")),
        metadata=cast("Mapping[str, object] | str | None", given.get("metadata")),
        on_progress=cast("Any", given.get("on_progress")),
    )


async def _download(
    core: Core,
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
    if as_data:
        return await archives.read_chosen(core, kind, container_id, file_name, member, version)
    return await archives.download_chosen(core, kind, container_id, file_name, given["dest_file"], member, version)


async def _collect(
    core: Core, level: str | None, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> None:
    row = derived()[name]
    collection_id, *rest = _named(name, tuple(row["args"]), values, keywords, len(row["args"])).values()
    kind = level or str(rest.pop(0))
    if kind not in ("session", "acquisition"):
        raise ArgumentError(f"{name}: level must be session or acquisition, not {kind!r}")
    items = cast("Iterable[object]", [rest[0]] if isinstance(rest[0], str) else rest[0])
    await collections.change(core, str(collection_id), "add", "session" if kind == "session" else "acquisition", items)


async def _download_url(core: Core, name: str, values: tuple[object, ...], keywords: Mapping[str, object]) -> str:
    target = str(derived()[name]["calls"][0])
    response = await core._call(target, *values, **{**keywords, "ticket": ""})
    answer = response.json()
    ticket = cast("dict[str, object]", answer).get("ticket") if isinstance(answer, dict) else None
    if not isinstance(ticket, str):
        raise response.unexpected("a download ticket")
    path = build(target, values, {**keywords, "ticket": ""}).path
    return f"{core._transport.site.base_url}{path}?{urlencode({'ticket': ticket})}"
