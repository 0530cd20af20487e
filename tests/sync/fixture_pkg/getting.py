"""A part of the client."""

from __future__ import annotations


class AsyncGetting:
    """Gets names; use it as `await fw.name()`."""

    _name = "n"

    async def name(self) -> str:
        """Gets the name."""
        return self._name
