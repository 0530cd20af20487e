"""Finds things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar, Unpack

from fixture_pkg.pagination import AsyncPager

if TYPE_CHECKING:
    from fixture_pkg.client import AsyncClient

M = TypeVar("M")
DEFAULT_PAGE = 2


class FindOptions(TypedDict, total=False):
    """What every search takes."""

    sort: str | None


class AsyncFinder(Generic[M]):
    """Finds.

    Example:
        >>> async for thing in fw.things.iter_find("a=1"):
        ...     await thing.rename("b")

    Args:
        core: The client.
        model: Name of the class.
    """

    _secret = 1

    def __init__(self, core: AsyncClient, model: str) -> None:
        self._core = core
        self._model = model

    def __repr__(self) -> str:
        return f"<AsyncFinder of {self._model}>"

    async def __call__(self, *, limit: int | None = None, **options: Unpack[FindOptions]) -> list[M]:
        return [self._core.make(self._model, f"{limit} {options}")]

    async def find_first(self, name: str, /, *filters: str, **options: Unpack[FindOptions]) -> M | None:
        """Finds one or None."""
        return self._core.make(self._model, " ".join([name, *filters])) if name else None

    def iter_find(self, *filters: str, limit: int = DEFAULT_PAGE) -> AsyncPager[M]:
        """Returns an async iterator, an async context manager."""
        return AsyncPager([[self._core.make(self._model, text)] for text in filters[:limit]])

    async def _hidden(self) -> None:
        raise NotImplementedError
