"""Long lists: both clients see every object exactly once, also when the site returns shorter pages than asked."""

from __future__ import annotations

from collections.abc import Iterator

import flywheel
import pytest
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences

from flywheel_async import AsyncClient, Project
from flywheel_async.emulator import Emulator

pytestmark = QUIET

COUNT = 260
"""More than one page of the default size, in both clients 250."""


@pytest.fixture(scope="module")
def project(official: flywheel.Client) -> flywheel.ProjectOutput:
    """A project with many sessions."""
    group = official.get(official.add_group(flywheel.Group("lab", "Lab")))
    made = group.add_project(label="long")
    subject = made.add_subject(label="one")
    for number in range(COUNT):
        official.add_session({"project": made.id, "subject": subject.id, "label": f"s{number:03}"})
    return made


@pytest.fixture
def capped(site: Emulator) -> Iterator[None]:
    """Lets the site return at most 60 objects per page, whatever the limit."""
    site.faults.add("*", page_cap=60)
    yield
    site.faults.clear()


async def walked(fw: AsyncClient, project_id: str, **options: object) -> list[str]:
    project = await fw.get(project_id)
    assert isinstance(project, Project)
    return [session.label async for session in project.sessions.iter_find(**options)]


EXPECTED = [f"s{number:03}" for number in range(COUNT)]


@pytest.mark.parametrize("limit", [None, 100])
def test_all_sessions_once(
    official: flywheel.Client, ours: Ours, project: flywheel.ProjectOutput, limit: int | None
) -> None:
    options = {} if limit is None else {"limit": limit}
    assert sorted(session.label for session in project.sessions.iter(**options)) == EXPECTED
    assert sorted(ours(lambda fw: walked(fw, project.id, **options))) == EXPECTED
    for sort, expected in (("label", EXPECTED), ("label:desc", EXPECTED[::-1])):
        assert [item.label for item in project.sessions.iter_find(sort=sort, **options)] == expected
        assert ours(lambda fw, sort=sort: walked(fw, project.id, sort=sort, **options)) == expected


def test_find_returns_everything(official: flywheel.Client, ours: Ours, project: flywheel.ProjectOutput) -> None:
    theirs = official.sessions.find(f"project={project.id}")
    mine = ours(lambda fw: fw.sessions.find(f"project={project.id}"))
    assert len(theirs) == COUNT
    assert differences(theirs, mine) == []


@pytest.mark.usefixtures("capped")
def test_capped_pages(official: flywheel.Client, ours: Ours, project: flywheel.ProjectOutput) -> None:
    """Short pages end no walk. With `sort` only ours sees everything: the official client goes on by page number."""
    assert len(official.sessions(limit=100)) == 60
    assert sorted(session.label for session in project.sessions.iter()) == EXPECTED
    assert sorted(ours(lambda fw: walked(fw, project.id))) == EXPECTED
    assert ours(lambda fw: walked(fw, project.id, sort="label:desc")) == EXPECTED[::-1]
    assert len(ours(lambda fw: fw.sessions.find(f"project={project.id}"))) == COUNT


def test_the_last_request_is_saved(site: Emulator, official: flywheel.Client, ours: Ours) -> None:
    """Ours asks the site for page totals and stops there; the official client asks until a page is empty."""
    counter = site.faults.add("get_all_groups")
    assert len(list(official.groups.iter())) == 1
    assert site.faults.listed() == [(counter, 2)]
    assert len(ours(lambda fw: fw.groups.find())) == 1
    assert site.faults.listed() == [(counter, 3)]
    site.faults.clear()
