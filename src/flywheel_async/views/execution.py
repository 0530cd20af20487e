"""Executing a data view: what is sent, waiting for the result, and where its data is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnPoll
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.resources.waits import view_execution
from flywheel_async.transport.request import Request, encode_segment
from flywheel_async.views.builder import ViewBuilder
from flywheel_async.waiting import Pace

if TYPE_CHECKING:
    from flywheel_async import types
    from flywheel_async.core import Core

View: TypeAlias = "str | ViewBuilder | types.ContainerPipelineInput | types.ViewOutput | Model | Mapping[str, object]"
"""The id of a saved view, or a view itself: what `View` or `ViewBuilder` made, what `get_view` gave, or a mapping."""

Format: TypeAlias = Literal["json", "json-flat", "json-row-column", "ndjson", "csv", "tsv"]
"""The formats of results."""

INTERVAL = 0.25
MAX_INTERVAL = 10.0

# What a saved view has besides its definition.
_SAVED = ("_id", "id", "origin", "parent")


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


def definition(view: object) -> str | dict[str, object]:
    """What is sent for a view.

    Args:
        view: See `View`.

    Returns:
        The id of a saved view, or the members of the view.

    Raises:
        ArgumentError: It is no view.
    """
    if isinstance(view, str):
        encode_segment(view, "view")
        return view
    if isinstance(view, ViewBuilder):
        return view.members()
    if isinstance(view, Model):
        found = {name: value for name, value in view.items() if value is not None and name not in _SAVED}
    elif isinstance(view, Mapping):
        found = {name: value for name, value in cast("Mapping[str, object]", view).items() if name not in _SAVED}
    else:
        raise ArgumentError(
            "view must be the id of a saved view, a view made by View or ViewBuilder, or a mapping with its members, "
            f"not a {type(view).__name__}"
        )
    if not any(found.get(name) for name in ("columns", "fileSpec")):
        raise ArgumentError("view: there are neither columns nor a fileSpec in it, so it has no rows")
    if (groups := found.get("groupBy")) is not None:
        found["groupBy"] = _groups(groups)
    return found


def _groups(groups: object) -> object:
    """Saved views name the columns of their groups as texts, and are sent with objects."""
    columns = cast("object", groups.get("columns")) if isinstance(groups, (Model, Mapping)) else None
    if not isinstance(columns, list):
        return groups
    listed = cast("list[object]", columns)
    return {"columns": [{"src": column} if isinstance(column, str) else column for column in listed]}


def check_container(container_id: object) -> str:
    """Refuses what is no id of a container.

    Raises:
        ArgumentError: It is none.
    """
    if not isinstance(container_id, str) or not container_id:
        raise ArgumentError(f"container_id must be the id of a container, not {container_id!r}")
    return container_id


async def execute(core: Core, view: str | dict[str, object], container_id: str, options: Options) -> str:
    """Has a view executed and waits until its result is there.

    Args:
        core: The client.
        view: What `definition` gave.
        container_id: The container to execute it on.
        options: What comes on top.

    Returns:
        The id of the execution.

    Raises:
        APIError: The site refused the view.
        WaitFailed: The site failed to execute it.
        WaitTimeout: The result is not there in time.
    """
    if isinstance(view, str):
        response = await core._call("queue_saved", view, container_id, **options.query())
    else:
        response = await core._call("queue_adhoc", container_id, view, **options.query())
    answer = response.json()
    execution = cast("dict[str, object]", answer).get("_id") if isinstance(answer, dict) else None
    if not isinstance(execution, str) or not execution:
        raise response.unexpected("an execution with an _id")
    pace = options.pace
    await view_execution(core, execution, pace.timeout, pace.interval, pace.longest, options.on_poll)
    return execution


def data_request(execution: str, format: str) -> Request:
    """The request for the result of an execution."""
    return build("get_data_view_execution_data", (execution,), {"file_format": format})
