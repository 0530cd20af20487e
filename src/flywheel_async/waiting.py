"""Waiting for something that takes long on the site: when to ask, and asking until it is done."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio

from flywheel_async.errors import ArgumentError, WaitFailed, WaitTimeout
from flywheel_async.events import OnPoll, Polled, tell

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

TIMEOUT = 3600.0
"""Seconds to wait in all, unless the caller says otherwise."""

INTERVAL = 1.0
"""Seconds before the second question, unless the caller says otherwise."""

MAX_INTERVAL = 30.0
"""Seconds between two questions at most, unless the caller says otherwise."""

_GROWTH = 1.5
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to ask: after about `interval` seconds first, then ever more rarely.

    Attributes:
        timeout: Seconds to wait in all; None waits as long as it takes.
        interval: Seconds before the second question, about.
        longest: Seconds between two questions at most, about.

    Raises:
        ArgumentError: One of them is no time.
    """

    timeout: float | None = TIMEOUT
    interval: float = INTERVAL
    longest: float = MAX_INTERVAL

    def __post_init__(self) -> None:
        named = {"timeout": self.timeout, "interval": self.interval, "max_interval": self.longest}
        for name, value in named.items():
            if not (value is None and name == "timeout") and not _is_seconds(value):
                raise ArgumentError(f"{name} must be a number of seconds, more than 0, not {value!r}")

    def wait(
        self, polls: int, waited: float, *, uniform: Callable[[float, float], float] = random.uniform
    ) -> float | None:
        """Plans the next question.

        Args:
            polls: How often the site was asked so far.
            waited: Seconds since the first question.
            uniform: Source of randomness, so that many waits begun together do not ask together.

        Returns:
            Seconds until the next question, or None when the time is over. The last question comes at its very end.
        """
        steps = min(polls - 1, 100)  # by then any interval has reached its maximum, and no number overflows
        wait = min(self.interval * _GROWTH**steps, self.longest) * uniform(1 - _JITTER, 1 + _JITTER)
        if self.timeout is None:
            return wait
        left = self.timeout - waited
        return min(wait, left) if left > 0 else None


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


@dataclass(frozen=True, slots=True)
class Look(Generic[T_co]):
    """What one question brought to light.

    Attributes:
        value: What the wait gives once it is done.
        state: The state the site told, or None.
        done: Whether it is finished.
        failed: Why it failed, or None.
    """

    value: T_co
    state: str | None
    done: bool
    failed: str | None = None


async def wait_for(look: Callable[[], Awaitable[Look[T]]], what: str, pace: Pace, on_poll: OnPoll | None = None) -> T:
    """Asks until something is done.

    Args:
        look: Asks once.
        what: What is waited for, for messages.
        pace: How often to ask, and how long.
        on_poll: Told about each answer.

    Returns:
        The value of the last look.

    Raises:
        WaitTimeout: It was not finished in time.
        WaitFailed: The site says that it failed.
    """
    start = anyio.current_time()
    polls, state = 0, None
    while True:
        left = None if pace.timeout is None else max(0.0, start + pace.timeout - anyio.current_time())
        # Not less than a moment: the last question comes at the very end, and shall get its answer.
        seen = await _in_time(look, None if left is None else max(left, pace.interval))
        waited = anyio.current_time() - start
        if seen is not None:
            polls, state = polls + 1, seen.state
            if on_poll is not None:
                await tell(on_poll, Polled(what, state, polls, waited))
            if seen.failed is not None:
                raise WaitFailed(f"{what} failed: {seen.failed}", what=what, state=state, waited=waited, polls=polls)
            if seen.done:
                return seen.value
        pause = None if seen is None else pace.wait(polls, waited)
        if pause is None:
            raise WaitTimeout(
                f"{what} is {state or 'not finished'} after {waited:.0f} s; give a longer timeout, or wait again",
                what=what,
                state=state,
                waited=waited,
                polls=polls,
            )
        await anyio.sleep(pause)


async def _in_time(look: Callable[[], Awaitable[Look[T]]], seconds: float | None) -> Look[T] | None:
    with anyio.move_on_after(seconds):
        return await look()
    return None
