"""Finders on a real emulator, with requests counted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from flywheel_async import AsyncClient, Group, Project
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, NoMatch, NotUnique, Unprocessable
from flywheel_async.filter_doubts import FilterWarning
from flywheel_async.transport.pool import PooledTransport

pytestmark = pytest.mark.anyio

COUNT = 23


class Counting(httpx.AsyncBaseTransport):
    """The default transport with a list of what went through it."""

    def __init__(self) -> None:
        self.inner = PooledTransport()
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.raw_path.decode()}")
        return await self.inner.handle_async_request(request)


@pytest.fixture
async def counted(site: Emulator, anyio_backend: str) -> AsyncIterator[tuple[AsyncClient, Counting]]:
    transport = Counting()
    yield AsyncClient(site.api_key, disable_auth_check=True, transport=transport), transport
    await transport.inner.aclose()


@pytest.fixture
async def project(group: Group) -> Project:
    project = await group.add_project(label="P")
    subject = await project.add_subject(label="s")
    for number in range(COUNT):
        await subject.add_session(label=f"{number:04d}", info={"n": number})
    return project


async def test_forms(project: Project) -> None:
    finder = project.sessions
    labels = [f"{number:04d}" for number in range(COUNT)]
    assert [s.label for s in await finder.find()] == labels
    assert [s.label for s in await finder()] == labels
    assert [s.label async for s in finder.iter()] == labels
    assert [s.label async for s in finder.iter(limit=5)] == labels
    assert [s.label async for s in finder.iter_find('label>="0020"', limit=2)] == labels[20:]
    assert [s.label async for s in finder.iter_find(sort="label:desc", limit=7)] == labels[::-1]
    assert [s.label for s in await finder.find(limit="2")] == labels[:2]
    assert [s.label for s in await finder.find(limit=0)] == labels
    assert [s.label for s in await finder.find(limit=2, page=2)] == labels[2:4]
    assert [s.label for s in await finder.find(skip=20)] == labels[20:]
    first = await finder.find_first(sort="label:desc")
    assert first is not None
    assert first.label == labels[-1]
    assert await finder.find_first("label=none") is None
    assert (await finder.find_one('label="0007"')).label == "0007"
    with pytest.raises(NoMatch), pytest.warns(FilterWarning, match='label="0007"'):
        await finder.find_one("label=0007")
    with pytest.raises(NotUnique):
        await finder.find_one("label=~00.*")


@pytest.mark.parametrize("cap", [1, 4, COUNT])
@pytest.mark.parametrize("sort", [None, "label", "created:desc"])
async def test_a_page_cap_loses_nothing(site: Emulator, project: Project, cap: int, sort: str | None) -> None:
    site.faults.add("get_project_sessions", page_cap=cap)
    found = [s.label async for s in project.sessions.iter_find(limit=10, sort=sort)]
    assert sorted(found) == [f"{number:04d}" for number in range(COUNT)]
    assert len(await project.sessions.find()) == COUNT


async def test_request_counts(counted: tuple[AsyncClient, Counting], project: Project) -> None:
    fw, transport = counted
    mine = f"parents.project={project.id}"

    async def count(awaitable: object) -> int:
        transport.seen.clear()
        await awaitable  # type: ignore[misc]
        return len(transport.seen)

    assert await count(fw.sessions.find_first(mine)) == 1
    assert await count(fw.sessions.find_one(mine, 'label="0001"')) == 1
    assert await count(fw.sessions.find(mine, limit=5)) == 1
    assert await count(fw.sessions.find(mine)) == 1
    transport.seen.clear()
    found = [s async for s in fw.sessions.iter_find(mine, limit=10)]
    assert (len(found), len(transport.seen)) == (COUNT, 3)
    assert transport.seen[0].count("after_id=") == 1
    mine_here = await fw.get(project.id)
    assert isinstance(mine_here, Project)
    assert await count(mine_here.add_subject(label="new")) == 2


async def test_nothing_is_asked_before_it_is_needed(counted: tuple[AsyncClient, Counting], project: Project) -> None:
    fw, transport = counted
    pager = fw.sessions.iter_find(f"parents.project={project.id}", limit=5)
    assert transport.seen == []
    async for _ in pager:
        break
    assert len(transport.seen) == 1
    await pager.aclose()


async def test_a_site_without_the_pagination_feature(site: Emulator, project: Project) -> None:
    """Bare arrays say nothing about the end, so the walk asks until a page is empty."""

    class NoFeatures(Counting):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            del request.headers["x-accept-feature"]
            return await super().handle_async_request(request)

    transport = NoFeatures()
    fw = AsyncClient(site.api_key, disable_auth_check=True, transport=transport)
    site.faults.add("get_all_sessions", page_cap=4)
    found = [s.label async for s in fw.sessions.iter_find(f"parents.project={project.id}", limit=10)]
    assert found == [f"{number:04d}" for number in range(COUNT)]
    assert len(transport.seen) == 7
    await transport.inner.aclose()


async def test_client_level_finders(fw: AsyncClient, project: Project) -> None:
    assert [g.id for g in await fw.groups.find(f"_id={project.group}")] == [project.group]
    assert [p.id for p in await fw.projects.find(f"group={project.group}")] == [project.id]
    assert len(await fw.subjects.find(f"project={project.id}")) == 1
    assert len(await fw.sessions.find(f"project={project.id}", "info.n<3")) == 3
    assert await fw.acquisitions.find(f"parents.project={project.id}") == []
    assert [u.id for u in await fw.users.find()] == [(await fw.get_current_user()).id]
    session = (await project.sessions.find(limit=1))[0]
    await session.upload_file(b"abc", name="x.txt")
    assert [f.name for f in await fw.files.find(f"parents.session={session.id}")] == ["x.txt"]
    assert [f.name async for f in fw.files.iter_find(f"parents.session={session.id}", limit=1)] == ["x.txt"]


async def test_info_is_trimmed_unless_asked_for(project: Project) -> None:
    (trimmed,) = await project.sessions.find('label="0003"')
    (whole,) = await project.sessions.find('label="0003"', include_all_info=True)
    assert not trimmed.info
    assert whole.info == {"n": 3}


@pytest.mark.parametrize("bad", ["label", "label=", "", "=x", 'label="open', 7])
async def test_bad_filters_send_nothing(counted: tuple[AsyncClient, Counting], bad: object) -> None:
    fw, transport = counted
    for call in (fw.projects.find, fw.projects.find_one, fw.projects.find_first):
        with pytest.raises(ArgumentError, match="filter"):
            await call(bad)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="filter"):
        fw.projects.iter_find(bad)  # type: ignore[arg-type]
    for options in ({"limit": -1}, {"limit": "x"}, {"limit": 1.5}, {"sorted": "label"}):
        with pytest.raises(ArgumentError, match="limit|sort"):
            await fw.projects.find(**options)  # type: ignore[arg-type]
    assert transport.seen == []


async def test_what_only_the_site_can_judge(fw: AsyncClient) -> None:
    with pytest.raises(Unprocessable):
        await fw.projects.find("label=~(unclosed")
