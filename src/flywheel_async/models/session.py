"""Sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.members import Given, member
from flywheel_async.fields.session import SessionFields
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.bound import core_of, id_of
from flywheel_async.models.container import FileContainer
from flywheel_async.models.file import File
from flywheel_async.models.subject import Subject

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.acquisition import Acquisition


class Session(SessionFields, FileContainer):
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
