"""Files of containers: entries, changes, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.resources.bodies import changeable, merged
from flywheel_async.resources.kinds import download_operation, ticket_operation
from flywheel_async.resources.reasons import checked_reason
from flywheel_async.transfer.sources import check_name

if TYPE_CHECKING:
    from flywheel_async.core import Core


class Files:
    """Looks after the entries of files, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

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
