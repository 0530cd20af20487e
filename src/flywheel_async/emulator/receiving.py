"""Taking a request body in: one piece goes to a worker thread while the next one arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from flywheel_async.emulator.exchange import Exchange

GATHER = 1024 * 1024
"""How many bytes are gathered before they go to a worker thread."""


async def receive(exchange: Exchange, disk: Executor, feed: Callable[[bytes], None]) -> None:
    """Feeds the whole body to a function that runs in a thread; no call of it is left running.

    Args:
        exchange: The request.
        disk: The threads.
        feed: What takes the pieces; it must not be called again after an error.

    Raises:
        ClientGone: The caller went away before the end.
    """
    loop = asyncio.get_running_loop()
    feeding: asyncio.Future[None] | None = None
    gathered = bytearray()
    more = True
    try:
        while more:
            data, more = await exchange.receive_body()
            gathered += data
            if len(gathered) >= GATHER or not more:
                if feeding is not None:
                    await feeding
                feeding = loop.run_in_executor(disk, feed, bytes(gathered))
                gathered.clear()
        if feeding is not None:
            await feeding
    except BaseException:
        if feeding is not None:
            await asyncio.wait([feeding])
            feeding.exception()
        raise
