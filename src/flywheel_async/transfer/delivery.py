"""Sends the bytes of one file to its signed URLs: whole, in parts at once, or in chunks one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping

import anyio

from flywheel_async.errors import BadAnswer, ChecksumMismatch, IncompleteTransfer, StoreRefused, TransportError
from flywheel_async.events import Teller
from flywheel_async.raw.encode import json_bytes
from flywheel_async.transfer.outgoing import Outgoing
from flywheel_async.transfer.parts import Part, plan
from flywheel_async.transfer.slices import PIECE, Slices
from flywheel_async.transfer.storage import Storage, chunk_range, etag_of, kind_of_answer, persisted, told_md5
from flywheel_async.transfer.together import together
from flywheel_async.transfer.upload_state import Sent, Ticket, UploadState
from flywheel_async.transport.failures import failed
from flywheel_async.transport.request import Body
from flywheel_async.transport.retry import Outcome
from flywheel_async.transport.stores import Put, Stored, outcome_of, put

PARALLEL = 4
"""Parts of one file that are sent at the same time, as far as the client's budget has room."""

_CHECKSUM_RETRIES = 2


class Delivery:
    """Sends the bytes of one file.

    Args:
        out: What goes where.
        slices: Its bytes.
        ticket: Where they go.
        storage: The kind of store.
        state: What an interrupted upload has sent already, and where is kept what this one has.
    """

    def __init__(self, out: Outgoing, slices: Slices, ticket: Ticket, storage: Storage, state: UploadState) -> None:
        self._out = out
        self._slices = slices
        self._ticket = ticket
        self._storage = storage
        self._state = state
        self._parts = plan(slices.size, len(ticket.urls))
        self._own_etags = False
        self._last: Mapping[str, str] = {}

    @property
    def in_pieces(self) -> bool:
        """Whether the bytes go in more than one request."""
        return self._storage.way != "whole"

    @property
    def doubted(self) -> bool:
        """Whether the store has told hashes of parts that do not fit, so that only the site's word counts."""
        return any(sent.doubted for sent in self._state.sent.values())

    async def left_behind(self) -> int:
        """Bytes that an interrupted upload has sent; parts that are other ones now will be sent again."""
        if self._storage.way == "session":
            return max((part.end for part in self._parts if part.number in self._state.sent), default=0)
        await self._check_sent()
        return sum(part.length for part in self._parts if part.number in self._state.sent)

    async def run(self) -> None:
        """Sends what is missing, and works out the hash of all bytes meanwhile.

        Raises:
            IncompleteTransfer: The source changed while it was read.
            ChecksumMismatch: Other bytes arrived at the store than were sent, again and again.
            StoreRefused: The store answered with an error.
            TransportError: There was no usable answer.
        """
        if self._storage.way == "session":
            await together([lambda: self._slices.work_out_hash(with_md5=True), self._send_chunks])
            told, _ = told_md5(self._storage.kind, self._last)
            if told is not None and told != self._slices.md5:
                raise ChecksumMismatch(f"{self._out.name}: other bytes arrived at the store; nothing was stored")
            return
        missing = [part for part in self._parts if part.number not in self._state.sent]
        self._out.teller.done = self._slices.size - sum(part.length for part in missing)
        missing.reverse()

        async def work() -> None:
            while missing:
                await self._send_part(missing.pop())

        await together([self._slices.work_out_hash, *[work] * min(PARALLEL, len(missing))])

    def ending(self) -> Body:
        """The body that completes the ticket; only S3 wants to be told its parts."""
        if self._storage.upload_id is None or self._storage.way != "parts":
            return Body("application/json", b"")
        etags = [self._state.sent[part.number].etag or "" for part in self._parts]
        return Body(
            "application/json", json_bytes({"multipart": {"e_tags": etags, "upload_id": self._storage.upload_id}})
        )

    async def _check_sent(self) -> None:
        """Forgets parts of an interrupted upload that are other ones now, so that they are sent again."""
        for part in self._parts:
            before = self._state.sent.get(part.number)
            if before is not None:
                md5 = hashlib.md5(usedforsecurity=False)
                for offset in range(part.offset, part.end, PIECE):
                    await self._slices.read(offset, min(PIECE, part.end - offset), md5)
                if md5.hexdigest() != before.md5:
                    del self._state.sent[part.number]

    async def _send_part(self, part: Part) -> None:
        """Sends one part until it is in; the others do not notice."""
        url = self._ticket.urls[part.number - 1]
        attempt, odd = 0, None
        while True:
            attempt += 1
            pieces = _Pieces(self._slices, part.offset, part.end, self._out.teller)
            error: Exception
            try:
                answer = await self._put(Put(url, self._ticket.headers, pieces.stream, part.length))
            except (StoreRefused, TransportError) as exc:
                error = exc
            else:
                if answer.status == 308 or pieces.sent != part.length:
                    error = IncompleteTransfer(f"{self._out.name}: the store did not take a whole part")
                    await self._pause(attempt, error, self._out.teller.done - pieces.sent)
                    continue
                told, certain = told_md5(self._storage.kind or kind_of_answer(answer.headers), answer.headers)
                doubted = told is not None and told != pieces.md5.hexdigest()
                if not doubted or (self._own_etags and not certain):
                    break
                if told == odd and not certain:
                    # Twice the same for the same bytes: the ETags of this store are something else than an MD5.
                    self._own_etags = True
                    break
                odd = told
                error = ChecksumMismatch(f"{self._out.name}: other bytes arrived at the store; nothing was stored")
            await self._pause(attempt, error, self._out.teller.done - pieces.sent)
        etag = etag_of(answer.headers)
        if not etag and self._storage.way == "parts" and self._storage.upload_id is not None:
            # Without it the site could not put the file together.
            raise failed(BadAnswer, "signed upload", attempt, "the store gave no ETag for a part")
        await self._state.add(Sent(part.number, etag, pieces.md5.hexdigest(), doubted))

    async def _send_chunks(self) -> None:
        """Sends chunk after chunk, always from where the store says it is."""
        size, teller = self._slices.size, self._out.teller
        at: int | None = None if self._state.resumed else 0
        attempt, furthest = 0, 0
        while True:
            attempt += 1
            # An empty chunk only asks how far the upload has come.
            part = self._parts[0] if at is None else next(part for part in self._parts if part.end > at or not size)
            start, end = (0, 0) if at is None else (at, part.end)
            pieces = _Pieces(self._slices, start, end, teller, hashed=False)
            headers = {**self._ticket.headers, "Content-Range": chunk_range(start, end, size)}
            url = self._ticket.urls[min(part.number, len(self._ticket.urls)) - 1]
            error: Exception
            try:
                answer = await self._put(Put(url, headers, pieces.stream, end - start))
            except (StoreRefused, TransportError) as exc:
                at, error = None, exc
            else:
                taken = answer.status != 308 and pieces.sent == end - start
                if taken and (at is None or end == size):
                    teller.done, self._last = size, answer.headers
                    return
                before, at = at, end if taken else min(persisted(answer.headers), size)
                if at < size and (before is None or at > before):
                    # Asking is no try, nor is sending again what the store has lost; only what it never had counts.
                    attempt, furthest = (0, at) if at > furthest else (attempt - 1, furthest)
                    if before is not None and at >= part.end:
                        await self._state.add(Sent(part.number, None, ""))
                    teller.done = at
                    continue
                # Also when it has all, but does not say that it is done.
                error = IncompleteTransfer(f"{self._out.name}: the store has {at} of {size} bytes, and takes no more")
                at = None
            await self._pause(attempt, error, start)

    async def _put(self, request: Put) -> Stored:
        return await put(self._out.core._transport, request)

    async def _pause(self, attempt: int, error: Exception, done: int) -> None:
        """Waits before the next try, or raises what went wrong when there is none."""
        outcome = outcome_of(error) if isinstance(error, (StoreRefused, TransportError)) else Outcome()
        if isinstance(error, ChecksumMismatch) and attempt > _CHECKSUM_RETRIES:
            outcome = None
        wait = None if outcome is None else self._out.core._transport.retry_wait(attempt, outcome)
        if wait is None:
            raise error
        await self._out.teller.retrying(done, wait, error)
        await anyio.sleep(wait)


class _Pieces:
    """A slice of a file on its way, and how much of it has left.

    Args:
        slices: The file.
        start: Offset of the first byte.
        end: Offset behind the last byte.
        teller: Told about each piece.
        hashed: Whether the MD5 is worked out.

    Attributes:
        md5: The MD5 of what was read.
        sent: Bytes that have left.
    """

    def __init__(self, slices: Slices, start: int, end: int, teller: Teller, *, hashed: bool = True) -> None:
        self._slices = slices
        self._start = start
        self._end = end
        self._teller = teller
        self._hashed = hashed
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sent = 0

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yields the bytes, from the start each time."""
        self._teller.done -= self.sent
        self.sent, self.md5 = 0, hashlib.md5(usedforsecurity=False)
        for offset in range(self._start, self._end, PIECE):
            length = min(PIECE, self._end - offset)
            yield await self._slices.read(offset, length, *((self.md5,) if self._hashed else ()))
            self.sent += length
            await self._teller.moved(length)
