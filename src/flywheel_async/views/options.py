"""What the calls about data views take in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnPoll
from flywheel_async.waiting import Pace

if TYPE_CHECKING:
    from flywheel_async import types
    from flywheel_async.fields.base import Model
    from flywheel_async.views.builder import ViewBuilder

AnyView: TypeAlias = "str | ViewBuilder | types.ContainerPipelineInput | Model | Mapping[str, object]"
"""The id of a saved view, or a view itself: what `View` or `ViewBuilder` made, what `get_view` gave, or a mapping."""

Format: TypeAlias = Literal["json", "json-flat", "json-row-column", "ndjson", "csv", "tsv"]
"""The formats of results."""

CONCURRENCY = 4
"""Executions at once with `split=True`, unless the caller asks for another number."""

ROWS = 10_000
"""Rows of one data frame, unless the caller asks for another number."""

INTERVAL = 0.1
"""Seconds before the second question about a result; most are there at once."""

MAX_INTERVAL = 10.0
"""Seconds between two questions at most."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a call adds to a view.

    Attributes:
        filter: A further filter.
        sort: The columns to sort the rows by.
        skip: Rows to leave out at the start.
        limit: Rows at most.
        timeout: Seconds to wait for the result; None waits as long as it takes.
        on_poll: Told about each answer while waiting.

    Raises:
        ArgumentError: One of them makes no sense.
    """

    filter: str | None = None
    sort: str | None = None
    skip: int | None = None
    limit: int | None = None
    timeout: float | None = None
    on_poll: OnPoll | None = None

    def __post_init__(self) -> None:
        texts: dict[str, object] = {"filter": self.filter, "sort": self.sort}
        for name, text in texts.items():
            if text is not None and (not isinstance(text, str) or not text):
                raise ArgumentError(f"{name} must be a text that is not empty, not {text!r}")
        numbers: dict[str, object] = {"skip": self.skip, "limit": self.limit}
        for name, number in numbers.items():
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
                raise ArgumentError(f"{name} must be a whole number from 0, not {number!r}")
        _ = self.pace

    @property
    def pace(self) -> Pace:
        """How often to ask for the result."""
        return Pace(self.timeout, INTERVAL, MAX_INTERVAL)

    def query(self) -> dict[str, object]:
        """What goes into the request."""
        given = {"filter": self.filter, "sort": self.sort, "skip": self.skip, "limit": self.limit}
        return {name: value for name, value in given.items() if value is not None}


def check_format(name: object) -> str:
    """Refuses what is no format of results.

    Raises:
        ArgumentError: It is none.
    """
    known = get_args(Format)
    if name not in known:
        raise ArgumentError(f"format must be one of {', '.join(known)}, not {name!r}")
    return str(name)
