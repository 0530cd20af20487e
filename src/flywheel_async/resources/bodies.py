"""Request bodies made from what a caller gives: merging, and checks before anything is sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import cast

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.times import at_zone

_READ_ONLY = frozenset(
    {
        "_id", "id", "created", "modified", "revision", "parents", "container_type", "info_exists", "join-origin",
        "join_origin", "copy_of", "original_copy_of", "file_id", "version", "size", "hash", "origin", "parent_ref",
        "replaced", "deleted", "mimetype", "provider_id", "zip_member_count",
    }
)  # fmt: skip
_GROUP_ID = re.compile(r"[0-9a-z][0-9a-z.@_-]{0,30}[0-9a-z]")


def merged(body: object, keywords: Mapping[str, object]) -> dict[str, object]:
    """Merges a body given as a mapping or model with members given as keywords.

    Args:
        body: A mapping or model, or None.
        keywords: Members by name.

    Returns:
        The members, under their wire names where `body` is a model.

    Raises:
        ArgumentError: `body` is something else, or a member is given twice, or nothing is given at all.
    """
    if body is None:
        members: dict[str, object] = {}
    elif isinstance(body, Model):
        members = filled(body)
    elif isinstance(body, Mapping):
        members = dict(cast("Mapping[str, object]", body))
    else:
        raise ArgumentError(f"body must be a mapping or a model, not {type(body).__name__}")
    twice = members.keys() & keywords.keys()
    if twice:
        raise ArgumentError(f"given both in the body and as keyword: {', '.join(sorted(twice))}")
    members.update(keywords)
    if not members:
        raise ArgumentError("nothing given; pass members as keywords, for example label='my label'")
    return members


def filled(model: Model) -> dict[str, object]:
    """The members of a model that hold something, under their wire names; nested models stay models.

    Of a model made by hand those are the members that were given; of one the site sent, all that are not None.
    """
    declared, given = type(model)._wire, model.model_fields_set
    members: dict[str, object] = {}
    for name, value in model.items():
        if given and name in declared and declared[name] not in given:
            continue
        if value is not None and not (name == "parents" and isinstance(value, Model) and not any(value.values())):
            members[name] = value
    return members


def changeable(members: Mapping[str, object]) -> None:
    """Makes sure that a change names no member that only the site writes.

    Raises:
        ArgumentError: It does; the message names them.
    """
    fixed = sorted(name for name in members if name in _READ_ONLY)
    if fixed:
        raise ArgumentError(f"{', '.join(fixed)}: set by the site and cannot be changed; leave it out")


def moment(value: object, name: str, zone: tzinfo | None) -> object:
    """Makes a point in time unmistakable.

    Args:
        value: A date-time, a date (its midnight), or ISO text of either.
        name: The member it is for.
        zone: Time zone of what has none; without it a date is taken in UTC, and a date-time without zone is refused.

    Returns:
        A date-time with a zone; other values as they are.

    Raises:
        ArgumentError: The text is not ISO 8601, or the zone is missing.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            raise ArgumentError(f"{name}: {value!r} is no ISO date-time such as 2026-01-31T09:30:00+01:00") from None
    if isinstance(value, datetime):
        return at_zone(value, name, zone)
    if isinstance(value, date):
        return at_zone(datetime(value.year, value.month, value.day), name, zone or UTC)
    return value


def check_group_id(value: object) -> None:
    """Makes sure that an id will do for a group.

    Raises:
        ArgumentError: It will not; the message proposes one that will.
    """
    if isinstance(value, str) and _GROUP_ID.fullmatch(value):
        return
    raise ArgumentError(
        f"{value!r} cannot be a group's id: 2 to 32 of 0-9 a-z . @ _ -, with a letter or digit at both ends; "
        f"for example {_proposed_id(value)!r}"
    )


def _proposed_id(value: object) -> str:
    text = (
        unicodedata.normalize("NFKD", value.casefold() if isinstance(value, str) else "")
        .encode("ascii", "ignore")
        .decode()
    )
    cut = re.sub(r"[^0-9a-z.@_-]+", "_", text).strip("._-@")[:32].rstrip("._-@")
    return cut if len(cut) > 1 else f"{cut or 'my'}_group"
