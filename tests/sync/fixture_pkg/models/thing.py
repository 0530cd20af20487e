"""Things."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fixture_pkg.models.container import Container

if TYPE_CHECKING:
    from fixture_pkg.finder import AsyncFinder
    from fixture_pkg.models.box import Box


class Thing(Container):
    """A thing."""

    kind: ClassVar[str] = "thing"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def boxes(self) -> AsyncFinder[Box]:
        """Its boxes."""
        from fixture_pkg.finder import AsyncFinder

        return AsyncFinder(self._core, "Box")

    async def box(self, *, label: str = "x") -> Box:
        """Puts it into a box."""
        made: Box = self._core.make("Box", f"{label} {self.name}")
        made.things = [self]
        return made

    @property
    async def twin(self) -> Box:
        """Its like, in a box."""
        made: Box = self._core.make("Box", f"twin of {self.name}")
        return made
