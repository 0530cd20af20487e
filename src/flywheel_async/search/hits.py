"""What hits of a search tell: which object was found, and where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from flywheel_async.fields.base import Model
from flywheel_async.search.slices import ABOVE, Spot

RETURN_TYPES = ("file", "acquisition", "session", "analysis", "project", "subject")
"""What can be searched for."""


_CONTAINERS = ("group", "project", "subject", "session", "acquisition", "analysis", "collection")


def parts(members: Mapping[str, object]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """The parts of a hit that describe objects of the site.

    Args:
        members: The hit, as the site told it.

    Yields:
        The name of the part, the kind of the object, and what is told of it. A file is told where it is, too, since a
        site says that beside it.
    """
    parent = _told(members.get("parent"))
    kind = parent.get("type")
    for name in _CONTAINERS:
        if told := _told(members.get(name)):
            yield name, name, told
    if parent and kind in _CONTAINERS:
        yield "parent", str(kind), {key: value for key, value in parent.items() if key != "type"}
    if told := _told(members.get("file")):
        yield "file", "file", {"parent_ref": {"type": kind, "id": parent.get("_id")}, **told} if kind else told


def _told(part: object) -> dict[str, object]:
    members = cast("Mapping[str, object]", part) if isinstance(part, Mapping) else dict[str, object]()
    return {key: value for key, value in members.items() if key not in ("container_type", "node_type")}


def found(hit: Model, return_type: str) -> Model | None:
    """The part of a hit that describes the object searched for."""
    part = cast("object", hit.get(return_type))
    return part if isinstance(part, Model) else None


def parent_of(hit: Model) -> str | None:
    """The id of the container a hit is in."""
    return identifier(cast("object", hit.get("parent")))


def identifier(part: object) -> str | None:
    """The id that a part of a hit has."""
    if not isinstance(part, Model):
        return None
    value = cast("object", part.get("_id") or part.get("id"))
    return value if isinstance(value, str) and value else None


def name_of(hit: Model) -> str | None:
    """The name of the file that was found."""
    part = found(hit, "file")
    name = None if part is None else cast("object", part.get("name"))
    return name if isinstance(name, str) else None


def key(hit: Model, return_type: str) -> object:
    """Equal for hits that stand for the same object; hits of files have no id, so it is where they are and their name.

    None when a hit does not tell.
    """
    if return_type != "file":
        return identifier(found(hit, return_type))
    parent, name = parent_of(hit), name_of(hit)
    return None if parent is None or name is None else (parent, name)


def spot(hit: Model, return_type: str) -> Spot:
    """Where a hit is."""
    part = found(hit, return_type)
    created = None if part is None else cast("object", part.get("created"))
    if isinstance(created, str):
        try:
            created = datetime.fromisoformat(created)
        except ValueError:
            created = None
    aware = isinstance(created, datetime) and created.tzinfo is not None
    above = identifier(cast("object", hit.get(ABOVE[return_type])))
    return Spot(created if isinstance(created, datetime) and aware else None, above)
