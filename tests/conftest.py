"""What all tests share: both event loops, and Ctrl-C as in a terminal."""

from __future__ import annotations

import signal
from importlib.util import find_spec

import pytest

# The official client and the S3 server live in environments of their own; see the nox sessions interop and stores.
_ELSEWHERE = {"interop": "flywheel", "stores": "moto"}
collect_ignore = [folder for folder, library in _ELSEWHERE.items() if not find_spec(library)]


# What a shell starts in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Runs every `anyio` test on both event loops."""
    return str(request.param)
