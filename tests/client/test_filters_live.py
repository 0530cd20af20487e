"""Filter expressions on a real emulator: what they find, in how many requests, in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, Group, Project, f
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, NoMatch, NotUnique
from flywheel_async.filter_doubts import FilterWarning

pytestmark = pytest.mark.anyio

LABELS = ["0042", "42", "a,b", 'say "hi"', "it's", "back\\slash", "line\nbreak", " blank ", "null", "[x]", "|[x]", "~x"]
START = datetime(2024, 1, 31, 10, tzinfo=UTC)


@pytest.fixture
async def project(group: Group) -> Project:
    project = await group.add_project(label="P")
    subject = await project.add_subject(label="s", sex="male")
    for number, label in enumerate(LABELS):
        session = await subject.add_session(
            label=label,
            timestamp=START + timedelta(days=number),
            info={"n": number, "hair": "brown", "odd_key": number / 2},
            age=number * 31_557_600,
        )
        await session.add_tags(["even" if number % 2 == 0 else "odd", "all"])
    return project


@pytest.mark.parametrize("label", LABELS)
async def test_every_label_is_found_again(project: Project, label: str) -> None:
    assert (await project.sessions.find_one(f.label == label)).label == label
    assert (await project.sessions.find_one(f.label.in_([label, "none"]))).label == label
    others = await project.sessions.find(f.label != label)
    assert sorted(str(s.label) for s in others) == sorted(set(LABELS) - {label})


async def test_conditions(project: Project) -> None:
    sessions = project.sessions

    async def count(*filters: str | object, **options: object) -> int:
        return len(await sessions.find(*filters, **options))  # type: ignore[arg-type]

    assert await count(f.timestamp >= START + timedelta(days=3)) == len(LABELS) - 3
    assert await count(f.timestamp < "2024-02-01T00:00:00+01:00") == 1
    assert await count(f.tags.has("odd")) == len(LABELS) // 2
    assert await count(f.tags.has("odd"), "info.n<4") == 2
    assert await count((f.info.n > 2) & (f.info.n <= 5) & (f.info.hair == "brown")) == 3
    assert await count(f.info["odd.key"] == 1.5) == 1
    assert await count(f.label.matches(r"^.{1,2}$")) == 2
    assert await count(f.label.matches(r"\\") & (f.tags == "all")) == 1
    assert await count((f.label == "42") | (f.label == "null") | f.label.in_(["none"])) == 2
    assert await count(f.subject.label == "s") == len(LABELS)
    assert await count(f.info.missing == None, filter=f.tags == "even") == len(LABELS) // 2  # noqa: E711
    assert await count(f.info.missing != None) == 0  # noqa: E711
    assert await count(f.age < 2 * 31_557_600) == 2


async def test_long_lists(watched: AsyncClient, traffic: Traffic, project: Project) -> None:
    everything = await project.sessions.find()
    wanted = [f"{number:024x}" for number in range(250)]
    for place in range(0, 250, 25):
        wanted[place] = everything[(place // 25)].id
    mine = [everything[number] for number in range(10)]
    found = await watched.sessions.find(f.id.in_(wanted))
    assert [s.id for s in found] == [s.id for s in mine]
    seen = traffic.take()
    assert len(seen) == 3
    assert max(map(len, seen)) < 4500
    assert [s.id async for s in watched.sessions.iter_find(f.id.in_(wanted), limit=2)] == [s.id for s in mine]
    for sort in ("label", "info.n:desc", "timestamp:desc,label", "created", "subject,tags:desc,age", "info.odd_key:1"):
        (ordered,) = [await watched.sessions.find(f"project={project.id}", sort=sort)]
        theirs = [s.id for s in ordered if s.id in {s.id for s in mine}]
        assert [s.id for s in await watched.sessions.find(f.id.in_(wanted), sort=sort)] == theirs, sort
        some = await watched.sessions.find(f.id.in_(wanted), sort=sort, limit=3)
        assert [s.id for s in some] == theirs[:3]
        some = await watched.sessions.find(f.id.in_(wanted), sort=sort, limit=3, page=2)
        assert [s.id for s in some] == theirs[3:6]
        some = await watched.sessions.find(f.id.in_(wanted), sort=sort, skip=7)
        assert [s.id for s in some] == theirs[7:]
    first = await watched.sessions.find_first(f.id.in_(wanted), sort="info.n:desc")
    assert first is not None
    assert first.id == mine[9].id
    with pytest.raises(NotUnique):
        await watched.sessions.find_one(f.id.in_(wanted))
    assert (await watched.sessions.find_one(f.id.in_(wanted), f.label == "42")).label == "42"


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_the_merge_knows_the_order_of_the_site(project: Project, direction: str) -> None:
    values = [None, True, False, 3, -1.5, 10, "a", "B", "ä", "10", "", {"x": 1}]
    for session, value in zip(await project.sessions.find(), values, strict=True):
        await session.update_info({"v": value})
    sort = f"info.v:{direction},label:desc"
    site = [s.label for s in await project.sessions.find(sort=sort)]
    many = f.label.in_([*(str(number) for number in range(100, 300)), *LABELS])
    assert [s.label for s in await project.sessions.find(many, sort=sort)] == site


async def test_an_object_that_several_requests_find_comes_once(project: Project) -> None:
    tags = ["even", *(f"t{number}" for number in range(150)), "all"]
    found = await project.sessions.find(f.tags.in_(tags))
    assert [s.label for s in found] == LABELS
    assert [s.label async for s in project.sessions.iter_find(f.tags.in_(tags), limit=5)] == LABELS


async def test_an_empty_list_matches_nothing_and_asks_nothing(watched: AsyncClient, traffic: Traffic) -> None:
    assert await watched.sessions.find(f.id.in_([])) == []
    assert await watched.sessions.find(f.id.in_([]), limit=3) == []
    assert await watched.sessions.find_first(f.id.in_([])) is None
    with pytest.raises(NoMatch):
        await watched.sessions.find_one(f.id.in_([]))
    assert [s async for s in watched.sessions.iter_find(f.id.in_([]))] == []
    assert traffic.take() == []


async def test_refusals_send_nothing(watched: AsyncClient, traffic: Traffic) -> None:
    for wrong in ((f.a == 1) | (f.b == 1), ~(f.a == 1), f.a.contains("x"), f.timestamp > datetime(2024, 1, 31)):
        with pytest.raises(ArgumentError):
            await watched.sessions.find(wrong)
        with pytest.raises(ArgumentError):
            watched.sessions.iter_find(wrong)
    assert traffic.take() == []


async def test_the_clients_time_zone_is_assumed(site: Emulator, project: Project) -> None:
    fw = AsyncClient(site.api_key, default_timezone=UTC)
    mine = f.parents.project == project.id
    assert len(await fw.sessions.find(mine, f.timestamp <= START.replace(tzinfo=None))) == 1
    await fw.aclose()


async def test_warnings_point_at_the_line_that_asks(project: Project) -> None:
    with pytest.warns(FilterWarning, match="946728000") as caught:
        await project.subjects.find("age<30")
    with pytest.warns(FilterWarning, match='label="7"') as more:
        project.subjects.iter_find(f.label == 7)
    assert {Path(w.filename).name for w in (*caught, *more)} == {Path(__file__).name}
