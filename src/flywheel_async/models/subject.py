"""Subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.members import Given, member
from flywheel_async.fields.subject import SubjectFields
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.bound import core_of, id_of
from flywheel_async.models.container import FileContainer
from flywheel_async.models.file import File

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.session import Session


class Subject(SubjectFields, FileContainer):
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
