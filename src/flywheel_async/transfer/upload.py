"""Uploading one file by the direct form: streamed, hashed on the way, compared with what the site stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from flywheel_async.errors import ChecksumMismatch
from flywheel_async.events import OnProgress, Progress, tell
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.raw.encode import json_bytes
from flywheel_async.transfer.multipart import FilePart, multipart_body
from flywheel_async.transfer.sources import FileSpec, Source, content_type
from flywheel_async.transport.request import Body

if TYPE_CHECKING:
    from flywheel_async.core import Core


async def upload_one(
    core: Core,
    operation: str,
    container_id: str,
    spec: FileSpec,
    metadata: Mapping[str, object],
    on_progress: OnProgress | None,
) -> list[Model]:
    """Uploads one file.

    Args:
        core: The client.
        operation: The operation id of the container kind's upload.
        container_id: Where to.
        spec: What.
        metadata: Members of the new file entry, such as `type`, `info` or `tags`.
        on_progress: Told about each chunk.

    Returns:
        The file entries of the site's answer.

    Raises:
        ArgumentError: The source is missing or not a file; nothing was sent.
        IncompleteTransfer: The source changed while it was read; nothing was stored.
        ChecksumMismatch: The site stored other bytes than were sent.
        APIError: The site refused.
    """
    source = Source(spec, inline=core._flavour.inline)
    await source.prepare()
    try:
        entry: dict[str, object] = {**metadata, "name": spec.name}
        if source.length:
            entry.setdefault("size", source.length)
        metadata_part = json_bytes(entry, core._options.default_timezone)
        body = multipart_body(metadata_part, [FilePart(spec.name, content_type(spec), source)])
        if on_progress is not None:
            body = _reporting(body, Progress(spec.name, 0, source.length), on_progress, source)
        response = await core._transport.request(build(operation, (container_id,), {}, upload=body))
        entries = core._objects("File", response)
        mine = [stored for stored in entries if stored.get("name") == spec.name]
        if not mine:
            raise response.unexpected(f"the entry of {spec.name!r}")
        for stored in mine:
            _compare(stored, spec.name, source)
        return entries
    finally:
        await source.aclose()


def _compare(stored: Model, name: str, source: Source) -> None:
    """Compares a stored entry with what was sent."""
    size, hash_ = stored.get("size"), stored.get("hash")
    if (isinstance(size, int) and size != source.count) or (
        hash_ and str(hash_).startswith("v0-sha384-") and hash_ != source.hash
    ):
        raise ChecksumMismatch(
            f"{name}: the site stored {size} bytes with hash {hash_}, "
            f"but {source.count} bytes with hash {source.hash} were sent; "
            f"delete version {stored.get('version')} of the file and upload it again"
        )


def _reporting(body: Body, start: Progress, on_progress: OnProgress, source: Source) -> Body:
    opened = body.open
    assert opened is not None

    async def stream() -> AsyncGenerator[bytes, None]:
        told = 0
        async with aclosing(opened()) as chunks:
            async for chunk in chunks:
                yield chunk
                if source.count != told:
                    told = source.count
                    await tell(on_progress, replace(start, done=told))
        if not told:
            await tell(on_progress, start)

    return replace(body, open=stream)
