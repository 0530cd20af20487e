"""The operations as methods of a client, by the names the official client has for them.

One mechanism over the operation table: `fw.modify_project(id, {...})` looks the name up, builds the request, and
returns what the table says. Nothing here is written per operation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast
from urllib.parse import urlencode

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import bind, hint
from flywheel_async.raw.decode import decode, parse
from flywheel_async.raw.operation import BoundOperation, signature
from flywheel_async.raw.operation import unknown as refuse
from flywheel_async.raw.schemas import members_of, parse_kind, schemas
from flywheel_async.raw.sending import Call, prepare, send, take_timeout
from flywheel_async.raw.table import derived, operation, operations
from flywheel_async.resources import collections, uploads
from flywheel_async.resources.bodies import changeable, filled
from flywheel_async.resources.downloads import DownloadKeywords, ReadKeywords
from flywheel_async.resources.info import checked_info, checked_members, to_delete, to_set
from flywheel_async.resources.reasons import checked_reason
from flywheel_async.transport.scopes import waiting_at_most

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.raw.table import Operation
    from flywheel_async.transport.request import Timeout

_UPLOAD = re.compile(r"upload_file_to_(\w+)|upload_output_to_(?:\w+_)?(analysis)")
_DOWNLOAD = re.compile(r"(?:download_file_from_(\w+?)|download_output_from_(?:\w+_)?(analysis))(?:_as_data)?")
_COLLECT = re.compile(r"add_(session|acquisition|node)s_to_collection")
_URL = re.compile(r"get_(\w+)_download_url")

_UPLOAD_OPTIONS = (
    "signed",
    "metadata",
    "name",
    "on_progress",
    "content_type",
    "overwrite",
    "wait",
    "preserve_metadata",
)

# Operations whose body is a metadata object itself.
_WHOLE_INFO = ("modify_file_info", "replace_file_info")


class FlatOperation(BoundOperation):
    """One name, bound to a client; call it with the arguments of the operation table, by position or by name.

    Args:
        core: The client.
        name: The name.
    """

    def __init__(self, core: Core, name: str) -> None:
        super().__init__(core, target(name), name)

    @property
    def __signature__(self) -> inspect.Signature:
        return _signature(self.__name__)

    def __call__(self, *values: object, **keywords: object) -> Coroutine[object, object, Any]:
        """Checks the arguments at once, and calls the operation when awaited.

        Args:
            *values: Arguments by position, in the table's order.
            **keywords: Arguments by name; `body` is the JSON body. Of the controls of the official client,
                `_request_timeout` (seconds, or a pair for connecting and reading) and
                `_ignore_simplified_return_value` (whether a model with an `id` stays one) are known.

        Returns:
            What the table says: an object, a list, a bare id, plain data or None.

        Raises:
            ArgumentError: An argument is unknown, missing or cannot be sent; nothing was sent.
            APIError: The site refused.
        """
        return call(self._core, self.__name__, values, keywords)


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


def target(name: str) -> Operation:
    """The operation that a name calls in the end."""
    while name not in operations():
        name = str(derived()[name]["calls"][0])
    return operation(name)


def makes_url(name: str) -> bool:
    """Whether a name asks for a ticket, and makes an address with it."""
    return name not in operations() and _URL.fullmatch(name) is not None


def call(
    core: Core, name: str, values: tuple[object, ...], keywords: Mapping[str, object]
) -> Coroutine[object, object, Any]:
    """Calls an operation by its flat name; see `FlatOperation`."""
    rest = dict(keywords)
    whole = bool(rest.pop("_ignore_simplified_return_value", False))
    rest, timeout = take_timeout(name, rest)
    if makes_url(name):
        if "ticket" in rest:
            raise ArgumentError(f"{name}: unknown argument 'ticket'; the site makes the one in the address")
        return _timed(timeout, _download_url(core, prepare(core, target(name), values, {**rest, "ticket": ""})))
    own = _own_parameters(name)
    if own is None:
        op = operation(name)
        arguments = _checked(op, bind(op, values, rest))
        return _timed(timeout, _answered(core, op, prepare(core, op, (), arguments), whole))
    given = _named(name, own, values, rest)
    if (found := _UPLOAD.fullmatch(name)) is not None:
        return _timed(timeout, _upload(core, found[1] or found[2], given))
    if (found := _DOWNLOAD.fullmatch(name)) is not None:
        return _timed(timeout, _download(core, found[1] or found[2], given))
    if _COLLECT.fullmatch(name) is not None:
        return _timed(timeout, _collect(core, name, given))
    op, arguments = _unwrapped(name, given)
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


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What a name takes whose parameters are not those of an operation.

    Attributes:
        order: The names, in their order.
        needed: How many of them must be given.
    """

    order: tuple[str, ...]
    needed: int


def _own_parameters(name: str) -> _Parameters | None:
    """What a name takes, or None where that is what its operation takes."""
    if _UPLOAD.fullmatch(name) is not None:
        places = operation(name).positional
        return _Parameters((*places, *_UPLOAD_OPTIONS), len(places))
    if _DOWNLOAD.fullmatch(name) is not None:
        as_data = name.endswith("_as_data")
        places = target(name).positional if as_data else (*operation(name).positional, "dest_file")
        options = ReadKeywords.__annotations__ if as_data else DownloadKeywords.__annotations__
        return _Parameters((*places, "member", "version", *options), len(places))
    if name in operations():
        return None
    row = tuple(derived()[name]["args"])
    return _Parameters(row, len(row))


def _signature(name: str) -> inspect.Signature:
    """What a name takes, for notebooks and `inspect.signature`."""
    if makes_url(name):
        full = signature(target(name))
        return full.replace(parameters=[one for key, one in full.parameters.items() if key != "ticket"])
    own = _own_parameters(name)
    if own is None:
        return signature(operation(name))
    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    defaults = (empty if index < own.needed else None for index in range(len(own.order)))
    return inspect.Signature(
        [inspect.Parameter(one, kind, default=default) for one, default in zip(own.order, defaults, strict=True)]
    )


def _named(
    name: str, own: _Parameters, values: tuple[object, ...], keywords: Mapping[str, object]
) -> dict[str, object]:
    """Binds the arguments of a name whose parameters are not those of an operation.

    Returns:
        What was given, in the order of the parameters, however the caller ordered keywords.

    Raises:
        ArgumentError: An argument is unknown, missing or given twice.
    """
    if len(values) > len(own.order):
        raise ArgumentError(f"{name} takes at most {len(own.order)} positional arguments, {len(values)} given")
    given = dict(zip(own.order, values, strict=False))
    for key, value in keywords.items():
        if key in given:
            raise ArgumentError(f"{name}: the argument {key!r} is given twice")
        if key not in own.order:
            raise ArgumentError(f"{name}: unknown argument {key!r}{_elsewhere(name, key) or hint(key, own.order)}")
        given[key] = value
    for key in own.order[: own.needed]:
        if given.get(key) is None:
            raise ArgumentError(f"{name}: the argument {key!r} is missing")
    return {key: given[key] for key in own.order if key in given}


def _elsewhere(name: str, key: str) -> str | None:
    """Where an argument that only the bare operation has can be given."""
    known = name in operations() and key in signature(operation(name)).parameters
    return f"; fw.raw.{name}(...) takes it" if known else None


def _unwrapped(name: str, given: dict[str, object]) -> tuple[Operation, dict[str, object]]:
    """The operation below a name that wraps its body, and the arguments of that."""
    wrapper = str(derived()[name]["body_wrapped_in"])
    body = given.pop("body")
    op = target(name)
    if op.body is not None and op.body.type == "Info":
        if wrapper == "delete":
            body = to_delete([body])["delete"]
        else:
            # A dotted key would reach into another one on some sites; `to_set` stores it as the site would.
            body = to_set(body, {})["set"] if wrapper == "set" else checked_info(body)
    return op, bind(op, (*given.values(), {wrapper: body}), {})


async def _upload(core: Core, kind: str, given: Mapping[str, object]) -> object:
    names = [*given]
    container_id = given[names[names.index("file") - 1]]  # the analysis, where its parent is named before it
    options = {key: given[key] for key in _UPLOAD_OPTIONS if key in given}
    return await uploads.upload(core, kind, container_id, given["file"], options)


async def _download(core: Core, kind: str, given: dict[str, object]) -> object:
    version, member = cast("int | None", given.pop("version", None)), cast("str | None", given.pop("member", None))
    options = {key: given.pop(key) for key in DownloadKeywords.__annotations__ if key in given}
    dest = given.pop("dest_file", None)
    *_, container_id, file_name = cast("Iterable[str]", given.values())  # the analysis, as for uploads
    if dest is None:
        return await core._downloads.read(kind, container_id, file_name, options, member=member, version=version)
    return await core._downloads.to(kind, container_id, file_name, dest, options, member=member, version=version)


async def _collect(core: Core, name: str, given: Mapping[str, object]) -> None:
    collection_id, *rest = given.values()
    level = str(rest.pop(0)) if "level" in given else "session" if "session" in name else "acquisition"
    if level not in ("session", "acquisition"):
        raise ArgumentError(f"{name}: level must be session or acquisition, not {level!r}")
    items = [rest[0]] if isinstance(rest[0], (str, Model)) else rest[0]
    if not isinstance(items, Iterable):
        raise ArgumentError(f"{name}: ids or objects are wanted in a list, not {type(items).__name__}")
    kind: Literal["session", "acquisition"] = "session" if level == "session" else "acquisition"
    await collections.change(core, cast("str", collection_id), "add", kind, cast("Iterable[object]", items))


async def _download_url(core: Core, ready: Call) -> str:
    response = await send(core, ready)
    answer = response.json()
    ticket = cast("dict[str, object]", answer).get("ticket") if isinstance(answer, dict) else None
    if not isinstance(ticket, str):
        raise response.unexpected("a download ticket")
    return f"{core._transport.site.base_url}{ready.request.path}?{urlencode({'ticket': ticket})}"
