"""Ctrl-C in the main thread, sent to real processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Program = Callable[..., Any]

PRELUDE = """
import asyncio, contextlib, signal, sys, threading, time
from flywheel_async.sync._runner import at_thread_close, run

async def fine():
    await asyncio.sleep(0)
    return "fine"

async def loop():
    return id(asyncio.get_running_loop())

async def long(clean_up=0.0):
    print("ready")
    try:
        await asyncio.sleep(60)
    finally:
        if clean_up > 1:
            print("ready")
        await asyncio.sleep(clean_up)
        print("cleaned up")

async def call(function):
    return function()
"""


def test_ctrl_c_cancels_the_call_and_waits_for_its_clean_up(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
before = run(loop)
for _ in range(3):
    try:
        run(long, 0.2)
    except KeyboardInterrupt as error:
        print("interrupted", type(error.__cause__).__name__)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(run(fine), run(loop) == before)
"""
    )
    assert ended.out.splitlines() == ["ready", "cleaned up", "interrupted CancelledError"] * 3 + ["fine True"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_second_ctrl_c_ends_the_clean_up_and_the_next_call_has_a_new_loop(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
before = run(loop)
begin = time.monotonic()
try:
    run(long, 30)
except KeyboardInterrupt:
    print("interrupted")
assert time.monotonic() - begin < 10
print(run(fine), run(loop) == before)
"""
    )
    assert ended.out.splitlines() == ["ready", "ready", "interrupted", "fine False"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_third_ctrl_c_breaks_a_call_that_refuses_to_end(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
async def refuse():
    print("ready")
    for _ in range(2):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        print("ready")
    await asyncio.sleep(60)

try:
    run(refuse)
except KeyboardInterrupt:
    print("interrupted")
print(run(fine))
"""
    )
    assert ended.out.splitlines() == ["ready", "ready", "ready", "interrupted", "fine"]
    assert (ended.err, ended.code) == ("", 0)


def test_an_interrupted_call_that_succeeds_all_the_same_is_still_interrupted(
    interrupted: Program,
) -> None:
    ended = interrupted(
        PRELUDE
        + """
async def swallow():
    with contextlib.suppress(asyncio.CancelledError):
        await long()
    return "swallowed"

try:
    run(swallow)
except KeyboardInterrupt:
    print("interrupted", run(fine))
"""
    )
    assert ended.out.splitlines() == ["ready", "cleaned up", "interrupted fine"]
    assert (ended.err, ended.code) == ("", 0)


def test_ctrl_c_in_a_nested_call_of_a_callback(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
for _ in range(2):
    try:
        run(call, lambda: run(long, 0.2))
    except KeyboardInterrupt:
        print("interrupted")
print(run(fine), run(call, lambda: run(fine)))
"""
    )
    assert ended.out.splitlines() == ["ready", "cleaned up", "interrupted"] * 2 + ["fine fine"]
    assert (ended.err, ended.code) == ("", 0)


def test_ctrl_c_inside_a_loop_of_the_user(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
import logging
logging.getLogger("asyncio").setLevel(logging.ERROR)  # rightly tells that the user's loop is blocked

async def main():
    try:
        run(long, 0.2)
    except KeyboardInterrupt:
        print("interrupted", run(fine))

asyncio.run(main())
import trio
trio.run(main)
"""
    )
    assert ended.out.splitlines() == ["ready", "cleaned up", "interrupted fine"] * 2
    assert (ended.err, ended.code) == ("", 0)


def test_a_second_ctrl_c_inside_a_loop_of_the_user_does_not_wait(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
import logging
logging.getLogger("asyncio").setLevel(logging.ERROR)

async def main():
    begin = time.monotonic()
    try:
        run(long, 30)
    except KeyboardInterrupt:
        print("interrupted", run(fine), time.monotonic() - begin < 10)

asyncio.run(main())
"""
    )
    assert ended.out.splitlines() == ["ready", "ready", "interrupted fine True"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_handler_of_the_user_stays_in_charge(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
class Stop(Exception):
    pass

def note(signum, frame):
    print("noted")

def stop(signum, frame):
    raise Stop

async def short():
    print("ready")
    await asyncio.sleep(0.3)
    return "done"

signal.signal(signal.SIGINT, note)
print(run(short), signal.getsignal(signal.SIGINT) is note)
async def quiet():
    # Ready is said from elsewhere, so that the signal comes while the loop waits and not in this function.
    threading.Timer(0.2, print, ["ready"]).start()
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaned up")

signal.signal(signal.SIGINT, stop)
try:
    run(quiet)
except Stop:
    print("stopped", run(fine))
"""
    )
    assert ended.out.splitlines() == ["ready", "noted", "done True", "ready", "cleaned up", "stopped fine"]
    assert (ended.err, ended.code) == ("", 0)


def test_calls_in_other_threads_go_on_when_the_main_thread_is_interrupted(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
def work():
    results.append(run(short))

async def short():
    await asyncio.sleep(0.5)
    return "worker done"

results = []
thread = threading.Thread(target=work)
thread.start()
try:
    run(long)
except KeyboardInterrupt:
    print("interrupted")
thread.join()
print(results)
"""
    )
    assert ended.out.splitlines() == ["ready", "cleaned up", "interrupted", "['worker done']"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_handler_set_by_a_callback_stays(interrupted: Program) -> None:
    ended = interrupted(
        PRELUDE
        + """
def note(signum, frame):
    print("noted")

run(call, lambda: signal.signal(signal.SIGINT, note))
print(signal.getsignal(signal.SIGINT) is note)
"""
    )
    assert (ended.out, ended.err, ended.code) == ("True\n", "", 0)
