"""Who may do what: entries of groups, projects and group templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.resources.bodies import merged

if TYPE_CHECKING:
    from flywheel_async.core import Core

M = TypeVar("M", bound=Model)

GROUP = "group_user_permission"
PROJECT = "project_user_permission"
TEMPLATE = "group_user_permission_template"


async def add(
    core: Core,
    cls: type[M],
    operation: str,
    container_id: str,
    body: object,
    keywords: Mapping[str, object],
    **options: object,
) -> M:
    """Adds an entry for a user who has none.

    Args:
        core: The client.
        cls: Class of the entry.
        operation: The operation id.
        container_id: Where.
        body: The entry as a mapping or model, or None.
        keywords: The entry's members; `id` is taken for `_id`.
        **options: Query values.

    Raises:
        ArgumentError: No user is named.
    """
    members = merged(body, keywords)
    if "id" in members:
        members.setdefault("_id", members.pop("id"))
    if not isinstance(members.get("_id"), str) or not members["_id"]:
        raise ArgumentError("id is missing: whose permission is it? write for example id='ann@example.org'")
    return core._plain(cls, await core._call(operation, container_id, members, **options))


async def get(core: Core, cls: type[M], entry: str, container_id: str, user_id: str) -> M:
    """Gets the entry of a user."""
    return core._plain(cls, await core._call(f"get_{entry}", container_id, user_id))


async def update(
    core: Core,
    cls: type[M],
    entry: str,
    container_id: str,
    user_id: str,
    body: object,
    keywords: Mapping[str, object],
    **options: object,
) -> M:
    """Changes the entry of a user.

    Raises:
        ArgumentError: The entry names another user.
    """
    members = merged(body, keywords)
    named = {members.pop(name) for name in ("_id", "id") if name in members}
    if named - {user_id, None}:
        raise ArgumentError(f"id: the entry of {user_id!r} cannot become that of another user")
    return core._plain(cls, await core._call(f"modify_{entry}", container_id, user_id, members, **options))


async def delete(core: Core, entry: str, container_id: str, user_id: str, **options: object) -> None:
    """Takes the entry of a user away."""
    await core._call(f"delete_{entry}", container_id, user_id, **options)
