"""Expressions, complete objects, walks and get-or-create through the sync facade, from many threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from flywheel_async import f
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError
from flywheel_async.filter_doubts import FilterWarning
from flywheel_async.resources.ensure import DuplicateWarning
from flywheel_async.sync import Client, Pager, Project, Session

THREADS = 8


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def fw(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as client:
        yield client


def test_a_hundred_threads_wide_create_one(fw: Client) -> None:
    project = fw.ensure_path("threads/P")
    assert isinstance(project, Project)

    def work(number: int) -> tuple[str, str]:
        subject = project.subjects.get_or_create(label="0042", sex="female")
        assert subject.sex == "female"
        session = fw.ensure_path(["threads", "P", "0042", f"visit {number % 3}"])
        return subject.id, session.id

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, range(100)))
    assert len({subject for subject, _ in found}) == 1
    assert len({session for _, session in found}) == 3
    assert len(project.subjects.find()) == 1
    assert len(project.sessions.find()) == 3


def test_get_or_create_inside_a_running_loop(fw: Client) -> None:
    async def main() -> str:
        return fw.ensure_path("threads/P").id

    assert anyio.run(main) == anyio.run(main, backend="trio") == fw.ensure_path("threads/P").id


def test_a_callback_does_not_wait_for_a_turn_that_waits_for_its_connection(site: Emulator) -> None:
    with Client(site.api_key, max_connections=1) as fw, ThreadPoolExecutor(1) as pool:
        project = fw.ensure_path("threads/C")
        assert isinstance(project, Project)
        found: list[object] = []

        def during_the_upload(event: object) -> None:
            if not found:
                found.append(pool.submit(lambda: project.subjects.get_or_create(label="s").id))
                time.sleep(0.2)
                found.append(project.subjects.get_or_create(label="s").id)

        project.upload_file(b"x" * 100_000, name="x.bin", on_progress=during_the_upload)
        other, mine = found
        assert isinstance(other, Future)
        assert other.result(20) == mine


def test_two_clients_may_create_two_and_agree_on_the_oldest(site: Emulator, fw: Client) -> None:
    project = fw.ensure_path("threads/Q")
    assert isinstance(project, Project)
    first = project.add_session(label="v", subject={"label": "s"})
    project.add_session(label="v", subject={"label": "s"})
    with pytest.warns(DuplicateWarning, match="the oldest is used") as caught:
        assert project.sessions.get_or_create(label="v", subject={"label": "s"}).id == first.id
    assert Path(caught[0].filename).name == Path(__file__).name


def test_finding(fw: Client) -> None:
    project = fw.ensure_path("threads/F")
    assert isinstance(project, Project)
    for number in range(5):
        project.add_session(label=f"{number:04}", subject={"label": "s"}, info={"n": number})
    found = project.sessions.find(f.label >= "0002", full=True)
    assert [session.info for session in found] == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert [s.info for s in project.sessions.iter_find(f.label.in_(["0001"]), limit=1, full=True)] == [{"n": 1}]
    many = f.label.in_([f"{number:04}" for number in range(250)])
    assert [s.label for s in project.sessions.iter_find(many, sort="label:desc", limit=2)] == [
        f"{number:04}" for number in reversed(range(5))
    ]
    trimmed = project.sessions.find()
    assert fw.reload_all(trimmed) == trimmed
    assert trimmed[3].info == {"n": 3}
    walk = fw.walk(project, ["session"], limit=2)
    assert isinstance(walk, Pager)
    with walk:
        first = next(walk)
        assert isinstance(first, Session)
    with pytest.raises(ArgumentError, match="&"):
        project.sessions.find(f.label == "a" and f.label == "b")
    with pytest.warns(FilterWarning, match="seconds") as caught:
        project.sessions.find("age<30")
    assert Path(caught[0].filename).name == Path(__file__).name


def test_threads_share_a_walk(fw: Client) -> None:
    project = fw.ensure_path("threads/W")
    assert isinstance(project, Project)
    for number in range(30):
        project.add_subject(label=str(number))
    walk = fw.walk(project, limit=4, full=True)
    with ThreadPoolExecutor(THREADS) as pool:
        parts = pool.map(lambda _: [node.id for node in walk], range(THREADS))
        found = [identifier for part in parts for identifier in part]
    assert sorted(found) == [subject.id for subject in project.subjects.find()]
