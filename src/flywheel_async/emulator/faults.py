"""The fault plan: which requests go wrong, and how."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.table import operations

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the requests it matches.

    Attributes:
        route: An operation id such as `get_project`, or `METHOD /path` with `*` wild cards, the path without
            `/api`; both parts may be `*`.
        calls: Which matching calls are hit, counted from 1; None means all.
        latency: Seconds to wait before the request is looked at.
        status: Answer with this status instead of serving the request.
        retry_after: The `Retry-After` header of that answer, in seconds or as an HTTP date.
        page_cap: Lists return at most this many items, whatever the limit.
        reset: Cut the connection hard: `before` the request is served, `after` it was served but before anything
            is sent, or after this many bytes of the response body; the cut waits until they are on the other side, and
            no longer than 5 seconds for a caller who takes nothing.
        truncate: Close the connection in an orderly way after this many bytes of the response body.
        stall: Send nothing for this many seconds once `stall_after` bytes of the response body are sent.
        stall_after: See `stall`.
    """

    route: str
    calls: Collection[int] | None = None
    latency: float = 0.0
    status: int | None = None
    retry_after: float | str | None = None
    page_cap: int | None = None
    reset: Literal["before", "after"] | int | None = None
    truncate: int | None = None
    stall: float = 0.0
    stall_after: int = 0


class FaultPlan:
    """The faults of a running site; safe to change from any thread while it serves.

    Example:
        >>> plan = FaultPlan()
        >>> fault = plan.add("get_project", calls={1, 2}, status=503, retry_after=1)
        >>> len(plan.hit(("get_project",), "GET", "/projects/5"))
        1
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, list[int]]] = []

    def add(
        self,
        route: str,
        *,
        calls: Collection[int] | None = None,
        latency: float = 0.0,
        status: int | None = None,
        retry_after: float | str | None = None,
        page_cap: int | None = None,
        reset: Literal["before", "after"] | int | None = None,
        truncate: int | None = None,
        stall: float = 0.0,
        stall_after: int = 0,
    ) -> Fault:
        """Adds a fault; see `Fault` for the arguments.

        Returns:
            The fault, which `remove` takes.

        Raises:
            ArgumentError: A route that can never match, or a number that no fault can have.
        """
        _check_route(route)
        for name, value, least in (
            ("latency", latency, 0),
            ("page_cap", page_cap, 1),
            ("reset", None if isinstance(reset, str) else reset, 0),
            ("truncate", truncate, 0),
            ("stall", stall, 0),
            ("stall_after", stall_after, 0),
            ("retry_after", None if isinstance(retry_after, str) else retry_after, 0),
            ("calls", min(calls, default=None) if calls is not None else None, 1),
        ):
            if value is not None and not least <= value < math.inf:
                raise ArgumentError(f"{name}={value!r}: give {least} or more")
        if status is not None and not 200 <= status <= 599:
            raise ArgumentError(f"status={status!r}: give an HTTP status from 200 to 599")
        if isinstance(reset, str) and reset not in ("before", "after"):
            raise ArgumentError(f'reset={reset!r}: give "before", "after" or a number of bytes')
        fault = Fault(route, calls, latency, status, retry_after, page_cap, reset, truncate, stall, stall_after)
        with self._lock:
            self._faults.append((fault, [0]))
        return fault

    def remove(self, fault: Fault) -> None:
        """Takes one fault away; does nothing when it is not there."""
        with self._lock:
            self._faults = [entry for entry in self._faults if entry[0] is not fault]

    def clear(self) -> None:
        """Takes all faults away."""
        with self._lock:
            self._faults = []

    def listed(self) -> list[tuple[Fault, int]]:
        """Returns every fault with the number of calls it has matched."""
        with self._lock:
            return [(fault, count[0]) for fault, count in self._faults]

    def hit(self, operations: Collection[str], method: str, path: str) -> list[Fault]:
        """Counts one request and returns the faults that strike it.

        Args:
            operations: The operation ids of its route.
            method: Its HTTP method.
            path: Its path below `/api`, still percent-encoded.
        """
        with self._lock:
            if not self._faults:
                return []
            struck: list[Fault] = []
            for fault, count in self._faults:
                if not _matches(fault.route, operations, method, path):
                    continue
                count[0] += 1
                if fault.calls is None or count[0] in fault.calls:
                    struck.append(fault)
            return struck


def _matches(route: str, operations: Collection[str], method: str, path: str) -> bool:
    if route in operations or route == "*":
        return True
    wanted_method, space, wanted_path = route.partition(" ")
    return bool(space) and fnmatchcase(method, wanted_method.upper()) and fnmatchcase(path, wanted_path)


def _check_route(route: str) -> None:
    """Refuses what no request can match.

    Raises:
        ArgumentError: The message has the nearest name, or how a path is written.
    """
    if route == "*" or route in operations():
        return
    method, space, path = route.partition(" ")
    if not space:
        near = get_close_matches(route, operations(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ArgumentError(f"there is no operation {route!r}{hint} A path is written as 'GET /projects/*'")
    if not any(fnmatchcase(known, method.upper()) for known in _METHODS):
        raise ArgumentError(f"{route!r}: {method!r} is no HTTP method")
    if not path.startswith(("/", "*", "?", "[")):
        raise ArgumentError(f"{route!r}: a path begins with / after one space")
    if path.startswith("/api/"):
        raise ArgumentError(f"{route!r}: the path is given without /api")
