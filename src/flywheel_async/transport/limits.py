"""What the threads and event loops of one client share: the budget of requests in flight, and turns at one thing."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.lowlevel import current_token


class _Waiter:
    """One task that waits for a slot; it may be woken from any thread."""

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.token = current_token()

    def wake(self) -> None:
        try:
            here = self.token == current_token()
        except RuntimeError:  # no loop runs in this thread, which says nothing about the waiter's own
            here = False
        if here:
            self.event.set()
        else:
            _call_soon(self.token.native_token, self.event.set)


def _call_soon(native: Any, callback: Callable[[], None]) -> None:
    """Runs `callback` on another thread's event loop without waiting for it."""
    # asyncio loops and trio tokens spell the same thing differently.
    schedule = getattr(native, "call_soon_threadsafe", None) or native.run_sync_soon
    schedule(callback)


class Budget:
    """A counting limit shared by threads and event loops; waiters are served in the order they came.

    Args:
        total: How many holders there may be at once.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._free = self._total
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()

    def _start_over_after_fork(self) -> None:
        # The holders, the waiters and whoever held the lock are threads of the parent; none of them is here.
        if self._pid != os.getpid():
            self._start()

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return self._free

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None, None]:
        """Holds one slot for the length of the `async with` block."""
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    async def acquire(self) -> None:
        """Takes one slot, waiting for it if there is none."""
        self._start_over_after_fork()
        with self._lock:
            if self._free > 0 and not self._waiters:
                self._free -= 1
                return
            waiter = _Waiter()
            self._waiters.append(waiter)
        try:
            await waiter.event.wait()
        except BaseException:
            with self._lock:
                waiting = waiter in self._waiters
                if waiting:
                    self._waiters.remove(waiter)
            if not waiting:
                self.release()
            raise

    def release(self) -> None:
        """Gives one slot back, to the longest waiting task if there is one."""
        self._start_over_after_fork()
        while True:
            with self._lock:
                if not self._waiters:
                    self._free = min(self._free + 1, self._total)
                    return
                waiter = self._waiters.popleft()
            try:
                waiter.wake()
            except RuntimeError:
                continue  # its loop is closed, so that task is gone; serve the next one
            return


class Turns:
    """Lets one task at a time do something to a thing that is named by a key; others wait, over all event loops."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._taken: dict[Hashable, list[Budget]] = {}

    @asynccontextmanager
    async def of(self, key: Hashable, *, wait: bool = True) -> AsyncGenerator[None, None]:
        """Holds the turn at a thing for the length of the `async with` block.

        Args:
            key: Names the thing.
            wait: Whether to wait for a turn that is taken; else the block goes ahead without it.
        """
        if self._pid != os.getpid():
            self._start()  # those who hold turns are threads of the parent process
        with self._lock:
            holders = self._taken.setdefault(key, [])
            waits = wait or not holders
            holders.append(holders[0] if holders else Budget(1))
        try:
            if waits:
                async with holders[0].slot():
                    yield
            else:
                yield
        finally:
            with self._lock:
                holders.pop()
                if not holders:
                    self._taken.pop(key, None)
