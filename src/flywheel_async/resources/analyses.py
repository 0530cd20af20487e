"""Analyses below containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError, FlywheelError
from flywheel_async.fields.base import Model
from flywheel_async.fields.common import FileReference
from flywheel_async.fields.file import FileFields
from flywheel_async.resources.bodies import merged
from flywheel_async.resources.files import parent_of
from flywheel_async.resources.info import checked_info

if TYPE_CHECKING:
    from flywheel_async.core import Core


def input_reference(item: object) -> dict[str, object]:
    """Names an input by the type and id of its container and its name.

    Args:
        item: A file, a `FileReference` or a mapping with `type`, `id` and `name`.

    Raises:
        ArgumentError: It is something else.
    """
    if isinstance(item, FileFields):
        kind, container_id = parent_of(item)
        return {"type": kind, "id": container_id, "name": item.name}
    if isinstance(item, (Mapping, FileReference)):
        given = {name: cast("Mapping[str, object]", item).get(name) for name in ("type", "id", "name")}
        if all(isinstance(value, str) and value for value in given.values()):
            return given
    raise ArgumentError(f"an input must be a file, or say type, id and name of one, not {item!r}")


async def add(core: Core, kind: str, container_id: str, body: object, keywords: Mapping[str, object]) -> Model:
    """Creates an analysis and gets it."""
    members = merged(body, keywords)
    inputs = members.get("inputs")
    if inputs is not None:
        if isinstance(inputs, (str, Mapping, Model)):
            raise ArgumentError("inputs must be a list of files or file references")
        members["inputs"] = [input_reference(item) for item in cast("Iterable[object]", inputs)]
    if members.get("info") is not None:
        members["info"] = checked_info(members["info"])
    response = await core._call(f"add_{kind}_analysis", container_id, members)
    answer: object = response.json()
    identifier = cast("dict[str, object]", answer).get("_id") if isinstance(answer, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise response.unexpected("the new id")
    try:
        return await core._containers.get("analysis", identifier)
    except FlywheelError as exc:
        exc.add_note(f"the analysis {identifier} was created")
        raise


async def of(core: Core, kind: str, container_id: str) -> list[Model]:
    """Lists the analyses of a container."""
    return cast("list[Model]", await core._finder(f"get_{kind}_analyses", "Analysis", container_id).find())
