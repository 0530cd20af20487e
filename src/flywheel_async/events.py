"""What transfers and waits tell about themselves while they run."""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import anyio

log = logging.getLogger("flywheel_async.transfer")

_transfers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class TransferEvent:
    """What all events of a transfer have, so that a callable may treat them alike.

    Attributes:
        name: The file's name on the site, or the archive's.
        done: Bytes moved so far.
        total: Bytes in all, or None when unknown.
        transfer: A number that all events of one transfer share, and no other transfer of this program has.
    """

    name: str
    done: int
    total: int | None
    transfer: int = field(default=0, kw_only=True, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Started(TransferEvent):
    """A transfer begins; `done` is what an interrupted one before it has left behind."""


@dataclass(frozen=True, slots=True)
class Progress(TransferEvent):
    """Some bytes of a transfer have moved."""


@dataclass(frozen=True, slots=True)
class Retrying(TransferEvent):
    """Something went wrong and is tried again; `done` is where it goes on, which may be the start.

    Attributes:
        wait: Seconds until then.
        error: What went wrong.
    """

    wait: float
    error: Exception


@dataclass(frozen=True, slots=True)
class Verified(TransferEvent):
    """All bytes are there, and right.

    Attributes:
        hash: Their hash in the site's notation, which was compared; of a member of a zip file `crc32-` and its CRC-32;
            None where the site gave only the size.
    """

    hash: str | None


@dataclass(frozen=True, slots=True)
class Done(TransferEvent):
    """A transfer has ended well.

    Attributes:
        path: The file that was written, if any.
    """

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Failed(TransferEvent):
    """A transfer has ended with an error, which the call raises; also when it was cancelled.

    Attributes:
        error: What went wrong.
    """

    error: BaseException


@dataclass(frozen=True, slots=True)
class Polled:
    """The site was asked how far something is that takes long.

    Attributes:
        what: What is waited for, for example `project copy 5d2761383289d60037e8f5e5`.
        state: The state the site told, such as `copying`, or None.
        polls: How often it was asked so far.
        waited: Seconds since the wait began.
    """

    what: str
    state: str | None
    polls: int
    waited: float


OnPoll = Callable[[Polled], object]
"""A callable that receives each answer, async or not; in the sync flavour it runs in the caller's thread."""

Event: TypeAlias = Started | Progress | Retrying | Verified | Done | Failed

OnProgress = Callable[[Event], object]
"""A callable that receives each event, async or not; in the sync flavour it runs in the caller's thread."""

T = TypeVar("T")


async def tell(callback: Callable[[T], object], event: T) -> None:
    """Hands an event to the user's callable."""
    result = callback(event)
    if inspect.isawaitable(result):
        await result


class CallbackFailed(Exception):
    """What a user's callable has raised, on its way out: nothing of the transfer, so no reason to try again.

    Attributes:
        error: It; `Teller.running` raises it as it is.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__("on_progress failed")
        self.error = error


class Teller:
    """Tells the events of one transfer, one after the other.

    Args:
        on_progress: Who is told; None tells nobody.
        name: The file's name on the site.
        total: Bytes in all, or None when unknown.

    Attributes:
        done: Bytes moved so far.
    """

    def __init__(self, on_progress: OnProgress | None, name: str, total: int | None) -> None:
        self._on_progress = on_progress
        self._turn = anyio.Lock()
        self._transfer = next(_transfers)
        self.name = name
        self.total = total
        self.done = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Tells of a failure of the block, and raises what the callable itself has raised as it was."""
        of_callable: Exception | None = None
        try:
            yield
        except CallbackFailed as failure:
            of_callable = failure.error
        except BaseException as error:
            await self._failed(error)
            raise
        if of_callable is not None:
            await self._failed(of_callable)
            raise of_callable

    async def started(self, done: int = 0) -> None:
        """The transfer begins."""
        self.done = done
        await self._tell(Started(self.name, done, self.total, transfer=self._transfer))

    async def moved(self, count: int) -> None:
        """So many more bytes have moved."""
        self.done += count
        if self._on_progress is not None:
            await self._tell(Progress(self.name, self.done, self.total, transfer=self._transfer))

    async def retrying(self, done: int, wait: float, error: Exception) -> None:
        """Something went wrong; it goes on at `done` after `wait` seconds."""
        self.done = done
        await self._tell(Retrying(self.name, done, self.total, wait, error, transfer=self._transfer))

    async def verified(self, hash: str | None) -> None:
        """All bytes are there, and right."""
        if not self.done:
            await self._tell(Progress(self.name, 0, self.total, transfer=self._transfer))
        await self._tell(Verified(self.name, self.done, self.total, hash, transfer=self._transfer))

    async def ended(self, path: Path | None = None) -> None:
        """The transfer has ended well."""
        await self._tell(Done(self.name, self.done, self.total, path, transfer=self._transfer))

    async def _failed(self, error: BaseException) -> None:
        """The transfer has ended with an error; what a callable for plain functions can still be told, it is told.

        A callable that must be awaited is not told of a cancellation, which would cancel it as well. What it raises
        now is only logged, since it must not replace the error.
        """
        if self._on_progress is None:
            return
        from flywheel_async.transport.client import holding

        with holding():
            try:
                event = Failed(self.name, self.done, self.total, error, transfer=self._transfer)
                result = self._on_progress(event)
                if inspect.isawaitable(result):
                    if isinstance(error, Exception):
                        await result
                    elif inspect.iscoroutine(result):
                        result.close()
            except Exception:
                log.exception("%s: on_progress failed when it was told of an error", self.name)

    async def _tell(self, event: Event) -> None:
        if self._on_progress is None:
            return
        from flywheel_async.transport.client import holding

        with holding():  # a callable that asks the site must not wait for the transfer that it is called by
            try:
                result = self._on_progress(event)
                if inspect.isawaitable(result):
                    try:
                        async with self._turn:  # parts of a file are sent at the same time
                            await result
                    finally:
                        if inspect.iscoroutine(result):
                            result.close()  # cancelled before its turn
            except Exception as error:
                raise CallbackFailed(error) from error
