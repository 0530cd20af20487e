"""What every old script starts with: a site, and a sync client of its admin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client


@pytest.fixture
def site() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def fw(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as client:
        yield client
