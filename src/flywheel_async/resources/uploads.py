"""Uploading files into containers: one, or several at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.fields.base import Model
from flywheel_async.files import in_thread
from flywheel_async.raw.caller import hint
from flywheel_async.resources.bodies import filled
from flywheel_async.resources.info import checked_info
from flywheel_async.resources.kinds import upload_operation
from flywheel_async.resources.whole import in_order
from flywheel_async.transfer.sources import FileSpec, Overwrite, as_spec, check_name, check_readable
from flywheel_async.transfer.upload import UploadOptions, upload_one

if TYPE_CHECKING:
    from flywheel_async.core import Core

AT_ONCE = 8
"""Files of a list that are uploaded at the same time, as far as the client's budget has room."""

Metadata = Mapping[str, object] | str
"""Members of a new file entry, as a mapping or as JSON text of one."""


class UploadKeywords(TypedDict, total=False):
    """What every upload understands.

    Attributes:
        name: The file's name on the site; that of the path by default.
        metadata: Members of the new entry, such as `type`, `info` or `tags`; a mapping or JSON text. For a list of
            files one for all of them, or a list with one for each.
        on_progress: Told what happens; see `flywheel_async.events`.
        content_type: Media type of files whose `FileSpec` does not name one; guessed from the name by default.
        overwrite: Where a file of the same name is: `"version"` adds a version; `"skip-same"` does so unless it has
            these very bytes, which then are not sent, nor is the metadata; `"error"` refuses.
        wait: Whether to wait until the site lists the file; a number is for how many seconds at most.
        preserve_metadata: Whether a new version keeps type, modality, classification, tags and info of the one before.
    """

    name: str | None
    metadata: Metadata | Sequence[Metadata] | None
    on_progress: OnProgress | None
    content_type: str | None
    overwrite: Overwrite
    wait: bool | float
    preserve_metadata: bool


class ContainerUploadKeywords(UploadKeywords, total=False):
    """What uploads by methods of a container understand.

    Attributes:
        signed: False takes the direct form even where the site wants files uploaded by signed URLs.
    """

    signed: bool | None


_KNOWN = (*UploadKeywords.__annotations__, "signed")


async def upload(
    core: Core, kind: str, container_id: object, file: object, keywords: Mapping[str, object]
) -> list[Model]:
    """Uploads one file, or the files of a list, several at the same time.

    Args:
        core: The client.
        kind: The container's kind.
        container_id: The container's id.
        file: A path, `FileSpec`, bytes, file object or iterator, or a list of those.
        keywords: See `ContainerUploadKeywords`.

    Returns:
        The entries the site has made, in the order of the files.

    Raises:
        ArgumentError: Something given makes no sense, or one of the files cannot be read; nothing was sent.
        FileExists: See `transfer.upload.upload_one`, also for the rest.
    """
    rest = dict(keywords)
    name, metadata, on_progress = (rest.pop(key, None) for key in ("name", "metadata", "on_progress"))
    for key in rest:
        if key not in _KNOWN:
            raise ArgumentError(f"unknown argument {key!r} of an upload{hint(key, _KNOWN)}")
    if on_progress is not None and not callable(on_progress):
        raise ArgumentError(f"on_progress must be a function, not {on_progress!r}")
    if not isinstance(container_id, str):
        raise ArgumentError(f"container_id must be a text, not {type(container_id).__name__}; give its .id")
    options = UploadOptions(**cast("dict[str, Any]", rest))
    upload_operation(kind)
    several = isinstance(file, (list, tuple))
    items = cast("list[object]", file) if several else [file]
    if several and name is not None:
        raise ArgumentError("name is for one file; in a list, give each file its own FileSpec(name, …)")
    specs = [as_spec(item, cast("str | None", name)) for item in items]
    members = _metadata(metadata, len(specs))
    specs = [spec if name is not None else _renamed(spec, own) for spec, own in zip(specs, members, strict=True)]
    if several:
        # A single one is opened before anything is sent; of a list, all are looked at before the first is sent.
        await in_thread(lambda: check_readable(specs))
    done = 0

    async def one(place: int) -> list[Model]:
        nonlocal done
        try:
            entries = await upload_one(
                core, kind, container_id, specs[place], members[place], options, cast("OnProgress | None", on_progress)
            )
        except Exception as error:
            if several:
                error.add_note(f"{specs[place].name!r} failed; {done} of {len(specs)} files were uploaded before")
            raise
        done += 1
        return entries

    # Files of one name become versions of one file, in their order.
    at_once = AT_ONCE if len({spec.name for spec in specs}) == len(specs) else 1
    return [entry for entries in await in_order(range(len(specs)), one, at_once) for entry in entries]


def _renamed(spec: FileSpec, members: Mapping[str, object]) -> FileSpec:
    """A file under the name that its metadata gives it."""
    if not isinstance(members.get("name"), str):
        return spec
    return replace(spec, name=check_name(members["name"], "metadata name"))


def _metadata(metadata: object, count: int) -> list[dict[str, object]]:
    """Reads the metadata of each file of an upload.

    Raises:
        ArgumentError: There is not one for each file, or one is no mapping.
    """
    if isinstance(metadata, (list, tuple)):
        given = cast("Sequence[object]", metadata)
        if len(given) != count:
            raise ArgumentError(f"metadata has {len(given)} items for {count} files")
        return [_members(item) for item in given]
    found = _members(metadata)
    if count > 1 and "name" in found:
        raise ArgumentError("metadata with a name is for one file; give a list with metadata for each file")
    return [found] * count


def _members(metadata: object) -> dict[str, object]:
    """Reads the metadata of a file, which old scripts also give as JSON text.

    Raises:
        ArgumentError: It is neither a mapping nor JSON text of one.
    """
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            raise ArgumentError("metadata is a text that is not JSON") from None
    if metadata is None:
        return {}
    if not isinstance(metadata, (Mapping, Model)):
        raise ArgumentError(f"metadata must be a mapping or JSON text of one, not {type(metadata).__name__}")
    members = filled(metadata) if isinstance(metadata, Model) else dict(cast("Mapping[str, object]", metadata))
    if members.get("info") is not None:
        members["info"] = checked_info(members["info"])
    return members
