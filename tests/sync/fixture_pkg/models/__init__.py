"""Things with async methods."""

from __future__ import annotations

from fixture_pkg.models.box import Box
from fixture_pkg.models.thing import Thing

__all__ = ["Box", "Thing"]


def registry() -> dict[str, type[object]]:
    """The classes by name."""
    return {"Box": Box, "Thing": Thing}
