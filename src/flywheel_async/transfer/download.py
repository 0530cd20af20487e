"""Downloading one file: to a path, to an object that can be written to, or into memory; verified in every case."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import anyio

from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    FileExists,
    FlywheelError,
    TransferError,
    UnsafeArchive,
)
from flywheel_async.events import OnProgress, Teller
from flywheel_async.files import (
    READ_CHUNK,
    WRITE_CHUNK,
    check_destination,
    existing_folder,
    in_thread,
    in_user_thread,
    made_in_thread,
)
from flywheel_async.local_errors import path_error, reason
from flywheel_async.transfer.checksums import checksum_for
from flywheel_async.transfer.fetch import Attempts, Content, Deadline, DownloadOptions, Replacing, doubting
from flywheel_async.transfer.folders import SafeTree
from flywheel_async.transfer.names import safe_name
from flywheel_async.transfer.path_download import PathDownload
from flywheel_async.transfer.reader import Reader
from flywheel_async.transport.client import holding

if TYPE_CHECKING:
    from flywheel_async.core import Core


@runtime_checkable
class Writable(Protocol):
    """A file object open for writing bytes, also one of aiofiles or anyio."""

    def write(self, data: bytes, /) -> int | Awaitable[int | None] | None: ...


Destination = str | os.PathLike[str] | Writable
"""Where a download goes: the path of a file, a folder that exists, or a file object open for writing bytes."""


async def checked_destination(dest: object, place: Sequence[str], overwrite: Replacing) -> Path | Writable:
    """Checks where a download is to go.

    Args:
        dest: A path, or an object with `write`.
        place: For a folder: the names of the folders in it, which are made, and of the file, as the site gives them.
        overwrite: What to do where a file is.

    Returns:
        The path of the file to write, or the object.

    Raises:
        ArgumentError: It is neither, or cannot be written.
        FileExists: A file is there, and `overwrite` is `"error"`.
    """
    if isinstance(dest, Writable) and not isinstance(dest, (str, os.PathLike)):
        if _is_a(dest, io.TextIOBase):
            raise ArgumentError("dest must be a file object open for writing bytes, not text; open it with mode 'wb'")
        return dest
    return await in_thread(lambda: _checked_path(dest, place, overwrite))


def _checked_path(dest: object, place: Sequence[str], overwrite: Replacing) -> Path:
    folder = existing_folder(dest)
    try:
        path = check_destination(dest) if folder is None else _in_folder(folder, place)
        if overwrite == "error" and path.exists():
            raise FileExists(f"dest: {path} is there already")
    except FlywheelError:
        raise
    except OSError as error:  # a folder that may not be looked into, for one
        named = cast("str | os.PathLike[str]", dest)
        raise path_error(f"dest: {named} cannot be written: {reason(error)}", named, error) from None
    return path


def _in_folder(folder: Path, place: Sequence[str]) -> Path:
    if len(place) > 1:
        try:
            with SafeTree(folder, argument="dest") as tree:
                folder = tree.make(place[:-1])
        except UnsafeArchive as error:
            raise ArgumentError(f"dest: {error}") from None
    path = folder / safe_name(place[-1])
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise path_error(f"dest: {path} is a link or no file, and is not replaced; move it away", path)
    return path


def _is_a(dest: object, kind: type[io.IOBase]) -> bool:
    """Whether an object is a file of some kind, also inside of one of anyio, aiofiles or tempfile."""
    inner = (getattr(dest, name, None) for name in ("wrapped", "_file", "file"))
    return any(isinstance(file, kind) for file in (dest, *inner))


async def download(
    core: Core,
    content: Content,
    dest: Path | Writable,
    options: DownloadOptions,
    on_progress: OnProgress | None,
    deadline: Deadline | None = None,
) -> Path | None:
    """Downloads a file.

    Args:
        core: The client.
        content: The file.
        dest: A path, at which the file appears only when all bytes have arrived and are right; or an object, which
            gets the bytes as they arrive.
        options: How.
        on_progress: Told about each event.
        deadline: Until when, where it began before; made of the options by default.

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
    deadline = deadline or Deadline(core, options.deadline, content.request.operation)

    async def work() -> Path | None:
        if isinstance(dest, Path) and options.overwrite == "skip-same" and await is_there(dest, content):
            await teller.started(content.size or 0)
            await teller.verified(content.hash)
            return dest
        if isinstance(dest, Path):
            return await PathDownload(core, content, dest, options, teller).run()
        await teller.started()
        await _pour(core, content, dest, options, teller)
        return None

    async with teller.running(), doubting(content):
        path = await deadline.hold(lambda: core._transport.in_turn(work) if isinstance(dest, Path) else work())
        await teller.ended(path)
    return path


async def is_there(path: Path, content: Content) -> bool:
    """Whether a local file has the bytes of a content; without a checksum of that, nobody can tell."""
    if content.hash is None:
        return False
    checksum = checksum_for(content.hash)

    def opened() -> io.FileIO | None:
        try:
            file = io.FileIO(path)
        except OSError:
            return None
        if os.fstat(file.fileno()).st_size == content.size:
            return file
        file.close()
        return None

    def step(file: io.FileIO) -> bool:
        data = file.read(READ_CHUNK)
        checksum.update(data)
        return bool(data)

    file = await made_in_thread(opened, lambda made: None if made is None else made.close())
    if file is None:
        return False
    try:
        while await in_thread(lambda: step(file)):
            pass
    finally:
        with anyio.CancelScope(shield=True):
            await in_thread(file.close)
    return checksum.text() == content.hash


async def read(
    core: Core, content: Content, options: DownloadOptions, on_progress: OnProgress | None, deadline: Deadline
) -> bytes:
    """Downloads a file into memory; see `download` for the rest."""
    teller = Teller(on_progress, content.name, content.size)

    async def work() -> bytes:
        await teller.started()
        attempts = Attempts(core, content.name, options.stall_timeout)
        wanted = content
        while True:
            reader = Reader(core, wanted, options.stall_timeout, teller)
            chunks: list[bytes] = []
            try:
                while (chunk := await reader.chunk()) is not None:
                    chunks.append(chunk)
                return b"".join(chunks)
            except ChecksumMismatch as error:
                wait = attempts.wait(error, 0)
                wanted = replace(content, ranged=content.ranged and not attempts.is_last)
                await teller.retrying(0, wait, error)
                await anyio.sleep(wait)
            finally:
                await reader.aclose()

    async with teller.running(), doubting(content):
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
                await _hand_over(content.name, dest, b"".join(waiting), inline)
                waiting, size = [], 0
        if waiting:
            await _hand_over(content.name, dest, b"".join(waiting), inline)
    finally:
        await reader.aclose()


async def _hand_over(name: str, dest: Writable, data: bytes, inline: bool) -> None:
    # Only a file without a buffer may take less than it is given; what others return need not be a count.
    takes_parts = _is_a(dest, io.RawIOBase)
    left = data
    while left:
        with holding():
            count = await _write(dest, left, inline)
        if not takes_parts:
            return
        if not isinstance(count, int) or count <= 0:
            raise TransferError(f"{name}: the file object takes no more bytes; it would have to wait")
        left = left[count:]


async def _write(dest: Writable, data: bytes, inline: bool) -> object:
    # In a list, because trio refuses a thread that returns an awaitable.
    written = dest.write(data) if inline else (await in_user_thread(lambda: [dest.write(data)]))[0]
    return await written if inspect.isawaitable(written) else written
