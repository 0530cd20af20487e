"""What hits of a search tell: which object was found, and where it is."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flywheel_async.fields.base import Model
from flywheel_async.search.slices import ABOVE, Spot

RETURN_TYPES = ("file", "acquisition", "session", "analysis", "project", "subject")
"""What can be searched for."""


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
