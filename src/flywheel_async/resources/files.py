"""Files of containers: upload, entries, addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.resources.bodies import changeable, merged
from flywheel_async.resources.info import checked_info
from flywheel_async.resources.kinds import download_operation, ticket_operation, upload_operation
from flywheel_async.resources.reasons import checked_reason
from flywheel_async.transfer.sources import Overwrite, as_spec, check_name
from flywheel_async.transfer.upload import UploadOptions, upload_one

if TYPE_CHECKING:
    from flywheel_async.core import Core


class Files:
    """Uploads files and looks after their entries, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def upload(
        self,
        kind: str,
        container_id: str,
        file: object,
        *,
        name: str | None = None,
        metadata: Mapping[str, object] | str | None = None,
        on_progress: OnProgress | None = None,
        content_type: str | None = None,
        overwrite: Overwrite = "version",
        wait: bool | float = False,
        signed: bool | None = None,
    ) -> list[Model]:
        """Uploads one file, or a list of files one after the other.

        Args:
            kind: The container's kind.
            container_id: The container's id.
            file: A path, `FileSpec`, bytes, file object or iterator, or a list of those.
            name: The file's name on the site, for one file.
            metadata: Members of the new entries, such as `type` or `info`; a mapping or JSON text.
            on_progress: Told about each chunk.
            content_type: Media type of files whose `FileSpec` does not name one.
            overwrite: What to do where a file of the same name is.
            wait: Whether to wait until the site lists the file; a number is for how many seconds at most.
            signed: False takes the direct form even where the site wants signed URLs.

        Returns:
            The entries the site has made.
        """
        options = UploadOptions(content_type, overwrite, wait, signed)
        upload_operation(kind)
        several = isinstance(file, (list, tuple))
        items = cast("list[object]", file) if several else [file]
        if several and name is not None:
            raise ArgumentError("name is for one file; in a list, give each file its own FileSpec(name, …)")
        specs = [as_spec(item, name) for item in items]
        members = _metadata(metadata)
        if isinstance(members.get("name"), str) and name is None and len(specs) == 1:
            specs = [replace(specs[0], name=check_name(members["name"], "metadata name"))]
        if members.get("info") is not None:
            members["info"] = checked_info(members["info"])
        entries: list[Model] = []
        for number, spec in enumerate(specs):
            try:
                entries += await upload_one(self._core, kind, container_id, spec, members, options, on_progress)
            except Exception as error:
                if several:
                    error.add_note(f"{number} of {len(specs)} files were uploaded; {spec.name!r} failed")
                raise
        return entries

    async def entry(self, kind: str, container_id: str, name: str) -> Model:
        """Gets the current entry of a file by its name."""
        check_name(name)
        operation = "get_analysis_output_file" if kind == "analysis" else f"get_{kind}_file_info"
        response = await self._core._call(operation, container_id, name)
        return self._core._object("File", response)

    async def delete(self, kind: str, container_id: str, name: str, delete_reason: str | None = None) -> None:
        """Deletes a file and all its versions."""
        check_name(name)
        reason = checked_reason(delete_reason)
        await self._core._call(f"delete_{kind}_file", container_id, name, delete_reason=reason)

    async def modify(
        self, kind: str, container_id: str, name: str, body: object, keywords: Mapping[str, object]
    ) -> None:
        """Changes `type` or `modality` of a file."""
        check_name(name)
        members = merged(body, keywords)
        changeable(members)
        await self._core._call(f"modify_{kind}_file", container_id, name, members)

    async def embedded(self, kind: str, container: Model) -> list[Model]:
        """The files of a container: those it holds, or when it came without any, those the site has."""
        files = cast("list[Model] | None", container.get("files"))
        if files is None:
            fresh = await self._core._containers.get(kind, str(container["id"]))
            files = cast("list[Model] | None", fresh.get("files"))
        return files or []

    async def url(self, kind: str, container_id: str, name: str, version: int | None = None) -> str:
        """Makes an address from which a file can be fetched without a key."""
        check_name(name)
        response = await self._core._call(ticket_operation(kind), container_id, name, ticket="", version=version)
        answer: object = response.json()
        ticket = cast("dict[str, object]", answer).get("ticket") if isinstance(answer, dict) else None
        if not isinstance(ticket, str) or not ticket:
            raise response.unexpected("a ticket")
        path = build(download_operation(kind), (container_id, name), {}).path
        return f"{self._core._transport.site.base_url}{path}?ticket={quote(ticket, safe='')}"


def _metadata(metadata: object) -> dict[str, object]:
    """Reads the metadata of an upload, which old scripts also give as JSON text.

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
    if not isinstance(metadata, Mapping):
        raise ArgumentError(f"metadata must be a mapping or JSON text of one, not {type(metadata).__name__}")
    return dict(cast("Mapping[str, object]", metadata))


def parent_of(entry: Model) -> tuple[str, str]:
    """The kind and id of the container that holds a file.

    Raises:
        ArgumentError: The entry does not say it.
    """
    reference = entry.get("parent_ref")
    kind = reference.get("type") if isinstance(reference, Model) else None
    container_id = reference.get("id") if isinstance(reference, Model) else None
    if not isinstance(kind, str) or not isinstance(container_id, str):
        raise ArgumentError("this file does not say which container holds it; get it from its container or by its id")
    return kind, container_id
