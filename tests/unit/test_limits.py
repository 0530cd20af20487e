"""The request budget, shared by tasks, event loops and threads."""

from __future__ import annotations

import os
import signal
import threading

import anyio
import pytest

from flywheel_async.transport.limits import Budget, Turns


@pytest.mark.anyio
async def test_no_more_holders_than_slots() -> None:
    budget, now, most = Budget(3), 0, 0

    async def work() -> None:
        nonlocal now, most
        async with budget.slot():
            now += 1
            most = max(most, now)
            await anyio.sleep(0.001)
            now -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(work)
    assert most == 3
    assert budget.free == 3


@pytest.mark.anyio
async def test_waiters_are_served_in_order() -> None:
    budget, order = Budget(1), list[int]()
    await budget.acquire()

    async def work(number: int) -> None:
        async with budget.slot():
            order.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(work, number)
            await anyio.wait_all_tasks_blocked()
        budget.release()
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.anyio
async def test_cancelled_waiters_leave_nothing() -> None:
    budget = Budget(1)
    await budget.acquire()
    for _ in range(3):
        with anyio.move_on_after(0.01) as scope:
            await budget.acquire()
        assert scope.cancelled_caught
    budget.release()
    assert budget.free == 1


def test_one_limit_over_threads_and_loops() -> None:
    budget, lock, now, most, done = Budget(2), threading.Lock(), 0, 0, 0

    async def work() -> None:
        nonlocal now, most, done
        for _ in range(10):
            async with budget.slot():
                with lock:
                    now += 1
                    most = max(most, now)
                await anyio.sleep(0.0005)
                with lock:
                    now -= 1
                    done += 1

    threads = [
        threading.Thread(target=anyio.run, args=(work,), kwargs={"backend": backend})
        for backend in ("asyncio", "trio") * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, done, budget.free) == (2, 80, 2)


def test_a_forked_child_starts_with_all_slots() -> None:
    budget = Budget(2)
    anyio.run(budget.acquire)
    budget._lock.acquire()
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        anyio.run(budget.acquire)
        os._exit(0 if budget.free == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    budget._lock.release()
    assert budget.free == 1


def test_turns_at_one_thing_over_threads_and_loops() -> None:
    turns, lock, at_once, most, done = Turns(), threading.Lock(), {"a": 0, "b": 0}, 0, 0

    async def work() -> None:
        nonlocal most, done
        for number in range(10):
            key = "ab"[number % 2]
            async with turns.of(key):
                with lock:
                    at_once[key] += 1
                    most = max(most, at_once[key])
                await anyio.sleep(0.0005)
                with lock:
                    at_once[key] -= 1
                    done += 1

    threads = [
        threading.Thread(target=anyio.run, args=(work,), kwargs={"backend": backend})
        for backend in ("asyncio", "trio") * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, done, turns._taken) == (1, 80, {})


@pytest.mark.anyio
async def test_different_things_do_not_wait_for_each_other() -> None:
    turns = Turns()
    with anyio.fail_after(5):
        async with turns.of("a"), turns.of("b"):
            with anyio.move_on_after(0.01) as scope:
                async with turns.of("a"):
                    pass
    assert scope.cancelled_caught
    assert turns._taken == {}


def test_a_forked_child_finds_no_turn_taken() -> None:
    turns = Turns()

    async def hold() -> int:
        async with turns.of("a"):
            turns._lock.acquire()
            child = os.fork()
            if child == 0:
                signal.alarm(5)

                async def take() -> None:
                    async with turns.of("a"):
                        os._exit(7)

                threading.Thread(target=anyio.run, args=(take,)).start()
                signal.pause()
            turns._lock.release()
            return child

    child = anyio.run(hold)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
