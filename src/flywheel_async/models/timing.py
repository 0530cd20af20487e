"""When containers were recorded, in the time zones people think in."""

from __future__ import annotations

from datetime import datetime

from flywheel_async.models.container import Container
from flywheel_async.resources import instants as _instants


class Timed(Container):
    """A container that has a timestamp."""

    @property
    def local_timestamp(self) -> datetime | None:
        """The timestamp in the time zone of this machine."""
        return _instants.local(self["timestamp"])

    @property
    def original_timestamp(self) -> datetime | None:
        """The timestamp in `timezone`, where it was recorded.

        Raises:
            ValueError: There is no `timezone`, or it is unknown.
        """
        return _instants.original(self["timestamp"], self["timezone"])
