"""Members of zip files on the site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.fields.base import Model
from flywheel_async.fields.file import FileFields
from flywheel_async.fields.file_parts import ZipfileInfo
from flywheel_async.files import check_destination, in_thread
from flywheel_async.raw.caller import build
from flywheel_async.resources.kinds import download_operation, zip_operation
from flywheel_async.transfer.download import download_to_file, download_to_memory
from flywheel_async.transfer.sources import check_name
from flywheel_async.transport.request import Request

if TYPE_CHECKING:
    from flywheel_async.core import Core


async def listing(core: Core, kind: str, container_id: str, name: str, version: int | None = None) -> ZipfileInfo:
    """Lists the members of a zip file."""
    check_name(name)
    return core._plain(ZipfileInfo, await core._call(zip_operation(kind), container_id, name, version=version))


async def download(
    core: Core,
    kind: str,
    container_id: str,
    name: str,
    member: str,
    dest: object,
    on_progress: OnProgress | None = None,
    version: int | None = None,
) -> Path:
    """Downloads a member of a zip file to a path; its size is checked against the listing."""
    await in_thread(lambda: check_destination(dest))
    request, entry = await _member(core, kind, container_id, name, member, version)
    return await download_to_file(core, request, entry, dest, on_progress)


async def read(core: Core, kind: str, container_id: str, name: str, member: str, version: int | None = None) -> bytes:
    """Downloads a member of a zip file into memory; its size is checked against the listing."""
    request, entry = await _member(core, kind, container_id, name, member, version)
    return await download_to_memory(core, request, entry, None)


async def _member(
    core: Core, kind: str, container_id: str, name: str, member: object, version: int | None
) -> tuple[Request, FileFields]:
    if not isinstance(member, str) or not member:
        raise ArgumentError(f"member must be the path of a member, as get_zip_info lists it, not {member!r}")
    info = await listing(core, kind, container_id, name, version)
    found = [entry for entry in info.members or [] if entry.path == member]
    if not found:
        raise ArgumentError(f"{name!r} has no member {member!r}; get_zip_info lists them")
    request = build(download_operation(kind), (container_id, name), {"member": member, "version": version})
    return request, FileFields(name=member, size=found[-1].size)


async def download_chosen(
    core: Core,
    kind: str,
    container_id: str,
    name: str,
    dest: object,
    member: str | None = None,
    version: int | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Downloads a file, one of its older versions, or one member of it, to a path."""
    if member is not None:
        return await download(core, kind, container_id, name, member, dest, on_progress, version)
    if version is not None:
        return await core._files.download_entry(
            await _older(core, kind, container_id, name, version), dest, on_progress
        )
    return await core._files.download(kind, container_id, name, dest, on_progress)


async def read_chosen(
    core: Core, kind: str, container_id: str, name: str, member: str | None = None, version: int | None = None
) -> bytes:
    """Does the same into memory."""
    if member is not None:
        return await read(core, kind, container_id, name, member, version)
    if version is not None:
        return await core._files.read_entry(await _older(core, kind, container_id, name, version))
    return await core._files.read(kind, container_id, name)


async def _older(core: Core, kind: str, container_id: str, name: str, version: int) -> Model:
    entry = await core._files.entry(kind, container_id, name)
    return await core._containers.get("file", str(entry["file_id"]), version=version)
