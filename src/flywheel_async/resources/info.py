"""The free-form metadata object (`info`) of containers and files: checking what goes in, changing it by key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import TYPE_CHECKING, Any, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.notices import warn
from flywheel_async.resources.bodies import merged
from flywheel_async.transfer.sources import check_name

if TYPE_CHECKING:
    from flywheel_async.core import Core


class InfoKeyWarning(UserWarning):
    """A key of `info` holds a `.` or `$`, which is stored as `_` or `-`."""


def checked_info(value: object, path: str = "info") -> dict[str, Any]:
    """Copies a metadata object and makes sure that the site will give back exactly what was put in.

    Args:
        value: The object.
        path: Where it stands, for messages.

    Returns:
        The copy, of JSON types only.

    Raises:
        ArgumentError: Something in it has no JSON form of its own; the message names the place and the fix.
    """
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{path} must be a mapping, not {type(value).__name__}")
    return cast("dict[str, Any]", _plain(cast("object", value), path, frozenset()))


def checked_members(body: object, names: tuple[str, ...]) -> object:
    """Checks the metadata objects inside a body.

    Args:
        body: The body; one that is no mapping is returned as it is.
        names: Its members that hold metadata.

    Returns:
        The body, with checked copies of those.

    Raises:
        ArgumentError: Something in one has no JSON form of its own.
    """
    if not isinstance(body, Mapping):
        return body
    members = dict(cast("Mapping[str, object]", body))
    for name in names:
        if members.get(name) is not None:
            members[name] = checked_info(members[name])
    return members


def _plain(value: object, path: str, above: frozenset[int]) -> Any:
    # numpy's scalars partly inherit from Python's, and would come back as something else.
    foreign = type(value).__module__ == "numpy"
    if isinstance(value, float) and not foreign:
        if not math.isfinite(value):
            raise ArgumentError(f"{path}: {value} has no JSON form; use None for a missing number")
        return value
    if value is None or (isinstance(value, (str, int)) and not foreign):
        return value
    if id(value) in above:
        raise ArgumentError(f"{path}: the value contains itself")
    inside = above | {id(value)}
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise ArgumentError(f"{path}: the key {key!r} is not a string")
            if _stored_key(key) != key:
                message = f"{path}: the key {key!r} will be stored as {_stored_key(key)!r}"
                warn(message, InfoKeyWarning)
            out[key] = _plain(item, f"{path}.{key}", inside)
        return out
    if isinstance(value, (list, tuple)):
        items = enumerate(cast("Iterable[object]", value))
        return [_plain(item, f"{path}[{index}]", inside) for index, item in items]
    raise ArgumentError(f"{path}: a {type(value).__name__} has no JSON form; {_fix(value)}")


def _stored_key(key: str) -> str:
    return key.replace(".", "_").replace("$", "-")


def _fix(value: object) -> str:
    if isinstance(value, (date, time)):
        return "store its text, value.isoformat()"
    if type(value).__module__ == "numpy":
        return "use value.tolist()"
    if isinstance(value, (set, frozenset)):
        return "use sorted(value)"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "store text, or upload a file"
    return "convert it to plain numbers, text, lists or dicts"


def to_set(body: object, keywords: Mapping[str, object]) -> dict[str, object]:
    """The body that replaces some top-level keys.

    Raises:
        ArgumentError: Nothing was given, or a value cannot be sent.
    """
    given = checked_info(merged(body, keywords))
    renamed = {_stored_key(key): value for key, value in given.items()}
    if len(renamed) != len(given):
        raise ArgumentError("info: two keys are the same once '.' and '$' are replaced by '_' and '-'")
    # Sites rename keys within values only; a dotted key here would reach inside another one.
    return {"set": renamed}


def to_replace(body: object) -> dict[str, object]:
    """The body that replaces the whole object."""
    return {"replace": checked_info(body)}


def to_delete(keys: Iterable[object]) -> dict[str, object]:
    """The body that removes keys, given one by one or as lists.

    Raises:
        ArgumentError: None was given, or one is not a text.
    """
    names: list[str] = []
    for key in keys:
        several = isinstance(key, (list, tuple, set, frozenset))
        for name in cast("Iterable[object]", key) if several else (key,):
            if not isinstance(name, str) or not name:
                raise ArgumentError(f"delete_info: a key must be a non-empty text, not {name!r}")
            names.append(name)
    if not names:
        raise ArgumentError("delete_info: no key given")
    return {"delete": list(dict.fromkeys(names))}


async def change(core: Core, kind: str, container_id: str, body: Mapping[str, object]) -> None:
    """Changes the `info` of a container."""
    await core._call(f"modify_{kind}_info", container_id, body)


async def change_of_file(core: Core, kind: str, container_id: str, name: str, body: Mapping[str, object]) -> None:
    """Changes the `info` of a container's file."""
    check_name(name)
    # The official client takes this way for analyses, so sites are sure to have it.
    target = "container" if kind == "analysis" else kind
    await core._call(f"modify_{target}_file_info", container_id, name, body)
