"""Pages of things."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class AsyncPager(Generic[T]):
    """Counts down a list of pages."""

    def __init__(self, pages: list[list[T]]) -> None:
        self.left = pages

    async def next_page(self) -> list[T] | None:
        return self.left.pop(0) if self.left else None

    async def aclose(self) -> None:
        self.left = []
