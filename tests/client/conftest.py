"""One emulator per test module, one fresh group per test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from flywheel_async import AsyncClient, Group
from flywheel_async.emulator import Emulator

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
