"""Creating, reading, changing and deleting, on a real emulator."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import pytest

from flywheel_async import AsyncClient, Group, Project, Session, Subject
from flywheel_async.emulator import Emulator
from flywheel_async.errors import APIError, ArgumentError, Conflict, NotBound, NotFound

pytestmark = pytest.mark.anyio


async def test_site_and_user(fw: AsyncClient, site: Emulator) -> None:
    user = await fw.get_current_user()
    assert user.id == site.admin_user
    assert user.roles
    status = await fw.get_auth_status()
    assert status.user_is_admin
    assert status.origin is not None
    assert status.origin.id == user.id
    assert (await fw.get_version()).release
    config = await fw.get_config()
    assert config.site is not None
    assert config.site.api_url == site.url
    assert config["site"]["api_url"] == site.url


async def test_hierarchy(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="Study, 1")
    subject = await project.add_subject({"label": "0042", "sex": "female"})
    session = await subject.add_session(label="visit 1", age=946728000, info={"a": {"b": 1}})
    other = await project.add_session(label="visit 2", subject={"label": "0043"})
    acquisition = await session.add_acquisition(label="T1", timestamp=datetime(2026, 1, 2, tzinfo=UTC))
    assert (project.group, subject.project, session.project) == (group.id, project.id, project.id)
    assert session.subject.id == subject.id
    assert other.subject.label == "0043"
    assert acquisition.session == session.id
    assert acquisition.timestamp == datetime(2026, 1, 2, tzinfo=UTC)
    parents = acquisition.parents
    assert (parents.group, parents.project, parents.subject) == (group.id, project.id, subject.id)
    assert (parents.session, parents.acquisition, parents.analysis) == (session.id, None, None)
    for item in (group, project, subject, session, acquisition):
        again = await fw.get(item.id)
        assert type(again) is type(item)
        assert again.id == item.id


async def test_return_shapes(fw: AsyncClient, group: Group) -> None:
    identifier = await fw.add_group(Group(f"{group.id}.x", "My Test Group"))
    assert identifier == f"{group.id}.x"
    assert type(await group.add_project(label="p")) is Project
    assert isinstance(await fw.projects.find(f"group={group.id}"), list)
    with pytest.raises(ValueError, match="no project"):
        await fw.projects.find_one("label=nothing here")


async def test_update_and_reload_in_place(group: Group) -> None:
    project = await group.add_project(label="before", info={"keep": 1})
    await project.update(label="after", info={"more": 2})
    assert project.label == "before"
    same = await project.reload()
    assert same is project
    assert (project.label, project.info) == ("after", {"keep": 1, "more": 2})
    await project.update({"description": "text"})
    assert (await project.reload()).description == "text"
    with pytest.raises(ArgumentError, match="both"):
        await project.update({"label": "x"}, label="y")
    with pytest.raises(ArgumentError, match="nothing given"):
        await project.update()


async def test_moving_is_an_update(group: Group) -> None:
    first = await group.add_project(label="first")
    second = await group.add_project(label="second")
    session = await first.add_session(label="s", subject={"label": "a"})
    await session.update(project=second.id)
    await session.reload()
    assert session.project == second.id
    assert session.parents.project == second.id
    assert [s.id for s in await second.sessions.find()] == [session.id]
    assert await first.sessions.find() == []


async def test_delete(fw: AsyncClient, site: Emulator, group: Group) -> None:
    project = await group.add_project(label="p")
    session = await project.add_session(label="s", subject={"label": "a"})
    site.add_user("someone@example.org")
    user = await fw.get_user("someone@example.org")
    await user.delete()
    with pytest.raises(NotFound):
        await user.reload()
    await project.delete()
    await group.delete()
    for gone in (group, project, session):
        with pytest.raises(NotFound):
            await gone.reload()
        with pytest.raises(NotFound):
            await fw.get(gone.id)


async def test_lookup_and_resolve(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="a/b study")
    session = await project.add_session(label="s", subject={"label": "0042"})
    path = [group.id, "a/b study", "0042", "s"]
    assert (await fw.lookup(path)).id == session.id
    assert (await fw.lookup(f"{group.id}/<id:{project.id}>/0042")).container_type == "subject"
    resolved = await fw.resolve(path)
    assert [node.container_type for node in resolved.path] == ["group", "project", "subject", "session"]
    assert group.id in [g.id for g in (await fw.resolve("")).children]
    with pytest.raises(NotFound) as caught:
        await fw.lookup(f"{group.id}/nothing")
    assert caught.value.status == 404
    for bad in ("", "/", [], ["g", ""], 5, ["g", 5]):
        with pytest.raises(ArgumentError, match="path"):
            await fw.lookup(bad)  # type: ignore[arg-type]


async def test_site_errors_are_typed(fw: AsyncClient, group: Group) -> None:
    with pytest.raises(Conflict) as caught:
        await fw.add_group(id=group.id)
    error = caught.value
    assert (error.status, error.operation, error.attempts) == (409, "add_group", 1)
    assert error.request_id
    assert group.id in error.reason
    with pytest.raises(APIError) as refused:
        await group.add_project(label="p", nonsense={"x": 1}, group_info=5)
    assert refused.value.status in (400, 422)


async def test_a_model_serves_as_body(fw: AsyncClient, group: Group) -> None:
    made = await group.add_project(Project(label="from a model", description="d"))
    assert (made.label, made.description) == ("from a model", "d")
    subject = await made.add_subject(Subject(label="s1", sex="male"))
    assert subject.sex == "male"
    session = await made.add_session(Session(label="v1"), subject=subject)
    assert session.subject.id == subject.id
    second = await made.add_session(Session(label="v2", subject=Subject(label="s2")))
    third = await made.add_session(label="v3", subject=Subject(label="s2"))
    assert (second.subject.label, third.subject.id) == ("s2", second.subject.id)
    with pytest.raises(ArgumentError, match="set by the parent"):
        await group.add_project(label="x", group="another")


async def test_unbound_objects_say_so(group: Group) -> None:
    for loose in (Group("x", "y"), pickle.loads(pickle.dumps(group)), copy.deepcopy(group)):
        with pytest.raises(NotBound, match="belongs to no client"):
            await loose.reload()


@pytest.mark.parametrize("bad", ["", ".", "..", "a\0b", None, 5.5])
async def test_bad_ids_are_refused_before_any_request(site: Emulator, bad: object) -> None:
    fault = site.faults.add("*", status=599)
    fw = AsyncClient(site.api_key, disable_auth_check=True)
    with pytest.raises(ArgumentError, match="container_id"):
        await fw.get(bad)  # type: ignore[arg-type]
    site.faults.remove(fault)
    await fw.aclose()


async def test_a_created_object_that_cannot_be_read_is_named(site: Emulator, group: Group) -> None:
    site.faults.add("get_project", status=500)
    with pytest.raises(APIError) as caught:
        await group.add_project(label="half way")
    site.faults.clear()
    (made,) = await group.projects.find("label=half way")
    assert caught.value.__notes__ == [f"the project {made.id} was created"]
