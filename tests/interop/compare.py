"""Brings objects of the official client and of ours into one plain form and lists where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import Enum
from typing import cast

from flywheel_async.fields.base import Model

_KIND = {"container_type", "node_type"}
"""What a site says about the kind of an object, where it may be any; in both clients its class tells that."""


def plain(value: object) -> object:
    """Reduces an object of either client to dictionaries under wire names, lists and scalars.

    Date-times become instants, since one client gives them in local time and the other in UTC; enum members become
    the text a site sends.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        assert value.tzinfo is not None, f"{value} has no time zone"
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Model) or hasattr(value, "attribute_map"):
        return {key: plain(entry) for key, entry in cast("Model", value).items() if key not in _KIND}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [plain(entry) for entry in cast("list[object]", value)]
    return value


def differences(official: object, ours: object) -> list[str]:
    """Lists where two objects differ, one line per place; empty when both clients saw the same.

    The official classes for lists and embedded objects declare fewer members than the ones for whole objects. A
    member that only one side declares must be empty on the other, or it is a difference too.
    """
    return list(_walk("", plain(official), plain(ours)))


def _walk(place: str, official: object, ours: object) -> Iterator[str]:
    if isinstance(official, dict) and isinstance(ours, dict):
        for key in sorted({*official, *ours}):
            yield from _walk(f"{place}.{key}", official.get(key), ours.get(key))
    elif isinstance(official, list) and isinstance(ours, list) and len(official) == len(ours):
        for index, (left, right) in enumerate(zip(official, ours, strict=True)):
            yield from _walk(f"{place}[{index}]", left, right)
    elif official != ours or isinstance(official, bool) != isinstance(ours, bool):
        yield f"{place}: official {official!r}, ours {ours!r}"
