"""Collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from flywheel_async.fields.collection import CollectionFields
from flywheel_async.fields.members import member
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.entries import FileEntries
from flywheel_async.models.file import File
from flywheel_async.models.info import Informed
from flywheel_async.models.notes import Noted
from flywheel_async.models.tags import Tagged
from flywheel_async.resources import collections as _collections
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.acquisition import Acquisition
    from flywheel_async.models.session import Session


class Collection(CollectionFields, FileContainer, FileEntries, Tagged, Noted, Informed):
    """A hand-picked set of sessions and acquisitions, across projects."""

    container_type: ClassVar[str] = "collection"
    child_types: ClassVar[tuple[str, ...]] = ("sessions", "acquisitions", "analyses", "files")

    analyses: list[Analysis] | None = member()
    files: list[File] | None = member()

    @property
    def sessions(self) -> AsyncFinder[Session]:
        """The sessions with something in the collection; route `GET /collections/{id}/sessions`."""
        return core_of(self)._finder("get_collection_sessions", "Session", id_of(self))

    @property
    def acquisitions(self) -> AsyncFinder[Acquisition]:
        """The acquisitions in the collection; route `GET /collections/{id}/acquisitions`."""
        return core_of(self)._finder("get_collection_acquisitions", "Acquisition", id_of(self))

    async def add_sessions(self, *items: Session | str) -> None:
        """Adds sessions to the collection, with all their acquisitions; route `PUT /collections/{id}`.

        Args:
            *items: The sessions, or their ids.

        Raises:
            ArgumentError: None was given, or one is something else; nothing was sent.
        """
        await _collections.change(core_of(self), id_of(self), "add", "session", items)

    async def add_acquisitions(self, *items: Acquisition | str) -> None:
        """Adds acquisitions to the collection; route `PUT /collections/{id}`.

        Args:
            *items: The acquisitions, or their ids.

        Raises:
            ArgumentError: None was given, or one is something else; nothing was sent.
        """
        await _collections.change(core_of(self), id_of(self), "add", "acquisition", items)

    async def remove_sessions(self, *items: Session | str) -> None:
        """Takes sessions out of the collection, with all their acquisitions; route `PUT /collections/{id}`.

        Args:
            *items: The sessions, or their ids.

        Raises:
            ArgumentError: None was given, or one is something else; nothing was sent.
        """
        await _collections.change(core_of(self), id_of(self), "remove", "session", items)

    async def remove_acquisitions(self, *items: Acquisition | str) -> None:
        """Takes acquisitions out of the collection; route `PUT /collections/{id}`.

        Args:
            *items: The acquisitions, or their ids.

        Raises:
            ArgumentError: None was given, or one is something else; nothing was sent.
        """
        await _collections.change(core_of(self), id_of(self), "remove", "acquisition", items)
