"""Uploading by the direct form: one multipart request to the site itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import anyio

from flywheel_async.errors import APIError, ChecksumMismatch, ConnectionFailed, RequestTimeout
from flywheel_async.fields.base import Model
from flywheel_async.raw.encode import json_bytes
from flywheel_async.transfer.multipart import FilePart, multipart_body
from flywheel_async.transfer.outgoing import Outgoing
from flywheel_async.transfer.sources import Stream
from flywheel_async.transport.request import Body
from flywheel_async.transport.retry import Outcome

_CHECKSUM_RETRIES = 2
_NOT_TAKEN = frozenset({429, 503})
"""Statuses with which a site says that it has not even begun."""
_UNSURE = frozenset({502, 504})
"""Statuses of something before the site, which does not know what the site has done."""


async def upload_direct(out: Outgoing, source: Stream) -> list[Model]:
    """Uploads one file by the direct form.

    It starts again when the connection breaks or the site stored other bytes, provided the source can be read again.
    Where the site may have everything, and only its answer got lost, what it lists is looked at first.

    Args:
        out: What goes where.
        source: Its bytes.

    Returns:
        The file entries of the site's answer.

    Raises:
        IncompleteTransfer: The source changed while it was read; nothing was stored.
        ChecksumMismatch: The site stored other bytes than were sent.
        APIError: The site refused.
        TransportError: There was no usable answer.
    """
    metadata = json_bytes(out.described(source.length), out.core._options.default_timezone)
    await out.teller.started()
    attempt = 0
    while True:
        attempt += 1
        form = _Form(multipart_body(metadata, [FilePart(out.name, out.media_type, source)]), source, out)
        try:
            response = await out.core._transport.request(out.request(form.body))
            entries = await out.checked(response, source.count, source.hash)
            return await out.verified(entries, source.count, source.hash)
        except (ConnectionFailed, RequestTimeout, APIError) as exc:
            status = exc.status if isinstance(exc, APIError) else None
            if form.complete and (status is None or status in _UNSURE):
                found = await out.arrived(source.count, source.hash)
                if found is not None:
                    return await out.verified([found], source.count, source.hash)
                if not isinstance(exc, ConnectionFailed):
                    exc.add_note(f"everything was sent; look whether {out.name!r} is listed before you send it again")
                    raise  # the site may still be at work
            after = exc.retry_after if isinstance(exc, APIError) else None
            passing = status is None or status in _NOT_TAKEN
            error: Exception = exc
            outcome = Outcome(status, retry_after=None if after is None else str(after)) if passing else None
        except ChecksumMismatch as exc:
            error, outcome = exc, Outcome() if attempt <= _CHECKSUM_RETRIES else None
        wait = None
        if source.replayable and outcome is not None:
            wait = out.core._transport.retry_wait(attempt, outcome)
        if wait is None:
            raise error
        await out.teller.retrying(0, wait, error)
        await anyio.sleep(wait)


class _Form:
    """A form on its way.

    Args:
        body: It.
        source: The file in it.
        out: Told about each piece.

    Attributes:
        body: It, with somebody listening.
        complete: Whether all of it was handed over, so that the site may have it.
    """

    def __init__(self, body: Body, source: Stream, out: Outgoing) -> None:
        opened = body.open
        assert opened is not None
        self._open = opened
        self._source = source
        self._out = out
        self._length = body.length
        self.complete = False
        self.body = replace(body, open=self._stream)

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        teller, handed = self._out.teller, 0
        teller.done = 0
        async with aclosing(self._open()) as chunks:
            async for chunk in chunks:
                handed += len(chunk)
                # Without a length, only the end of the stream tells the site that it has everything.
                self.complete = handed == self._length
                yield chunk
                if self._source.count != teller.done:
                    await teller.moved(self._source.count - teller.done)
        self.complete = True
