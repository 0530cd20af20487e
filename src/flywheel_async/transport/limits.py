"""The client's one budget: how many requests are in flight at once, over all its threads and event loops."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
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
        if self.token == current_token():
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
