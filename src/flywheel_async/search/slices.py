"""How a search that finds more than a site answers at once is cut into slices; no I/O happens here.

A site answers with so many hits at most and has no way to go on behind the last one. So a search is narrowed by when
its objects were created, and where that does not help by what they are in, until each slice is small enough.

A search for sessions also finds them by what is below them, so a condition must be on a field that all documents of
one object share. The id of the parent is none, except for files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flywheel_async.errors import SearchTruncated
from flywheel_async.search.writing import literal

TIMED = frozenset(("file", "acquisition", "session", "analysis", "subject"))
"""What can be searched for whose hits tell when it was created."""

ABOVE = {
    "file": "parent",
    "acquisition": "session",
    "session": "subject",
    "analysis": "session",
    "subject": "project",
    "project": "group",
}
"""What each is in, by whose id a search can be cut."""


_TOLERANCE = timedelta(seconds=1)
"""How far a site may round times before it compares them."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a hit is: when it was created, and the id of what it is in, see `ABOVE`."""

    created: datetime | None
    above_id: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a search's hits.

    Attributes:
        return_type: What is searched for.
        timed: Whether the hits have a time of creation; None means both those with and those without.
        start: They are created at this time or later; None sets no bound.
        stop: They are created before this time; None sets no bound.
        inside: The id of what they are in, or None.
        outside: Ids of what they are not in.
    """

    return_type: str
    timed: bool | None = None
    start: datetime | None = None
    stop: datetime | None = None
    inside: str | None = None
    outside: tuple[str, ...] = ()

    def condition(self) -> str:
        """What holds for the slice's hits, in the query language; empty for all hits."""
        created, above = f"{self.return_type}.created", f"{ABOVE[self.return_type]}._id"
        terms: list[str] = []
        if self.timed is False:
            terms.append(f"NOT {created} EXISTS")
        elif self.timed and self.start is None and self.stop is None:
            terms.append(f"{created} EXISTS")
        if self.start is not None:
            terms.append(f"{created} >= {self.start.astimezone(UTC).isoformat()}")
        if self.stop is not None:
            terms.append(f"{created} < {self.stop.astimezone(UTC).isoformat()}")
        if self.inside is not None:
            terms.append(f"{above} = {literal(self.inside)}")
        if self.outside:
            terms.append(f"NOT {above} IN [{', '.join(map(literal, self.outside))}]")
        return " AND ".join(terms)

    def admits(self, spot: Spot) -> bool:
        """Whether a hit may be in the slice; a site that does not keep to its conditions would repeat hits for ever."""
        if spot.created is not None:
            if self.timed is False:
                return False
            if self.start is not None and spot.created < self.start - _TOLERANCE:
                return False
            if self.stop is not None and spot.created >= self.stop + _TOLERANCE:
                return False
        if spot.above_id is None:
            return True
        return self.inside in (None, spot.above_id) and spot.above_id not in self.outside

    def divide(self, spots: Sequence[Spot]) -> list[Slice]:
        """Cuts the slice into smaller ones that have no hit in common and together have all its hits.

        Args:
            spots: Some of its hits.

        Returns:
            The new slices, oldest first.

        Raises:
            SearchTruncated: It cannot be cut any further.
        """
        if self.return_type in TIMED and self.inside is None and not self.outside:
            times = sorted(spot.created for spot in spots if spot.created is not None and self._holds(spot.created))
            if self.timed is None:
                halves = self._by_time(times) if times else [replace(self, timed=True)]
                return [replace(self, timed=False), *halves]
            if self.timed and times and (cut := self._by_time(times)):
                return cut
        return self._by_place(spots)

    def _holds(self, time: datetime) -> bool:
        return (self.start is None or self.start <= time) and (self.stop is None or time < self.stop)

    def _by_time(self, times: Sequence[datetime]) -> list[Slice]:
        """Cuts at a time seen; at a single instant there is nothing to cut, and the result is empty."""
        # A slice that holds only the instants between two shown times could be cut for ever.
        step = (
            timedelta(milliseconds=1) if all(time.microsecond % 1000 == 0 for time in times) else timedelta.resolution
        )
        first, middle = times[0], times[len(times) // 2]
        bounds = [middle] if middle > first else [first, first + step]
        if self.start is not None and self.start >= bounds[0]:
            bounds = bounds[1:]
        bounds = [bound for bound in bounds if self.stop is None or bound < self.stop]
        if not bounds:
            return []
        starts, stops = [self.start, *bounds], [*bounds, self.stop]
        return [replace(self, timed=True, start=a, stop=b) for a, b in zip(starts, stops, strict=True)]

    def _by_place(self, spots: Sequence[Spot]) -> list[Slice]:
        """Cuts at what the hits seen are in."""
        places = {spot.above_id for spot in spots if spot.above_id is not None} - {*self.outside}
        if self.inside is not None or not places:
            raise SearchTruncated(
                f"the site answers with no more hits, and the search for {self.return_type} hits"
                f"{' with ' + self.condition() if self.condition() else ''} cannot be cut any smaller; add conditions"
            )
        rest = replace(self, outside=(*self.outside, *sorted(places)))
        return [*(replace(self, inside=place, outside=()) for place in sorted(places)), rest]
