"""Permissions, templates and roles, read back from the site."""

from __future__ import annotations

import pytest
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, Conflict, NotFound
from flywheel_async.fields.access import Role
from flywheel_async.fields.common import AccessPermission, RolePermission

pytestmark = pytest.mark.anyio

ANN, BOB = "ann+x'%@example.org", "bob@example.org"


@pytest.fixture
async def mine(site: Emulator, watched: AsyncClient, group: Group, anyio_backend: str) -> Group:
    known = {user.id for user in await watched.users.find()}
    for user in (ANN, BOB):
        if user not in known:
            site.add_user(user)
    return await watched.get_group(group.id)


@pytest.fixture
async def roles(watched: AsyncClient) -> list[str]:
    return [role.id for role in await watched.get_all_roles()]


async def test_group_permissions(mine: Group, traffic: Traffic) -> None:
    traffic.take()
    assert await mine.add_permission(id=ANN, access="ro") == AccessPermission(ANN, "ro")
    await mine.add_permission({"_id": BOB, "access": "rw"})
    assert await mine.get_permission(ANN) == AccessPermission(ANN, "ro")
    assert await mine.update_permission(ANN, access="admin") == AccessPermission(ANN, "admin")
    assert len(traffic.take()) == 4
    await mine.reload()
    assert [p for p in mine.permissions if p.id in (ANN, BOB)] == [
        AccessPermission(ANN, "admin"),
        AccessPermission(BOB, "rw"),
    ]
    with pytest.raises(Conflict):
        await mine.add_permission(AccessPermission(ANN, "rw"))
    await mine.update_permission(BOB, AccessPermission(BOB, "ro"))
    assert (await mine.get_permission(BOB)).access == "ro"
    await mine.delete_permission(ANN)
    with pytest.raises(NotFound):
        await mine.get_permission(ANN)


async def test_project_permissions(mine: Group, roles: list[str], traffic: Traffic) -> None:
    project = await mine.add_project(label="P")
    traffic.take()
    assert await project.add_permission(id=ANN, role_ids=roles[:1]) == RolePermission(ANN, roles[:1])
    await project.add_permission(RolePermission(BOB, roles[:2]))
    assert await project.get_permission(BOB) == RolePermission(BOB, roles[:2])
    assert await project.update_permission(ANN, {"role_ids": roles[1:2]}) == RolePermission(ANN, roles[1:2])
    assert len(traffic.take()) == 4
    await project.reload()
    assert [p for p in project.permissions or [] if p.id == ANN] == [RolePermission(ANN, roles[1:2])]
    await project.delete_permission(ANN)
    with pytest.raises(NotFound):
        await project.get_permission(ANN)
    assert ANN not in [p.id for p in (await project.reload()).permissions or []]


async def test_permission_templates(mine: Group, roles: list[str], traffic: Traffic) -> None:
    before = await mine.add_project(label="before")
    traffic.take()
    assert await mine.add_permission_template(id=ANN, role_ids=roles[:1]) == RolePermission(ANN, roles[:1])
    await mine.add_permission_template(RolePermission(BOB, roles[:1]), propagate=True)
    assert [line.partition("?")[2] for line in traffic.take()] == ["", "propagate=true"]
    after = await mine.add_project(label="after")
    assert {p.id for p in (await before.reload()).permissions or []} & {ANN, BOB} == {BOB}
    assert {p.id for p in (await after.reload()).permissions or []} & {ANN, BOB} == {ANN, BOB}
    assert (await mine.get_permission_template(ANN)).role_ids == roles[:1]
    changed = await mine.update_permission_template(ANN, role_ids=roles[1:2], propagate=True)
    assert changed == RolePermission(ANN, roles[1:2])
    assert (await after.get_permission(ANN)).role_ids == roles[1:2]
    await mine.delete_permission_template(ANN)
    with pytest.raises(NotFound):
        await mine.get_permission_template(ANN)
    assert [p.id for p in (await mine.reload()).permissions_template] == [BOB]
    await mine.delete_permission_template(BOB, propagate=True)
    assert BOB not in [p.id for p in (await before.reload()).permissions or []]


async def test_an_entry_must_name_its_user(mine: Group, traffic: Traffic) -> None:
    project = await mine.add_project(label="P")
    traffic.take()
    for add in (mine.add_permission, mine.add_permission_template, project.add_permission):
        with pytest.raises(ArgumentError, match="id is missing"):
            await add(access="ro")
    with pytest.raises(ArgumentError, match="another user"):
        await mine.update_permission(ANN, AccessPermission(BOB, "ro"))
    with pytest.raises(ArgumentError, match="nothing given"):
        await mine.update_permission(ANN)
    assert traffic.take() == []


async def test_roles_of_a_group(watched: AsyncClient, mine: Group, anyio_backend: str) -> None:
    made = await watched.add_role({"label": f"reader {anyio_backend}", "actions": ["containers_view_metadata"]})
    role = await watched.get_role(made.id)
    assert isinstance(role, Role)
    assert role.id not in [r.id for r in await mine.get_roles()]
    assert (await mine.add_role(role)).id == role.id
    assert role.id in [r.id for r in await mine.get_roles()]
    await mine.remove_role(role.id)
    assert role.id not in [r.id for r in await mine.get_roles()]
    with pytest.raises(NotFound):
        await mine.add_role("5d2761383289d60037e8f5e5")
