"""Answers against the description of the API: nothing that is needed is missing, and nothing is told beyond it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from flywheel_async.emulator.routing import Route

_API = Path(__file__).parents[2] / "tools/api"
_RETURNS = {row["id"]: row["returns"] for row in json.loads((_API / "operations.json").read_bytes())["operations"]}
_MODELS = {row["name"]: row for row in json.loads((_API / "models.json").read_bytes())["models"]}

# A page comes only where a feature asks for it; an element of a path is described by the model of what is there.
_PASSED_OVER = {"Page", "ResolverNode"}

# Files of a packfile are no entries yet, though they are described as such.
_NOT_AS_DESCRIBED = {"project_packfile_upload"}
# Saved views are told whole, since clients run them by sending them back, and stored files with what names them. Which
# of these members sites leave out is not known.
_TOLD_ANYWAY = {"ViewOutput": {"filter", "groupBy"}, "File": {"file_id", "version"}}


def differences(route: Route, response: httpx.Response) -> list[str]:
    """Lists where the JSON of a good answer is not as described; a member that is null is never wrong."""
    is_json = response.headers.get("content-type", "").startswith("application/json")
    described = route.operations and route.operations[0] not in _NOT_AS_DESCRIBED
    returns = _RETURNS[route.operations[0]] if described else None
    if response.status_code != 200 or not is_json or returns is None:
        return []
    return list(_walk(returns, response.json(), ""))


def _arguments(type_: str) -> list[str]:
    """Returns the arguments of a type such as `union[list[A],B]`."""
    parts, depth = [""], 0
    inside = re.sub(r"^\w+[\[(]", "", type_)[:-1]
    for character in inside:
        depth += (character in "[(") - (character in "])")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _walk(type_: str, value: Any, place: str) -> Iterator[str]:
    if value is None or type_ in _PASSED_OVER:
        return
    if type_.startswith("union["):
        choices = [choice for choice in _arguments(type_) if choice not in _PASSED_OVER]
        yield from min((list(_walk(choice, value, place)) for choice in choices), key=len)
    elif type_.startswith("list["):
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        for entry in value:
            yield from _walk(_arguments(type_)[0], entry, f"{place}[]")
    elif type_.startswith("dict("):
        for entry in value.values():
            yield from _walk(_arguments(type_)[1], entry, f"{place}{{}}")
    elif type_ in _MODELS:
        yield from _walk_model(type_, value, place)


def _walk_model(name: str, value: Any, place: str) -> Iterator[str]:
    row = _MODELS[name]
    if "fields" not in row:  # an enum, or another name of a model
        yield from _walk(row.get("alias_of", ""), value, place)
        return
    if not isinstance(value, dict):
        yield f"{place} is no {name}"
        return
    fields = {field["wire"]: field for field in row["fields"]}
    for key, told in value.items():
        if told is not None and key not in fields and key not in _TOLD_ANYWAY.get(name, ()):
            yield f"{place}.{key} is not in {name}"
    for key, field in fields.items():
        if key in value:
            yield from _walk(field["type"], value[key], f"{place}.{key}")
        elif field["required"]:
            yield f"{place}.{key} is missing in {name}"
