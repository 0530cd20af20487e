"""Tags of containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flywheel_async.models.container import Container
from flywheel_async.resources import tags as _tags
from flywheel_async.resources.bound import core_of, id_of


class Tagged(Container):
    """A container that has tags."""

    async def add_tag(self, tag: str | Mapping[str, object]) -> None:
        """Adds a tag; route `POST /{containers}/{id}/tags`.

        Args:
            tag: Its text, or a mapping with the text as `value`.

        Raises:
            ArgumentError: It is not a text, or empty; nothing was sent.
            Conflict: The tag is there already.

        Example:
            >>> await session.add_tag("quality/good")
        """
        await _tags.add(core_of(self), self.container_type, id_of(self), tag)

    async def add_tags(self, tags: Iterable[str]) -> None:
        """Adds several tags in one request; those that are there stay. Route `PATCH /{containers}/{id}/tags`.

        Args:
            tags: Their texts.

        Raises:
            ArgumentError: One is not a text, or empty; nothing was sent.
        """
        await _tags.add_many(core_of(self), self.container_type, id_of(self), tags)

    async def rename_tag(self, old: str, new: str) -> None:
        """Renames a tag; route `PUT /{containers}/{id}/tags/{tag}`.

        A group's tag is renamed on everything below the group too.

        Args:
            old: Its text.
            new: Its new text.

        Raises:
            NotFound: There is no such tag.
            Conflict: The new one is there already.
        """
        await _tags.rename(core_of(self), self.container_type, id_of(self), old, new)

    async def delete_tag(self, tag: str) -> None:
        """Takes a tag away; route `DELETE /{containers}/{id}/tags/{tag}`.

        A group's tag is taken away from everything below the group too.

        Args:
            tag: Its text.

        Raises:
            NotFound: There is no such tag.
        """
        await _tags.delete(core_of(self), self.container_type, id_of(self), tag)

    async def delete_tags(self, tags: Iterable[str]) -> None:
        """Takes several tags away in one request; absent ones do not matter. Route `DELETE /{containers}/{id}/tags`.

        Args:
            tags: Their texts.

        Raises:
            ArgumentError: One is not a text, or empty; nothing was sent.
        """
        await _tags.delete_many(core_of(self), self.container_type, id_of(self), tags)
