"""What a transfer tells about itself while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass


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


OnProgress = Callable[[Progress], object]
"""A callable that receives each event, async or not; in the sync flavour it runs in the caller's thread."""


async def tell(on_progress: OnProgress, event: Progress) -> None:
    """Hands an event to the user's callable."""
    result = on_progress(event)
    if inspect.isawaitable(result):
        await result
