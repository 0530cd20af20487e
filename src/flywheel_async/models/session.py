"""Sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.common import ContainerReference
from flywheel_async.fields.copies import CopyFilter
from flywheel_async.fields.members import Given, member
from flywheel_async.fields.session import SessionFields
from flywheel_async.models.analysed import Analysed
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.subject import Subject
from flywheel_async.models.tags import Tagged
from flywheel_async.models.timing import Timed
from flywheel_async.resources import instants as _instants
from flywheel_async.resources import moving as _moving
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.project import Project


class Session(SessionFields, FileContainer, FileEntries, Tagged, Noted, Informed, Analysed, Timed):
    """One visit of a subject."""

    container_type: ClassVar[str] = "session"
    child_types: ClassVar[tuple[str, ...]] = ("acquisitions", "analyses", "files")

    subject: Given[Subject] = member()
    files: Given[list[File]] = member()
    analyses: list[Analysis] | None = member()

    @property
    def acquisitions(self) -> AsyncFinder[Acquisition]:
        """The session's acquisitions; route `GET /sessions/{id}/acquisitions`."""
        return core_of(self)._finder("get_session_acquisitions", "Acquisition", id_of(self))

    async def add_acquisition(
        self, body: Mapping[str, object] | Acquisition | None = None, **members: object
    ) -> Acquisition:
        """Creates an acquisition and gets it; routes `POST /acquisitions`, `GET /acquisitions/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords, at least `label`.

        Returns:
            The new acquisition.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> await session.add_acquisition(label="T1w")
        """
        parent = {"session": id_of(self)}
        return cast("Acquisition", await core_of(self)._containers.add_child("acquisition", parent, body, members))

    @property
    def age_years(self) -> float | None:
        """The subject's age in years of 31557600 seconds."""
        return _instants.in_units(self.age, _instants.YEAR)

    @property
    def age_months(self) -> float | None:
        """The subject's age in months of 30 days."""
        return _instants.in_units(self.age, _instants.MONTH)

    @property
    def age_weeks(self) -> float | None:
        """The subject's age in weeks."""
        return _instants.in_units(self.age, _instants.WEEK)

    @property
    def age_days(self) -> float | None:
        """The subject's age in days."""
        return _instants.in_units(self.age, _instants.DAY)

    async def copy_to(
        self,
        destination: Subject | Project | ContainerReference | Mapping[str, str],
        label: str | None = None,
        *,
        filter: CopyFilter | Mapping[str, object] | None = None,
    ) -> Session:
        """Starts copying this session with what is below it; route `POST /sessions/{id}/copy`.

        Args:
            destination: The subject or project to copy to, or its `ref()`.
            label: The copy's label; the same one by default.
            filter: What to leave out, for example `{"exclude_notes": True}`.

        Returns:
            The copy as it is at the start. `reload` it and look at `copy_status` until that is `completed`.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        new = await _moving.copy(
            core_of(self), "session", id_of(self), destination, ("subject", "project"), label, filter
        )
        return cast("Session", new)

    async def move_to(self, destination: Subject | Project | ContainerReference | Mapping[str, str]) -> None:
        """Moves this session with what is below it; route `PUT /sessions/{id}`.

        Args:
            destination: The subject or project to move to, or its `ref()`.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        await _moving.move(core_of(self), "session", id_of(self), destination, ("subject", "project"))
