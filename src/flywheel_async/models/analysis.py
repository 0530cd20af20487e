"""Analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.events import OnProgress
from flywheel_async.fields.analysis import AnalysisFields
from flywheel_async.fields.members import Info, member
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.tags import Tagged
from flywheel_async.resources import moving as _moving
from flywheel_async.resources.bound import core_of, id_of
from flywheel_async.transfer.sources import Upload

if TYPE_CHECKING:
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.project import Project
    from flywheel_async.models.session import Session
    from flywheel_async.models.subject import Subject


class Analysis(AnalysisFields, FileContainer, FileEntries, Tagged, Noted, Informed):
    """An analysis: what was done with some files, and what came out."""

    container_type: ClassVar[str] = "analysis"
    child_types: ClassVar[tuple[str, ...]] = ("files",)

    inputs: list[File] | None = member()
    files: list[File] | None = member()
    job: Info | str | None = member()

    async def upload_output(
        self,
        file: Upload | Sequence[Upload],
        *,
        name: str | None = None,
        metadata: Mapping[str, object] | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[File]:
        """Uploads a result, the same as `upload_file`; route `POST /analyses/{id}/files`.

        Args:
            file: A path, `FileSpec`, bytes, file object or iterator of bytes, or a list of those.
            name: The file's name on the site; that of the path by default.
            metadata: Members of the new entry, such as `type`, `info` or `tags`.
            on_progress: Told about each chunk, in bytes.

        Returns:
            The entries the site has made, one per file.

        Raises:
            ArgumentError: The source is missing or not a file; nothing was sent.
            TransferError: The source changed while it was read, or the site stored other bytes.
            APIError: The site refused.
        """
        entries = await core_of(self)._files.upload(
            self.container_type, id_of(self), file, name=name, metadata=metadata, on_progress=on_progress
        )
        return cast("list[File]", entries)

    async def get_parent(self) -> Project | Subject | Session | Acquisition:
        """Gets the container this analysis belongs to; route `GET /{containers}/{id}`.

        Raises:
            NotFound: It was deleted meanwhile.
        """
        parent = _moving.place(self["parent"], ("project", "subject", "session", "acquisition"))
        return cast("Project | Subject | Session | Acquisition", await core_of(self)._containers.get(*parent))
