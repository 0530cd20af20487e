"""What all have in common."""

from __future__ import annotations

from typing import ClassVar, Self

from fixture_pkg.models.data import Data


class Container(Data):
    """Anything with a name."""

    kind: ClassVar[str]

    async def rename(self, name: str) -> None:
        """Gives another name; `await thing.rename("b")`."""
        self.name = name

    async def reload(self) -> Self:
        return self

    def ref(self) -> str:
        """Names it."""
        return f"{self.kind}/{self.name}"
