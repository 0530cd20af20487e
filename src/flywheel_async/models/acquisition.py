"""Acquisitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.acquisition import AcquisitionFields
from flywheel_async.fields.common import ContainerReference
from flywheel_async.fields.copies import CopyFilter
from flywheel_async.fields.members import Given, member
from flywheel_async.models.analysed import Analysed
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.tags import Tagged
from flywheel_async.models.timing import Timed
from flywheel_async.resources import moving as _moving
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.models.session import Session


class Acquisition(AcquisitionFields, FileContainer, FileEntries, Tagged, Noted, Informed, Analysed, Timed):
    """One run of the scanner, or of any other source of data, within a session."""

    container_type: ClassVar[str] = "acquisition"
    child_types: ClassVar[tuple[str, ...]] = ("analyses", "files")

    analyses: list[Analysis] | None = member()
    files: Given[list[File]] = member()

    async def copy_to(
        self,
        destination: Session | ContainerReference | Mapping[str, str] | str,
        label: str | None = None,
        *,
        filter: CopyFilter | Mapping[str, object] | None = None,
    ) -> Acquisition:
        """Starts copying this acquisition with what is below it; route `POST /acquisitions/{id}/copy`.

        Args:
            destination: The session to copy to, its `ref()` or its id.
            label: The copy's label; the same one by default.
            filter: What to leave out, for example `{"exclude_notes": True}`.

        Returns:
            The copy as it is at the start. `reload` it and look at `copy_status` until that is `completed`.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        new = await _moving.copy(core_of(self), "acquisition", id_of(self), destination, ("session",), label, filter)
        return cast("Acquisition", new)

    async def move_to(self, destination: Session | ContainerReference | Mapping[str, str] | str) -> None:
        """Moves this acquisition with what is below it; route `PUT /acquisitions/{id}`.

        Args:
            destination: The session to move to, its `ref()` or its id.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        await _moving.move(core_of(self), "acquisition", id_of(self), destination, ("session",))
