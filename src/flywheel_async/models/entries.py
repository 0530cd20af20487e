"""The files of a container, each by its name: entries, metadata, classification, zip members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack, cast, overload

from flywheel_async.fields.common import FileReference
from flywheel_async.fields.file_parts import ZipfileInfo
from flywheel_async.models.container import Container
from flywheel_async.models.file import File
from flywheel_async.resources import classification as _classification
from flywheel_async.resources import info as _info
from flywheel_async.resources.bound import core_of, id_of
from flywheel_async.resources.downloads import DownloadKeywords, ReadKeywords, checked_member
from flywheel_async.transfer.download import Writable


class FileEntries(Container):
    """A container whose files are changed by their names."""

    async def get_files(self) -> list[File]:
        """The files of this container; asks the site (route `GET /{containers}/{id}`) if the object came without.

        Returns:
            Their entries. `reload` the object to see later changes.
        """
        return cast("list[File]", await core_of(self)._files.embedded(self.container_type, self))

    def file_ref(self, file_name: str) -> FileReference:
        """Names a file of this container, as gears and analyses want it.

        Args:
            file_name: The file's name.
        """
        return FileReference(type=self.container_type, id=id_of(self), name=file_name)

    async def get_file_download_url(self, file_name: str) -> str:
        """Makes an address to fetch a file from without a key; route `GET /{containers}/{id}/files/{name}?ticket`.

        Args:
            file_name: The file's name.

        Returns:
            The address. It works for a limited time, on this machine.

        Raises:
            NotFound: There is no such file.
        """
        return await core_of(self)._files.url(self.container_type, id_of(self), file_name)

    async def update_file(self, file_name: str, body: Mapping[str, object] | None = None, **members: object) -> None:
        """Changes `type` or `modality` of a file; route `PUT /{containers}/{id}/files/{name}`.

        Args:
            file_name: The file's name.
            body: The new members as a mapping.
            **members: The new members as keywords.

        Raises:
            NotFound: There is no such file.
        """
        await core_of(self)._files.modify(self.container_type, id_of(self), file_name, body, members)

    async def update_file_info(
        self, file_name: str, body: Mapping[str, object] | None = None, /, **members: object
    ) -> None:
        """Replaces some top-level keys of a file's `info`; route `PATCH /{containers}/{id}/files/{name}/info`.

        Args:
            file_name: The file's name.
            body: New values by key.
            **members: The same as keywords.

        Raises:
            ArgumentError: A value has no JSON form of its own; nothing was sent.
            NotFound: There is no such file.
        """
        change = _info.to_set(body, members)
        await _info.change_of_file(core_of(self), self.container_type, id_of(self), file_name, change)

    async def replace_file_info(self, file_name: str, body: Mapping[str, object], /) -> None:
        """Replaces all of a file's `info`; route `PATCH /{containers}/{id}/files/{name}/info`.

        Args:
            file_name: The file's name.
            body: The new metadata; an empty mapping leaves none.

        Raises:
            ArgumentError: A value has no JSON form of its own; nothing was sent.
            NotFound: There is no such file.
        """
        change = _info.to_replace(body)
        await _info.change_of_file(core_of(self), self.container_type, id_of(self), file_name, change)

    async def delete_file_info(self, file_name: str, /, *keys: str | Sequence[str]) -> None:
        """Removes keys of a file's `info`; route `PATCH /{containers}/{id}/files/{name}/info`.

        Args:
            file_name: The file's name.
            *keys: Keys, or lists of keys. A dot reaches inside: `"scan.te"` is the key `te` of `scan`.

        Raises:
            ArgumentError: No key was given; nothing was sent.
            NotFound: There is no such file.
        """
        change = _info.to_delete(keys)
        await _info.change_of_file(core_of(self), self.container_type, id_of(self), file_name, change)

    async def update_file_classification(
        self, file_name: str, classification: Mapping[str, Sequence[str]], modality: str | None = None
    ) -> None:
        """Adds values to a file's classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            file_name: The file's name.
            classification: New values by aspect; those that are there stay.
            modality: The file's new modality, for example `"MR"`; left as it is by default.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
            NotFound: There is no such file.

        Example:
            >>> await acquisition.update_file_classification("T1.nii.gz", {"Measurement": ["T1"]}, modality="MR")
        """
        await _classification.change(
            core_of(self), self.container_type, id_of(self), file_name, "add", classification, modality
        )

    async def replace_file_classification(
        self, file_name: str, classification: Mapping[str, Sequence[str]], modality: str | None = None
    ) -> None:
        """Replaces a file's classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            file_name: The file's name.
            classification: All values by aspect.
            modality: The file's new modality, for example `"MR"`; left as it is by default.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
            NotFound: There is no such file.
        """
        await _classification.change(
            core_of(self), self.container_type, id_of(self), file_name, "replace", classification, modality
        )

    async def delete_file_classification(self, file_name: str, classification: Mapping[str, Sequence[str]]) -> None:
        """Removes values of a file's classification; route `PATCH /{containers}/{id}/files/{name}/classification`.

        Args:
            file_name: The file's name.
            classification: The values to remove, by aspect; absent ones do not matter.

        Raises:
            ArgumentError: The classification is not a mapping of lists of texts; nothing was sent.
            NotFound: There is no such file.
        """
        await _classification.change(
            core_of(self), self.container_type, id_of(self), file_name, "delete", classification
        )

    async def get_file_zip_info(self, file_name: str) -> ZipfileInfo:
        """Lists the members of a zip file; route `GET /{containers}/{id}/files/{name}?info=true`.

        Args:
            file_name: The file's name.

        Raises:
            BadRequest: It is no zip file.
            NotFound: There is no such file.
        """
        return await core_of(self)._downloads.listing(self.container_type, id_of(self), file_name)

    @overload
    async def download_file_zip_member(
        self, file_name: str, member: str, dest_file: str | Path, **options: Unpack[DownloadKeywords]
    ) -> Path: ...
    @overload
    async def download_file_zip_member(
        self, file_name: str, member: str, dest_file: Writable, **options: Unpack[DownloadKeywords]
    ) -> None: ...
    async def download_file_zip_member(
        self, file_name: str, member: str, dest_file: str | Path | Writable, **options: Unpack[DownloadKeywords]
    ) -> Path | None:
        """Downloads a member of a zip file; route `GET /{containers}/{id}/files/{name}?member=`.

        The members are listed first, to check the size of what arrives; sites give no hash of members.

        Args:
            file_name: The file's name.
            member: The member's path, as `get_file_zip_info` lists it.
            dest_file: Path of the file to write, or a folder that exists; replaced only when the download is complete.
                Or a file object open for writing bytes.
            **options: See `DownloadKeywords`.

        Returns:
            The path written; None for a file object.

        Raises:
            ArgumentError: There is no such member, or the destination cannot be written.
            NotFound: There is no such file.
        """
        return await core_of(self)._downloads.to(
            self.container_type, id_of(self), file_name, dest_file, options, member=checked_member(member)
        )

    async def read_file_zip_member(self, file_name: str, member: str, **options: Unpack[ReadKeywords]) -> bytes:
        """Downloads a member of a zip file into memory; route `GET /{containers}/{id}/files/{name}?member=`.

        Args:
            file_name: The file's name.
            member: The member's path, as `get_file_zip_info` lists it.
            **options: `on_progress`, `deadline` and `stall_timeout`; see `ReadKeywords`.

        Returns:
            Its content.

        Raises:
            ArgumentError: There is no such member.
            NotFound: There is no such file.
        """
        return await core_of(self)._downloads.read(
            self.container_type, id_of(self), file_name, options, member=checked_member(member)
        )
