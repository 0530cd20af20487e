"""Puts bytes to signed URLs of a store, which is not the site: nothing of the site's travels along.

What is sent is the headers that came with the URL, `Host` and `Content-Length`: no key, no cookies, no headers of the
user, and no chunked encoding, which stores refuse. URLs are as good as keys while they last, so no message shows them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from flywheel_async.errors import BadAnswer, StoreRefused, UnsafeRedirect
from flywheel_async.transport.client import _sending
from flywheel_async.transport.failures import SourceFailed, failed, is_final, map_failure
from flywheel_async.transport.redirect import next_url
from flywheel_async.transport.retry import RETRY_STATUSES, Outcome, parse_retry_after
from flywheel_async.transport.streamed import StreamedResponse, UploadStream

if TYPE_CHECKING:
    from flywheel_async.transport.client import Transport

log = logging.getLogger("flywheel_async.transport")

_OPERATION = "signed upload"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_OURS = frozenset({"host", "content-length"})
_REFUSED = frozenset(
    {"authorization", "connection", "cookie", "expect", "proxy-authorization", "te", "trailer", "transfer-encoding"}
)
_PASSING = frozenset({408, 500}) | RETRY_STATUSES
"""Statuses of a store after which the same request may succeed."""
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

    url: str
    headers: Mapping[str, str]
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
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _REFUSED:
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
            if error.status in _PASSING
            else None
        )
    if isinstance(error, (UnsafeRedirect, BadAnswer)) or (error.__cause__ is not None and is_final(error.__cause__)):
        return None
    return Outcome()


async def _follow(transport: Transport, request: Put) -> Stored:
    url = httpx.URL(request.url).copy_with(userinfo=b"", fragment=None)
    hops = 0
    while True:
        try:
            answer = await _send(transport, request, url)
            await answer.load()
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


async def _send(transport: Transport, request: Put, url: httpx.URL) -> StreamedResponse:
    headers = httpx.Headers({"Host": url.netloc.decode("ascii")})
    headers.update({name: value for name, value in request.headers.items() if name.lower() not in _OURS})
    headers["Content-Length"] = str(request.length)
    stream = UploadStream(request.open())
    outgoing = httpx.Request(
        "PUT", url, headers=headers, stream=stream, extensions={"timeout": transport._own_timeouts()}
    )
    client = transport._http_client
    try:
        if client is not None:
            response = await client.send(outgoing, stream=True, auth=None, follow_redirects=False)
        else:
            response = await transport._transport().handle_async_request(outgoing)
            response.request = outgoing
    except SourceFailed as failure:
        raise failure.error from None
    finally:
        await stream.aclose()
    return StreamedResponse(_OPERATION, response, url, 1)


def _refused(answer: StreamedResponse, host: str) -> StoreRefused:
    text = answer.content.decode("utf-8", "replace")
    said = [re.search(rf"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message")]
    told = ": ".join(found.group(1)[:_SHOWN] for found in said if found is not None)
    error = StoreRefused(f"the store at {host} refused with status {answer.status}{f' ({told})' if told else ''}")
    error.status, error.retry_after = answer.status, parse_retry_after(answer.headers.get("retry-after"))
    return error
