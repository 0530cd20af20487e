"""Builds a request from an operation of the table and its arguments; no I/O happens here."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.table import Operation, Param, operation
from flywheel_async.raw.times import at_zone
from flywheel_async.transport.request import Body, Request, encode_segment

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


def build(
    name: str,
    values: Sequence[object],
    keywords: Mapping[str, object],
    *,
    upload: Body | None = None,
    zone: tzinfo | None = None,
) -> Request:
    """Builds the request of one call.

    Args:
        name: The operation id.
        values: Arguments by position, in the table's order.
        keywords: Arguments by name; None means left out, `body` is the JSON body.
        upload: A body that replaces the JSON one, for multipart uploads.
        zone: Time zone of date-times that have none; None refuses them.

    Returns:
        The request, ready to be sent.

    Raises:
        ArgumentError: An argument is unknown, missing, or cannot be sent.
    """
    op = operation(name)
    arguments = bind(op, values, keywords)
    given = {key: value for key, value in arguments.items() if value is not None}
    _check_names(op, arguments, given, upload is not None)
    path = _PLACEHOLDER.sub(lambda match: _path_value(op, match.group(1), given), op.path)
    query: list[tuple[str, str]] = []
    for param in op.query_params:
        query.extend((param.name, text) for text in _texts(param, given, zone))
    headers: dict[str, str] = {}
    for param in op.header_params:
        if param.name == "content-type":
            continue
        texts = list(_texts(param, given, zone))
        if texts:
            headers[param.name] = ",".join(texts)
    body = upload
    if body is None and op.body is not None and "body" in given:
        body = Body("application/json", json_bytes(given["body"], zone))
    elif body is None and op.method in ("POST", "PUT", "PATCH", "DELETE"):
        body = Body("application/json", b"")
    accept = op.accept[0] if op.accept else "application/json"
    return Request(op.id, op.method, path, tuple(query), headers, body, accept, op.retry)


def bind(op: Operation, values: Sequence[object], keywords: Mapping[str, object]) -> dict[str, object]:
    """Gives positional arguments their names.

    Raises:
        ArgumentError: There are too many, or one is given twice.
    """
    if len(values) > len(op.positional):
        raise ArgumentError(f"{op.id} takes at most {len(op.positional)} positional arguments, {len(values)} given")
    arguments = dict(zip(op.positional, values, strict=False))
    for name, value in keywords.items():
        if name in arguments:
            raise ArgumentError(f"{op.id}: the argument {name!r} is given twice")
        arguments[name] = value
    return arguments


def _params(op: Operation) -> Iterable[Param]:
    yield from op.path_params
    yield from op.query_params
    yield from op.header_params


def _check_names(op: Operation, arguments: Mapping[str, object], given: Mapping[str, object], upload: bool) -> None:
    known = {param.python_name: param.required for param in _params(op)}
    if op.body is not None:
        known["body"] = op.body.required
    for name in arguments:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(known) or 'none'}"
            raise ArgumentError(f"{op.id}: unknown argument {name!r}{hint}")
    for name, required in known.items():
        if required and name not in given and not (upload and name == "body"):
            raise ArgumentError(f"{op.id}: the argument {name!r} is missing")


def _path_value(op: Operation, name: str, given: Mapping[str, object]) -> str:
    for param in op.path_params:
        if param.name == name:
            return encode_segment(given[param.python_name], param.python_name)
    raise ArgumentError(f"{op.id}: the table has no parameter for {{{name}}}")


def _texts(param: Param, given: Mapping[str, object], zone: tzinfo | None) -> Iterable[str]:
    value = given.get(param.python_name, param.client_sends)
    if value is None:
        return
    if isinstance(value, (list, tuple, set, frozenset)):
        yield from (_text(item, param.python_name, zone) for item in cast("Iterable[object]", value))
    else:
        yield _text(value, param.python_name, zone)


def _text(value: object, argument: str, zone: tzinfo | None) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return _iso(value, argument, zone)
    if isinstance(value, str):
        _check_utf8(value, argument)
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise ArgumentError(f"{argument}: a {type(value).__name__} cannot be sent in a query")


def _iso(value: datetime | date, path: str, zone: tzinfo | None) -> str:
    return (at_zone(value, path, zone) if isinstance(value, datetime) else value).isoformat()


def json_bytes(value: object, zone: tzinfo | None = None) -> bytes:
    """Encodes a request body as JSON, strictly.

    Args:
        value: Models, mappings, lists, tuples, strings, numbers, booleans, None and aware date-times. Members of
            models that are None are left out; those of mappings stay as null.
        zone: Time zone of date-times that have none; None refuses them.

    Returns:
        UTF-8 JSON.

    Raises:
        ArgumentError: Something in it has no JSON form; the message gives its path.
    """
    return json.dumps(_plain(value, "body", set(), zone), ensure_ascii=False, allow_nan=False).encode("utf-8", "strict")


def _plain(value: object, path: str, above: set[int], zone: tzinfo | None) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, path, above, zone)
    if isinstance(value, str):
        if not value.isascii():
            _check_utf8(value, path)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ArgumentError(f"{path}: {value} has no JSON form; use None for a missing number")
        return value
    if isinstance(value, (datetime, date)):
        return _iso(value, path, zone)
    if id(value) in above:
        raise ArgumentError(f"{path}: the value contains itself")
    above = above | {id(value)}
    if isinstance(value, BaseModel):
        members = value.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        if members.get("parents") == {}:
            del members["parents"]  # always there on objects, and refused by sites when it says nothing
        return _plain(members, path, above, zone)
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise ArgumentError(f"{path}: the key {key!r} is not a string")
            out[key] = _plain(item, f"{path}.{key}", above, zone)
        return out
    if isinstance(value, (list, tuple)):
        items = enumerate(cast("Iterable[object]", value))
        return [_plain(item, f"{path}[{index}]", above, zone) for index, item in items]
    raise ArgumentError(
        f"{path}: a {type(value).__name__} has no JSON form; convert it to plain numbers, text, lists or dicts"
    )


def _check_utf8(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{path}: the text holds characters that cannot be sent as UTF-8: {value!a}") from None
