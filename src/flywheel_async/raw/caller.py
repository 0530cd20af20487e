"""Builds a request from an operation of the table and its arguments; no I/O happens here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import tzinfo
from enum import Enum
from typing import cast

from pydantic import BaseModel

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.encode import header_text, json_bytes, text
from flywheel_async.raw.table import Operation, Param, operation
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
        upload: The multipart body of an upload, made of the arguments that are parts of its form. Those are not given
            here once more.
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
        query.extend((param.name, text(value, param.python_name, zone)) for value in _values(op, param, given))
    headers: dict[str, str] = {}
    for param in op.header_params:
        texts = [header_text(value, param.python_name, zone) for value in _values(op, param, given)]
        if texts:
            headers[param.name] = ",".join(texts)
    body = upload or _body(op, given, zone)
    accept = op.accept[0] if op.accept else "application/json"
    return Request(op.id, op.method, path, tuple(query), headers, body, accept, op.retry)


def bind(op: Operation, values: Sequence[object], keywords: Mapping[str, object]) -> dict[str, object]:
    """Gives positional arguments their names.

    Raises:
        ArgumentError: There are too many, or one is given twice.
    """
    if len(values) > len(op.positional):
        names = f" ({', '.join(op.positional)})" if op.positional else ""
        raise ArgumentError(
            f"{op.id} takes at most {len(op.positional)} positional arguments{names}, {len(values)} given"
        )
    arguments = dict(zip(op.positional, values, strict=False))
    for name, value in keywords.items():
        if name in arguments:
            raise ArgumentError(f"{op.id}: the argument {name!r} is given twice")
        arguments[name] = value
    return arguments


def with_totals(op: Operation, arguments: Mapping[str, object]) -> dict[str, object]:
    """Adds the feature with which sites state how many objects there are in all, where an operation knows features.

    Args:
        op: An operation that lists something.
        arguments: Its arguments by name; other features in them stay.
    """
    if all(param.name != "x-accept-feature" for param in op.header_params):
        return dict(arguments)
    given = arguments.get("x_accept_feature")
    features = [] if given is None else list(cast("Iterable[object]", [given] if isinstance(given, str) else given))
    return {**arguments, "x_accept_feature": [*features, "pagination"]}


def _check_names(op: Operation, arguments: Mapping[str, object], given: Mapping[str, object], upload: bool) -> None:
    params = (*op.path_params, *op.query_params, *op.header_params)
    known = {param.python_name: param.required for param in params if param.name != "content-type"}
    if op.body is not None:
        known["body"] = op.body.required and not upload
    parts = {param.python_name: param.required and not upload for param in op.form_params}
    for name in arguments:
        if name == "content_type" and op.form_params:
            # The official client puts it in place of the multipart type and its boundary, and no site can read that.
            raise ArgumentError(f"{op.id}: content_type cannot be given; the body of an upload brings its own")
        if name not in known:
            raise ArgumentError(f"{op.id}: unknown argument {name!r}{hint(name, [*known, *parts])}")
    for name, required in (known | parts).items():
        if required and name not in given:
            raise ArgumentError(f"{op.id}: the argument {name!r} is missing")


def hint(name: str, known: Collection[str]) -> str:
    """The end of a message about an unknown argument: the nearest one, or all of them."""
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(known) or 'none'}"


def _path_value(op: Operation, name: str, given: Mapping[str, object]) -> str:
    for param in op.path_params:
        if param.name == name:
            value = given[param.python_name]
            return encode_segment(value.value if isinstance(value, Enum) else value, param.python_name)
    raise ArgumentError(f"{op.id}: the table has no parameter for {{{name}}}")


def _values(op: Operation, param: Param, given: Mapping[str, object]) -> Iterable[object]:
    """The values of a parameter, one by one; none where it is left out."""
    value = given.get(param.python_name, param.client_sends)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple, set, frozenset)):
        return (value,)
    values = cast("Collection[object]", value)
    if not param.type.startswith("list["):
        # Sites refuse a name that is there twice, with an answer that does not say which.
        raise ArgumentError(f"{op.id}: {param.python_name} takes one value, not {len(values)} in a list")
    return values


def _body(op: Operation, given: Mapping[str, object], zone: tzinfo | None) -> Body | None:
    if op.body is None or "body" not in given:
        # Sites expect the type of the body also where there is none.
        return Body("application/json", b"") if op.method in ("POST", "PUT", "PATCH", "DELETE") else None
    body: object = given["body"]
    kind = op.body.type
    if kind == "str" and isinstance(body, (bytes, bytearray)):
        return Body("application/octet-stream", bytes(body))
    if kind.startswith("list["):
        _check_list(op, body)
    elif kind not in ("str", "object"):
        body = _as_object(op, kind, body)
    return Body("application/json", json_bytes(body, zone))


def _check_list(op: Operation, body: object) -> None:
    if not isinstance(body, (list, tuple)):
        raise ArgumentError(f"{op.id}: body must be a list, not a {type(body).__name__}")


def _as_object(op: Operation, kind: str, body: object) -> object:
    """The body where it must be an object; a text may stand for one, such as `{"value": …}` for a tag.

    Raises:
        ArgumentError: It is no object, nor a text that stands for one.
    """
    if isinstance(body, (Mapping, BaseModel)):
        return cast("object", body)
    from flywheel_async.raw.schemas import schemas

    member = schemas().scalar_member(kind)
    if member is not None and isinstance(body, str):
        return {member: body}
    wanted = "a text, a dictionary" if member is not None else "a dictionary"
    raise ArgumentError(f"{op.id}: body must be {wanted} or an object ({kind}), not a {type(body).__name__}")
