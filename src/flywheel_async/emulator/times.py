"""Instants: kept as whole milliseconds since 1970 UTC, sent as ISO 8601 with an explicit +00:00."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Returns the present instant in milliseconds."""
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime) -> int:
    """Converts a datetime to milliseconds; one without an offset is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(ms: int) -> str:
    """Writes an instant as the family does: no fraction when it is a whole second, else six digits."""
    return (EPOCH + timedelta(milliseconds=ms)).isoformat()


def iso_or_none(ms: int | None) -> str | None:
    """Writes an instant, or None for a moment that has not come."""
    return None if ms is None else iso(ms)
