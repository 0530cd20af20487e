"""One emulator per test module, one fresh group per test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from flywheel_async import AsyncClient, Group
from flywheel_async.emulator import Emulator
from flywheel_async.transport.pool import PooledTransport

_numbers = itertools.count()


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "site" in request.fixturenames:
        request.getfixturevalue("site").faults.clear()


@pytest.fixture
async def fw(site: Emulator, anyio_backend: str) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(site.api_key, backoff_factor=0.02)
    yield client
    await client.aclose()


@pytest.fixture
async def group(fw: AsyncClient) -> Group:
    found = await fw.get(await fw.add_group(id=f"group_{next(_numbers)}", label="A Group"))
    assert isinstance(found, Group)
    return found


class Traffic(httpx.AsyncBaseTransport):
    """The default transport, with a list of what goes through it."""

    def __init__(self) -> None:
        self._inner = PooledTransport()
        self._seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.append(f"{request.method} {request.url.raw_path.decode().removeprefix('/api')}")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def take(self) -> list[str]:
        """What was sent since the last time."""
        seen, self._seen = self._seen, []
        return seen


@pytest.fixture
async def traffic(anyio_backend: str) -> AsyncIterator[Traffic]:
    transport = Traffic()
    yield transport
    await transport.aclose()


@pytest.fixture
async def watched(site: Emulator, traffic: Traffic) -> AsyncClient:
    """A client whose requests are counted."""
    return AsyncClient(site.api_key, disable_auth_check=True, transport=traffic)
