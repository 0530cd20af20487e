"""Points in time, as they may leave this machine: always with a time zone."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import cast

from flywheel_async.errors import ArgumentError


def at_zone(value: datetime, path: str, zone: tzinfo | None) -> datetime:
    """Gives a date-time the zone it lacks.

    Args:
        value: Any date-time.
        path: Where it stands, for the message.
        zone: The zone of date-times that have none, or None to refuse them.

    Returns:
        The date-time with a zone; one that has a zone is returned as it is.

    Raises:
        ArgumentError: It has no zone and none is assumed.
    """
    if value.utcoffset() is not None:
        return value
    if zone is None:
        raise ArgumentError(
            f"{path}: the date-time {value.isoformat()} has no time zone; add one, for example "
            "value.replace(tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')) or datetime.UTC, "
            "or give the client a default_timezone"
        )
    # A zone of pytz used as tzinfo means the local mean time of some past century.
    localize = getattr(zone, "localize", None)
    return cast("datetime", localize(value)) if callable(localize) else value.replace(tzinfo=zone)
