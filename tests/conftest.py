"""Fixtures for all tests: both event loops, and one emulator per test module."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Runs every `anyio` test on both event loops."""
    return str(request.param)
