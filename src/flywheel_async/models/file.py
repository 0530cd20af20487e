"""Files of containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, Unpack, cast, overload

from flywheel_async.fields.common import ContainerReference, FileReference
from flywheel_async.fields.file import FileFields
from flywheel_async.fields.file_parts import FileVersionOutput, ZipfileInfo
from flywheel_async.resources import classification as _classification
from flywheel_async.resources import info as _info
from flywheel_async.resources import instants as _instants
from flywheel_async.resources import moving as _moving
from flywheel_async.resources import tags as _tags
from flywheel_async.resources import versions as _versions
from flywheel_async.resources.bound import core_of
from flywheel_async.resources.downloads import DownloadKeywords, ReadKeywords, checked_member
from flywheel_async.resources.files import parent_of
from flywheel_async.transfer.download import Writable
from flywheel_async.transfer.stream import AsyncFileStream

if TYPE_CHECKING:
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.analysis import Analysis
    from flywheel_async.models.collection import Collection
    from flywheel_async.models.project import Project
    from flywheel_async.models.session import Session
    from flywheel_async.models.subject import Subject


class File(FileFields):
    """One version of a file.

    Example:
        >>> file = await acquisition.get_file("T1.nii.gz")
        >>> await file.download("/data/T1.nii.gz")
    """

    container_type: ClassVar[str] = "file"
    child_types: ClassVar[tuple[str, ...]] = ()

    @overload
    async def download(self, dest_file: str | Path, **options: Unpack[DownloadKeywords]) -> Path: ...
    @overload
    async def download(self, dest_file: Writable, **options: Unpack[DownloadKeywords]) -> None: ...
    async def download(self, dest_file: str | Path | Writable, **options: Unpack[DownloadKeywords]) -> Path | None:
        """Downloads this version; route `GET /{containers}/{id}/files/{name}`.

        Args:
            dest_file: Path of the file to write, or a folder that exists; replaced only when the download is complete
                and verified. Or a file object open for writing bytes, which gets them as they arrive.
            **options: `on_progress`, `resume`, `fsync`, `set_mtime`, `deadline`, `stall_timeout` and `parallel`; see
                `DownloadKeywords`.

        Returns:
            The path written; None for a file object.

        Raises:
            ArgumentError: The destination cannot be written, or an option makes no sense; nothing was sent.
            TransferError: Other bytes arrived than the site has; nothing is left at the destination.

        Example:
            >>> path = await file.download("/data/", set_mtime=True)
        """
        return await core_of(self)._downloads.entry_to(self, dest_file, options)

    async def read(self, **options: Unpack[ReadKeywords]) -> bytes:
        """Downloads this version into memory; route `GET /{containers}/{id}/files/{name}`.

        Args:
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            Its content, verified.

        Raises:
            ArgumentError: An option makes no sense; nothing was sent.
            TransferError: Other bytes arrived than the site has.
        """
        return await core_of(self)._downloads.read_entry(self, options)

    async def update(self, body: Mapping[str, object] | None = None, **members: object) -> None:
        """Changes `type` or `modality`; route `PUT /{containers}/{id}/files/{name}`.

        Args:
            body: The new members as a mapping.
            **members: The new members as keywords.

        Raises:
            ArgumentError: Nothing was given, or a member that only the site writes; nothing was sent.
            APIError: The site refused.
        """
        await core_of(self)._files.modify(*parent_of(self), self.name, body, members)

    async def reload(self) -> Self:
        """Gets the current state of this version; route `GET /files/{file_id}`.

        Returns:
            This object, which now holds the current data.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        return await core_of(self)._containers.reload(self, "file", _versions.file_id_of(self), version=self.version)

    async def delete(self, delete_reason: str | None = None) -> None:
        """Deletes the file with all its versions; route `DELETE /{containers}/{id}/files/{name}`.

        Args:
            delete_reason: Why, for example `"duplicate_data"`; wanted by sites with an audit trail.

        Raises:
            ArgumentError: The reason is unknown; nothing was sent.
            NotFound: It was deleted meanwhile.
        """
        await core_of(self)._files.delete(*parent_of(self), self.name, delete_reason)

    def ref(self) -> FileReference:
        """Names this file by its container and name, as gears and analyses want it."""
        kind, container_id = parent_of(self)
        return FileReference(id=container_id, type=kind, name=self.name)

    @property
    async def parent(self) -> Project | Subject | Session | Acquisition | Analysis | Collection:
        """The container that holds this file; asks the site each time. Route `GET /{containers}/{id}`."""
        return cast(
            "Project | Subject | Session | Acquisition | Analysis | Collection",
            await core_of(self)._containers.get(*parent_of(self)),
        )

    async def get_parent(self) -> Project | Subject | Session | Acquisition | Analysis | Collection:
        """Gets the container that holds this file; route `GET /{containers}/{id}`.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        return cast(
            "Project | Subject | Session | Acquisition | Analysis | Collection",
            await core_of(self)._containers.get(*parent_of(self)),
        )

    @property
    def local_created(self) -> datetime | None:
        """When this version was created, in the time zone of this machine."""
        return _instants.local(self["created"])

    @property
    def local_modified(self) -> datetime | None:
        """When this version was last changed, in the time zone of this machine."""
        return _instants.local(self["modified"])

    @property
    def local_replaced(self) -> datetime | None:
        """When this version was replaced by a newer one, in the time zone of this machine."""
        return _instants.local(self["replaced"])

    async def url(self) -> str:
        """Makes an address to fetch this version from without a key.

        Route `GET /{containers}/{id}/files/{name}?ticket`.

        Returns:
            The address. It works for a limited time, on this machine.
        """
        return await core_of(self)._files.url(*parent_of(self), self.name, self.version)

    async def get_zip_info(self) -> ZipfileInfo:
        """Lists the members of this version of a zip file; route `GET /{containers}/{id}/files/{name}?info=true`.

        Raises:
            BadRequest: It is no zip file.
        """
        return await core_of(self)._downloads.listing(*parent_of(self), self.name, self.version)

    @overload
    async def download_zip_member(
        self, member: str, dest_file: str | Path, **options: Unpack[DownloadKeywords]
    ) -> Path: ...
    @overload
    async def download_zip_member(
        self, member: str, dest_file: Writable, **options: Unpack[DownloadKeywords]
    ) -> None: ...
    async def download_zip_member(
        self, member: str, dest_file: str | Path | Writable, **options: Unpack[DownloadKeywords]
    ) -> Path | None:
        """Downloads a member of this version; route `GET /{containers}/{id}/files/{name}?member=`.

        The members are listed first, to check the size of what arrives; sites give no hash of members.

        Args:
            member: The member's path, as `get_zip_info` lists it.
            dest_file: Path of the file to write, or a folder that exists; replaced only when the download is complete.
                Or a file object open for writing bytes.
            **options: See `DownloadKeywords`.

        Returns:
            The path written; None for a file object.

        Raises:
            ArgumentError: There is no such member, or the destination cannot be written.
        """
        return await core_of(self)._downloads.entry_to(self, dest_file, options, checked_member(member))

    async def read_zip_member(self, member: str, **options: Unpack[ReadKeywords]) -> bytes:
        """Downloads a member of this version into memory; route `GET /{containers}/{id}/files/{name}?member=`.

        Args:
            member: The member's path, as `get_zip_info` lists it.
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            Its content.

        Raises:
            ArgumentError: There is no such member.
        """
        return await core_of(self)._downloads.read_entry(self, options, checked_member(member))

    def open_member(self, member: str, **options: Unpack[ReadKeywords]) -> AsyncFileStream:
        """Makes a stream over a member of this version; route `GET /{containers}/{id}/files/{name}?member=`.

        Args:
            member: The member's path, as `get_zip_info` lists it.
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            An async context manager to iterate over.

        Raises:
            ArgumentError: An option makes no sense; or on entering the block: there is no such member.

        Example:
            >>> async with file.open_member("series/0001.dcm") as stream:
            ...     data = await stream.aread()
        """
        return core_of(self)._downloads.stream(self, checked_member(member), options)

    async def update_info(self, body: Mapping[str, object] | None = None, /, **members: object) -> None:
        """Replaces some top-level keys of `info` and leaves the others.

        Route `PATCH /{containers}/{id}/files/{name}/info`. It acts on the newest version of the file.

        Args:
            body: New values by key.
            **members: The same as keywords.

        Raises:
            ArgumentError: A value has no JSON form of its own; nothing was sent.
        """
        await _info.change_of_file(core_of(self), *parent_of(self), self.name, _info.to_set(body, members))

    async def replace_info(self, body: Mapping[str, object], /) -> None:
        """Replaces all of `info`; route `PATCH /{containers}/{id}/files/{name}/info`.

        It acts on the newest version of the file.

        Args:
            body: The new metadata; an empty mapping leaves none.

        Raises:
            ArgumentError: A value has no JSON form of its own; nothing was sent.
        """
        await _info.change_of_file(core_of(self), *parent_of(self), self.name, _info.to_replace(body))

    async def delete_info(self, *keys: str | Sequence[str]) -> None:
        """Removes keys of `info`; route `PATCH /{containers}/{id}/files/{name}/info`.

        It acts on the newest version of the file.

        Args:
            *keys: Keys, or lists of keys. A dot reaches inside: `"scan.te"` is the key `te` of `scan`.

        Raises:
            ArgumentError: No key was given; nothing was sent.
        """
        await _info.change_of_file(core_of(self), *parent_of(self), self.name, _info.to_delete(keys))

    async def update_classification(
        self, classification: Mapping[str, Sequence[str]], modality: str | None = None
    ) -> None:
        """Adds values to the classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            classification: New values by aspect; those that are there stay.
            modality: The file's new modality; left as it is by default.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
        """
        await _classification.change(core_of(self), *parent_of(self), self.name, "add", classification, modality)

    async def replace_classification(
        self, classification: Mapping[str, Sequence[str]], modality: str | None = None
    ) -> None:
        """Replaces the classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            classification: All values by aspect.
            modality: The file's new modality; left as it is by default.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
        """
        await _classification.change(core_of(self), *parent_of(self), self.name, "replace", classification, modality)

    async def delete_classification(self, classification: Mapping[str, Sequence[str]]) -> None:
        """Removes values of the classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            classification: The values to remove, by aspect; absent ones do not matter.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
        """
        await _classification.change(core_of(self), *parent_of(self), self.name, "delete", classification)

    async def add_tag(self, tag: str | Mapping[str, object]) -> None:
        """Adds a tag, unless it is there; route `PATCH /files/{file_id}/tags`.

        Args:
            tag: Its text, or a mapping with the text as `value`.

        Raises:
            ArgumentError: It is not a text, or empty; nothing was sent.
        """
        await _tags.add_to_file(core_of(self), _versions.file_id_of(self), [tag])

    async def add_tags(self, tags: Iterable[str]) -> None:
        """Adds several tags in one request; those that are there stay. Route `PATCH /files/{file_id}/tags`.

        Args:
            tags: Their texts.

        Raises:
            ArgumentError: One is not a text, or empty; nothing was sent.
        """
        await _tags.add_to_file(core_of(self), _versions.file_id_of(self), tags)

    async def set_tags(self, tags: Iterable[str]) -> None:
        """Replaces all tags; route `PUT /files/{file_id}/tags`.

        Args:
            tags: The texts of the new ones; none for no tags.

        Raises:
            ArgumentError: One is not a text, or empty; nothing was sent.
        """
        await _tags.set_of_file(core_of(self), _versions.file_id_of(self), tags)

    async def rename_tag(self, old: str, new: str) -> None:
        """Renames a tag; routes `GET`, `PATCH` and `DELETE /files/{file_id}/tags`.

        Sites have no single step for it: the new tag is added, then the old one taken away.

        Args:
            old: Its text.
            new: Its new text.

        Raises:
            ArgumentError: There is no such tag.
        """
        await _tags.rename_of_file(core_of(self), _versions.file_id_of(self), old, new)

    async def delete_tag(self, tag: str) -> None:
        """Takes a tag away; an absent one does not matter. Route `DELETE /files/{file_id}/tags`.

        Args:
            tag: Its text.

        Raises:
            ArgumentError: It is not a text, or empty; nothing was sent.
        """
        await _tags.delete_from_file(core_of(self), _versions.file_id_of(self), [tag])

    async def delete_tags(self, tags: Iterable[str]) -> None:
        """Takes several tags away in one request; absent ones do not matter. Route `DELETE /files/{file_id}/tags`.

        Args:
            tags: Their texts.

        Raises:
            ArgumentError: One is not a text, or empty; nothing was sent.
        """
        await _tags.delete_from_file(core_of(self), _versions.file_id_of(self), tags)

    async def get_versions(self) -> list[FileVersionOutput]:
        """Gets the history of this file; route `GET /files/{file_id}/versions`."""
        return await _versions.of(core_of(self), _versions.file_id_of(self))

    async def restore(self, version: int | None = None, *, evaluate_gear_rules: bool = False) -> File:
        """Makes an older version the newest one again; route `POST /files/{file_id}/restore`.

        Args:
            version: Its number; this very version by default.
            evaluate_gear_rules: Whether gear rules look at it as at a new file.

        Returns:
            The entry of the new version.

        Raises:
            APIError: The site refused.
        """
        number = self.version if version is None else version
        restored = await _versions.restore(core_of(self), _versions.file_id_of(self), number, evaluate_gear_rules)
        return cast("File", restored)

    async def move_to(
        self,
        destination: Project
        | Subject
        | Session
        | Acquisition
        | Analysis
        | Collection
        | ContainerReference
        | Mapping[str, str]
        | None = None,
        *,
        name: str | None = None,
        run_gear_rules: bool | None = None,
    ) -> None:
        """Moves this file with all its versions, renames it, or both; route `POST /files/{file_id}/move`.

        Args:
            destination: The container to move to, or its `ref()`; None stays.
            name: A new name.
            run_gear_rules: Whether gear rules look at it as at a new file; the site decides by default.

        Raises:
            ArgumentError: Neither a container nor a name was given; nothing was sent.
            Conflict: The container has a file of that name.
        """
        await _moving.move_file(core_of(self), _versions.file_id_of(self), destination, name, run_gear_rules)
