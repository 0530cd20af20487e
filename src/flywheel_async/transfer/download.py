"""Downloading one file: to a path, to an object that can be written to, or into memory; verified in every case."""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import anyio

from flywheel_async.errors import (
    APIError,
    ArgumentError,
    ChecksumMismatch,
    FlywheelError,
    IncompleteTransfer,
    TransportError,
)
from flywheel_async.events import OnProgress, Teller
from flywheel_async.files import WRITE_CHUNK, check_destination, existing_folder, in_thread, in_user_thread
from flywheel_async.transfer.fetch import (
    Attempts,
    Content,
    Deadline,
    DownloadOptions,
    NoRanges,
    Reader,
    check_hash,
    open_span,
)
from flywheel_async.transfer.names import safe_name
from flywheel_async.transfer.partial import Partial
from flywheel_async.transfer.ranges import Span, connections_for, plan
from flywheel_async.transport.client import holding

if TYPE_CHECKING:
    from flywheel_async.core import Core


@runtime_checkable
class Writable(Protocol):
    """A file object open for writing bytes, also one of aiofiles or anyio."""

    def write(self, data: bytes, /) -> int | Awaitable[int | None] | None: ...


Destination = str | os.PathLike[str] | Writable
"""Where a download goes: the path of a file, a folder that exists, or a file object open for writing bytes."""


async def checked_destination(dest: object, name: str) -> Path | Writable:
    """Checks where a download is to go.

    Args:
        dest: A path, or an object with `write`.
        name: The file's name on the site, for a folder.

    Returns:
        The path of the file to write, or the object.

    Raises:
        ArgumentError: It is neither, or cannot be written.
    """
    if isinstance(dest, Writable) and not isinstance(dest, (str, os.PathLike)):
        return dest
    return await in_thread(lambda: _checked_path(dest, name))


def _checked_path(dest: object, name: str) -> Path:
    folder = existing_folder(dest)
    if folder is None:
        return check_destination(dest)
    path = folder / safe_name(name)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ArgumentError(f"dest: {path} is a link or no file, and is not replaced; move it away")
    return path


async def download(
    core: Core, content: Content, dest: Path | Writable, options: DownloadOptions, on_progress: OnProgress | None
) -> Path | None:
    """Downloads a file.

    Args:
        core: The client.
        content: The file.
        dest: A path, at which the file appears only when all bytes have arrived and are right; or an object, which
            gets the bytes as they arrive.
        options: How.
        on_progress: Told about each event.

    Returns:
        The path written, if it is one.

    Raises:
        ChecksumMismatch: Other bytes arrived than the site has.
        IncompleteTransfer: More or fewer bytes arrived than the site has.
        StalledTransfer: No bytes came for too long.
        TransportError: The connection failed, or the deadline has passed.
        TransferError: The file cannot be written.
    """
    teller = Teller(on_progress, content.name, content.size)
    deadline = Deadline(core, options.deadline, content.request.operation)

    async def work() -> Path | None:
        if isinstance(dest, Path):
            return await _PathDownload(core, content, dest, options, teller).run()
        await teller.started()
        await _pour(core, content, dest, options, teller)
        return None

    async with teller.running():
        path = await deadline.hold(work)
        await teller.ended(path)
    return path


async def read(core: Core, content: Content, options: DownloadOptions, on_progress: OnProgress | None) -> bytes:
    """Downloads a file into memory; see `download` for the rest."""
    teller = Teller(on_progress, content.name, content.size)
    deadline = Deadline(core, options.deadline, content.request.operation)

    async def work() -> bytes:
        await teller.started()
        attempts = Attempts(core, content.name, options.stall_timeout)
        while True:
            reader = Reader(core, content, options.stall_timeout, teller)
            chunks: list[bytes] = []
            try:
                while (chunk := await reader.chunk()) is not None:
                    chunks.append(chunk)
                return b"".join(chunks)
            except ChecksumMismatch as error:
                wait = attempts.wait(error, 0)
                await teller.retrying(0, wait, error)
                await anyio.sleep(wait)
            finally:
                await reader.aclose()

    async with teller.running():
        data = await deadline.hold(work)
        await teller.ended()
    return data


async def _pour(core: Core, content: Content, dest: Writable, options: DownloadOptions, teller: Teller) -> None:
    """Hands a file to an object of the user, in pieces of at least 1 MiB."""
    inline = core._flavour.inline
    reader = Reader(core, content, options.stall_timeout, teller)
    waiting: list[bytes] = []
    size = 0
    try:
        while (chunk := await reader.chunk()) is not None:
            waiting.append(chunk)
            size += len(chunk)
            if size >= WRITE_CHUNK:
                await _hand_over(dest, b"".join(waiting), inline)
                waiting, size = [], 0
        if waiting:
            await _hand_over(dest, b"".join(waiting), inline)
    finally:
        await reader.aclose()


async def _hand_over(dest: Writable, data: bytes, inline: bool) -> None:
    left = data
    while left:
        with holding():
            count = await _write(dest, left, inline)
        # Files without a buffer may take less than they are given; other objects need not count.
        left = left[count:] if isinstance(count, int) and 0 < count < len(left) else b""


async def _write(dest: Writable, data: bytes, inline: bool) -> object:
    # In a list, because trio refuses a thread that returns an awaitable.
    written = dest.write(data) if inline else (await in_user_thread(lambda: [dest.write(data)]))[0]
    return await written if inspect.isawaitable(written) else written


class _PathDownload:
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
        partial = await Partial.create(self._path, content.identity if options.resume and self._ranged else None)
        keep = False
        try:
            await self._teller.started(partial.count)
            await self._fill(partial)
            await self._teller.verified(content.hash)
            await partial.commit(fsync=options.fsync, mtime=content.modified if options.set_mtime else None)
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
        pieces = deque(plan(partial.missing(size), size, connections))
        connections = min(connections, len(pieces))
        if connections == 1:
            for start, stop in pieces:
                await self._fetch_piece(partial, start, stop, None)
        elif connections > 1:
            await self._fetch_together(partial, pieces, connections)

    async def _fetch_together(self, partial: Partial, pieces: deque[Span], connections: int) -> None:
        """Fetches pieces over several connections; the first one finds out whether the site gives pieces."""
        # In a list, since a task group would wrap the error, and callers expect it as it is.
        errors: list[Exception] = []
        honoured = anyio.Event()

        async with anyio.create_task_group() as group:

            async def work(first: Span | None) -> None:
                try:
                    if first is None:
                        await honoured.wait()
                    else:
                        await self._fetch_piece(partial, *first, honoured)
                    while pieces:
                        await self._fetch_piece(partial, *pieces.popleft(), None)
                except Exception as error:
                    errors.append(error)
                    group.cancel_scope.cancel()

            group.start_soon(work, pieces.popleft())
            for _ in range(connections - 1):
                group.start_soon(work, None)
        if errors:
            raise errors[0]

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
        return error.status >= 500 or error.status == 429
    return not isinstance(error, ChecksumMismatch)
