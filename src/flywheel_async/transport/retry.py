"""Whether and when to send a request again: a decision without I/O."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

RETRY_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended.

    Attributes:
        status: The HTTP status, or None when there was no answer.
        sent: Whether any byte of the request may have reached the site.
        retry_after: The answer's `Retry-After` header, or None.
    """

    status: int | None = None
    sent: bool = True
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of retrying; see `config.Options` for the meaning of each member."""

    total: int = 7
    factor: float = 1.875
    longest: float = 120.0

    def decide(
        self,
        attempt: int,
        outcome: Outcome,
        kind: Literal["safe", "never"],
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> float | None:
        """Decides what to do after a failed try.

        Args:
            attempt: Which try this was, from 1.
            outcome: How it ended.
            kind: The operation's retry class.
            uniform: Source of randomness.

        Returns:
            Seconds to wait before the next try, or None to give up.
        """
        if attempt > self.total:
            return None
        if outcome.status is not None and outcome.status not in RETRY_STATUSES:
            return None
        if kind == "never" and outcome.sent:
            return None
        wait = parse_retry_after(outcome.retry_after)
        if wait is not None:
            return min(wait, self.longest)
        ceiling = min(self.longest, self.factor / 2 * 2 ** (attempt - 1))
        return uniform(0, ceiling)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Reads a `Retry-After` header.

    Args:
        value: Seconds or an HTTP date, as sent by the site.
        now: The current time; taken from the clock by default.

    Returns:
        Seconds to wait, not negative, or None when the header is missing or unreadable.
    """
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
