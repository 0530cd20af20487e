"""What belongs to a collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model

if TYPE_CHECKING:
    from flywheel_async.core import Core


async def change(
    core: Core,
    collection_id: str,
    operation: Literal["add", "remove"],
    level: Literal["session", "acquisition"],
    items: Iterable[object],
) -> None:
    """Adds containers to a collection, or takes them out.

    Args:
        core: The client.
        collection_id: The collection.
        operation: Which of the two.
        level: Kind of the containers.
        items: Their ids, or the objects.

    Raises:
        ArgumentError: None was given, or one is of another kind.
    """
    nodes = [{"level": level, "_id": node_id(item, level)} for item in items]
    if not nodes:
        raise ArgumentError(f"no {level} given")
    await core._call("modify_collection", collection_id, {"contents": {"operation": operation, "nodes": nodes}})


def node_id(item: object, kind: str) -> str:
    """The id of an object of one kind, or an id that is given itself.

    Raises:
        ArgumentError: It is of another kind, or no id.
    """
    identifier = item
    if isinstance(item, Model):
        identifier = item.get("id")
        found = getattr(type(item), "container_type", None)
        if found != kind:
            raise ArgumentError(f"a {kind} is wanted here, not a {found or type(item).__name__}")
    if not isinstance(identifier, str) or not identifier:
        raise ArgumentError(f"the id of a {kind} is wanted here, not {item!r}")
    return identifier
