"""Our async client for tests that are written as plain functions, as the official client's have to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest

from flywheel_async import AsyncClient

T = TypeVar("T")

QUIET = [
    # The official client warns about its own classes, and about names that its methods cannot address.
    pytest.mark.filterwarnings("ignore:The .* model has been deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Filename .* contains disallowed character:UserWarning"),
]
"""For `pytestmark` in modules that use the official client."""

BOTH_LOOPS = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
"""For tests that are worth running on both event loops; the others use asyncio."""


class Ours:
    """Runs work of our client on an event loop of its own.

    Example:
        >>> ours = Ours(site.api_key, "trio")
        >>> ours(lambda fw: fw.get_current_user()).id

    Args:
        key: The API key string.
        backend: `asyncio` or `trio`.
        exhaustive: Whether to ask for everything on the site.
    """

    def __init__(self, key: str, backend: str, *, exhaustive: bool = False) -> None:
        # One client for all calls, since the objects it makes go on using it.
        self._client = AsyncClient(key, exhaustive=exhaustive)
        self._backend = backend

    def __call__(self, work: Callable[[AsyncClient], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self._client as fw:
                return await work(fw)

        return anyio.run(run, backend=self._backend)
