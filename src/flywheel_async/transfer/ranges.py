"""Which bytes of a file are there and which are to be fetched: decisions without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PARALLEL_FROM = 64 * 1024 * 1024
"""Files smaller than this come over one connection unless the caller says otherwise."""
CONNECTIONS = 4
"""Connections for larger files."""
_SMALLEST_PIECE = 1024 * 1024
_LARGEST_PIECE = 64 * 1024 * 1024

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII | re.IGNORECASE)

Span = tuple[int, int]
"""First byte, and the one after the last."""


class Spans:
    """A set of bytes, as spans in order that neither overlap nor touch.

    Args:
        spans: Any spans.
    """

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for start, stop in spans:
            self.add(start, stop)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __repr__(self) -> str:
        return f"Spans({self._spans!r})"

    @property
    def count(self) -> int:
        """How many bytes are in it."""
        return sum(stop - start for start, stop in self._spans)

    @property
    def front(self) -> int:
        """How many bytes are in it from the first one on without a gap."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    def add(self, start: int, stop: int) -> None:
        """Adds a span.

        Raises:
            ValueError: It is no span.
        """
        if not 0 <= start <= stop:
            raise ValueError(f"no span: {start} to {stop}")
        if start == stop:
            return
        apart = [span for span in self._spans if span[1] < start or span[0] > stop]
        touching = [span for span in self._spans if span[1] >= start and span[0] <= stop]
        joined = (min([start, *(first for first, _ in touching)]), max([stop, *(last for _, last in touching)]))
        self._spans = sorted([*apart, joined])

    def clear(self) -> None:
        """Takes everything out."""
        self._spans = []

    def gaps(self, size: int) -> list[Span]:
        """The spans of a file of `size` bytes that are not in it."""
        edges = [0, *(edge for span in self._spans for edge in span), size]
        return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def plan(missing: Iterable[Span], size: int, connections: int) -> Iterator[Span]:
    """Cuts what is missing into pieces for several connections.

    Args:
        missing: What is missing.
        size: Size of the file in bytes.
        connections: How many connections fetch at once; with one, nothing is cut.

    Yields:
        The pieces in order, large enough that starting one costs little, small enough that all connections end
        at about the same time. There may be millions.
    """
    if connections <= 1:
        yield from missing
        return
    piece = min(max(-(-size // (connections * 4)), _SMALLEST_PIECE), _LARGEST_PIECE)
    for start, stop in missing:
        for at in range(start, stop, piece):
            yield at, min(at + piece, stop)


def connections_for(size: int | None, wanted: int | None) -> int:
    """How many connections a file is fetched over.

    Args:
        size: Its size in bytes, or None when unknown.
        wanted: What the caller asked for; None decides by size.
    """
    if size is None:
        return 1
    if wanted is not None:
        return wanted
    return CONNECTIONS if size >= PARALLEL_FROM else 1


def header(start: int, stop: int) -> str:
    """The `Range` header for a span."""
    return f"bytes={start}-{stop - 1}"


def answers(content_range: str | None, start: int, stop: int, size: int) -> bool:
    """Whether a `Content-Range` header says that exactly the asked span comes.

    Args:
        content_range: The header's value, or None.
        start: First byte asked for.
        stop: The one after the last.
        size: Size of the file in bytes.
    """
    found = _CONTENT_RANGE.fullmatch((content_range or "").strip())
    return (
        found is not None
        and (int(found[1]), int(found[2]) + 1) == (start, stop)
        and (found[3] == "*" or int(found[3]) == size)
    )
