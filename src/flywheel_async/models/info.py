"""The free-form metadata (`info`) of containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flywheel_async.models.container import Container
from flywheel_async.resources import info as _info
from flywheel_async.resources.bound import core_of, id_of


class Informed(Container):
    """A container that has `info`."""

    async def update_info(self, body: Mapping[str, object] | None = None, /, **members: object) -> None:
        """Replaces some top-level keys of `info` and leaves the others; route `PATCH /{containers}/{id}/info`.

        This differs from `update(info=...)` where values are mappings themselves: there the site merges what is
        inside, here the whole value of a key is replaced.

        Args:
            body: New values by key.
            **members: The same as keywords.

        Raises:
            ArgumentError: A value has no JSON form of its own (NaN, a date-time, a set, a numpy scalar ...); the
                message names the key path. Nothing was sent.

        Warns:
            InfoKeyWarning: A key holds a `.` or `$`, which is stored as `_` or `-`.

        Example:
            >>> await session.replace_info({"scan": {"tr": 1}})
            >>> await session.update(info={"scan": {"te": 2}})  # now {"scan": {"tr": 1, "te": 2}}
            >>> await session.update_info({"scan": {"te": 3}})  # now {"scan": {"te": 3}}
        """
        await _info.change(core_of(self), self.container_type, id_of(self), _info.to_set(body, members))

    async def replace_info(self, body: Mapping[str, object], /) -> None:
        """Replaces all of `info`; route `PATCH /{containers}/{id}/info`.

        Args:
            body: The new metadata; an empty mapping leaves none.

        Raises:
            ArgumentError: A value has no JSON form of its own; nothing was sent.
        """
        await _info.change(core_of(self), self.container_type, id_of(self), _info.to_replace(body))

    async def delete_info(self, *keys: str | Sequence[str]) -> None:
        """Removes keys of `info`; absent ones do not matter. Route `PATCH /{containers}/{id}/info`.

        Args:
            *keys: Keys, or lists of keys. A dot reaches inside: `"scan.te"` is the key `te` of `scan`.

        Raises:
            ArgumentError: No key was given, or one is not a text; nothing was sent.

        Example:
            >>> await session.delete_info("operator", "scanner")
        """
        await _info.change(core_of(self), self.container_type, id_of(self), _info.to_delete(keys))
