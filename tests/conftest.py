"""What all tests share: both event loops."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# The official client and the S3 server live in environments of their own; see the nox sessions interop and stores.
_ELSEWHERE = {"interop": "flywheel", "stores": "moto"}
collect_ignore = [folder for folder, library in _ELSEWHERE.items() if not find_spec(library)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Runs every `anyio` test on both event loops."""
    return str(request.param)
