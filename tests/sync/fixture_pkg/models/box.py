"""Boxes."""

from __future__ import annotations

from typing import ClassVar

from fixture_pkg.models.container import Container
from fixture_pkg.models.thing import Thing


class Box(Container):
    """A box of things."""

    kind: ClassVar[str] = "box"

    things: list[Thing]
    """What is inside."""
    tags = ("a",)

    def __init__(self, name: str) -> None:
        self.name = name
