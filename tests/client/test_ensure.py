"""Get-or-create: one container per label, whatever happens on the way."""

from __future__ import annotations

import threading

import anyio
import pytest
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, Group, Project, Subject
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, Conflict, ConnectionFailed, Forbidden, NotFound, ServerError
from flywheel_async.resources.ensure import DuplicateWarning

pytestmark = pytest.mark.anyio


@pytest.fixture
async def project(group: Group) -> Project:
    return await group.add_project(label="P")


async def test_every_kind(group: Group) -> None:
    project = await group.projects.get_or_create(label="50% / , 'x' \"y\"", description="d")
    assert (project.label, project.description) == ("50% / , 'x' \"y\"", "d")
    subject = await project.subjects.get_or_create("0042", sex="female", info={"k": 1})
    session = await subject.sessions.get_or_create(label="visit 1")
    acquisition = await session.acquisitions.get_or_create(label="T1")
    assert acquisition.parents.project == project.id
    assert (subject.sex, subject.info) == ("female", {"k": 1})
    assert (await group.projects.get_or_create(label=str(project.label), description="other")).description == "d"
    assert (await project.subjects.get_or_create(label="0042")).info == {"k": 1}
    assert (await subject.sessions.get_or_create(label="visit 1")).id == session.id
    assert (await session.acquisitions.get_or_create(label="T1")).id == acquisition.id
    for given in (subject.id, {"_id": subject.id}, {"label": "0042"}, {"code": "0042"}, subject, Subject(label="0042")):
        assert (await project.sessions.get_or_create(label="visit 1", subject=given)).id == session.id
    for wrong in (f"{subject.id},label=x", "x"):
        with pytest.raises(NotFound):  # one id, whatever it holds
            await project.sessions.get_or_create(label="visit 1", subject=wrong)
    other = await project.sessions.get_or_create(label="visit 1", subject={"label": "0043"})
    assert other.id != session.id
    assert len(await project.subjects.find()) == 2


async def test_request_counts(watched: AsyncClient, traffic: Traffic, project: Project) -> None:
    here = await watched.get_project(project.id)
    traffic.take()
    await here.subjects.get_or_create(label="s")
    lists = f"GET /projects/{project.id}/subjects?"
    assert [line.partition("?")[0] for line in traffic.take()] == [
        lists[:-1],
        "POST /subjects",
        lists[:-1],
        traffic_of_one(await project.subjects.find_one('label="s"')),
    ]
    await here.subjects.get_or_create(label="s")
    assert len(traffic.take()) == 2
    path = [str(project.group), "P", "s", "v", "a"]
    await watched.ensure_path(path)
    assert len(traffic.take()) == 1 + 1 + 1 + 3 + 3 + 1
    await watched.ensure_path(path)
    assert len(traffic.take()) == 1 + 4 + 1


def traffic_of_one(subject: Subject) -> str:
    return f"GET /subjects/{subject.id}"


async def test_a_hundred_at_once_create_one(fw: AsyncClient, project: Project) -> None:
    here = await fw.get_project(project.id)
    found: list[str] = []

    async def one(number: int) -> None:
        session = await here.sessions.get_or_create(label="same", subject={"label": "s"})
        found.append(session.id)

    async with anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(one, number)
    assert len(found) == 100
    assert len(set(found)) == 1
    assert len(await project.sessions.find()) == 1


async def test_two_lists_at_once_create_one(fw: AsyncClient, project: Project) -> None:
    subject = await project.subjects.get_or_create(label="s")
    found: list[str] = []

    async def one(number: int) -> None:
        if number % 3 == 0:
            session = await subject.sessions.get_or_create(label="same")
        else:
            given = {"label": "s"} if number % 3 == 1 else subject.id
            session = await project.sessions.get_or_create(label="same", subject=given)
        found.append(session.id)

    async with anyio.create_task_group() as tasks:
        for number in range(30):
            tasks.start_soon(one, number)
    assert len(set(found)) == 1
    assert len(await project.sessions.find()) == 1


async def test_paths_at_once(fw: AsyncClient, group: Group) -> None:
    new = f"{group.id}.new"
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(fw.ensure_path, [new, "P", f"s{number % 2}", "v", f"a{number}"])
    (project,) = await (await fw.get_group(new)).projects.find()
    nodes = [node.container_type async for node in fw.walk(project)]
    assert [nodes.count(kind) for kind in ("subject", "session", "acquisition")] == [2, 2, 20]
    assert (await fw.ensure_path(f"/{new}/")).id == new
    assert (await fw.ensure_path(f"{new}/P/s1")).container_type == "subject"


async def test_paths_with_ids(fw: AsyncClient, project: Project) -> None:
    session = await fw.ensure_path([f"<id:{project.group}>", f"<id:{project.id}>", "s", "v"])
    assert session.parents.project == project.id
    assert (await fw.ensure_path([str(project.group), "P", "s", f"<id:{session.id}>"])).id == session.id
    other = await fw.ensure_path([str(project.group), "Q"])
    with pytest.raises(ArgumentError, match="is not in the project"):
        await fw.ensure_path([str(project.group), "Q", f"<id:{session.parents.subject}>", "v"])
    with pytest.raises(NotFound):
        await fw.ensure_path([str(project.group), "<id:5d2761383289d60037e8f5e5>"])
    assert [node async for node in fw.walk(other)] == []


async def test_a_cancelled_one_lets_the_others_go_on(site: Emulator, project: Project) -> None:
    fault = site.faults.add("get_project_subjects", latency=0.3)
    with anyio.move_on_after(0.05) as scope:
        await project.subjects.get_or_create(label="s")
    assert scope.cancelled_caught
    site.faults.remove(fault)
    assert (await project.subjects.get_or_create(label="s")).label == "s"
    core = project._core
    assert core is not None
    assert core._turns._taken == {}


@pytest.mark.parametrize("reset", ["before", "after"])
async def test_an_unknown_outcome_is_looked_up(site: Emulator, project: Project, reset: str) -> None:
    site.faults.add("add_session", calls={1}, reset=reset)  # type: ignore[arg-type]
    session = await project.sessions.get_or_create(label="v", subject={"label": "s"}, info={"k": 1})
    assert session.info == {"k": 1}
    assert len(await project.sessions.find()) == 1


async def test_an_unknown_outcome_of_a_group(site: Emulator, fw: AsyncClient, group: Group) -> None:
    site.faults.add("add_group", calls={1}, reset="after")
    assert (await fw.ensure_path(f"{group.id}.x")).id == f"{group.id}.x"


async def test_gateways_that_give_up(site: Emulator, project: Project) -> None:
    site.faults.add("add_subject", calls={1}, status=504)
    assert (await project.subjects.get_or_create(label="s")).label == "s"
    site.faults.add("add_subject", status=503)
    with pytest.raises(ServerError):
        await project.subjects.get_or_create(label="t")


async def test_it_gives_up_in_the_end(site: Emulator, watched: AsyncClient, traffic: Traffic, project: Project) -> None:
    here = await watched.get_project(project.id)
    watched._transport._policy = type(watched._transport._policy)(7, 0.01, 0.01)
    traffic.take()
    site.faults.add("add_subject", reset="before")
    with pytest.raises(ConnectionFailed):
        await here.subjects.get_or_create(label="s")
    seen = traffic.take()
    assert sum(line == "POST /subjects" for line in seen) == 3
    assert len(seen) == 1 + 3 * 2


async def test_another_client_was_a_moment_earlier(
    site: Emulator, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = project._core
    assert core is not None
    add = core._containers.__class__.add

    async def late(self: object, kind: str, body: object, keywords: object) -> str:
        if kind in ("session", "subject"):
            monkeypatch.undo()
            if kind == "session":
                await project.add_session(label="v", subject={"label": "s"})
            else:
                await project.add_subject(label="t")
        return await add(self, kind, body, keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(core._containers.__class__, "add", late)
    with pytest.warns(DuplicateWarning, match="more than one session"):
        session = await project.sessions.get_or_create(label="v", subject={"label": "s"})
    oldest, newest = sorted(await project.sessions.find(), key=lambda s: (s.created, s.id))
    assert session.id == oldest.id != newest.id
    monkeypatch.setattr(core._containers.__class__, "add", late)
    subject = await project.subjects.get_or_create(label="t")  # a subject's label is unique: 409
    assert (await project.subjects.find_one('label="t"')).id == subject.id


async def test_refusals(site: Emulator, watched: AsyncClient, traffic: Traffic, project: Project) -> None:
    here = await watched.get_project(project.id)
    traffic.take()
    for call, said in (
        (lambda: here.subjects.get_or_create(label=""), "label"),
        (lambda: here.subjects.get_or_create(label=5), "label"),  # type: ignore[arg-type]
        (lambda: here.subjects.get_or_create(label="x", project="y"), "project is set"),
        (lambda: here.sessions.get_or_create(label="x"), "subject"),
        (lambda: here.sessions.get_or_create(label="x", subject={}), "subject"),
        (lambda: watched.subjects.get_or_create(label="x"), "nothing can be created"),
        (lambda: watched.ensure_path(""), "path"),
        (lambda: watched.ensure_path("a/b/c/d/e/f"), "path"),
        (lambda: watched.ensure_path("a//b"), "path"),
        (lambda: watched.ensure_path("Bad Group/b"), "group"),
    ):
        with pytest.raises(ArgumentError, match=said):
            await call()
    assert traffic.take() == []
    other = AsyncClient(site.add_user(f"u{project.id}@x.org"), backoff_factor=0.02)
    with pytest.raises(Forbidden) as caught:
        await other.ensure_path("nowhere_yet/P")
    assert "there is no group" in "".join(caught.value.__notes__)
    await other.aclose()


async def test_a_conflict_that_nothing_explains(site: Emulator, project: Project) -> None:
    site.faults.add("add_subject", status=409)
    with pytest.raises(Conflict):
        await project.subjects.get_or_create(label="s")


async def test_event_loops_in_several_threads_create_one(site: Emulator, fw: AsyncClient, project: Project) -> None:
    shared = AsyncClient(site.api_key)
    found: list[str] = []

    async def work() -> None:
        async def one() -> None:
            found.append((await shared.ensure_path([str(project.group), "P", "s", "v"])).id)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(one)
        await shared.aclose()

    backends = ("asyncio", "trio") * 3
    threads = [threading.Thread(target=anyio.run, args=(work,), kwargs={"backend": name}) for name in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join, 30)
    assert len(found) == 60
    assert len(set(found)) == 1
    assert len(await project.sessions.find()) == 1
