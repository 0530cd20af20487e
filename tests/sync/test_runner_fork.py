"""Forked processes: the child starts afresh and leaves the parent's loops and connections alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Program = Callable[..., Any]

PRELUDE = """
import asyncio, os, socket, sys, threading, time, warnings
from flywheel_async.sync._runner import at_thread_close, is_nested, run

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork with threads

async def loop():
    return id(asyncio.get_running_loop())

async def call(function):
    return function()

class Echo:
    # A server in a thread of its own and one connection to it that is kept between calls.
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(*self.listener.getsockname())

        async def close():
            self.writer.close()
            await self.writer.wait_closed()

        at_thread_close(close)

    async def ask(self, text):
        self.writer.write(text.encode())
        return (await asyncio.wait_for(self.reader.readexactly(len(text)), 10)).decode()

def wait(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def test_the_child_gets_its_own_loop_and_the_parent_keeps_its_connection(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
echo = Echo()
run(echo.open)
print(run(echo.ask, "one"))
pid = os.fork()
if pid == 0:
    other = Echo()
    run(other.open)
    print("child", run(other.ask, "hello"))
    other.listener.close()
    sys.exit(7)  # an orderly exit, with everything that runs then
print(wait(pid), run(echo.ask, "two"))
echo.listener.close()
"""
    )
    assert ended.out.splitlines() == ["one", "child hello", "7 two"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_fork_while_other_threads_are_in_calls(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
echoes = [Echo() for _ in range(4)]
stop = threading.Event()
counts = [0] * 4

def work(number):
    echo = echoes[number]
    run(echo.open)
    while not stop.is_set():
        assert run(echo.ask, "x" * 10) == "x" * 10
        counts[number] += 1

threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
while min(counts) < 10:
    time.sleep(0.01)
for _ in range(5):
    before = list(counts)
    pid = os.fork()
    if pid == 0:
        run(loop)
        os._exit(run(call, lambda: 5))
    assert wait(pid) == 5
    while any(now < then + 10 for now, then in zip(counts, before)):
        time.sleep(0.01)
stop.set()
for thread in threads:
    thread.join()
for echo in echoes:
    echo.listener.close()
print("all went on")
"""
    )
    assert (ended.out, ended.err, ended.code) == ("all went on\n", "", 0)


def test_a_fork_in_a_callback_of_a_call(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
echo = Echo()
run(echo.open)

def fork():
    pid = os.fork()
    if pid == 0:
        async def nested():
            return is_nested()
        print("child", run(nested))
        os._exit(0)
    return wait(pid)

print(run(call, fork), run(echo.ask, "still here"))
echo.listener.close()
"""
    )
    assert ended.out.splitlines() == ["child True", "0 still here"]
    assert (ended.err, ended.code) == ("", 0)


def test_a_child_that_returns_into_a_call_of_its_parent_gets_an_error(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
async def long(function):
    pid = function()
    await asyncio.sleep(0.1)
    return pid

try:
    pid = run(long, os.fork)
except RuntimeError:
    os._exit(9)
print(wait(pid))
"""
    )
    assert (ended.out, ended.err, ended.code) == ("9\n", "", 0)


def test_a_child_of_a_call_reacts_to_ctrl_c_itself(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
import signal

def fork():
    pid = os.fork()
    if pid == 0:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            os._exit(4)
        os._exit(0)
    return wait(pid)

print(run(call, fork))
"""
    )
    assert (ended.out, ended.err, ended.code) == ("4\n", "", 0)


def test_multiprocessing_workers_make_calls(python: Program) -> None:
    ended = python(
        PRELUDE
        + """
import multiprocessing

async def double(number):
    await asyncio.sleep(0)
    return 2 * number

def work(number):
    return run(double, number)

run(loop)
run(call, lambda: run(loop))  # a helper thread exists too
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(work, range(5)))
    pool.close()
    pool.join()
"""
    )
    assert (ended.out, ended.err, ended.code) == ("[0, 2, 4, 6, 8]\n", "", 0)
