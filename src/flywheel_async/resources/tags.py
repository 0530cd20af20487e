"""Tags of containers and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model

if TYPE_CHECKING:
    from flywheel_async.core import Core


def tag_value(tag: object) -> str:
    """The text of a tag that is given as text, or as a mapping or model with a `value`.

    Raises:
        ArgumentError: It is neither, or empty.
    """
    value = cast("Mapping[str, object]", tag).get("value") if isinstance(tag, (Mapping, Model)) else tag
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"a tag must be a non-empty text, not {tag!r}")
    return value


def tag_values(values: Iterable[object]) -> list[str]:
    """The texts of several tags, each once.

    Raises:
        ArgumentError: One text was given in place of a list, or a tag is not a text.
    """
    if isinstance(values, (str, Mapping)):
        raise ArgumentError(f"tags must be a list, not {values!r}")
    return list(dict.fromkeys(tag_value(value) for value in values))


async def add(core: Core, kind: str, container_id: str, tag: object) -> None:
    """Adds a tag to a container."""
    await core._call(f"add_{kind}_tag", container_id, {"value": tag_value(tag)})


async def add_many(core: Core, kind: str, container_id: str, tags: Iterable[object]) -> None:
    """Adds those of some tags to a container that it does not have."""
    await core._call(f"add_{_family(kind)}_tags", container_id, tag_values(tags))


async def rename(core: Core, kind: str, container_id: str, old: object, new: object) -> None:
    """Renames a tag of a container."""
    await core._call(f"rename_{kind}_tag", container_id, tag_value(old), {"value": tag_value(new)})


async def delete(core: Core, kind: str, container_id: str, tag: object) -> None:
    """Takes a tag away from a container."""
    await core._call(f"delete_{kind}_tag", container_id, tag_value(tag))


async def delete_many(core: Core, kind: str, container_id: str, tags: Iterable[object]) -> None:
    """Takes those of some tags away that a container has."""
    await core._call(f"delete_{_family(kind)}_tags", container_id, tag_values(tags))


def _family(kind: str) -> str:
    # Analyses have no route of their own for several tags.
    return "container" if kind == "analysis" else kind


async def add_to_file(core: Core, file_id: str, tags: Iterable[object]) -> None:
    """Adds those of some tags to a file that it does not have."""
    await core._call("add_file_tags", file_id, tag_values(tags))


async def set_of_file(core: Core, file_id: str, tags: Iterable[object]) -> None:
    """Replaces all tags of a file."""
    await core._call("set_file_tags", file_id, tag_values(tags))


async def rename_of_file(core: Core, file_id: str, old: object, new: object) -> None:
    """Renames a tag of a file: adds the new one, then takes the old one away, so that no other change gets lost.

    Raises:
        ArgumentError: The file does not have the old tag.
    """
    before, after = tag_value(old), tag_value(new)
    response = await core._call("get_file_tags", file_id)
    tags = response.json()
    if not isinstance(tags, list):
        raise response.unexpected("a list of tags")
    if before not in tags:
        raise ArgumentError(f"the file has no tag {before!r}; it has {tags!r}")
    if before != after:
        await core._call("add_file_tags", file_id, [after])
        await core._call("delete_file_tags", file_id, body=[before])


async def delete_from_file(core: Core, file_id: str, tags: Iterable[object]) -> None:
    """Takes those of some tags away that a file has."""
    await core._call("delete_file_tags", file_id, body=tag_values(tags))
