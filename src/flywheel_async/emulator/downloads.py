"""Sending file contents, whole or in ranges."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar
from urllib.parse import quote

from flywheel_async.emulator.exchange import ClientGone, Exchange, Streamed
from flywheel_async.emulator.filetypes import UNKNOWN
from flywheel_async.emulator.problems import Problem

CHUNK = 1024 * 1024
_MAX_RANGES = 100
_RANGE = re.compile(r"(\d*)-(\d*)", re.ASCII)


class _Closing(Protocol):
    def close(self) -> None: ...


S = TypeVar("S", bound=_Closing)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the content, with literal bytes to send before it."""

    before: bytes
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes this piece adds to the answer."""
        return len(self.before) + self.stop - self.start


@dataclass(frozen=True, slots=True)
class Download(Streamed):
    """An answer with file content.

    Attributes:
        disk: Threads to read in.
        path: Where the content is.
        pieces: What to send.
        status: 200 or 206.
        headers: Response headers, without the length.
    """

    disk: Executor
    path: Path
    pieces: Sequence[Piece]
    status: int
    headers: Sequence[tuple[str, str]]

    async def run(self, exchange: Exchange) -> None:
        """Sends the pieces; stops reading when the caller goes away."""
        loop = asyncio.get_running_loop()
        async with opened(self.disk, lambda: self.path.open("rb")) as source, watched(exchange) as check:
            length = sum(piece.size for piece in self.pieces)
            await exchange.start(self.status, [*self.headers, ("content-length", str(length))])
            for piece in self.pieces:
                if piece.before:
                    await exchange.push(piece.before, more=True)
                at = piece.start
                while at < piece.stop:
                    data = await loop.run_in_executor(self.disk, _read, source, at, min(CHUNK, piece.stop - at))
                    check()
                    await exchange.push(data, more=True)
                    at += len(data)
            await exchange.push(b"", more=False)


@asynccontextmanager
async def opened(disk: Executor, opening: Callable[[], S]) -> AsyncGenerator[S]:
    """Opens something in a thread and closes it in the end.

    Args:
        disk: The threads.
        opening: Opens it.
    """
    future = asyncio.get_running_loop().run_in_executor(disk, opening)
    try:
        source = await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_close_unused)
        raise
    try:
        yield source
    finally:
        # On the loop, because a cancelled or stopping server may run nothing more in its threads.
        source.close()


def _close_unused(opening: asyncio.Future[S]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


@asynccontextmanager
async def watched(exchange: Exchange) -> AsyncGenerator[Callable[[], None]]:
    """Watches out for the caller, whose body was read before; gives what raises `ClientGone` when he is gone."""
    gone = asyncio.ensure_future(exchange.wait_gone())

    def check() -> None:
        if gone.done():
            raise ClientGone

    try:
        yield check
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


def _read(source: IO[bytes], at: int, count: int) -> bytes:
    if source.tell() != at:
        source.seek(at)
    data = source.read(count)
    if not data:
        raise OSError("the stored content is shorter than its entry says")
    return data


def whole(disk: Executor, path: Path, size: int, name: str) -> Download:
    """Returns the answer with a whole file, to be saved under its name."""
    headers = [("content-type", UNKNOWN), ("content-disposition", disposition(name)), ("cache-control", "no-cache")]
    return Download(disk, path, [Piece(b"", 0, size)], 200, headers)


def viewed(disk: Executor, path: Path, size: int, media_type: str, ranges: str | None) -> Download:
    """Returns the answer with a file to be shown, or the ranges of it that were asked for.

    Args:
        disk: Threads to read in.
        path: Where the content is.
        size: Its length in bytes.
        media_type: Its media type.
        ranges: The `Range` header, or None.

    Raises:
        Problem: 416, none of the ranges is in the file.
    """
    wanted = parse_ranges(ranges, size) if ranges is not None else None
    if wanted is None:
        headers = [("content-type", media_type), ("accept-ranges", "bytes")]
        return Download(disk, path, [Piece(b"", 0, size)], 200, headers)
    if not wanted:
        raise Problem(416, "no range is in the file", headers=[("content-range", f"bytes */{size}")])
    if len(wanted) == 1:
        start, stop = wanted[0]
        headers = [("content-type", media_type), ("content-range", f"bytes {start}-{stop - 1}/{size}")]
        return Download(disk, path, [Piece(b"", start, stop)], 206, headers)
    boundary = secrets.token_hex(16)
    pieces: list[Piece] = []
    for start, stop in wanted:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {start}-{stop - 1}/{size}\r\n\r\n"
        )
        pieces.append(Piece(head.encode("latin-1"), start, stop))
    pieces.append(Piece(f"\r\n--{boundary}--\r\n".encode(), 0, 0))
    return Download(disk, path, pieces, 206, [("content-type", f"multipart/byteranges; boundary={boundary}")])


def parse_ranges(header: str, size: int) -> list[tuple[int, int]] | None:
    """Reads a `Range` header.

    Returns:
        The ranges as (start, stop) within the file, empty when all lie outside it, or None when the header is to be
        ignored: another unit, malformed, or too many ranges.
    """
    unit, equals, listed = header.partition("=")
    specs = [spec.strip() for spec in listed.split(",")]
    if unit.strip().lower() != "bytes" or not equals or len(specs) > _MAX_RANGES:
        return None
    found: list[tuple[int, int]] = []
    for spec in specs:
        match = _RANGE.fullmatch(spec)
        if match is None or spec == "-" or len(spec) > 40:
            return None
        first, last = match.groups()
        if not first:
            start, stop = max(size - int(last), 0), size
        else:
            start, stop = int(first), min(int(last) + 1, size) if last else size
            if last and int(last) < start:
                return None
        if start < stop:
            found.append((start, stop))
    return found


def disposition(name: str) -> str:
    """Returns the header that tells under which name to save; names beyond plain ASCII are percent-encoded."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{extended}'
