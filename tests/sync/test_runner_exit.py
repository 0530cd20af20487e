"""The end of the interpreter: nothing hangs, nothing complains, calls that come too late get an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Program = Callable[..., Any]

PRELUDE = """
import asyncio, atexit, os, socket, sys, threading, time
from flywheel_async.sync._runner import at_thread_close, run

async def fine():
    await asyncio.sleep(0)
    return "fine"

async def call(function):
    return function()

async def connect():
    # A connection, a background task and a half-run generator that outlive the call.
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)

    async def close():
        writer.close()
        there.close()
        await writer.wait_closed()

    async def forever():
        await asyncio.sleep(3600)

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            os.write(1, b"generator closed\\n")  # at once: two threads may end together

    generator = numbers()
    await anext(generator)
    keep.append((asyncio.create_task(forever()), generator))
    at_thread_close(close)

keep = []
"""


def test_what_outlives_the_last_call_is_closed(python: Program) -> None:
    ended = python(PRELUDE + "run(connect)")
    assert (ended.out, ended.err, ended.code) == ("generator closed\n", "", 0)


def test_helper_threads_end(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
async def main():
    run(connect)
    run(call, lambda: run(connect))

asyncio.run(main())
run(call, lambda: run(connect))
"""
    )
    assert (ended.out, ended.err, ended.code) == ("generator closed\n" * 3, "", 0)


def test_daemon_threads_idle_or_in_a_call(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
def idle():
    run(connect)
    started.release()
    time.sleep(3600)

def busy():
    started.release()
    run(asyncio.sleep, 3600)

def nested():
    started.release()
    run(call, lambda: run(asyncio.sleep, 3600))

started = threading.Semaphore(0)
for target in (idle, busy, nested):
    threading.Thread(target=target, daemon=True).start()
    started.acquire()
time.sleep(0.2)
"""
    )
    assert (ended.out, ended.err, ended.code) == ("generator closed\n", "", 0)


def test_other_threads_finish_their_calls_before_the_exit(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
def work():
    run(asyncio.sleep, 0.3)
    print(run(fine))

threading.Thread(target=work).start()
"""
    )
    assert (ended.out, ended.err, ended.code) == ("fine\n", "", 0)


def test_calls_at_exit_work_until_the_loops_are_closed(python: Program) -> None:
    ended = python(
        """
import atexit, threading

def late():
    for _ in range(2):
        try:
            print(run(fine))
        except RuntimeError as error:
            print("too late:", error)

atexit.register(late)  # registered before, so it comes after
"""
        + PRELUDE
        + """
atexit.register(lambda: print("early", run(fine), run(call, lambda: 1)))
"""
    )
    assert ended.out.splitlines()[0] == "early fine 1"
    assert [line.startswith("too late: ") for line in ended.out.splitlines()[1:]] == [True, True]
    assert "shutting down" in ended.out
    assert (ended.err, ended.code) == ("", 0)


def test_an_object_finalized_at_the_very_end_does_not_hang(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
class Late:
    def __del__(self, run=run, fine=fine, write=os.write):
        try:
            run(fine)
        except RuntimeError:
            write(1, b"refused")

sys.late = Late()
run(fine)
"""
    )
    assert (ended.out, ended.err, ended.code) == ("refused", "", 0)


def test_sys_exit_in_a_callback_ends_the_program(python: Program) -> None:
    ended = python(PRELUDE + "run(call, lambda: sys.exit(5))")
    assert (ended.out, ended.err, ended.code) == ("", "", 5)


def test_an_error_at_the_end_of_the_program_is_shown(python: Program) -> None:
    ended = python(PRELUDE + "run(call, lambda: 1 / 0)")
    assert ended.err.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "lambda" in ended.err
    assert ended.code == 1
