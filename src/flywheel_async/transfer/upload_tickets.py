"""Tickets of signed uploads: asking the site for one, and handing it back. No message and no log shows one."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import anyio

from flywheel_async.errors import APIError, BadAnswer, FlywheelError
from flywheel_async.raw.caller import build
from flywheel_async.transfer.outgoing import TIDYING_SECONDS, Outgoing
from flywheel_async.transfer.together import kept, ungrouped
from flywheel_async.transfer.upload_state import Ticket
from flywheel_async.transport.failures import failed
from flywheel_async.transport.request import Body
from flywheel_async.transport.response import Response

log = logging.getLogger("flywheel_async.transfer")

_GRACE_SECONDS = 2.0
"""How long the answer of a site is waited for when the caller wants to end: nobody could hand back its ticket later."""
_NO_PROVIDER = "-"
"""A ticket names its provider already."""


async def ask_ticket(out: Outgoing, metadata: bytes) -> Ticket:
    """Gets a ticket; who is cancelled meanwhile leaves none behind.

    Args:
        out: The file that it is for.
        metadata: What the site is told about it, in JSON.

    Raises:
        BadAnswer: The site answered with something else.
        APIError: The site refused.
        TransportError: There was no usable answer.
    """
    tickets: list[Ticket] = []
    errors: list[BaseException] = []
    asking, answered = anyio.CancelScope(shield=True), anyio.Event()

    async def ask() -> None:
        with kept(errors), asking:
            tickets.append(await _ask(out, metadata))
        answered.set()

    try:
        with ungrouped():
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                try:
                    await answered.wait()
                except BaseException:
                    asking.deadline = anyio.current_time() + _GRACE_SECONDS
                    raise
    except BaseException:
        if tickets:
            await hand_back(out, tickets[0].name)
        raise
    if errors:
        raise errors[0]
    return tickets[0]


async def _ask(out: Outgoing, metadata: bytes) -> Ticket:
    # A ticket that is not used does nothing, so it may be asked for again.
    request = replace(out.request(Body("application/json", metadata), ""), retry="safe")
    response = await out.core._transport.request(request)
    try:
        answer: object = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    members = _mapping(answer)
    name, told = members.get("ticket"), _mapping(members.get("urls"))
    mine = next((urls for key, urls in told.items() if out.is_called(key)), None)
    found = cast("list[object]", mine) if isinstance(mine, list) else [mine]
    if not isinstance(name, str) or not name:
        raise _unusable(response, "an upload ticket")
    urls = tuple(url for url in found if isinstance(url, str))
    if not urls or len(urls) != len(found):
        await hand_back(out, name)
        raise _unusable(response, f"a ticket with the URLs of {out.name!r}")
    return Ticket(name, urls, {str(key): str(value) for key, value in _mapping(members.get("headers")).items()})


def _mapping(value: object) -> Mapping[object, object]:
    return cast("dict[object, object]", value) if isinstance(value, dict) else {}


def _unusable(response: Response, wanted: str) -> BadAnswer:
    """An error that does not show the answer, since signed URLs may be in it."""
    error = failed(
        BadAnswer, response.operation, response.attempts, f"the site answered {response.status} without {wanted}"
    )
    return cast(BadAnswer, error)


async def hand_back(out: Outgoing, name: str) -> None:
    """Tells the site that a ticket will not be completed, so that it can throw away what has come; within seconds.

    The operation is made for objects, by provider and uuid; that it takes the ticket's name there is a guess [?]. Where
    a site does not, the ticket ends by itself in time, and nothing of it is ever listed.
    """
    body = {"provider_id": _NO_PROVIDER, "uuid": name}
    problem = f"no answer within {TIDYING_SECONDS:.0f} s"
    with anyio.move_on_after(TIDYING_SECONDS, shield=True):
        try:
            await out.core._transport.request(build("cleanup_signed_upload_url", (body,), {}))
            return
        except APIError as error:
            problem = f"status {error.status}"
        except FlywheelError as error:
            problem = type(error).__name__
    # Not what the site says: it may repeat the ticket.
    log.info("%s: the site did not take the upload ticket back (%s)", out.name, problem)
