"""Complete objects from lists, and walking trees, with requests counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import anyio
import pytest
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, Group, Project, Session, f
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, FlywheelError, NotFound, NotUnique

pytestmark = pytest.mark.anyio

COUNT = 12


@pytest.fixture
async def project(watched: AsyncClient, traffic: Traffic, group: Group) -> Project:
    here = await watched.get_group(group.id)
    project = await here.add_project(label="P")
    for letter in "ab":
        subject = await project.add_subject(label=letter)
        for number in range(COUNT // 2):
            session = await subject.add_session(label=f"{letter}{number}", info={"n": number})
            await session.add_acquisition(label=f"{letter}{number}")
    traffic.take()
    return project


def kinds(seen: list[str]) -> tuple[int, int]:
    """How many lists and how many objects were asked for."""
    lists = [line for line in seen if "limit=" in line]
    return len(lists), len(seen) - len(lists)


async def test_lists_of_complete_objects(project: Project, traffic: Traffic) -> None:
    trimmed = await project.sessions.find()
    assert not any(s.info for s in trimmed)
    traffic.take()
    found = await project.sessions.find(full=True)
    assert kinds(traffic.take()) == (1, COUNT)
    assert [s.id for s in found] == [s.id for s in trimmed]
    assert [s.info for s in found] == [{"n": n} for n in [*range(COUNT // 2)] * 2]
    assert all(type(s) is Session for s in found)
    assert [s.info async for s in project.sessions.iter_find(limit=5, full=True)] == [s.info for s in found]
    assert kinds(traffic.take()) == (3, COUNT)
    by_label = [s.info["n"] async for s in project.sessions.iter(sort="label:desc", full=True) if s.info]
    assert by_label == [*range(COUNT // 2)][::-1] * 2
    traffic.take()
    assert len(await project.sessions.find(full=True, limit=3)) == 3
    assert kinds(traffic.take()) == (1, 3)


async def test_one_complete_object(project: Project, traffic: Traffic) -> None:
    first = await project.sessions.find_first(f.label == "a3", full=True)
    assert first is not None
    assert first.info == {"n": 3}
    assert kinds(traffic.take()) == (1, 1)
    assert (await project.sessions.find_one(f.label == "b4", full=True)).info == {"n": 4}
    assert kinds(traffic.take()) == (1, 1)
    with pytest.raises(NotUnique):
        await project.sessions.find_one(full=True)
    assert await project.sessions.find_first(f.label == "none", full=True) is None
    assert kinds(traffic.take()) == (2, 0)


async def test_files_are_complete_too(project: Project, watched: AsyncClient, traffic: Traffic) -> None:
    await project.upload_file(b"abc", name="x.txt", metadata={"info": {"k": 1}})
    traffic.take()
    (file,) = await watched.files.find(f.parents.project == project.id, full=True)
    assert file.info == {"k": 1}
    assert kinds(traffic.take()) == (1, 1)
    await project.upload_file(b"abcd", name="x.txt")
    newer = await project.get_file("x.txt")
    await watched.reload_all([file, newer])
    assert (file.version, file.size, newer.version, newer.size) == (1, 3, 2, 4)


async def test_nothing_is_asked_before_it_is_needed(project: Project, traffic: Traffic) -> None:
    pager = project.sessions.iter_find(limit=4, full=True)
    assert traffic.take() == []
    async for _ in pager:
        break
    assert kinds(traffic.take()) == (1, 4)
    await pager.aclose()


@pytest.fixture
def most_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Tells how many requests were in work at the same time."""
    core = project._core
    assert core is not None
    running, most = 0, 0
    call = core._call

    async def counting(operation: str, *values: object, **keywords: object) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await anyio.sleep(0.005)
            return await call(operation, *values, **keywords)
        finally:
            running -= 1

    monkeypatch.setattr(core, "_call", counting)
    return lambda: most


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_bounded_concurrency(project: Project, most_at_once: Callable[[], int], concurrency: int) -> None:
    assert len(await project.sessions.find(full=True, concurrency=concurrency)) == COUNT
    assert most_at_once() == min(concurrency, COUNT)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
async def test_levels_are_walked_at_the_same_time(
    watched: AsyncClient, project: Project, most_at_once: Callable[[], int], concurrency: int
) -> None:
    nodes = [node async for node in watched.walk(project, limit=3, concurrency=concurrency)]
    assert len(nodes) == 2 + COUNT + COUNT
    assert most_at_once() == min(concurrency, 3)


async def test_deleted_meanwhile(site: Emulator, project: Project) -> None:
    site.faults.add("get_session", calls={2}, status=404)
    assert len(await project.sessions.find(full=True, concurrency=1)) == COUNT - 1


async def test_an_error_is_raised_as_it_is_and_the_walk_stays_where_it_was(
    site: Emulator, project: Project, traffic: Traffic
) -> None:
    pager = project.sessions.iter_find(limit=5, full=True)
    await pager.next_page()
    fault = site.faults.add("get_session", status=403)
    for _ in range(2):
        with pytest.raises(FlywheelError, match="403"):
            await pager.next_page()
    site.faults.remove(fault)
    assert len(await pager.next_page() or []) == 5
    assert [s.label async for s in pager] == ["b4", "b5"]


async def test_cancelled_in_between(project: Project) -> None:
    pager = project.sessions.iter_find(limit=5, full=True)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await pager.next_page()
    assert scope.cancelled_caught
    assert len([s async for s in pager]) == COUNT


async def test_reload_all(site: Emulator, watched: AsyncClient, project: Project, traffic: Traffic) -> None:
    sessions = await project.sessions.find()
    subject = await project.subjects.find_one(f.label == "a")
    await subject.update(sex="female")
    mixed = [subject, *sessions, sessions[0]]
    traffic.take()
    reloaded = await watched.reload_all(mixed, concurrency=4)
    assert kinds(traffic.take()) == (0, COUNT + 1)
    assert all(a is b for a, b in zip(reloaded, mixed, strict=True))
    assert subject.sex == "female"
    assert [s.info for s in sessions] == [{"n": n} for n in [*range(COUNT // 2)] * 2]
    assert await watched.reload_all([]) == []
    for wrong in ([5], ["x"]):
        with pytest.raises(ArgumentError, match="reload_all"):
            await watched.reload_all(wrong)  # type: ignore[type-var]
    with pytest.raises(ArgumentError, match="concurrency"):
        await watched.reload_all(sessions, concurrency=0)
    traffic.take()
    await sessions[3].delete()
    with pytest.raises(NotFound):
        await watched.reload_all(sessions)


async def test_walk(watched: AsyncClient, project: Project, group: Group, traffic: Traffic) -> None:
    nodes = [node async for node in watched.walk(project)]
    assert kinds(traffic.take()) == (3, 0)
    assert Counter(node.container_type for node in nodes) == {"subject": 2, "session": COUNT, "acquisition": COUNT}
    order = ["subject", "session", "acquisition"]
    assert [(order.index(node.container_type), node.id) for node in nodes] == sorted(
        (order.index(node.container_type), node.id) for node in nodes
    )
    again = [node.id async for node in watched.walk(project, limit=5)]
    assert again == [node.id for node in nodes]
    assert kinds(traffic.take()) == (1 + 3 + 3, 0)
    whole = [node async for node in watched.walk(group, ["sessions", "project"], full=True)]
    assert [node.container_type for node in whole] == ["project"] + ["session"] * COUNT
    assert all(node.info for node in whole[2:7])
    assert kinds(traffic.take()) == (2, 1 + COUNT)


async def test_walk_from_further_down(watched: AsyncClient, project: Project, traffic: Traffic) -> None:
    subject = await project.subjects.find_one(f.label == "b")
    session = await subject.sessions.find_one(f.label == "b2")
    await session.upload_file(b"1", name="1.txt")
    (acquisition,) = await session.acquisitions.find()
    await acquisition.upload_file(b"2", name="2.txt")
    assert [n.get("label") async for n in watched.walk(session)] == ["b2"]
    assert sorted([n.get("name") async for n in watched.walk(subject, ["file"])]) == ["1.txt", "2.txt"]
    assert [n.get("name") async for n in watched.walk(acquisition)] == ["2.txt"]
    await session.add_analysis(label="A")
    assert [n.get("label") async for n in watched.walk(project, ["analysis", "subject"])] == ["a", "b", "A"]
    traffic.take()
    for wrong in (["subject"], ["job"], "acquisition"):
        with pytest.raises(ArgumentError, match="levels"):
            watched.walk(session, wrong)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="walk"):
        watched.walk((await watched.users.find())[0])  # type: ignore[arg-type]
    traffic.take()
    pager = watched.walk(project, limit=2)
    assert len(await pager.next_page() or []) == 2
    assert kinds(traffic.take()) == (3, 0)
    await pager.aclose()
