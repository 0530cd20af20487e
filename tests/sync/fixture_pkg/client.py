"""The async client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar, overload

from fixture_pkg.getting import AsyncGetting

if TYPE_CHECKING:
    import httpx

    from fixture_pkg.finder import AsyncFinder
    from fixture_pkg.models import Box, Thing

    Anything = Thing | Box
    Many = list[Anything]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncClient(AsyncGetting):
    """Talks to a site.

    Example:
        >>> async with AsyncClient("key") as fw:
        ...     print(await fw.get("id"))

    Args:
        key: A key, with a \\ in it.
    """

    def __init__(
        self,
        key: str | None = None,
        *,
        disable_auth_check: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.calls: list[str] = []
        self._flavour: Any = None
        self._key = key

    def __repr__(self) -> str:
        return "<AsyncClient of nothing>"

    async def __aenter__(self) -> Self:
        self.calls.append("enter")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes; call `aclose` when done."""
        self.calls.append("close")

    async def _check(self) -> None:
        self.calls.append("check")
        if self._key == "wrong":
            raise PermissionError

    @property
    def things(self) -> AsyncFinder[Thing]:
        """All things."""
        from fixture_pkg.finder import AsyncFinder

        return AsyncFinder(self, "Thing")

    @property
    def timeout(self) -> float:
        """Seconds."""
        return 1.5

    def describe(self, style: Literal["long", "short"] = "short") -> str:
        """Says something."""
        return f"{style} {self._key}"

    async def get(self, id: str) -> Anything:
        """Gets one."""
        await asyncio.sleep(0)
        return self.make("Thing", id)

    async def all_of(self, body: Mapping[str, object] | Thing | None = None, **members: object) -> Many:
        return [self.make("Thing", f"{body} {members}")]

    @overload
    async def read(self, to: None = None) -> bytes: ...
    @overload
    async def read(self, to: Path) -> Path: ...
    async def read(self, to: Path | None = None) -> bytes | Path:
        """Reads."""
        return b"data" if to is None else to

    async def each(
        self, source: AsyncIterator[bytes] | list[bytes], told: Callable[[int], Awaitable[None]] | None = None
    ) -> None:
        """Sends."""

    async def apply(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls."""
        return function(*args, **kwargs)

    def make(self, model: str, name: str) -> Any:
        """Makes one."""
        made = self._flavour.registry()[model](name)
        made._core = self
        return made
