"""What a transfer tells about itself while it runs."""

from __future__ import annotations

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
"""A plain callable that receives each event; in the sync flavour it runs in the caller's thread."""
