"""What holds for all requests that a task sends while it is inside of something."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from flywheel_async.transport.request import Timeout

# In place of the client's own timeouts, for the requests of one call.
_timeout: ContextVar[Timeout | None] = ContextVar("flywheel_async.timeout", default=None)

_timed: ContextVar[bool] = ContextVar("flywheel_async.timed", default=False)


@contextmanager
def waiting_at_most(timeout: Timeout | None) -> Generator[None, None, None]:
    """While it lasts, requests of this task have these timeouts; None changes nothing."""
    token = _timeout.set(timeout or _timeout.get())
    try:
        yield
    finally:
        _timeout.reset(token)


def timeout_here() -> Timeout | None:
    """The timeouts that hold in place of the client's, if any."""
    return _timeout.get()


@contextmanager
def timed(value: bool = True) -> Generator[None, None, None]:
    """While it lasts, requests of this task have no deadline of their own, since the call they belong to has one.

    Args:
        value: False takes that back, for calls of the user's own.
    """
    token = _timed.set(value)
    try:
        yield
    finally:
        _timed.reset(token)


def is_timed() -> bool:
    """Whether what runs belongs to a call with a deadline of its own."""
    return _timed.get()
