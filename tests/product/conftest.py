"""One emulator per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flywheel_async.emulator import Emulator


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator
