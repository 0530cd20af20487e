"""What all tests share: both event loops."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# The official client lives in an environment of its own; see the nox session interop.
collect_ignore = [] if find_spec("flywheel") else ["interop"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Runs every `anyio` test on both event loops."""
    return str(request.param)
