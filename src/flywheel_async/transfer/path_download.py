"""Downloading one file to a path: in pieces, over several connections, taken up where an earlier one broke off."""

from __future__ import annotations

import errno
import functools
from collections.abc import Iterator
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from flywheel_async.errors import (
    APIError,
    ChecksumMismatch,
    FileExists,
    FlywheelError,
    IncompleteTransfer,
    LocalFileError,
    TransportError,
)
from flywheel_async.events import Teller
from flywheel_async.files import WRITE_CHUNK
from flywheel_async.transfer.fetch import Attempts, Content, DownloadOptions, NoRanges, check_hash, open_span
from flywheel_async.transfer.partial import Partial
from flywheel_async.transfer.ranges import Span, connections_for, plan
from flywheel_async.transfer.together import together

if TYPE_CHECKING:
    from flywheel_async.core import Core

_GONE = frozenset({404, 409, 410})
"""Statuses that say that the file will not be had the next time either."""
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


class PathDownload:
    """One download to a path.

    Args:
        core: The client.
        content: The file.
        path: Where it goes.
        options: How.
        teller: Told about what happens.
    """

    def __init__(self, core: Core, content: Content, path: Path, options: DownloadOptions, teller: Teller) -> None:
        self._core = core
        self._content = content
        self._path = path
        self._options = options
        self._teller = teller
        self._ranged = content.ranged and content.size is not None

    async def run(self) -> Path:
        """Downloads, and returns the path."""
        content, options = self._content, self._options
        identity = content.identity if options.resume and self._ranged else None
        partial = await Partial.create(self._path, identity, wanted=content.hash, discard=not options.resume)
        keep = False
        try:
            await self._teller.started(partial.count)
            await self._fill(partial)
            await self._teller.verified(content.hash)
            mtime = content.modified if options.set_mtime else None
            await partial.commit(fsync=options.fsync, mtime=mtime, replace=options.overwrite != "error")
        except BaseException as error:
            keep = _is_worth_resuming(error)
            raise
        finally:
            await partial.aclose(keep=keep)
        return self._path

    async def _fill(self, partial: Partial) -> None:
        """Fetches until all bytes are there and right."""
        attempts = Attempts(self._core, self._content.name, self._options.stall_timeout)
        while True:
            try:
                await self._fetch(partial)
                check_hash(self._content, await partial.hash())
                return
            except NoRanges:
                self._ranged = False
                await partial.start_over()
                self._teller.done = 0
            except ChecksumMismatch as error:
                wait = attempts.wait(error, 0)
                # Something on the way may mix up the pieces of a file.
                self._ranged = self._ranged and not attempts.is_last
                await partial.start_over()
                await self._teller.retrying(0, wait, error)
                await anyio.sleep(wait)

    async def _fetch(self, partial: Partial) -> None:
        """Fetches what is missing."""
        size = self._content.size
        if not self._ranged or size is None or size == 0:
            await self._fetch_piece(partial, 0, size, None)
            return
        connections = connections_for(size, self._options.parallel)
        if self._core._transport.is_unlimited:
            connections = 1  # nothing would limit how many there are
        pieces = plan(partial.missing(size), size, connections)
        first = list(islice(pieces, connections))
        if len(first) > 1:
            await self._fetch_together(partial, first, pieces)
            return
        for start, stop in (*first, *pieces):
            await self._fetch_piece(partial, start, stop, None)

    async def _fetch_together(self, partial: Partial, first: list[Span], rest: Iterator[Span]) -> None:
        """Fetches pieces over several connections; the first one finds out whether the site gives pieces."""
        honoured = anyio.Event()

        async def work(piece: Span, shows: anyio.Event | None) -> None:
            if shows is None:
                await honoured.wait()
            await self._fetch_piece(partial, *piece, shows)
            for following in rest:
                await self._fetch_piece(partial, *following, None)

        await together(
            [functools.partial(work, piece, None if number else honoured) for number, piece in enumerate(first)]
        )

    async def _fetch_piece(self, partial: Partial, start: int, stop: int | None, honoured: anyio.Event | None) -> None:
        """Fetches one piece, and goes on where it broke off."""
        attempts = Attempts(self._core, self._content.name, self._options.stall_timeout)
        piece = _Piece(partial, start, stop)
        while True:
            try:
                await self._receive(piece, honoured)
                return
            except FlywheelError as error:
                if not isinstance(error, (TransportError, IncompleteTransfer)):
                    raise
                wait = attempts.wait(error, piece.at - start)
                done = self._teller.done - piece.forget()
                if not self._ranged:
                    await partial.start_over()
                    piece.at, done = start, 0
                await self._teller.retrying(done, wait, error)
                await anyio.sleep(wait)

    async def _receive(self, piece: _Piece, honoured: anyio.Event | None) -> None:
        """Asks for a piece once and writes what comes."""
        content, teller = self._content, self._teller
        if piece.is_complete:
            return
        answer = await open_span(self._core, content, piece.at, piece.stop, self._options.stall_timeout)
        async with answer, aclosing(answer.chunks()) as chunks:
            if honoured is not None:
                honoured.set()
            try:
                async for chunk in chunks:
                    if not piece.has_room(len(chunk)):
                        raise IncompleteTransfer(f"{content.name}: more than the expected {content.size} bytes arrived")
                    await piece.add(chunk)
                    await teller.moved(len(chunk))
            except TransportError:
                await piece.flush()
                raise
        await piece.flush()
        if piece.stop is not None and piece.at != piece.stop:
            raise IncompleteTransfer(f"{content.name}: {piece.partial.count} of {content.size} bytes arrived")


class _Piece:
    """A part of a file that comes over one connection, on its way to the disk.

    Args:
        partial: The file.
        start: Its first byte.
        stop: The one after its last; None for the end of a file of unknown size.

    Attributes:
        partial: See above.
        at: How far it is written.
        stop: See above.
    """

    def __init__(self, partial: Partial, start: int, stop: int | None) -> None:
        self.partial = partial
        self._waiting: list[bytes] = []
        self._size = 0
        self.at = start
        self.stop = stop

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it has to be fetched; an empty file has to be asked for."""
        return self.stop is not None and self.at >= self.stop > 0

    def has_room(self, count: int) -> bool:
        """Whether so many more bytes belong to it."""
        return self.stop is None or self.at + self._size + count <= self.stop

    async def add(self, data: bytes) -> None:
        """Adds bytes; they reach the disk in pieces of at least 1 MiB."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= WRITE_CHUNK:
            await self.flush()

    def forget(self) -> int:
        """Drops what waits, and tells how many bytes that were."""
        count = self._size
        self._waiting, self._size = [], 0
        return count

    async def flush(self) -> None:
        """Writes what waits."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting, self._size = [], 0
            await self.partial.write(self.at, data)
            self.at += len(data)


def _is_worth_resuming(error: BaseException) -> bool:
    """Whether the same download may end well the next time."""
    if isinstance(error, APIError):
        return error.status not in _GONE
    if isinstance(error, LocalFileError) and error.errno in _FULL:
        return False  # what is left would keep the disk full
    if isinstance(error, FileExists):
        return False
    return not isinstance(error, ChecksumMismatch)
