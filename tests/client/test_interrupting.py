"""Ctrl-C and cancellation in the middle of every kind of transfer: a prompt end, and nothing is left behind."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.places import MIB, open_below
from tests.client.transfers import DOWNLOADS, FLAVOURS, KINDS, MEMBER, UPLOADS, At, in_async

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transport.pool import PooledTransport

SIZE = 24 * MIB
"""More than twice what lies in the buffers of sockets, which a site still gets when its client is gone."""
STORES = (None, "s3", "gcs", "azure")
CASES = [(kind, store) for kind in UPLOADS for store in STORES] + [(kind, None) for kind in DOWNLOADS]
NAMES = [kind if kind in DOWNLOADS else f"{kind}, {store or 'direct'}" for kind, store in CASES]


@dataclass
class Place:
    """A site, of which API and store are behind proxies that let only so much through in a second."""

    site: Emulator
    api: FaultProxy
    store: FaultProxy
    key: str
    acquisition: str

    def slow(self, rate: float | None) -> None:
        """Limits all connections that are made from now on to that many bytes per second; None lifts it."""
        limited = None if rate is None else ConnectionPlan(up=Flow(throttle=rate), down=Flow(throttle=rate))
        for proxy in (self.api, self.store):
            proxy.cut()
            proxy.plan = lambda number: limited

    @property
    def moved(self) -> int:
        return sum(proxy.bytes_up + proxy.bytes_down for proxy in (self.api, self.store))

    @property
    def pending(self) -> dict[str, Any]:
        """Uploads that the store waits for."""
        return self.site.server.site.storage.objects._pending

    def uploaded(self) -> list[str]:
        """The names that the site lists, but for those that were there from the start."""
        with Client(self.site.api_key) as fw:
            files = fw.get_acquisition(self.acquisition).files
        return [file.name for file in files if file.name not in ("data.bin", "packed.zip")]


def _address(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").removesuffix("/api").rsplit(":", 1)
    return "127.0.0.1" if host == "localhost" else host, int(port)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str | None], Place]]:
    """Gives a site for each kind of store."""
    made: dict[str | None, Place] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))

        def make(store: Any) -> Place:
            if store not in made:
                site = stack.enter_context(Emulator(signed_urls=store, part_bytes=2 * MIB, storage_port=0))
                api = stack.enter_context(FaultProxy(_address(site.url)))
                behind = stack.enter_context(FaultProxy(_address(site.storage_url)))
                site.storage_url = f"http://127.0.0.1:{behind.port}"
                with Client(site.api_key) as fw:
                    fw.add_group(id="lab")
                    acquisition: Any = fw.ensure_path("lab/P/S/s/a")
                    packed = io.BytesIO()
                    with zipfile.ZipFile(packed, "w") as archive:
                        archive.writestr(MEMBER, random.Random(1).randbytes(SIZE))
                    acquisition.upload_file(random.Random(2).randbytes(SIZE), name="data.bin")
                    acquisition.upload_file(packed.getvalue(), name="packed.zip")
                key = site.api_key.replace(f":{site.port}:", f":{api.port}:")
                made[store] = Place(site, api, behind, key, acquisition.id)
            return made[store]

        yield make


def at(place: Place, kind: str, folder: Path) -> At:
    name = "new.bin" if kind in UPLOADS else "packed.zip" if "member" in kind else "data.bin"
    source = folder.parent / "source.bin"
    source.write_bytes(random.Random(3).randbytes(SIZE))
    folder.mkdir()
    return At(place.acquisition, name, folder, source)


def check(place: Place, kind: str, folder: Path) -> None:
    """Nothing is left: not here, not on the site, not at the store."""
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    if "unpacked" in kind:
        left = [name for name in left if name not in ("data.bin", "packed.zip")]
    assert left == []
    assert open_below(folder.parent) == []
    deadline = time.monotonic() + 5
    while place.pending and time.monotonic() < deadline:
        time.sleep(0.02)  # the site tidies up a moment after its answer
    assert place.pending == {}
    assert place.uploaded() == []
    states = Path(os.environ["XDG_STATE_HOME"])
    assert [path for path in states.rglob("*") if path.is_file()] == []


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "store"), CASES, ids=NAMES)
async def test_cancelling(
    places: Callable[[str | None], Place], tmp_path: Path, kind: str, store: str | None, anyio_backend: str
) -> None:
    """Cancelled by a scope, and on asyncio by the task itself too, before, early in, and late in the transfer."""
    place = await anyio.to_thread.run_sync(places, store)
    where = at(place, kind, tmp_path / "out")
    place.slow(32 * MIB)
    for number, part in enumerate((0.0, 0.1, 0.5)):
        fw = AsyncClient(place.key, transport=(transport := PooledTransport()), disable_auth_check=True)
        before, cancelled_at = place.moved, 0.0

        async def wait(enough: float = part * SIZE, before: int = before) -> None:
            nonlocal cancelled_at
            while place.moved - before < enough:
                await anyio.sleep(0.01)
            cancelled_at = anyio.current_time()

        if anyio_backend == "asyncio" and number:
            task = asyncio.ensure_future(in_async(KINDS[kind](fw, where)))
            await wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(in_async, KINDS[kind](fw, where))
                await wait()
                group.cancel_scope.cancel()
        assert anyio.current_time() - cancelled_at < 5
        assert transport.open_connections == transport.idle_connections
        assert fw._transport._budget.free == fw._options.max_connections
        await transport.aclose()
        await anyio.to_thread.run_sync(check, place, kind, where.folder)


SOME = ["a path", "to a path", "in parallel", "a stream", "a member", "tar", "zip, unpacked"]
"""Kinds that are interrupted in any case; a process for each takes its time."""
ON_TRIO = [("a path", "s3"), ("in parallel", None)]
"""Those with several tasks, out of whose group Ctrl-C must come on trio; on asyncio it cancels the main task."""


@pytest.mark.parametrize(
    ("kind", "store", "flavour"),
    [
        pytest.param(
            kind,
            store,
            flavour,
            id=f"{name}-{flavour}",
            marks=[] if kind in SOME and (flavour == "sync" or (kind, store) in ON_TRIO) else [pytest.mark.acceptance],
        )
        for (kind, store), name in zip(CASES, NAMES, strict=True)
        for flavour in FLAVOURS
    ],
)
def test_ctrl_c(
    places: Callable[[str | None], Place], tmp_path: Path, kind: str, store: str | None, flavour: str
) -> None:
    place = places(store)
    where = at(place, kind, tmp_path / "out")
    place.slow(16 * MIB)
    before = place.moved
    command = [sys.executable, "-m", "tests.client.transfers", flavour, place.key, kind]
    command += [where.acquisition, where.name, str(where.folder), str(where.source)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while place.moved - before < SIZE / 3 and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt"), errors
    check(place, kind, where.folder)
