"""Downloading one file: streamed to a temporary name, checked against the site's size and hash, renamed into place."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import anyio

from flywheel_async.errors import (
    BadAnswer,
    ChecksumMismatch,
    FlywheelError,
    IncompleteTransfer,
    RequestTimeout,
    TransportError,
)
from flywheel_async.events import OnProgress, Progress, tell
from flywheel_async.fields.base import Model
from flywheel_async.files import AtomicFile, hash_name
from flywheel_async.transport.failures import failed
from flywheel_async.transport.request import Request
from flywheel_async.transport.retry import Outcome

if TYPE_CHECKING:
    from flywheel_async.core import Core

_CHECKSUM_RETRIES = 2


class Sink(Protocol):
    """Where the bytes of a download go."""

    @property
    def count(self) -> int: ...
    async def write(self, data: bytes, /) -> None: ...
    async def start_over(self) -> None: ...
    async def finish(self) -> str: ...


class _Memory:
    """Collects a download in memory."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.count = 0

    async def write(self, data: bytes, /) -> None:
        self._chunks.append(data)
        self.count += len(data)

    async def start_over(self) -> None:
        self._chunks.clear()
        self.count = 0

    async def finish(self) -> str:
        return hash_name(hashlib.sha384(self.data()))

    def data(self) -> bytes:
        if len(self._chunks) > 1:
            self._chunks = [b"".join(self._chunks)]
        return self._chunks[0] if self._chunks else b""


async def download_to_file(
    core: Core, request: Request, entry: Model, dest: object, on_progress: OnProgress | None
) -> Path:
    """Downloads to a path; what is there before is replaced only when all bytes have arrived and are right.

    Args:
        core: The client.
        request: The content request.
        entry: The file's entry, with the size and hash to check against.
        dest: Path of the file to write.
        on_progress: Told about each chunk.

    Returns:
        The path written.

    Raises:
        ArgumentError: `dest` cannot be written; nothing was sent.
        ChecksumMismatch: Other bytes arrived than the site has; nothing is left at `dest`.
        IncompleteTransfer: More or fewer bytes arrived than the site has; nothing is left at `dest`.
        TransportError: The connection failed; nothing is left at `dest`.
    """
    target = await AtomicFile.create(dest)
    try:
        await receive(core, request, entry, target, on_progress)
        return await target.commit()
    finally:
        await target.aclose()


async def download_to_memory(core: Core, request: Request, entry: Model, on_progress: OnProgress | None) -> bytes:
    """Downloads into memory; see `download_to_file` for arguments and errors."""
    memory = _Memory()
    await receive(core, request, entry, memory, on_progress)
    return memory.data()


async def receive(core: Core, request: Request, entry: Model, sink: Sink, on_progress: OnProgress | None) -> None:
    """Receives the bytes within the client's deadline; where a body breaks off, it starts over.

    Args:
        core: The client.
        request: The content request.
        entry: The name, and where they are known the size and hash to check against.
        sink: Where the bytes go.
        on_progress: Told about each chunk.

    Raises:
        TransferError: Other bytes arrived than the site has.
        TransportError: The connection failed.
    """
    deadline = core._transport.options.deadline
    if deadline is None:
        await _receive_at_last(core, request, entry, sink, on_progress)
        return
    with anyio.move_on_after(deadline) as scope:
        await _receive_at_last(core, request, entry, sink, on_progress)
    if scope.cancelled_caught:
        raise failed(RequestTimeout, request.operation, 1, f"took longer than the deadline of {deadline} s")


async def _receive_at_last(
    core: Core, request: Request, entry: Model, sink: Sink, on_progress: OnProgress | None
) -> None:
    """Receives the bytes, from the start again where the connection breaks or the bytes are wrong."""
    attempt = 0
    while True:
        attempt += 1
        try:
            await _receive_once(core, request, entry, sink, on_progress)
            return
        except (IncompleteTransfer, ChecksumMismatch) as exc:
            error: FlywheelError = exc
            wait = core._transport.retry_wait(attempt, Outcome()) if attempt <= _CHECKSUM_RETRIES else None
        except TransportError as exc:
            # The transport has tried again by itself while there was no answer yet; here the body broke off.
            error, wait = exc, core._transport.retry_wait(attempt, Outcome()) if exc.in_body else None
        if wait is None:
            raise error
        await anyio.sleep(wait)
        await sink.start_over()


async def _receive_once(core: Core, request: Request, entry: Model, sink: Sink, on_progress: OnProgress | None) -> None:
    name, size, wanted = str(entry.get("name")), cast("int | None", entry.get("size")), entry.get("hash")
    async with core._transport.stream(request) as answer, aclosing(answer.chunks()) as chunks:
        packed = answer.headers.get("content-encoding", "identity")
        if answer.status != 200 or packed != "identity":
            raise BadAnswer(f"{name}: the site answered {answer.status}, encoding {packed}, not the file's bytes")
        async for chunk in chunks:
            await sink.write(chunk)
            if isinstance(size, int) and sink.count > size:
                raise IncompleteTransfer(f"{name}: more than the expected {size} bytes arrived")
            if on_progress is not None:
                await tell(on_progress, Progress(name, sink.count, size))
    if on_progress is not None and not sink.count:
        await tell(on_progress, Progress(name, 0, size))
    if isinstance(size, int) and sink.count != size:
        raise IncompleteTransfer(f"{name}: {sink.count} of {size} bytes arrived")
    got = await sink.finish()
    if isinstance(wanted, str) and wanted.startswith("v0-sha384-") and got != wanted:
        raise ChecksumMismatch(f"{name}: the bytes that arrived have hash {got}, the site says {wanted}")
