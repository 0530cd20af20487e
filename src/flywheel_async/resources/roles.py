"""Roles: which exist, and which a group offers to its projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.fields.access import Role
from flywheel_async.fields.load import load_page

if TYPE_CHECKING:
    from flywheel_async.core import Core


def _id(role: object) -> object:
    return role.id if isinstance(role, Role) else role


async def of_group(core: Core, group_id: str) -> list[Role]:
    """Lists the roles a group offers."""
    response = await core._call("get_all_group_roles", group_id)
    try:
        return load_page(Role, response.content)[0]
    except ValueError as exc:
        raise response.unexpected(f"a list ({exc})") from None


async def add_to_group(core: Core, group_id: str, role: object) -> Role:
    """Lets a group offer a role."""
    return core._plain(Role, await core._call("add_role_to_group", group_id, {"_id": _id(role)}))


async def remove_from_group(core: Core, group_id: str, role: object) -> None:
    """Takes a role away from those a group offers."""
    await core._call("remove_role_from_group", group_id, _id(role))
