"""Projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.common import ContainerReference
from flywheel_async.fields.copies import CopyFilter, ProjectCopyOutput
from flywheel_async.fields.members import Given, member
from flywheel_async.fields.project import ProjectFields
from flywheel_async.models.analysed import Analysed
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.permissions import ProjectAccess
from flywheel_async.models.tags import Tagged
from flywheel_async.resources import moving as _moving
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.group import Group
    from flywheel_async.models.session import Session
    from flywheel_async.models.subject import Subject


class Project(ProjectFields, FileContainer, FileEntries, Tagged, Noted, Informed, Analysed, ProjectAccess):
    """A study: subjects, their sessions and files, and the people who may see them."""

    container_type: ClassVar[str] = "project"
    child_types: ClassVar[tuple[str, ...]] = ("subjects", "sessions", "analyses", "files")

    files: Given[list[File]] = member()
    analyses: list[Analysis] | None = member()

    @property
    def subjects(self) -> AsyncFinder[Subject]:
        """The project's subjects; route `GET /projects/{id}/subjects`."""
        return core_of(self)._finder("get_project_subjects", "Subject", id_of(self))

    @property
    def sessions(self) -> AsyncFinder[Session]:
        """The project's sessions; route `GET /projects/{id}/sessions`."""
        return core_of(self)._finder("get_project_sessions", "Session", id_of(self))

    @property
    def acquisitions(self) -> AsyncFinder[Acquisition]:
        """The project's acquisitions; route `GET /projects/{id}/acquisitions`."""
        return core_of(self)._finder("get_project_acquisitions", "Acquisition", id_of(self))

    async def add_subject(self, body: Mapping[str, object] | Subject | None = None, **members: object) -> Subject:
        """Creates a subject and gets it; routes `POST /subjects`, `GET /subjects/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords, at least `label`.

        Returns:
            The new subject.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> await project.add_subject(label="0042", sex="female")
        """
        parent = {"project": id_of(self)}
        return cast("Subject", await core_of(self)._containers.add_child("subject", parent, body, members))

    async def add_session(self, body: Mapping[str, object] | Session | None = None, **members: object) -> Session:
        """Creates a session and gets it; routes `POST /sessions`, `GET /sessions/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords: `label`, and `subject`, which is an id, a mapping such as
                `{"label": "0042"}` or a `Subject`.

        Returns:
            The new session.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> await project.add_session(label="visit 1", subject={"label": "0042"})
        """
        parent = {"project": id_of(self)}
        return cast("Session", await core_of(self)._containers.add_child("session", parent, body, members))

    async def copy_to(
        self,
        destination: Group | ContainerReference | Mapping[str, str] | str,
        label: str,
        *,
        filter: CopyFilter | Mapping[str, object] | None = None,
    ) -> ProjectCopyOutput:
        """Starts copying this project with what is below it; route `POST /projects/{id}/copy`.

        Args:
            destination: The group to copy to, its `ref()` or its id.
            label: The copy's label.
            filter: What to leave out, for example `{"exclude_notes": True}`.

        Returns:
            The ids of the new project and of the task that fills it. Get the project and look at `copy_status` until
            that is `completed`.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        return await _moving.copy_project(core_of(self), id_of(self), destination, label, filter)

    async def move_to(self, destination: Group | ContainerReference | Mapping[str, str] | str) -> None:
        """Moves this project to another group; route `PUT /projects/{id}`.

        Args:
            destination: The group, its `ref()` or its id.

        Raises:
            ArgumentError: The destination is something else; nothing was sent.
            APIError: The site refused.
        """
        await _moving.move(core_of(self), "project", id_of(self), destination, ("group",))
