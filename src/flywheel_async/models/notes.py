"""Notes on containers."""

from __future__ import annotations

from collections.abc import Mapping

from flywheel_async.fields.common import Note
from flywheel_async.models.container import Container
from flywheel_async.resources import notes as _notes
from flywheel_async.resources.bound import core_of, id_of


class Noted(Container):
    """A container that has notes."""

    async def add_note(self, text: str | Mapping[str, object]) -> Note:
        """Adds a note; route `POST /{containers}/{id}/notes`.

        Args:
            text: What it says, or a mapping with that as `text`.

        Returns:
            The note, with its id, author and time.

        Raises:
            ArgumentError: It is not a text, or empty; nothing was sent.

        Example:
            >>> note = await session.add_note("The subject moved.")
        """
        return await _notes.add(core_of(self), self.container_type, id_of(self), text)

    async def update_note(self, note_id: str | Note, text: str | Mapping[str, object]) -> None:
        """Replaces the text of a note; route `PUT /{containers}/{id}/notes/{note_id}`.

        Args:
            note_id: The note, or its id.
            text: What it shall say.

        Raises:
            NotFound: There is no such note.
            Forbidden: It is another user's.
        """
        await _notes.update(core_of(self), self.container_type, id_of(self), note_id, text)

    async def delete_note(self, note_id: str | Note) -> None:
        """Deletes a note; route `DELETE /{containers}/{id}/notes/{note_id}`.

        Args:
            note_id: The note, or its id.

        Raises:
            NotFound: There is no such note.
            Forbidden: It is another user's.
        """
        await _notes.delete(core_of(self), self.container_type, id_of(self), note_id)
