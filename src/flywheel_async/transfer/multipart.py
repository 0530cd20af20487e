"""The body of a direct upload: a JSON part with the metadata and the files, streamed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from flywheel_async.transfer.sources import Source
from flywheel_async.transport.request import Body

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form.

    Attributes:
        name: Its name; it also travels in the metadata, which is what counts.
        media_type: Its media type.
        source: Its bytes.
        field: The name of the form's part.
    """

    name: str
    media_type: str
    source: Source
    field: str = "file"


def multipart_body(metadata: bytes | None, files: Sequence[FilePart]) -> Body:
    """Builds the body of an upload.

    Args:
        metadata: JSON for the `metadata` part, or None to leave that out.
        files: The files.

    Returns:
        A body that streams the files; it can be sent again if all of them can be read again.
    """
    boundary = secrets.token_hex(16)
    before = b"" if metadata is None else _head(boundary, 'name="metadata"', "application/json") + metadata + b"\r\n"
    heads: list[bytes] = []
    for file in files:
        disposition = f'name="{file.field}"; filename="{file.name.translate(_ESCAPES)}"'
        heads.append(before + _head(boundary, disposition, file.media_type))
        before = b"\r\n"
    tail = before + f"--{boundary}--\r\n".encode()

    async def stream() -> AsyncGenerator[bytes, None]:
        for head, file in zip(heads, files, strict=True):
            yield head
            async with aclosing(file.source.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        yield tail

    lengths = [file.source.length for file in files]
    known = [length for length in lengths if length is not None]
    length = sum(map(len, heads)) + len(tail) + sum(known) if len(known) == len(lengths) else None
    kind = f"multipart/form-data; boundary={boundary}"
    return Body(kind, open=stream, length=length, replayable=all(file.source.replayable for file in files))


def _head(boundary: str, disposition: str, media_type: str) -> bytes:
    return (
        f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {media_type}\r\n\r\n"
    ).encode()
