"""Uploading one file: what is there already is looked at first, then it goes the way that the site wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import anyio

from flywheel_async.errors import ArgumentError, FileExists, RequestTimeout
from flywheel_async.events import OnProgress, Teller
from flywheel_async.fields.base import Model
from flywheel_async.notices import warn
from flywheel_async.transfer.direct import upload_direct
from flywheel_async.transfer.outgoing import Outgoing, is_same
from flywheel_async.transfer.signed import upload_signed
from flywheel_async.transfer.slices import Slices
from flywheel_async.transfer.sources import FileSpec, Overwrite, PathContents, Source, check_content_type, content_type
from flywheel_async.transport.failures import failed
from flywheel_async.waiting import Look, Pace, wait_for

if TYPE_CHECKING:
    from flywheel_async.core import Core

_LISTED_SECONDS = 300.0
_POLL_SECONDS = 0.2


class EmptyUploadWarning(UserWarning):
    """A file object stood at its end when it was uploaded, so that the site has an empty file."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How a file is uploaded.

    Attributes:
        content_type: Its media type; guessed from the name by default.
        overwrite: What to do where a file of the same name is.
        wait: Whether to wait until the site lists the file; a number is for how many seconds at most.
        signed: False takes the direct form even where the site wants signed URLs; else the site decides.
        preserve_metadata: Whether a new version keeps the metadata of the one before.

    Raises:
        ArgumentError: One of them makes no sense.
    """

    content_type: str | None = None
    overwrite: Overwrite = "version"
    wait: bool | float = False
    signed: bool | None = None
    preserve_metadata: bool = False

    def __post_init__(self) -> None:
        if self.overwrite not in ("version", "skip-same", "error"):
            raise ArgumentError(f"overwrite must be 'version', 'skip-same' or 'error', not {self.overwrite!r}")
        if not isinstance(self.wait, bool) and not (isinstance(self.wait, (int, float)) and self.wait > 0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(f"wait must be True, False or seconds, more than 0, not {self.wait!r}")
        check_content_type(self.content_type, "content_type")


async def upload_one(
    core: Core,
    kind: str,
    container_id: str,
    spec: FileSpec,
    metadata: Mapping[str, object],
    options: UploadOptions,
    on_progress: OnProgress | None,
) -> list[Model]:
    """Uploads one file.

    Args:
        core: The client.
        kind: The container's kind.
        container_id: Where to.
        spec: What.
        metadata: Members of the new file entry, such as `type`, `info` or `tags`.
        options: How.
        on_progress: Told about what happens.

    Returns:
        The file entries of the site's answer; with `overwrite="skip-same"` the one that is there.

    Raises:
        ArgumentError: The source is missing or not a file; nothing was sent.
        FileExists: A file of this name is there, and `overwrite` is `"error"`; nothing was sent.
        IncompleteTransfer: The source changed while it was read; nothing was stored.
        ChecksumMismatch: The site stored other bytes than were sent.
        StoreRefused: The store that the site points to answered with an error.
        APIError: The site refused.
    """
    if options.content_type is not None and spec.content_type is None:
        spec = replace(spec, content_type=options.content_type)
    entry = {**metadata, "name": spec.name}
    if spec.content_type is not None:
        entry.setdefault("mimetype", spec.content_type)

    async def upload() -> list[Model]:
        source = Source(spec, inline=core._flavour.inline)
        left_at: int | None = None
        try:
            await source.prepare()
            left_at = source.position
            teller = Teller(on_progress, spec.name, source.length)
            out = Outgoing(
                core, kind, container_id, spec.name, content_type(spec), entry, options.preserve_metadata, teller
            )
            async with teller.running():
                entries: list[Model] | None = None
                with anyio.move_on_after(core._transport.options.deadline):
                    entries = await _upload(out, source, options)
                if entries is None:
                    limit = f"took longer than the deadline of {core._transport.options.deadline} s"
                    raise failed(RequestTimeout, "upload", 1, limit)
                await teller.ended()
            # Behind the bytes that were sent, also where they were not read by the file object itself.
            left_at = None if left_at is None or teller.total is None else left_at + teller.total
            if source.is_begun and not teller.done:
                warn(
                    f"{spec.name}: the file object stood at its end, so an empty file was uploaded; "
                    "go back by seek(0), or open it again, before",
                    EmptyUploadWarning,
                )
        finally:
            await source.aclose(left_at=left_at)
        return entries

    if isinstance(spec.contents, PathContents):
        return await core._transport.in_turn(upload)
    return await upload()


async def _upload(out: Outgoing, source: Source, options: UploadOptions) -> list[Model]:
    there = None if options.overwrite == "version" else await out.listed()
    if there is not None and options.overwrite == "error":
        raise FileExists(f"{out.name}: a file of this name is there already, in version {there.get('version')}")
    slices: Slices | None = None
    try:
        if there is not None and source.length in (None, there.get("size")):
            slices = await Slices.of(source)
            out.teller.total = slices.size
            if slices.size == there.get("size"):
                await slices.work_out_hash()
            if is_same(there, slices.size, slices.hash):
                await out.teller.started(slices.size)
                return await out.verified([there], slices.size, slices.hash)
        if options.signed is not False and await _wants_signed(out.core):
            slices = slices or await Slices.of(source)
            out.teller.total = slices.size
            entries = await upload_signed(out, slices)
        else:
            if slices is None and not source.replayable:
                slices = await Slices.in_place(source)
            out.teller.total = source.length if slices is None else slices.size
            entries = await upload_direct(out, slices or source)
    finally:
        if slices is not None:
            await slices.aclose()
    if options.wait:
        await _wait_until_listed(out, entries, options)
    return entries


async def _wants_signed(core: Core) -> bool:
    """Whether the site wants files uploaded by signed URLs; it is asked once per client."""
    if core._signed_uploads is None:
        async with core._turns.of("get_config", wait=not core._flavour.nested()):
            if core._signed_uploads is None:
                answer: object = (await core._call("get_config")).json()
                config = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
                features = config.get("features")
                told = cast("dict[str, object]", features).get("signed_url") if isinstance(features, dict) else None
                core._signed_uploads = told is True or config.get("signed_url") is True
    return core._signed_uploads


async def _wait_until_listed(out: Outgoing, entries: list[Model], options: UploadOptions) -> None:
    """Waits until the newest entry of the name is the one that was made."""
    mine = next(entry for entry in entries if out.is_called(entry.get("name")))
    version = mine.get("version")

    async def look() -> Look[None]:
        found = await out.listed()
        now = None if found is None else found.get("version")
        done = found is not None and (
            not isinstance(version, int) or not isinstance(now, int) or (now >= version and bool(found.get("file_id")))
        )
        return Look(None, "listed" if done else "not listed", done)

    timeout = _LISTED_SECONDS if options.wait is True else float(options.wait)
    await wait_for(look, f"upload of {out.name!r}", Pace(timeout, _POLL_SECONDS, 5.0))
