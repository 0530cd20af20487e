"""Subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.common import ContainerReference
from flywheel_async.fields.copies import CopyFilter
from flywheel_async.fields.members import Given, member
from flywheel_async.fields.subject import SubjectFields
from flywheel_async.models.analysed import Analysed
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.tags import Tagged
from flywheel_async.resources import moving as _moving
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.project import Project
    from flywheel_async.models.session import Session


class Subject(SubjectFields, FileContainer, FileEntries, Tagged, Noted, Informed, Analysed):
    """A participant, animal or phantom within a project."""

    container_type: ClassVar[str] = "subject"
    child_types: ClassVar[tuple[str, ...]] = ("sessions", "analyses", "files")

    files: Given[list[File]] = member()
    analyses: list[Analysis] | None = member()

    @property
    def sessions(self) -> AsyncFinder[Session]:
        """The subject's sessions; route `GET /subjects/{id}/sessions`."""
        return core_of(self)._finder("get_subject_sessions", "Session", id_of(self))

    async def add_session(self, body: Mapping[str, object] | Session | None = None, **members: object) -> Session:
        """Creates a session of this subject and gets it; routes `POST /sessions`, `GET /sessions/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords, at least `label`.

        Returns:
            The new session.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> await subject.add_session(label="visit 1", age=1009843200)
        """
        parent = {"project": self.parents.project or self.project, "subject": {"_id": id_of(self)}}
        return cast("Session", await core_of(self)._containers.add_child("session", parent, body, members))

    async def copy_to(
        self,
        destination: Project | ContainerReference | Mapping[str, str] | str,
        label: str | None = None,
        *,
        filter: CopyFilter | Mapping[str, object] | None = None,
    ) -> Subject:
        """Starts copying this subject with what is below it; route `POST /subjects/{id}/copy`.

        Args:
            destination: The project to copy to, its `ref()` or its id.
            label: The copy's label; the same one by default.
            filter: What to leave out, for example `{"exclude_notes": True}`.

        Returns:
            The copy as it is at the start. `reload` it and look at `copy_status` until that is `completed`.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        new = await _moving.copy(core_of(self), "subject", id_of(self), destination, ("project",), label, filter)
        return cast("Subject", new)

    async def move_to(self, destination: Project | ContainerReference | Mapping[str, str] | str) -> None:
        """Moves this subject with what is below it; route `PUT /subjects/{id}`.

        Args:
            destination: The project to move to, its `ref()` or its id.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        await _moving.move(core_of(self), "subject", id_of(self), destination, ("project",))
