"""A worker thread that reads what the event loop receives, and asks for it piece by piece: memory stays bounded."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

T = TypeVar("T")

PIECE = 1024 * 1024
"""Bytes that cross at once; a crossing for each chunk of a connection would take longer than the chunk."""


class Abandoned(Exception):
    """Nobody waits for what the thread does any more."""


class Feed:
    """What the thread reads from; ends when its source does.

    Args:
        source: Gives the next bytes, or None at the end; called in the event loop.
    """

    def __init__(self, source: Callable[[], Awaitable[bytes | None]]) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._closed = False
        self._pulling: anyio.CancelScope | None = None

    def read(self, size: int, /) -> bytes:
        """Reads that many bytes, fewer only at the end; in the thread.

        Raises:
            Abandoned: The call that this is for was cancelled.
            Exception: What the source raised.
        """
        parts: list[bytes] = []
        while size > 0:
            if self._at == len(self._buffer):
                if self._ended:
                    break
                self._buffer, self._at = anyio.from_thread.run(self._pull), 0
                continue
            part = self._buffer[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def check(self) -> None:
        """Ends the work when nobody waits for it any more; in the thread, while it does something else than read.

        Raises:
            Abandoned: The call that this is for was cancelled.
        """
        anyio.from_thread.check_cancelled()
        if self._closed:
            raise Abandoned

    async def _pull(self) -> bytes:
        if not self._closed:
            with anyio.CancelScope() as self._pulling:
                return await self._gather()
        raise Abandoned

    async def _gather(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size < PIECE:
            part = await self._source()
            if part is None:
                self._ended = True
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Has the thread find no more bytes but an error; in the event loop."""
        self._closed = True
        if self._pulling is not None:
            self._pulling.cancel()


async def in_feeding_thread(work: Callable[[], T], feed: Feed) -> T:
    """Runs blocking work that reads a feed, in a thread of its own; it has ended when this returns or raises.

    Args:
        work: The work.
        feed: What it reads.
    """
    lock, ended = threading.Lock(), threading.Event()
    abandoned = started = False

    def run() -> T:
        nonlocal started
        with lock:
            if abandoned:
                raise Abandoned
            started = True
        try:
            return work()
        finally:
            ended.set()

    try:
        return await anyio.to_thread.run_sync(run, limiter=anyio.CapacityLimiter(1))
    except CancelledError:
        # The thread was told of a cancellation in its own words; here it has others.
        await anyio.lowlevel.checkpoint()
        raise
    finally:
        feed.close()
        with lock:
            abandoned = True
        with anyio.CancelScope(shield=True):
            # asyncio's own cancel() does not wait for threads; nor can an event be set from one that lost its task.
            while started and not ended.is_set():  # noqa: ASYNC110
                await anyio.sleep(0.005)
