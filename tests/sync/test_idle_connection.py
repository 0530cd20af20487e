"""A POST after the server closed the idle connection, which the standing loop of the sync client cannot notice."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client
from flywheel_async.sync._runner import run
from flywheel_async.transport.pool import PooledTransport

PARTS: dict[str, Callable[[], dict[str, object]]] = {
    "default": dict,
    "transport": lambda: {"transport": PooledTransport()},
    "http_client": lambda: {"http_client": httpx.AsyncClient()},
}


@pytest.mark.parametrize("part", list(PARTS))
def test_a_post_succeeds(part: str) -> None:
    given = PARTS[part]()
    with Emulator(keep_alive=1.0) as site, Client(site.api_key, **given) as fw:  # type: ignore[arg-type]
        assert fw.add_group(id="before") == "before"
        time.sleep(2.2)
        assert fw.add_group(id="after") == "after"
        for own in given.values():
            run(own.aclose)  # type: ignore[attr-defined]
