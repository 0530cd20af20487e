"""Executing a data view: what is sent, waiting for the result, and where its data is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.resources.waits import view_execution
from flywheel_async.transfer.fetch import Content
from flywheel_async.transport.request import Request, encode_segment
from flywheel_async.views.builder import ViewBuilder
from flywheel_async.views.options import Options

if TYPE_CHECKING:
    from flywheel_async.core import Core

# What a saved view has besides its definition.
_SAVED = ("_id", "id", "origin", "parent")


def definition(view: object) -> str | dict[str, object]:
    """What is sent for a view.

    Args:
        view: See `AnyView`.

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
    if not isinstance(view, (Model, Mapping)):
        raise ArgumentError(
            "view must be the id of a saved view, a view made by View or ViewBuilder, or a mapping with its members, "
            f"not a {type(view).__name__}"
        )
    given = _plain_members(cast("Model | Mapping[str, object]", view))
    found = {name: value for name, value in given.items() if name not in _SAVED}
    if not any(found.get(name) for name in ("columns", "fileSpec")):
        raise ArgumentError("view: there are neither columns nor a fileSpec in it, so it has no rows")
    if (groups := found.get("groupBy")) is not None:
        found["groupBy"] = _groups(groups)
    return found


def to_save(view: object) -> dict[str, object]:
    """What is sent to save a view.

    Raises:
        ArgumentError: It is no view, or has no label.
    """
    made = definition(view)
    if isinstance(made, str):
        raise ArgumentError("body must be a view, not an id; get_view gets a saved view, to save it elsewhere too")
    if not made.get("label"):
        raise ArgumentError("body: a view needs a label to be saved")
    return made


def _plain_members(view: Model | Mapping[str, object]) -> dict[str, object]:
    """The members of a view, objects in it as mappings. Members of objects that are None are left out."""
    whole = isinstance(view, Mapping)
    return {name: _plain(value) for name, value in view.items() if whole or value is not None}


def _plain(value: object) -> object:
    if isinstance(value, (Model, Mapping)):
        return _plain_members(cast("Model | Mapping[str, object]", value))
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    return value


def _groups(groups: object) -> object:
    """Saved views name the columns of their groups as texts, and are sent with objects."""
    columns = _columns(groups)
    if columns is None:
        return groups
    return {"columns": [{"src": column} if isinstance(column, str) else column for column in columns]}


def _columns(groups: object) -> list[object] | None:
    columns = cast("dict[str, object]", groups).get("columns") if isinstance(groups, dict) else None
    return cast("list[object]", columns) if isinstance(columns, list) else None


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


def result(execution: str, format: str) -> Content:
    """The result of an execution as something to download; nothing is known of it before it arrives."""
    return Content(data_request(execution, format), "the result of the view", ranged=False)
