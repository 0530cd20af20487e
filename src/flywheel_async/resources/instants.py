"""Points in time as people read them: in the time zone of this machine, or of the scanner."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

YEAR = 31_557_600
"""Seconds in a year, as the site counts ages."""
MONTH = 2_592_000
WEEK = 604_800
DAY = 86_400


def local(value: object) -> datetime | None:
    """A point in time in the time zone of this machine; None stays None."""
    return value.astimezone() if isinstance(value, datetime) else None


def original(value: object, zone: object) -> datetime | None:
    """A point in time in the time zone it was recorded in.

    Args:
        value: The point in time, or None.
        zone: The zone's name, for example `Europe/Berlin`.

    Raises:
        ValueError: The zone is missing or unknown.
    """
    if not isinstance(value, datetime):
        return None
    if not isinstance(zone, str) or not zone:
        raise ValueError("no timezone is set here, so the original timestamp is not known; use local_timestamp")
    try:
        return value.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"the timezone {zone!r} is unknown") from None


def in_units(age: object, seconds: int) -> float | None:
    """An age in a unit of this many seconds; None stays None."""
    return age / seconds if isinstance(age, (int, float)) else None
