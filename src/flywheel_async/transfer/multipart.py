"""The body of a direct upload: one JSON part with the metadata, one part with the file, streamed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing

from flywheel_async.transfer.sources import Source
from flywheel_async.transport.request import Body

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def multipart_body(name: str, media_type: str, metadata: bytes, source: Source) -> Body:
    """Builds the body of one file's upload.

    Args:
        name: The file's name; it also travels in the metadata, which is what counts.
        media_type: Its media type.
        metadata: JSON for the `metadata` part.
        source: Its bytes.

    Returns:
        A body that streams the source; it can be sent again if the source can be read again.
    """
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n'
    ).encode() + metadata
    head += (
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name.translate(_ESCAPES)}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    async def stream() -> AsyncGenerator[bytes, None]:
        yield head
        async with aclosing(source.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
        yield tail

    length = None if source.length is None else len(head) + source.length + len(tail)
    kind = f"multipart/form-data; boundary={boundary}"
    return Body(kind, open=stream, length=length, replayable=source.replayable)
