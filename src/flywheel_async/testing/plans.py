"""What is to happen to the connections of a fault proxy, and what has passed in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flywheel_async.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Flow:
    """What happens to the bytes of one direction of a connection.

    Offsets count the bytes of this direction from the start of the connection, headers included.

    Attributes:
        reset_after: Reset the connection (TCP RST) once this many bytes have passed. The reset waits until they are on
            the other side, and no longer than 5 seconds for a peer that takes nothing.
        truncate_after: End the connection in an orderly way once this many bytes have passed.
        stall: Seconds for which nothing passes once `stall_after` bytes have. A client that ends its own direction
            while the answer stalls has left: the connection is broken off.
        stall_after: See `stall`.
        throttle: Most bytes per second, or None.
        flip: Offsets of bytes whose lowest bit is turned over.

    Raises:
        ArgumentError: A number that no flow can have.
    """

    reset_after: int | None = None
    truncate_after: int | None = None
    stall: float = 0.0
    stall_after: int = 0
    throttle: float | None = None
    flip: Collection[int] = ()

    def __post_init__(self) -> None:
        if self.throttle is not None and not 0 < self.throttle < math.inf:
            raise ArgumentError(f"throttle={self.throttle!r}: give bytes per second above 0, or None for no limit")
        for name in ("reset_after", "truncate_after", "stall", "stall_after"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ArgumentError(f"{name}={value!r}: give a number that is not negative")


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """What happens to one connection.

    Attributes:
        up: To the bytes that go to the target.
        down: To the bytes that come back from it.
        refuse: Reset the connection at once instead of connecting it with the target.
    """

    up: Flow = Flow()
    down: Flow = Flow()
    refuse: bool = False


Plan: TypeAlias = "Sequence[ConnectionPlan | None] | Callable[[int], ConnectionPlan | None]"


@dataclass(slots=True)
class Traffic:
    """Bytes that have passed in a connection, as they were passed on.

    Attributes:
        up: To the target.
        down: From the target.
    """

    up: int = 0
    down: int = 0
