"""Analyses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Unpack, cast

from flywheel_async.fields.analysis import AnalysisFields
from flywheel_async.fields.members import Info, member
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.packed import Packed
from flywheel_async.models.tags import Tagged
from flywheel_async.resources import moving as _moving
from flywheel_async.resources import uploads as _uploads
from flywheel_async.resources.bound import core_of, id_of
from flywheel_async.resources.uploads import ContainerUploadKeywords
from flywheel_async.transfer.sources import Upload

if TYPE_CHECKING:
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.project import Project
    from flywheel_async.models.session import Session
    from flywheel_async.models.subject import Subject


class Analysis(AnalysisFields, FileContainer, FileEntries, Tagged, Noted, Informed, Packed):
    """An analysis: what was done with some files, and what came out."""

    container_type: ClassVar[str] = "analysis"
    child_types: ClassVar[tuple[str, ...]] = ("files",)

    inputs: list[File] | None = member()
    files: list[File] | None = member()
    job: Info | str | None = member()

    async def upload_output(
        self, file: Upload | Sequence[Upload], **options: Unpack[ContainerUploadKeywords]
    ) -> list[File]:
        """Uploads a result, the same as `upload_file`; route `POST /analyses/{id}/files`.

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
        """
        entries = await _uploads.upload(core_of(self), self.container_type, id_of(self), file, options)
        return cast("list[File]", entries)

    async def get_parent(self) -> Project | Subject | Session | Acquisition:
        """Gets the container this analysis belongs to; route `GET /{containers}/{id}`.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        parent = _moving.place(self["parent"], ("project", "subject", "session", "acquisition"))
        return cast("Project | Subject | Session | Acquisition", await core_of(self)._containers.get(*parent))
