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


class Ours:
    """Runs work of our client on an event loop of its own.

    Example:
        >>> ours = Ours(site.api_key, "trio")
        >>> ours(lambda fw: fw.get_current_user()).id

    Args:
        key: The API key string.
        backend: `asyncio` or `trio`.
    """

    def __init__(self, key: str, backend: str) -> None:
        # One client for all calls, since the objects it makes go on using it.
        self._client = AsyncClient(key)
        self._backend = backend

    def __call__(self, work: Callable[[AsyncClient], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self._client as fw:
                return await work(fw)

        return anyio.run(run, backend=self._backend)
