"""Finding a member of a zip file on the site: its size, and the checksum that the file itself has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from flywheel_async.errors import BadAnswer, IncompleteTransfer, TransportError
from flywheel_async.transfer.fetch import Attempts, Content, NoRanges, open_span
from flywheel_async.transfer.zip_directory import TAIL, ZipMember, directory_start, read_directory

if TYPE_CHECKING:
    from flywheel_async.core import Core


async def directory_of(core: Core, content: Content) -> dict[str, ZipMember] | None:
    """Reads the list that a zip file ends with, without the rest of the file.

    Args:
        core: The client.
        content: The file.

    Returns:
        The members by their paths; None where the site gives no part of a file, or it is no zip that can be read so.

    Raises:
        APIError: The site refused.
        TransportError: There was no usable answer.
    """
    size = content.size
    if size is None or not content.ranged:
        return None
    try:
        first = max(size - TAIL, 0)
        data = await _bytes(core, content, first, size)
        start = directory_start(data, size)
        if start is None:
            return None
        before = await _bytes(core, content, start, first) if start < first else b""
    except (NoRanges, BadAnswer, IncompleteTransfer):
        return None
    return read_directory(before + data[max(start - first, 0) :], size)


async def _bytes(core: Core, content: Content, start: int, stop: int) -> bytes:
    attempts = Attempts(core, content.name, None)
    while True:
        try:
            answer = await open_span(core, content, start, stop, None)
            async with answer:
                found = b"".join([chunk async for chunk in answer.chunks()])
            if len(found) != stop - start:
                raise IncompleteTransfer(f"{content.name}: {len(found)} of {stop - start} bytes arrived")
            return found
        except (TransportError, IncompleteTransfer) as error:
            if isinstance(error, BadAnswer):
                raise
            await anyio.sleep(attempts.wait(error, 0))
