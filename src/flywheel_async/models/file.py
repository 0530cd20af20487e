"""Files of containers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.fields.common import FileReference
from flywheel_async.fields.file import FileFields
from flywheel_async.models.bound import core_of
from flywheel_async.resources.containers import as_body
from flywheel_async.resources.files import parent_of


class File(FileFields):
    """One version of a file.

    Example:
        >>> file = await acquisition.get_file("T1.nii.gz")
        >>> await file.download("/data/T1.nii.gz")
    """

    container_type: ClassVar[str] = "file"
    child_types: ClassVar[tuple[str, ...]] = ()

    async def download(self, dest_file: str | Path, *, on_progress: OnProgress | None = None) -> Path:
        """Downloads this version; route `GET /{containers}/{id}/files/{name}`.

        Args:
            dest_file: Path of the file to write; replaced only when the download is complete and verified.
            on_progress: Told about each chunk, in bytes.

        Returns:
            The path written.

        Raises:
            ArgumentError: The destination cannot be written; nothing was sent.
            TransferError: Other bytes arrived than the site has; nothing is left at the destination.
        """
        return await core_of(self)._files.download_entry(self, dest_file, on_progress)

    async def read(self) -> bytes:
        """Downloads this version into memory; route `GET /{containers}/{id}/files/{name}`.

        Returns:
            Its content, verified.

        Raises:
            TransferError: Other bytes arrived than the site has.
        """
        return await core_of(self)._files.read_entry(self)

    async def update(self, body: Mapping[str, object] | None = None, **members: object) -> None:
        """Changes `type` or `modality`; route `PUT /{containers}/{id}/files/{name}`.

        Args:
            body: The new members as a mapping.
            **members: The new members as keywords.

        Raises:
            APIError: The site refused.
        """
        await core_of(self)._files.modify(*parent_of(self), self.name, as_body(body, members))

    async def reload(self) -> Self:
        """Gets the current state of this version; route `GET /files/{file_id}`.

        Returns:
            This object, which now holds the current data.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        if not self.file_id:
            raise ArgumentError("this file has no file_id; get it again from its container")
        return await core_of(self)._containers.reload(self, "file", self.file_id, version=self.version)

    async def delete(self, delete_reason: str | None = None) -> None:
        """Deletes the file with all its versions; route `DELETE /{containers}/{id}/files/{name}`.

        Args:
            delete_reason: Why; wanted by sites with an audit trail.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        await core_of(self)._files.delete(*parent_of(self), self.name, delete_reason)

    def ref(self) -> FileReference:
        """Names this file by its container and name, as gears and analyses want it."""
        kind, container_id = parent_of(self)
        return FileReference(id=container_id, type=kind, name=self.name)
