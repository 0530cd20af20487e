"""Metadata objects (`info`) and classifications: cleaning keys, merging, changing."""

from __future__ import annotations

from typing import cast

from flywheel_async.emulator.inputs import ClassificationChange, InfoChange
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.wire import Doc, Json


def clean(value: Json) -> Json:
    """Returns the value with `.` in keys replaced by `_` and `$` by `-`, at every depth."""
    if isinstance(value, dict):
        return {clean_key(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def clean_key(key: str) -> str:
    """Returns a key with `.` replaced by `_` and `$` by `-`."""
    return key.replace(".", "_").replace("$", "-")


def clean_doc(value: Doc) -> Doc:
    """The same as `clean`, for an object."""
    return cast("Doc", clean(value))


def merged(old: Doc, new: Doc) -> Doc:
    """Returns `old` with the leaves of `new` put in; keys are never removed."""
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


def change_info(old: Doc, change: InfoChange) -> Doc:
    """Applies `set`, `delete` or `replace`.

    A key of `set` or `delete` may be dotted to reach inside; its whole value is replaced.

    Raises:
        Problem: 422, `replace` came with another one, or nothing came at all.
    """
    if change.replace is not None:
        if change.set is not None or change.delete is not None:
            raise invalid("replace excludes set and delete", "body", "replace")
        return clean_doc(change.replace)
    if change.set is None and change.delete is None:
        raise invalid("one of set, delete, replace is needed", "body")
    result = cast("Doc", _copy(old))
    for key, value in (change.set or {}).items():
        *outer, last = _parts(key, "set")
        _enter(result, outer)[last] = clean(value)
    for key in change.delete or []:
        *outer, last = _parts(key, "delete")
        place: Json = result
        for part in outer:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return result


def _parts(key: str, where: str) -> list[str]:
    parts = [part.replace("$", "-") for part in key.split(".")]
    if not all(parts):
        raise invalid(f"{key!r} is not a key", "body", where)
    return parts


def _enter(place: Doc, keys: list[str]) -> Doc:
    for key in keys:
        inner = place.get(key)
        if not isinstance(inner, dict):
            inner = {}
            place[key] = inner
        place = inner
    return place


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


CUSTOM = "Custom"
"""The key of a classification that takes any value, with every modality and without one."""


def check_classification(modality: Node | None, change: ClassificationChange) -> None:
    """Checks what is put into a classification against the modality of the file.

    Args:
        modality: The modality, or None for a file without one.
        change: The change; what it takes away is not checked.

    Raises:
        Problem: 422, the modality has no such key, or not this value for it.
    """
    known = {} if modality is None else modality.body.get("classification")
    allowed = known if isinstance(known, dict) else {}
    for place in ("add", "replace"):
        given: dict[str, list[str]] = getattr(change, place) or {}
        for key, values in given.items():
            if key == CUSTOM:
                continue
            listed = allowed.get(key)
            if not isinstance(listed, list):
                name = "a file without modality" if modality is None else f"modality {modality.id}"
                raise invalid(f"{name} has no classification {key!r}", "body", place, key)
            unknown = [value for value in values if value not in listed]
            if unknown:
                raise invalid(f"{key} of modality {modality and modality.id} cannot be {unknown}", "body", place, key)


def change_classification(old: Doc, change: ClassificationChange) -> Doc:
    """Applies `add`, `delete` or `replace` to a classification.

    Raises:
        Problem: 422, `replace` came with another one.
    """
    if change.replace is not None:
        if change.add is not None or change.delete is not None:
            raise invalid("replace excludes add and delete", "body", "replace")
        return {key: list(values) for key, values in change.replace.items()}
    result: dict[str, list[str]] = {
        key: [value for value in values if isinstance(value, str)]
        for key, values in old.items()
        if isinstance(values, list)
    }
    for key, values in (change.add or {}).items():
        kept = result.setdefault(key, [])
        kept.extend(value for value in values if value not in kept)
    for key, values in (change.delete or {}).items():
        result[key] = [value for value in result.get(key, []) if value not in values]
    return {key: list(values) for key, values in result.items() if values}
