"""Uploading by signed URLs: a ticket from the site, the bytes to its store, then the ticket is completed.

The ticket is completed only when all bytes are in. Whatever goes wrong before, also Ctrl-C, it is handed back and
nothing is listed; only a program that is killed leaves it, and takes it up again when it runs the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import cast

import anyio

from flywheel_async.errors import (
    APIError,
    BadRequest,
    ChecksumMismatch,
    Conflict,
    ConnectionFailed,
    FlywheelError,
    NotFound,
    RequestTimeout,
    StoreRefused,
)
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.raw.encode import json_bytes
from flywheel_async.transfer.delivery import Delivery
from flywheel_async.transfer.outgoing import TIDYING_SECONDS, Outgoing
from flywheel_async.transfer.slices import Slices
from flywheel_async.transfer.storage import Storage, storage_of
from flywheel_async.transfer.upload_state import Ticket, UploadState
from flywheel_async.transport.request import Body
from flywheel_async.transport.retry import Outcome
from flywheel_async.transport.stores import check_target

log = logging.getLogger("flywheel_async.transfer")

_TICKET_GONE = frozenset({400, 401, 403, 404, 410})
"""Statuses with which stores and sites tell that a ticket or its URLs are not good any more."""
_RESTARTS = 2
_NO_PROVIDER = "-"
"""A ticket names its provider already."""


async def upload_signed(out: Outgoing, slices: Slices) -> list[Model]:
    """Uploads one file by signed URLs.

    Args:
        out: What goes where.
        slices: Its bytes.

    Returns:
        The file entries of the site's answer.

    Raises:
        IncompleteTransfer: The source changed while it was read; nothing was stored.
        ChecksumMismatch: Other bytes arrived than were sent.
        StoreRefused: The store answered with an error.
        APIError: The site refused.
        TransportError: There was no usable answer.
    """
    state = await UploadState.open(_identity(out, slices))
    attempt = 0
    try:
        while True:
            attempt += 1
            try:
                return await _upload(out, slices, state)
            except (StoreRefused, APIError, ChecksumMismatch) as error:
                if attempt > _RESTARTS or not _may_start_again(error, state):
                    raise
                # The program may have been killed just after it had completed the ticket.
                if state.resumed and (found := await _completed(out, slices)):
                    return found
                log.info("%s: the upload starts again with a new ticket", out.name)
                await out.teller.retrying(0, 0.0, error)
            if state.ticket is not None:
                await _hand_back(out, state.ticket)
            state.ticket = None
    except BaseException:
        if state.ticket is not None:
            await _hand_back(out, state.ticket)
        raise
    finally:
        await state.end()


async def _completed(out: Outgoing, slices: Slices) -> list[Model]:
    await slices.work_out_hash()
    entry = await out.is_listed(slices.size, slices.hash)
    if entry is None:
        return []
    await out.teller.verified(slices.hash)
    return [entry]


def _may_start_again(error: FlywheelError, state: UploadState) -> bool:
    if isinstance(error, (StoreRefused, APIError)):
        # A ticket that was good before has grown too old; one that never was would be refused again.
        return error.status in _TICKET_GONE and (state.resumed or bool(state.sent))
    return True


def _identity(out: Outgoing, slices: Slices) -> Mapping[str, object] | None:
    found = slices.identity
    if found is None:
        return None
    site = out.core._transport.site.base_url
    return {"site": site, "container": out.container_id, "name": out.name, **found}


async def _upload(out: Outgoing, slices: Slices, state: UploadState) -> list[Model]:
    if state.ticket is None:
        await state.begin(await _ask(out, slices.size))
    ticket = state.ticket
    assert ticket is not None
    for url in ticket.urls:
        check_target(out.core._transport, url, ticket.headers)
    storage = storage_of(ticket.urls, ticket.headers)
    delivery = Delivery(out, slices, ticket, storage, state)
    await delivery.run()
    slices.check_unchanged()
    return await _complete(out, slices, ticket, _ending(storage, delivery))


async def _ask(out: Outgoing, size: int) -> Ticket:
    """Gets a ticket."""
    entry = dict(out.entry)
    if size:
        entry.setdefault("size", size)
    metadata: object = [entry] if out.kind == "analysis" else entry
    asked = json_bytes({"metadata": metadata, "filenames": [out.name]}, out.core._options.default_timezone)
    # A ticket that is not used does nothing, so it may be asked for again.
    request = replace(out.request(Body("application/json", asked), ""), retry="safe")
    response = await out.core._transport.request(request)
    answer: object = response.json()
    members = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    name, urls, told = members.get("ticket"), members.get("urls"), members.get("headers")
    headers = cast("dict[object, object]", told) if isinstance(told, dict) else {}
    mine = cast("dict[str, object]", urls).get(out.name) if isinstance(urls, dict) else None
    found = cast("list[object]", mine) if isinstance(mine, list) else [mine]
    if not isinstance(name, str) or not name or not found:
        raise response.unexpected("an upload ticket")
    if not all(isinstance(url, str) for url in found):
        raise response.unexpected(f"a ticket with the URLs of {out.name!r}")
    needed = {str(key): str(value) for key, value in headers.items()}
    return Ticket(name, tuple(map(str, found)), needed)


def _ending(storage: Storage, delivery: Delivery) -> Body:
    """The body that completes a ticket; only S3 wants to be told its parts."""
    if storage.upload_id is None or storage.way != "parts":
        return Body("application/json", b"")
    parts = {"e_tags": delivery.etags(), "upload_id": storage.upload_id}
    return Body("application/json", json_bytes({"multipart": parts}))


async def _complete(out: Outgoing, slices: Slices, ticket: Ticket, body: Body) -> list[Model]:
    """Completes the ticket. An answer that got lost is looked for in what the site lists."""
    transport = out.core._transport
    attempt, unsure = 0, False
    while True:
        attempt += 1
        try:
            response = await transport.request(out.request(body, ticket.name))
            break
        except (ConnectionFailed, RequestTimeout, APIError) as error:
            if unsure and isinstance(error, (NotFound, BadRequest, Conflict)):
                # The ticket was good a moment ago, so it has been completed meanwhile.
                if found := await _completed(out, slices):
                    return found
                raise
            status = error.status if isinstance(error, APIError) else None
            unsure = unsure or status is None or status >= 500
            after = error.retry_after if isinstance(error, APIError) else None
            wait = transport.retry_wait(attempt, Outcome(status, retry_after=None if after is None else str(after)))
            if wait is None:
                raise
            await out.teller.retrying(slices.size, wait, error)
            await anyio.sleep(wait)
    return await out.verified(response, slices.size, slices.hash)


async def _hand_back(out: Outgoing, ticket: Ticket) -> None:
    """Tells the site that a ticket will not be completed, so that it can throw away what has come; within seconds."""
    body = {"provider_id": _NO_PROVIDER, "uuid": ticket.name}
    with anyio.move_on_after(TIDYING_SECONDS, shield=True), suppress(FlywheelError):
        await out.core._transport.request(build("cleanup_signed_upload_url", (body,), {}))
