"""Waiting for copies, deletes in the background and executions of data views."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from tests.client.answers import KEY, Recorder, recorded, untouched

from flywheel_async import AsyncClient, Group, Project
from flywheel_async.errors import (
    ArgumentError,
    NotFound,
    ServerError,
    WaitError,
    WaitFailed,
    WaitTimeout,
)
from flywheel_async.events import Polled
from flywheel_async.sync import Client
from flywheel_async.sync import Project as SyncProject
from flywheel_async.waiting import Pace

pytestmark = pytest.mark.anyio

ID = "5d2761383289d60037e8f5e5"
FAST = {"interval": 0.01}


def told(states: list[dict[str, Any] | int], **members: object) -> Callable[[httpx.Request], httpx.Response]:
    """Answers with one state after the other, the last one again and again; a number is an error status."""
    left = list(states)

    def answer(request: httpx.Request) -> httpx.Response:
        state = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(state, int):
            return httpx.Response(state)
        return httpx.Response(200, json={"_id": ID, **members, **state})

    return answer


def copying(*states: str | None) -> Callable[[httpx.Request], httpx.Response]:
    return told([{"copy_status": state} for state in states], container_type="project", label="P")


# The plan


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_questions_become_rarer_up_to_a_limit() -> None:
    pace = Pace(timeout=None, interval=2, longest=10)
    assert [pace.wait(polls, 0, uniform=middle) for polls in (1, 2, 3, 4, 5, 6)] == [2, 3, 4.5, 6.75, 10, 10]
    assert pace.wait(10**6, 0, uniform=middle) == 10


def test_waits_begun_together_do_not_ask_together() -> None:
    pace = Pace(interval=10)
    waits = {pace.wait(1, 0) for _ in range(50)}
    assert len(waits) > 40
    assert all(8 <= (wait or 0) <= 12 for wait in waits)


def test_the_last_question_comes_at_the_end_of_the_time() -> None:
    pace = Pace(timeout=5, interval=2)
    assert pace.wait(1, 4, uniform=middle) == 1
    assert pace.wait(1, 5, uniform=middle) is None
    assert pace.wait(1, 6, uniform=middle) is None


@pytest.mark.parametrize("name", ["timeout", "interval", "max_interval"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "5", True])
async def test_bad_times_send_nothing(name: str, value: Any) -> None:
    fw, recorder = recorded(untouched)
    for wait in (fw.wait_for_copy, fw.wait_for_delete, fw.wait_for_view_execution):
        with pytest.raises(ArgumentError, match=f"{name} must be a number of seconds"):
            await wait(ID, **{name: value})
    assert recorder.seen == []


@pytest.mark.parametrize("value", [None, 5, "", "..", Project(label="no id")])
async def test_what_is_waited_for_must_have_an_id(value: Any) -> None:
    fw, recorder = recorded(untouched)
    for wait in (fw.wait_for_copy, fw.wait_for_delete, fw.wait_for_view_execution):
        with pytest.raises(ArgumentError):
            await wait(value)
    assert recorder.seen == []


# Copies


async def test_a_copy_that_takes_a_while() -> None:
    fw, recorder = recorded(copying("scheduled", "copying", "copying", "completed"))
    seen: list[Polled] = []
    project = await fw.wait_for_copy(ID, on_poll=seen.append, **FAST)
    assert (type(project), project.id, project.copy_status) == (Project, ID, "completed")
    assert [(event.state, event.polls) for event in seen] == [
        ("scheduled", 1),
        ("copying", 2),
        ("copying", 3),
        ("completed", 4),
    ]
    assert seen[0].what == f"copy {ID}"
    assert 0 <= seen[0].waited < seen[-1].waited
    assert [request.url.path for request in recorder.seen] == [f"/api/containers/{ID}"] * 4


@pytest.mark.parametrize("state", [None, "static"])
async def test_a_container_that_is_not_being_copied_is_there(state: str | None) -> None:
    fw, recorder = recorded(copying(state))
    assert (await fw.wait_for_copy(Project(id=ID), **FAST)).id == ID
    assert len(recorder.seen) == 1


async def test_a_copy_that_fails() -> None:
    fw, _ = recorded(copying("copying", "failed"))
    with pytest.raises(WaitFailed, match=f"copy {ID} failed") as caught:
        await fw.wait_for_copy(ID, **FAST)
    error = caught.value
    assert (error.what, error.state, error.polls) == (f"copy {ID}", "failed", 2)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.state) == (WaitFailed, str(error), "failed")


async def test_a_copy_that_takes_too_long() -> None:
    fw, recorder = recorded(copying("copying"))
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="is copying after") as caught:
        await fw.wait_for_copy(ID, timeout=0.2, interval=0.05)
    assert 0.2 <= time.monotonic() - start < 10
    assert isinstance(caught.value, WaitTimeout)
    assert isinstance(caught.value, WaitError)
    assert caught.value.polls == len(recorder.seen) >= 2


async def test_a_site_that_hangs_does_not_hold_up_the_timeout() -> None:
    class Hanging(Recorder):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep(60)
            raise AssertionError

    fw = AsyncClient(KEY, disable_auth_check=True, transport=Hanging(untouched))
    with anyio.fail_after(10), pytest.raises(WaitTimeout, match="not finished after"):
        await fw.wait_for_copy(ID, timeout=0.1, interval=0.1)


async def test_errors_of_the_site_and_of_the_callback_come_through() -> None:
    fw, _ = recorded(told([404]))
    with pytest.raises(NotFound):
        await fw.wait_for_copy(ID, **FAST)
    fw, recorder = recorded(told([{"copy_status": "copying"}, 500], container_type="project"))
    with pytest.raises(ServerError):
        await fw.wait_for_copy(ID, **FAST)
    assert len(recorder.seen) == 2

    async def stop(event: Polled) -> None:
        raise RuntimeError(event.state)

    fw, _ = recorded(copying("copying"))
    with pytest.raises(RuntimeError, match="copying"):
        await fw.wait_for_copy(ID, on_poll=stop, **FAST)


async def test_a_wait_can_be_cancelled() -> None:
    fw, _ = recorded(copying("copying"))
    with anyio.move_on_after(0.1) as scope:
        await fw.wait_for_copy(ID, timeout=None, interval=60)
    assert scope.cancelled_caught


async def test_a_project_copy_on_the_emulator(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    copied = await fw.project_copy(project.id, {"group_id": group.id, "project_label": "Q", "filter": {}})
    found = await fw.wait_for_copy(copied, timeout=20, **FAST)
    assert type(found) is Project
    assert (found.label, found.copy_of) == ("Q", project.id)


# Deletes


async def test_a_delete_in_the_background() -> None:
    states: list[dict[str, Any] | int] = [
        {"delete_status": "scheduled"},
        {"delete_status": "deleting"},
        {"delete_status": "completed"},
    ]
    fw, recorder = recorded(told(states))
    seen: list[str | None] = []
    await fw.wait_for_delete(Project(id=ID), on_poll=lambda event: seen.append(event.state), **FAST)
    assert seen == ["scheduled", "deleting", "completed"]
    assert {request.url.path for request in recorder.seen} == {f"/api/projects/{ID}/delete-status"}


async def test_a_project_that_is_gone_is_deleted() -> None:
    fw, recorder = recorded(told([{"delete_status": "deleting"}, 404]))
    await fw.wait_for_delete(ID, **FAST)
    assert [request.url.path.rpartition("/")[2] for request in recorder.seen] == ["delete-status", "delete-status", ID]


async def test_a_site_without_delete_states() -> None:
    left: Iterator[int] = iter([200, 200, 404])

    def answer(request: httpx.Request) -> httpx.Response:
        status = 404 if request.url.path.endswith("delete-status") else next(left)
        return httpx.Response(status, json={"_id": ID})

    fw, recorder = recorded(answer)
    await fw.wait_for_delete(ID, **FAST)
    assert len(recorder.seen) == 6


async def test_a_delete_that_fails_says_why() -> None:
    fw, _ = recorded(told([{"delete_status": "failed", "delete_failure_reason": "a job runs"}]))
    with pytest.raises(WaitFailed, match="a job runs"):
        await fw.wait_for_delete(ID, **FAST)


# Executions of data views


async def test_a_view_execution() -> None:
    states: list[dict[str, Any] | int] = [{"state": "queued"}, {"state": "processing"}, {"state": "completed"}]
    fw, recorder = recorded(told(states, project_id="p"))
    execution = await fw.wait_for_view_execution(ID, **FAST)
    assert type(execution).__name__ == "DataViewExecution"
    assert (execution.id, execution.state, execution.project_id) == (ID, "completed", "p")
    assert (await fw.wait_for_view_execution(execution, **FAST)).id == ID
    assert {request.url.path for request in recorder.seen} == {f"/api/data_view_executions/{ID}"}
    fw, _ = recorded(told([{"state": "failed"}]))
    with pytest.raises(WaitFailed, match="view execution"):
        await fw.wait_for_view_execution(ID, **FAST)


# The sync flavour


def test_the_sync_client_waits_too() -> None:
    seen: list[Polled] = []
    with Client(KEY, disable_auth_check=True, transport=Recorder(copying("copying", "completed"))) as fw:
        project = fw.wait_for_copy(ID, on_poll=seen.append, **FAST)
        assert type(project) is SyncProject
        assert [event.state for event in seen] == ["copying", "completed"]
    with Client(KEY, disable_auth_check=True, transport=Recorder(copying("copying"))) as fw:
        with pytest.raises(WaitTimeout):
            fw.wait_for_copy(ID, timeout=0.05, **FAST)
        calls: list[object] = []
        with pytest.raises(WaitTimeout):  # the callback may use the client
            fw.wait_for_copy(ID, timeout=0.05, on_poll=lambda event: calls.append(fw.get(ID).id), **FAST)
        assert ID in calls
    with Client(KEY, disable_auth_check=True, transport=Recorder(told([{"state": "completed"}]))) as fw:
        assert fw.wait_for_view_execution(ID).state == "completed"
    with Client(KEY, disable_auth_check=True, transport=Recorder(told([404]))) as fw:
        fw.wait_for_delete(ID)
