"""Puts bytes to signed URLs of a store, which is not the site: nothing of the site's travels along.

What is sent is the headers that came with the URL, `Host` and `Content-Length`: no key, no cookies, no headers of the
user, and no chunked encoding, which stores refuse. URLs are as good as keys while they last, so no message and no log
shows them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from flywheel_async.errors import BadAnswer, StoreRefused, UnsafeRedirect
from flywheel_async.transport.client import _sending
from flywheel_async.transport.failures import SourceFailed, failed, is_final, map_failure
from flywheel_async.transport.redirect import next_url, origin
from flywheel_async.transport.retry import RETRY_STATUSES, Outcome, parse_retry_after
from flywheel_async.transport.streamed import MAX_ERROR_BODY, StreamedResponse, UploadStream

if TYPE_CHECKING:
    from flywheel_async.transport.client import Transport

log = logging.getLogger("flywheel_async.transport")

_OPERATION = "signed upload"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_OURS = frozenset({"host", "content-length"})
_REFUSED = frozenset(
    {
        *("authorization", "connection", "cookie", "expect", "keep-alive", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_OF_SITES = "x-scitran-"
"""How headers begin that mean something to a site, so a store has no use for them."""
_TRAVELLING = frozenset({"content-type", "content-md5", "content-range", "x-ms-blob-type"})
"""Headers of a ticket that go along when a store redirects to another; the rest may be secrets for the first one."""
_PASSING = frozenset({408, 500}) | RETRY_STATUSES
"""Statuses of a store after which the same request may succeed."""
_PASSING_CODES = frozenset({"RequestTimeout"})
"""Errors after which it may succeed too, though their status does not say so."""
_QUERY = re.compile(r"\?[^\s\"'<>]+")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Put:
    """A request to a store.

    Attributes:
        url: The signed URL.
        headers: The headers that came with it, and what the store's language adds.
        open: Starts a fresh iterator over the bytes.
        length: How many they are.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    open: Callable[[], AsyncGenerator[bytes, None]]
    length: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A store's answer.

    Attributes:
        status: The HTTP status: 2xx, or 308 when the store waits for more.
        headers: Header values by lower-case name.
    """

    status: int
    headers: Mapping[str, str]


def check_target(transport: Transport, url: object, headers: Mapping[str, str]) -> None:
    """Checks where a site wants bytes to be sent.

    Raises:
        BadAnswer: It is no URL, or its headers cannot be sent.
        UnsafeRedirect: The bytes would travel unencrypted, though the site itself is reached by https.
    """
    try:
        target = httpx.URL(url) if isinstance(url, str) else None
    except (httpx.InvalidURL, ValueError):
        target = None
    if target is None or target.scheme not in ("http", "https") or not target.host:
        raise failed(BadAnswer, _OPERATION, 1, "the site gave no URL to upload to")
    if transport.site.scheme == "https" and target.scheme != "https":
        raise failed(
            UnsafeRedirect,
            _OPERATION,
            1,
            f"the site wants the file sent to {target.host} unencrypted, which is refused",
        )
    for name, value in headers.items():
        refused = name.lower() in _REFUSED or name.lower().startswith(_OF_SITES)
        if refused or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise failed(BadAnswer, _OPERATION, 1, f"the site wants the header {name!a} sent, which is refused")


async def put(transport: Transport, request: Put) -> Stored:
    """Sends bytes to a signed URL, once; it holds one slot of the client's budget meanwhile.

    Args:
        transport: The client's transport.
        request: What to send.

    Returns:
        The answer: 2xx, or 308 of an upload in chunks that is not complete.

    Raises:
        StoreRefused: The store answered with an error.
        TransportError: There was no usable answer.
    """
    sending = _sending.set(True)
    limited = not transport._unlimited() and sending.old_value is not True
    try:
        if limited:
            await transport._budget.acquire()
        try:
            return await _follow(transport, request)
        finally:
            if limited:
                transport._budget.release()
    finally:
        _sending.reset(sending)


def outcome_of(error: Exception) -> Outcome | None:
    """What a failed `put` means for trying again; None when that cannot help."""
    if isinstance(error, StoreRefused):
        # The retry decision knows statuses of sites; those that pass are told as one of them.
        return (
            Outcome(503, retry_after=None if error.retry_after is None else str(error.retry_after))
            if error.status in _PASSING or error.code in _PASSING_CODES
            else None
        )
    if isinstance(error, (UnsafeRedirect, BadAnswer)) or (error.__cause__ is not None and is_final(error.__cause__)):
        return None
    return Outcome()


async def _follow(transport: Transport, request: Put) -> Stored:
    url = httpx.URL(request.url).copy_with(userinfo=b"", fragment=None)
    start, hops = origin(url), 0
    while True:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _OURS and (origin(url) == start or name.lower() in _TRAVELLING)
        }
        try:
            answer = await _send(transport, request, url, headers)
            if answer.status >= 400:
                await answer.load()
            else:
                await _pass_over(answer)
        except httpx.TransportError as exc:
            raise map_failure(exc, _OPERATION, 1, url)[0] from exc
        log.debug("%s: PUT %s%s -> %d", _OPERATION, url.host, url.path, answer.status)
        target = next_url("PUT", url, answer.status, answer.headers.get("location"), hops)
        if target is None:
            break
        url, hops = target, hops + 1
    if answer.status >= 300 and answer.status != 308:
        raise _refused(answer, url.host)
    return Stored(answer.status, answer.headers)


async def _pass_over(answer: StreamedResponse) -> None:
    """Reads the body of an answer that is no error, which says nothing; a long one is left."""
    left = MAX_ERROR_BODY
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    break
    finally:
        await answer.aclose()


async def _send(transport: Transport, request: Put, url: httpx.URL, headers: Mapping[str, str]) -> StreamedResponse:
    all_headers = httpx.Headers({"Host": url.netloc.decode("ascii"), **headers})
    all_headers["Content-Length"] = str(request.length)
    stream = UploadStream(request.open())
    outgoing = httpx.Request(
        "PUT", url, headers=all_headers, stream=stream, extensions={"timeout": transport._own_timeouts()}
    )
    client = transport._http_client
    try:
        # By a client of the user's own only its connections are used: `send` would log the whole URL, keep the
        # store's cookies and let hooks add headers. httpx has no public way to them.
        sender = transport._transport() if client is None else client._transport_for_url(url)
        response = await sender.handle_async_request(outgoing)
        response.request = outgoing
    except SourceFailed as failure:
        raise failure.error from None
    finally:
        await stream.aclose()
    return StreamedResponse(_OPERATION, response, url, 1)


def _refused(answer: StreamedResponse, host: str) -> StoreRefused:
    text = answer.content.decode("utf-8", "replace")
    code, message = (_said(tag, text) for tag in ("Code", "Message"))
    told = ": ".join(part for part in (code, message) if part)
    error = StoreRefused(f"the store at {host} refused with status {answer.status}{f' ({told})' if told else ''}")
    error.status, error.code = answer.status, code
    error.retry_after = parse_retry_after(answer.headers.get("retry-after"))
    return error


def _said(tag: str, text: str) -> str:
    """What a store says in an element of its answer, without what may be signed and what cannot be shown."""
    found = re.search(rf"<{tag}>([^<]*)</{tag}>", text)
    shown = _QUERY.sub("?…", found.group(1)) if found else ""
    return "".join(char if char.isprintable() else "\ufffd" for char in shown)[:_SHOWN]
