"""Uploading by signed URLs: a ticket from the site, the bytes to its store, then the ticket is completed.

The ticket is completed only when all bytes are in. Whatever goes wrong before, also Ctrl-C, it is handed back and
nothing is listed; only a program that is killed leaves it, and takes it up again when it runs the next time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping

import anyio

from flywheel_async.errors import (
    APIError,
    ChecksumMismatch,
    Conflict,
    ConnectionFailed,
    FlywheelError,
    RequestTimeout,
    StoreRefused,
)
from flywheel_async.fields.base import Model
from flywheel_async.raw.encode import json_bytes
from flywheel_async.transfer.delivery import Delivery
from flywheel_async.transfer.outgoing import Outgoing
from flywheel_async.transfer.slices import Slices
from flywheel_async.transfer.storage import storage_of
from flywheel_async.transfer.upload_state import UploadState
from flywheel_async.transfer.upload_tickets import ask_ticket, hand_back
from flywheel_async.transport.request import Body
from flywheel_async.transport.retry import Outcome
from flywheel_async.transport.stores import check_target

log = logging.getLogger("flywheel_async.transfer")

_TICKET_GONE = frozenset({400, 401, 403, 404, 410})
"""Statuses with which stores and sites tell that a ticket or its URLs are not good any more."""
_TOO_SLOW = frozenset({502, 504})
"""Statuses of something before the site, which may still be at work."""
_RESTARTS = 2
_LOOK_SECONDS = 1.0
_LONG_SECONDS = 5.0
"""After which a connection that broke tells of a site at work, and of something before it that did not wait."""


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
    metadata = _metadata(out, slices)
    state = await UploadState.open(_identity(out, slices, metadata))
    doubted = False
    try:
        if state.stale is not None:
            await hand_back(out, state.stale.name)
        await out.teller.started(await _left_behind(out, slices, state))
        attempt = 0
        while True:
            attempt += 1
            try:
                entries, doubted = await _upload(out, slices, state, metadata)
                break
            except (StoreRefused, APIError, ChecksumMismatch) as error:
                if attempt > _RESTARTS or not _may_start_again(error, state):
                    raise
                # The program may have been killed just after it had completed the ticket.
                if state.resumed and (entries := await _arrived(out, slices)):
                    break
                log.info("%s: the upload starts again with a new ticket", out.name)
                await out.teller.retrying(0, 0.0, error)
            if state.ticket is not None:
                await hand_back(out, state.ticket.name)
            state.ticket = None
    except BaseException:
        if state.ticket is not None:
            await hand_back(out, state.ticket.name)
        raise
    finally:
        await state.end()
    return await out.verified(entries, slices.size, slices.hash, doubted=doubted)


def _metadata(out: Outgoing, slices: Slices) -> bytes:
    """What the site is told when it is asked for a ticket, in JSON."""
    entry = out.described(slices.size)
    metadata: object = [entry] if out.kind == "analysis" else entry
    return json_bytes({"metadata": metadata, "filenames": [out.name]}, out.core._options.default_timezone)


def _identity(out: Outgoing, slices: Slices, metadata: bytes) -> Mapping[str, object] | None:
    found = slices.identity
    if found is None:
        return None
    site = out.core._transport.site
    said = json.dumps([json.loads(metadata), out.media_type, out.preserve_metadata], sort_keys=True)
    return {
        "site": site.base_url,
        "container": out.container_id,
        "name": out.name,
        "metadata": _fingerprint(said),
        "key": _fingerprint(site.key.get_secret_value()),
        **found,
    }


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def _left_behind(out: Outgoing, slices: Slices, state: UploadState) -> int:
    """Bytes that an interrupted upload has sent and that need not be sent again."""
    return 0 if state.ticket is None else await _delivery(out, slices, state).left_behind()


def _delivery(out: Outgoing, slices: Slices, state: UploadState) -> Delivery:
    ticket = state.ticket
    assert ticket is not None
    for url in ticket.urls:
        check_target(out.core._transport, url, ticket.headers)
    return Delivery(out, slices, ticket, storage_of(ticket.urls, ticket.headers), state)


async def _upload(out: Outgoing, slices: Slices, state: UploadState, metadata: bytes) -> tuple[list[Model], bool]:
    """Gets a ticket unless there is one, sends what is missing, and completes it.

    Returns:
        The entries that the site has made, and whether the store has told something else of the bytes.
    """
    if state.ticket is None:
        state.begin(await ask_ticket(out, metadata))
        delivery = _delivery(out, slices, state)
        if delivery.in_pieces:
            await state.remember()
    else:
        delivery = _delivery(out, slices, state)
    await delivery.run()
    slices.check_unchanged()
    return await _complete(out, slices, state, delivery.ending()), delivery.doubted


def _may_start_again(error: FlywheelError, state: UploadState) -> bool:
    if isinstance(error, (StoreRefused, APIError)):
        # A ticket that was good before has grown too old; one that never was would be refused again.
        return error.status in _TICKET_GONE and (state.resumed or bool(state.sent))
    return True


async def _complete(out: Outgoing, slices: Slices, state: UploadState, body: Body) -> list[Model]:
    """Completes the ticket. An answer that got lost is looked for in what the site lists.

    Where the site was too slow to answer, it may still put the file together. So the file is not sent a second time,
    even when the ticket is good no more: it would become two versions.
    """
    transport, ticket = out.core._transport, state.ticket
    assert ticket is not None
    attempt, unsure = 0, False
    slow: FlywheelError | None = None
    while True:
        attempt += 1
        began = anyio.current_time()
        try:
            response = await transport.request(out.request(body, ticket.name))
            break
        except (ConnectionFailed, RequestTimeout, APIError) as error:
            # A ticket that was good a moment ago and is not any more has been completed meanwhile.
            status = error.status if isinstance(error, APIError) else None
            gone = unsure and (status in _TICKET_GONE or isinstance(error, Conflict))
            unsure = unsure or status is None or status >= 500
            broke_late = isinstance(error, ConnectionFailed) and anyio.current_time() - began >= _LONG_SECONDS
            if isinstance(error, RequestTimeout) or broke_late or status in _TOO_SLOW:
                slow = slow or error
            after = error.retry_after if isinstance(error, APIError) else None
            outcome = Outcome(status, retry_after=None if after is None else str(after))
            wait = None if gone else transport.retry_wait(attempt, outcome)
            if wait is None:
                problem: FlywheelError = error
                patience = 0.0
                if gone and slow is not None:
                    problem, patience = slow, transport.options.request_timeout
                    # Not what the site says: it may repeat the ticket.
                    slow.add_note(
                        f"all was sent, and its ticket is in use or gone ({status}): look for {out.name!r} later"
                    )
                if unsure and (found := await _arrived(out, slices, or_raise=problem, patience=patience)):
                    state.ticket = None
                    return found
                if problem is not error:
                    raise problem from error
                raise
            await out.teller.retrying(slices.size, wait, error)
            await anyio.sleep(wait)
    state.ticket = None
    return await out.checked(response, slices.size, slices.hash)


async def _arrived(
    out: Outgoing, slices: Slices, or_raise: FlywheelError | None = None, patience: float = 0.0
) -> list[Model]:
    """Looks whether the site lists the file already.

    Args:
        out: The file.
        slices: Its bytes.
        or_raise: What is raised when it cannot be looked; by default what went wrong then.
        patience: For how many seconds it is looked again.
    """
    await slices.work_out_hash()
    end = anyio.current_time() + patience
    while True:
        try:
            entry = await out.arrived(slices.size, slices.hash)
        except FlywheelError:
            if or_raise is None:
                raise
            raise or_raise from None
        if entry is not None or anyio.current_time() >= end:
            return [] if entry is None else [entry]
        await anyio.sleep(_LOOK_SECONDS)
