"""Threads that share one sync client: every row is applied exactly once, and none gets another one's data."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import pytest

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import NotBound
from flywheel_async.sync import Client

THREADS = 8
SESSIONS_PER_SUBJECT = 10


@dataclass(frozen=True)
class Row:
    """One line of a table: where it belongs and what it says."""

    number: int
    subject: str
    session: str


def rows(count: int) -> list[Row]:
    return [Row(n, f"{n // SESSIONS_PER_SUBJECT:04}", f"visit {n % SESSIONS_PER_SUBJECT}") for n in range(count)]


@pytest.fixture
def shared(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as client:
        yield client


def all_rows(client: Client, group: str, table: list[Row], apply: object) -> dict[int, str]:
    """Applies every row in eight threads; returns what went wrong, as the script would print it."""
    assert callable(apply)
    failed: dict[int, str] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        running = {pool.submit(apply, client, group, row): row.number for row in table}
        for done in as_completed(running):
            error = done.exception()
            if error is not None:
                failed[running[done]] = f"{type(error).__name__}: {error}"
    return failed


def plant(client: Client, group: str, row: Row) -> None:
    project = client.lookup([group, "Study"])
    subject = project.subjects.get_or_create(label=row.subject)
    info = {"row": row.number, "rounds": 0, "old": {"deep": row.number}, "kept": f"k{row.number}"}
    subject.add_session(label=row.session, info=info)


def synchronise(client: Client, group: str, row: Row) -> None:
    """Gets a session by its labels, changes the whole of its info, then merges more keys."""
    project = client.get_group(group).projects.find_one("label=Study")
    subject = project.subjects.find_one(f"label='{row.subject}'")
    session = subject.sessions.find_one(f"label='{row.session}'").reload()
    info = dict(session.info)
    if info["row"] != row.number:
        raise AssertionError(f"row {row.number} got the session of row {info['row']}")
    del info["old"]
    info["rounds"] += 1
    session.replace_info(info)
    session = session.reload()
    session.update_info({"mark": f"m{row.number}", "score": row.number / 4, "nothing": None})


def expected(row: Row) -> dict[str, object]:
    number = row.number
    kept: dict[str, object] = {"row": number, "rounds": 1, "kept": f"k{number}"}
    return {**kept, "mark": f"m{number}", "score": number / 4, "nothing": None}


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.acceptance)])
def test_distinct_containers(shared: Client, count: int) -> None:
    group = f"distinct_{count}"
    shared.ensure_path([group, "Study"])
    table = rows(count)
    assert all_rows(shared, group, table, plant) == {}
    project = shared.lookup([group, "Study"])
    revisions = {session.id: session.revision for session in project.sessions.iter_find()}
    assert len(revisions) == count
    assert all_rows(shared, group, table, synchronise) == {}
    sessions = project.sessions.find(full=True)
    found = {(s.subject.label, s.label): s for s in sessions}
    assert len(sessions) == len(found) == count
    for row in table:
        assert found[row.subject, row.session].info == expected(row)
    # The site counts the changes of an object: two per row, none of them sent again.
    assert {session.id: session.revision - 2 for session in sessions} == revisions


def test_one_container(shared: Client) -> None:
    session = shared.ensure_path(["one", "Study", "0042", "visit"])

    def add_key(client: Client, group: str, row: Row) -> None:
        client.get_session(session.id).update_info({f"key {row.number}": {"row": row.number}})

    assert all_rows(shared, "one", rows(50), add_key) == {}
    assert session.reload().info == {f"key {n}": {"row": n} for n in range(50)}


def test_a_failing_row_is_told_and_harms_no_other(shared: Client) -> None:
    shared.ensure_path(["failing", "Study"])
    table = rows(20)
    assert all_rows(shared, "failing", table, plant) == {}
    lost = Row(99, "0001", "no such visit")

    def spoil(client: Client, group: str, row: Row) -> None:
        synchronise(client, group, row)
        if row.number == 3:
            client.lookup([group, "Study", row.subject, row.session]).update_info({"score": float("nan")})

    failed = all_rows(shared, "failing", [*table, lost], spoil)
    assert set(failed) == {3, 99}
    assert failed[3].startswith("ArgumentError: ")
    assert "info.score" in failed[3]
    assert failed[99].startswith("NoMatch: ")
    sessions = shared.lookup(["failing", "Study"]).sessions.find(full=True)
    assert sorted((s.info for s in sessions), key=lambda info: info["row"]) == [expected(row) for row in table]


def test_a_client_is_not_for_other_processes(site: Emulator) -> None:
    with Client(site.api_key) as fw:
        for one in (fw, fw.projects, fw.get_current_user, AsyncClient(site.api_key)):
            with pytest.raises(TypeError, match="a client cannot be pickled .* make one in each"):
                pickle.dumps(one)
        user = pickle.loads(pickle.dumps(fw.get_current_user()))
    with pytest.raises(NotBound):
        user.reload()
