"""What all containers can do, and what those with files can do besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self, Unpack, cast, overload

from flywheel_async.fields.base import Model
from flywheel_async.fields.common import ContainerReference
from flywheel_async.models.file import File
from flywheel_async.resources import instants as _instants
from flywheel_async.resources import uploads as _uploads
from flywheel_async.resources.bound import core_of, id_of
from flywheel_async.resources.downloads import DownloadKeywords, ReadKeywords
from flywheel_async.resources.uploads import ContainerUploadKeywords
from flywheel_async.transfer.download import Writable
from flywheel_async.transfer.sources import Upload
from flywheel_async.transfer.stream import AsyncFileStream


class Container(Model):
    """A group, project, subject, session, acquisition, analysis or collection."""

    container_type: ClassVar[str]
    child_types: ClassVar[tuple[str, ...]] = ()

    async def update(self, body: Mapping[str, object] | None = None, **members: object) -> None:
        """Changes members on the site; those not given stay as they are. Route `PUT /{containers}/{id}`.

        The object itself is not changed; `reload` it to see the result. Moving is an update with the new parent's
        id, for example `update(project=other.id)`. An `info` given here is merged into the old one leaf by leaf;
        `update_info` replaces whole keys.

        Args:
            body: The new members as a mapping.
            **members: The new members as keywords.

        Raises:
            ArgumentError: Nothing was given, a value cannot be sent, or a member is one that only the site writes, such
                as `created`; nothing was sent.
            APIError: The site refused.

        Example:
            >>> await session.update(label="visit 2", age=1009843200)
        """
        await core_of(self)._containers.update(self.container_type, id_of(self), body, members)

    async def reload(self) -> Self:
        """Gets the current state from the site; route `GET /{containers}/{id}`.

        Returns:
            This object, which now holds the current data.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        return await core_of(self)._containers.reload(self, self.container_type, id_of(self))

    async def delete(self, delete_reason: str | None = None) -> None:
        """Deletes the container and everything below it; route `DELETE /{containers}/{id}`.

        Args:
            delete_reason: Why, for example `"duplicate_data"`; wanted by sites with an audit trail. Groups take none.

        Raises:
            ArgumentError: The reason is unknown; nothing was sent.
            APIError: The site refused.
        """
        await core_of(self)._containers.delete(self.container_type, id_of(self), delete_reason)

    def ref(self) -> ContainerReference:
        """Names this container by its type and id, as gears and analyses want it."""
        return ContainerReference(id=id_of(self), type=self.container_type)

    @property
    def local_created(self) -> datetime | None:
        """When it was created, in the time zone of this machine."""
        return _instants.local(self["created"])

    @property
    def local_modified(self) -> datetime | None:
        """When it was last changed, in the time zone of this machine."""
        return _instants.local(self["modified"])


class FileContainer(Container):
    """A container that holds files."""

    async def upload_file(
        self, file: Upload | Sequence[Upload], **options: Unpack[ContainerUploadKeywords]
    ) -> list[File]:
        """Uploads a file; a name that exists gets a new version. Route `POST /{containers}/{id}/files`.

        The file is read in pieces and hashed on the way, and the site's hash is compared with ours. Several files are
        uploaded at the same time.

        Args:
            file: A path, `FileSpec`, bytes, file object or iterator of bytes, or a list of those.
            **options: `name`, `metadata`, `on_progress`, `content_type`, `overwrite`, `wait`, `preserve_metadata` and
                `signed`; see `ContainerUploadKeywords`.

        Returns:
            The entries the site has made, one per file.

        Raises:
            ArgumentError: A source is missing or not a file, or an option is unknown; nothing was sent.
            FileExists: A file of this name is there, and `overwrite` is `"error"`; it was not sent.
            TransferError: The source changed while it was read, or the site stored other bytes.
            APIError: The site refused.

        Example:
            >>> await acquisition.upload_file("scan.nii.gz", metadata={"info": {"run": 1}})
        """
        entries = await _uploads.upload(core_of(self), self.container_type, id_of(self), file, options)
        return cast("list[File]", entries)

    @overload
    async def download_file(
        self, file_name: str, dest_file: str | Path, **options: Unpack[DownloadKeywords]
    ) -> Path: ...
    @overload
    async def download_file(self, file_name: str, dest_file: Writable, **options: Unpack[DownloadKeywords]) -> None: ...
    async def download_file(
        self, file_name: str, dest_file: str | Path | Writable, **options: Unpack[DownloadKeywords]
    ) -> Path | None:
        """Downloads the current version of a file; route `GET /{containers}/{id}/files/{name}`.

        The bytes go to a temporary name beside `dest_file`, which is renamed only when size and hash are right.

        Args:
            file_name: The file's name.
            dest_file: Path of the file to write, or a folder that exists; what is there is replaced. Or a file object
                open for writing bytes, which gets them as they arrive.
            **options: `on_progress`, `resume`, `fsync`, `set_mtime`, `deadline`, `stall_timeout` and `parallel`; see
                `DownloadKeywords`.

        Returns:
            The path written; None for a file object.

        Raises:
            ArgumentError: The destination cannot be written, or the name cannot stand in a path.
            NotFound: There is no such file.
            TransferError: Other bytes arrived than the site has; nothing is left at the destination.

        Example:
            >>> path = await acquisition.download_file("T1.nii.gz", "/data/")
        """
        return await core_of(self)._downloads.to(self.container_type, id_of(self), file_name, dest_file, options)

    async def read_file(self, file_name: str, **options: Unpack[ReadKeywords]) -> bytes:
        """Downloads the current version of a file into memory; route `GET /{containers}/{id}/files/{name}`.

        Args:
            file_name: The file's name.
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            Its content, verified.

        Raises:
            NotFound: There is no such file.
            TransferError: Other bytes arrived than the site has.
        """
        return await core_of(self)._downloads.read(self.container_type, id_of(self), file_name, options)

    def stream_file(
        self, file_name: str, *, version: int | None = None, **options: Unpack[ReadKeywords]
    ) -> AsyncFileStream:
        """Makes a stream over a file, read while it arrives; route `GET /{containers}/{id}/files/{name}`.

        Args:
            file_name: The file's name.
            version: The version to read; the current one by default.
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            An async context manager to iterate over.

        Raises:
            ArgumentError: The name cannot stand in a path, or an option makes no sense; nothing was sent.
            NotFound: On entering the block: there is no such file.

        Example:
            >>> async with acquisition.stream_file("T1.nii.gz") as stream:
            ...     async for chunk in stream:
            ...         print(len(chunk))
        """
        return core_of(self)._downloads.stream_named(self.container_type, id_of(self), file_name, version, options)

    async def get_file(self, file_name: str) -> File:
        """Gets the current entry of a file; route `GET /{containers}/{id}/files/{name}/info`.

        Args:
            file_name: The file's name.

        Raises:
            NotFound: There is no such file.
        """
        return cast("File", await core_of(self)._files.entry(self.container_type, id_of(self), file_name))

    async def delete_file(self, file_name: str, delete_reason: str | None = None) -> None:
        """Deletes a file with all its versions; route `DELETE /{containers}/{id}/files/{name}`.

        Args:
            file_name: The file's name.
            delete_reason: Why; wanted by sites with an audit trail.

        Raises:
            NotFound: There is no such file.
        """
        await core_of(self)._files.delete(self.container_type, id_of(self), file_name, delete_reason)
