"""Notes on containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.fields.common import Note

if TYPE_CHECKING:
    from flywheel_async.core import Core


def _text(note: object) -> str:
    text = cast("Mapping[str, object]", note).get("text") if isinstance(note, (Mapping, Model)) else note
    if not isinstance(text, str) or not text:
        raise ArgumentError(f"a note must be a non-empty text, not {note!r}")
    return text


def _id(note: object) -> object:
    return note.get("id") if isinstance(note, Model) else note


async def add(core: Core, kind: str, container_id: str, note: object) -> Note:
    """Adds a note."""
    return core._plain(Note, await core._call(f"add_{kind}_note", container_id, {"text": _text(note)}))


async def update(core: Core, kind: str, container_id: str, note: object, text: object) -> None:
    """Replaces the text of a note."""
    await core._call(f"modify_{kind}_note", container_id, _id(note), {"text": _text(text)})


async def delete(core: Core, kind: str, container_id: str, note: object) -> None:
    """Deletes a note."""
    await core._call(f"delete_{kind}_note", container_id, _id(note))
