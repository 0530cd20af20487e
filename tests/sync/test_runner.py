"""Calls in one process: threads, loops that already run, nesting, context, errors."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
import sniffio
import trio

from flywheel_async.sync import _runner
from flywheel_async.sync._runner import at_thread_close, close_current, is_nested, run


async def add(a: int, b: int = 1) -> int:
    await anyio.sleep(0)
    return a + b


async def call(function: Callable[[], object]) -> object:
    """An async function of the core that calls the user's own function."""
    await anyio.sleep(0)
    return function()


async def where() -> tuple[int, int, bool]:
    return threading.get_ident(), id(asyncio.get_running_loop()), is_nested()


def in_thread(function: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(timeout=30)


def test_a_call_returns_the_result() -> None:
    assert run(add, 1, b=2) == 3


def test_calls_are_driven_in_the_calling_thread_on_one_loop() -> None:
    first, second = run(where), run(where)
    assert first == second
    assert first[0] == threading.get_ident()
    assert first[2] is False


def test_every_thread_has_its_own_loop() -> None:
    barrier = threading.Barrier(8)

    def work() -> tuple[set[int], int]:
        loops = {run(where)[1]}
        barrier.wait()
        total = 0
        for number in range(200):
            total += run(add, number)
            loops.add(run(where)[1])
        barrier.wait()
        return loops, total

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(work) for _ in range(8)]]
    assert all(len(loops) == 1 for loops, _ in results)
    assert len(set.union(*(loops for loops, _ in results))) == 8
    assert {total for _, total in results} == {sum(range(1, 201))}


def test_a_small_call_costs_little() -> None:
    def seconds() -> float:
        begin = time.perf_counter()
        for _ in range(200):
            run(where)
        return (time.perf_counter() - begin) / 200

    seconds()
    assert min(seconds() for _ in range(5)) < 300e-6


@pytest.mark.parametrize("start", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_inside_a_running_loop_a_helper_thread_drives_the_call(start: Callable[..., object]) -> None:
    seen: list[tuple[int, int, bool]] = []

    async def main() -> None:
        seen.append(run(where))
        seen.append(run(where))
        assert run(add, 1) == 2

    start(main)
    assert seen[0] == seen[1]  # the helper is kept
    assert seen[0][0] != threading.get_ident()
    assert seen[0][2] is True


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_call_sees_asyncio_whatever_runs_outside(backend: str) -> None:
    async def library() -> str:
        return sniffio.current_async_library()

    async def main() -> str:
        return run(library)

    assert anyio.run(main, backend=backend) == "asyncio"


def test_nested_calls_from_callbacks_do_not_deadlock() -> None:
    def deep(level: int) -> object:
        if level == 0:
            return run(where)
        return run(call, lambda: deep(level - 1))

    ident, _, nested = deep(4)  # type: ignore[misc]
    assert nested is True
    assert ident != threading.get_ident()
    assert is_nested() is False
    assert run(where)[2] is False


def test_a_callback_in_a_worker_thread_of_the_call_is_nested_too() -> None:
    async def threaded() -> tuple[int, int, bool]:
        return await anyio.to_thread.run_sync(lambda: run(where))

    assert run(threaded)[2] is True


def test_the_call_sees_the_context_of_the_caller_and_keeps_its_own_changes() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def look() -> str:
        seen = variable.get()
        variable.set("changed inside")
        return seen

    def everywhere() -> None:
        variable.set("mine")
        assert run(look) == "mine"
        assert run(call, lambda: run(look)) == "mine"
        assert variable.get() == "mine"

    contextvars.copy_context().run(everywhere)


def test_an_error_keeps_its_traceback_and_no_frames_stay_alive() -> None:
    class Witness:
        pass

    async def fail() -> None:
        witness = Witness()
        alive.append(weakref.ref(witness))
        await anyio.sleep(0)
        raise LookupError("deep inside")

    def nested() -> None:
        run(call, lambda: run(fail))

    alive: list[weakref.ref[Witness]] = []
    gc.disable()
    try:
        for function in (lambda: run(fail), nested):
            with pytest.raises(LookupError) as caught:
                function()
            assert "raise LookupError" in "".join(traceback.format_exception(caught.value))
            del caught
        assert [reference() for reference in alive] == [None, None]
    finally:
        gc.enable()


def test_errors_in_building_the_call_are_raised_at_once() -> None:
    with pytest.raises(TypeError):
        run(add)  # type: ignore[call-arg]
    assert run(add, 1) == 2


def test_an_exit_raised_in_a_child_task_comes_out_and_the_next_call_works() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await asyncio.sleep(10)

    async def child() -> None:
        raise SystemExit(3)

    async def helpers() -> tuple[tuple[int, int, bool], bool]:
        try:
            run(main)
        except SystemExit:
            return run(where), _runner._helper_of(_runner._current()).runner.helps
        raise AssertionError

    with pytest.raises(SystemExit):
        run(main)
    assert run(add, 1) == 2
    (ident, _, nested), helps = run(helpers)
    assert (ident != threading.get_ident(), nested, helps) == (True, True, True)


def test_a_cancelled_error_of_the_call_itself_is_raised() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(cancelled)
    assert run(add, 1) == 2


def test_the_end_of_a_thread_closes_its_loop_and_what_is_registered() -> None:
    events: list[str] = []
    here, there = socket.socketpair()
    loops: list[asyncio.AbstractEventLoop] = []

    async def half_run() -> object:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            events.append("generator")

    async def connect() -> None:
        loops.append(asyncio.get_running_loop())
        _, writer = await asyncio.open_connection(sock=here)

        async def closer() -> None:
            writer.close()
            await writer.wait_closed()
            events.append(f"closer {threading.get_ident()}")

        at_thread_close(closer)
        generator = half_run()
        keep.append(generator)
        await anext(generator)  # type: ignore[call-overload]

    keep: list[object] = []
    thread = threading.Thread(target=lambda: run(connect))
    thread.start()
    ident = thread.ident
    thread.join()
    assert events == ["generator", f"closer {ident}"]
    assert loops[0].is_closed()
    there.settimeout(5)
    assert there.recv(1) == b""
    there.close()


def test_the_end_of_a_thread_ends_its_helper_thread() -> None:
    helpers: list[threading.Thread] = []

    async def me() -> None:
        helpers.append(threading.current_thread())

    in_thread(lambda: run(call, lambda: run(me)))
    helpers[0].join(5)
    assert not helpers[0].is_alive()


def test_a_clean_up_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runner, "_CLOSE_SECONDS", 0.05)

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def start() -> None:
        at_thread_close(lambda: asyncio.sleep(60))
        tasks.append(asyncio.get_running_loop().create_task(stubborn()))

    tasks: list[asyncio.Task[None]] = []
    begin = time.monotonic()
    in_thread(lambda: run(start))
    assert time.monotonic() - begin < 5
    assert tasks[0].get_loop().is_closed()
    coroutine = tasks[0].get_coro()
    assert coroutine is not None
    coroutine.close()


def test_closing_the_current_thread_spares_what_is_in_use() -> None:
    async def hold() -> Callable[[], None]:
        return at_thread_close(unwanted)

    async def unwanted() -> None:
        raise AssertionError("was taken back")

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def work() -> None:
        first = run(loop)
        forget = run(hold)
        close_current()
        assert run(loop) is first
        forget()
        forget()
        close_current()
        assert first.is_closed()
        assert run(add, 1) == 2
        outer = run(loop)
        run(call, close_current)  # from a callback: the loop is running
        assert run(loop) is outer

    close_current()
    in_thread(work)


def test_registering_on_a_foreign_loop_does_nothing() -> None:
    async def main() -> None:
        at_thread_close(unwanted)()
        at_thread_close(unwanted)

    async def unwanted() -> None:
        raise AssertionError

    def work() -> None:
        asyncio.run(main())
        run(add, 1)
        asyncio.run(main())

    in_thread(work)


def test_threads_leave_nothing_behind() -> None:
    before = len(_runner._runners)
    for _ in range(20):
        in_thread(lambda: run(add, 1))
    assert len(_runner._runners) == before
    assert all(not thread.name.startswith("flywheel_async") or thread.is_alive() for thread in threading.enumerate())
