"""What transfers and waits tell about themselves while they run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Progress:
    """Some bytes of a transfer have moved.

    Attributes:
        name: The file's name on the site.
        done: Bytes moved so far.
        total: Bytes in all, or None when unknown.
    """

    name: str
    done: int
    total: int | None


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

OnProgress = Callable[[Progress], object]
"""A callable that receives each event, async or not; in the sync flavour it runs in the caller's thread."""


Event = TypeVar("Event", Progress, Polled)


async def tell(callback: Callable[[Event], object], event: Event) -> None:
    """Hands an event to the user's callable."""
    result = callback(event)
    if inspect.isawaitable(result):
        await result
