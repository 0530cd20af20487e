"""Turns the values of arguments into what goes over the wire: text for queries and headers, JSON for bodies."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.times import at_zone

_HEADER = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")


def text(value: object, argument: str, zone: tzinfo | None) -> str:
    """Writes a value as text for a query.

    Args:
        value: Text, a number, a boolean, a date, an aware date-time or a member of an enumeration.
        argument: The argument's name, for the error message.
        zone: Time zone of date-times that have none; None refuses them.

    Raises:
        ArgumentError: The value has no such form.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return _iso(value, argument, zone)
    if isinstance(value, str):
        _check_utf8(value, argument)
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        try:
            return str(value)
        except ValueError as exc:
            raise ArgumentError(f"{argument}: the number is too long to be sent ({exc})") from None
    shown = str(value) if isinstance(value, float) else f"a {type(value).__name__}"
    raise ArgumentError(f"{argument}: {shown} cannot be sent; give text, a number, a boolean or a date")


def header_text(value: object, argument: str, zone: tzinfo | None) -> str:
    """Writes a value as text for a header, as `text` does for a query.

    Raises:
        ArgumentError: The value cannot stand in a header, which holds printable ASCII characters only.
    """
    written = text(value, argument, zone)
    if not _HEADER.fullmatch(written):
        raise ArgumentError(
            f"{argument}: {written!a} cannot be sent in a header; use printable ASCII characters, without blanks around"
        )
    return written


def json_bytes(value: object, zone: tzinfo | None = None) -> bytes:
    """Encodes a request body as JSON, strictly.

    Args:
        value: Models, mappings, lists, tuples, strings, numbers, booleans, None and aware date-times. Members of
            models that are None are left out, and those that nobody set; those of mappings stay as null.
        zone: Time zone of date-times that have none; None refuses them.

    Returns:
        UTF-8 JSON.

    Raises:
        ArgumentError: Something in it has no JSON form; the message gives its path.
    """
    try:
        plain = _plain(value, "body", set(), zone)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ArgumentError("body: too many lists and dictionaries inside each other") from None
    except ValueError as exc:
        if isinstance(exc, ArgumentError):
            raise
        raise ArgumentError(f"body: a number in it is too long to be sent ({exc})") from None


def _plain(value: object, path: str, above: set[int], zone: tzinfo | None) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, path, above, zone)
    if value is None or isinstance(value, (bool, int)):
        return value
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
    out: dict[str, Any] = {}
    if isinstance(value, BaseModel):
        if isinstance(value, Model):
            members = _set_members(value)
        else:
            members = value.model_dump(by_alias=True, exclude_none=True, warnings=False)
        out.update(
            (key, _plain(item, f"{path}.{key}", above, zone)) for key, item in members.items() if item is not None
        )
        if out.get("parents") == {}:
            del out["parents"]  # always there on objects, and refused by sites when it says nothing
        return out
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise ArgumentError(f"{path}: the key {key!r} is not a string")
            if not key.isascii():
                _check_utf8(key, f"{path}: a key")
            out[key] = _plain(item, f"{path}.{key}", above, zone)
        return out
    if isinstance(value, (list, tuple)):
        items = enumerate(cast("Iterable[object]", value))
        return [_plain(item, f"{path}[{index}]", above, zone) for index, item in items]
    raise ArgumentError(
        f"{path}: a {type(value).__name__} has no JSON form; convert it to plain numbers, text, lists or dicts"
    )


def _set_members(model: Model) -> dict[str, object]:
    """The members of an object that somebody gave a value, under wire names.

    A default that nobody gave is not sent: in a change of some members it would overwrite what the site has. One
    that was given is sent, also where it is the default.
    """
    members: dict[str, object] = {}
    for name, field in type(model).__pydantic_fields__.items():
        value: object = model.__dict__.get(name)
        if name in model.__pydantic_fields_set__ or value != field.get_default(call_default_factory=True):
            members[field.alias or name] = value
    members.update(model.__pydantic_extra__ or {})
    return members


def _iso(value: datetime | date, path: str, zone: tzinfo | None) -> str:
    return (at_zone(value, path, zone) if isinstance(value, datetime) else value).isoformat()


def _check_utf8(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{path}: the text holds characters that cannot be sent as UTF-8: {value!a}") from None
