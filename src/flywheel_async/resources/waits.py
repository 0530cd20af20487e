"""How far something is that takes long on the site: copies, deletes in the background, executions of data views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError, NotFound
from flywheel_async.events import OnPoll
from flywheel_async.fields.base import Model
from flywheel_async.transport.request import encode_segment
from flywheel_async.waiting import Look, Pace, wait_for

if TYPE_CHECKING:
    from flywheel_async.core import Core

# A container that nothing is being done to is `static`, and sites that copy at once give no status at all.
_COPIED = (None, "completed", "static")


async def copy(
    core: Core, copied: object, timeout: float | None, interval: float, longest: float, on_poll: OnPoll | None
) -> Model:
    """Waits for a copy; see `AsyncClient.wait_for_copy`."""
    identifier = _identifier(copied, "copied", "project_id")

    async def look() -> Look[Model]:
        found = await core._containers.get_any(identifier)
        state = _text(found.get("copy_status"))
        failed = "the site gives no reason" if state == "failed" else None
        return Look(found, state, state in _COPIED, failed)

    return await wait_for(look, f"copy {identifier}", Pace(timeout, interval, longest), on_poll)


async def delete(
    core: Core, project: object, timeout: float | None, interval: float, longest: float, on_poll: OnPoll | None
) -> None:
    """Waits for a project to be gone; see `AsyncClient.wait_for_delete`."""
    identifier = _identifier(project, "project")

    async def look() -> Look[None]:
        try:
            answer = _members((await core._call("get_project_delete_status", identifier)).json())
        except NotFound:
            return await gone()
        state = _text(answer.get("delete_status"))
        reason = _text(answer.get("delete_failure_reason")) or "the site gives no reason"
        return Look(None, state, state == "completed", reason if state == "failed" else None)

    async def gone() -> Look[None]:
        # Sites without the route answer the same for a project that is still there.
        try:
            await core._call("get_project", identifier)
        except NotFound:
            return Look(None, "completed", True)
        return Look(None, None, False)

    await wait_for(look, f"delete of project {identifier}", Pace(timeout, interval, longest), on_poll)


async def view_execution(
    core: Core, execution: object, timeout: float | None, interval: float, longest: float, on_poll: OnPoll | None
) -> object:
    """Waits for a data view's execution; see `AsyncClient.wait_for_view_execution`."""
    from flywheel_async.raw.decode import parse
    from flywheel_async.raw.table import operation

    identifier = _identifier(execution, "execution")
    op = operation("get_data_view_execution")

    async def look() -> Look[object]:
        answer = await core._call(op.id, identifier)
        members = _members(answer.json())
        state = _text(members.get("state"))
        reason = _text(members.get("reason")) or "the site gives no reason"
        return Look(parse(core, op, answer), state, state == "completed", reason if state == "failed" else None)

    return await wait_for(look, f"view execution {identifier}", Pace(timeout, interval, longest), on_poll)


def _identifier(value: object, argument: str, *members: str) -> str:
    """The id that a caller means: a text, or that of an object.

    Raises:
        ArgumentError: There is none.
    """
    found = value
    if isinstance(value, Model):
        found = next((value[name] for name in (*members, "_id") if value.get(name)), None)
    if not isinstance(found, str):
        raise ArgumentError(f"{argument} must be an id or an object that has one, not {type(value).__name__}")
    encode_segment(found, argument)
    return found


def _members(answer: object) -> Mapping[str, object]:
    return cast("dict[str, object]", answer) if isinstance(answer, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
