"""Downloads over a network that breaks: right bytes at the final name, or a typed error and nothing there."""

from __future__ import annotations

import hashlib
import os
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.places import MIB, listed, open_below

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import FlywheelError
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transport.pool import PooledTransport

HEADERS = 600
"""About how many bytes of an answer come before its body."""
OPTIONS: dict[str, Any] = {
    "total_retries": 3,
    "backoff_factor": 0.02,
    "backoff_max": 0.1,
    "request_timeout": 1.0,
    "disable_auth_check": True,
}


@dataclass(frozen=True)
class Stored:
    """A file on the site."""

    file_id: str
    name: str
    size: int
    hash: str


@dataclass(frozen=True)
class World:
    """A site behind a proxy that breaks connections."""

    site: Emulator
    proxy: FaultProxy
    key: str
    files: list[Stored]


def _store(site: Emulator, sizes: list[int]) -> list[Stored]:
    found: list[Stored] = []
    with Client(site.api_key) as fw:
        fw.add_group(id="faulty")
        project: Any = fw.ensure_path("faulty/P")
        for number, size in enumerate(sizes):
            data = random.Random(number).randbytes(size)
            (entry,) = project.upload_file(data, name=f"{number}.bin")
            found.append(Stored(entry.file_id, entry.name, size, hashlib.sha384(data).hexdigest()))
    return found


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with Emulator() as site, FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        yield World(site, proxy, key, _store(site, [0, 1, 5_000, 300_000, 2 * MIB, 9 * MIB]))


def plans(chance: random.Random, size: int) -> list[ConnectionPlan | None]:
    """What happens to the connections of one download, the one that asks for the entry included."""
    found: list[ConnectionPlan | None] = []
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, size + HEADERS)
        kind = chance.choice(["reset", "truncate", "stall", "flip", "refuse", "none", "up"])
        if kind == "reset":
            found.append(ConnectionPlan(down=Flow(reset_after=at)))
        elif kind == "truncate":
            found.append(ConnectionPlan(down=Flow(truncate_after=at)))
        elif kind == "stall":
            found.append(ConnectionPlan(down=Flow(stall=5.0, stall_after=at)))
        elif kind == "flip":
            found.append(ConnectionPlan(down=Flow(flip=[HEADERS + at, HEADERS + at // 2])))
        elif kind == "refuse":
            found.append(ConnectionPlan(refuse=True))
        elif kind == "up":
            found.append(ConnectionPlan(up=Flow(reset_after=chance.randint(0, 200))))
        else:
            found.append(None)
    return found


def strike(world: World, chance: random.Random, file: Stored) -> None:
    """Plans what goes wrong for the next download."""
    world.site.faults.clear()
    planned = plans(chance, file.size)
    first = world.proxy.connections
    always = chance.random() < 0.15

    def plan(number: int) -> ConnectionPlan | None:
        index = number - first
        return planned[index % len(planned)] if always or index < len(planned) else None

    world.proxy.plan = plan
    if chance.random() < 0.3:
        after = chance.choice([None, 0.05, "Wed, 21 Oct 2015 07:28:00 GMT"])
        world.site.faults.add("download_file_from_project", calls={1, 2}, status=503, retry_after=after)


def check(world: World, file: Stored, folder: Path, error: BaseException | None) -> bool:
    """Looks at what a download has left; tells whether it has ended well."""
    if error is None:
        assert hashlib.sha384((folder / file.name).read_bytes()).hexdigest() == file.hash
    else:
        assert isinstance(error, FlywheelError), repr(error)
    assert set(listed(folder)) <= ({file.name} if error is None else {"*.part", "*.json"})
    assert error is None or file.size >= 8 * MIB or listed(folder) == []
    assert open_below(folder) == []
    return error is None


async def _run(world: World, folder: Path, count: int, seed: int) -> int:
    chance = random.Random(seed)
    good = 0
    for number in range(count):
        file = chance.choice(world.files)
        place = folder / str(number)
        place.mkdir()
        async with AsyncClient(world.site.api_key) as direct:
            entry = await direct.get_file(file.file_id)
        strike(world, chance, file)
        error: BaseException | None = None
        fw = AsyncClient(world.key, transport=(transport := PooledTransport()), **OPTIONS)
        try:
            await fw._downloads.entry_to(entry, place, {"stall_timeout": 0.25, "parallel": chance.choice([None, 3])})
        except FlywheelError as exc:
            error = exc
        assert transport.open_connections == transport.idle_connections
        assert fw._transport._budget.free == fw._options.max_connections
        await transport.aclose()
        good += check(world, file, place, error)
    world.site.faults.clear()
    world.proxy.plan = ()
    return good


@pytest.mark.anyio
@pytest.mark.parametrize("seed", [1, 2])
async def test_downloads(world: World, tmp_path: Path, seed: int) -> None:
    good = await _run(world, tmp_path, 12, seed)
    assert good >= 6


def test_sync_downloads(world: World, tmp_path: Path) -> None:
    chance = random.Random(5)
    good = 0
    for number in range(12):
        file = chance.choice(world.files)
        place = tmp_path / str(number)
        place.mkdir()
        with Client(world.site.api_key) as direct:
            entry = direct.get_file(file.file_id)
        strike(world, chance, file)
        error: BaseException | None = None
        with Client(world.key, **OPTIONS) as fw:
            try:
                fw.download_file_from_container(entry.parent_ref.id, entry.name, place, stall_timeout=0.25)
            except FlywheelError as exc:
                error = exc
        good += check(world, file, place, error)
    world.site.faults.clear()
    assert good >= 6


@pytest.mark.anyio
@pytest.mark.acceptance
@pytest.mark.timeout(1800)
async def test_two_hundred_downloads(tmp_path: Path) -> None:
    chance = random.Random(200)
    sizes = [0, 1, 64 * MIB, *(int(2 ** chance.uniform(0, 26)) for _ in range(37))]
    with Emulator() as site, FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        good = await _run(World(site, proxy, key, _store(site, sizes)), tmp_path, 200, 200)
    print(f"{good} of 200 downloads ended well, the others with a typed error")
    assert good >= 120


@pytest.mark.anyio
async def test_a_wrong_content_length(world: World, tmp_path: Path) -> None:
    """One digit of the header is changed on the way."""
    file = world.files[3]
    async with AsyncClient(world.site.api_key) as direct:
        entry = await direct.get_file(file.file_id)
    at = _digit_offset(world.site, entry.parent_ref.id, entry.name)
    for place, (bad, ends_well) in enumerate([(1, True), (99, False)]):
        first = world.proxy.connections
        flipped = ConnectionPlan(down=Flow(flip=[at]))
        world.proxy.plan = _first(flipped, first, bad)
        fw = AsyncClient(world.key, **OPTIONS)
        folder = tmp_path / str(place)
        folder.mkdir()
        error: BaseException | None = None
        try:
            await fw._downloads.entry_to(entry, folder, {"stall_timeout": 0.3})
        except FlywheelError as exc:
            error = exc
        assert check(world, file, folder, error) is ends_well
        await fw.aclose()
    world.proxy.plan = ()


def _first(plan: ConnectionPlan, start: int, count: int) -> Callable[[int], ConnectionPlan | None]:
    return lambda number: plan if number - start < count else None


def _digit_offset(site: Emulator, container_id: str, name: str) -> int:
    """Where the last digit of the Content-Length stands in the answer."""
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        key = site.api_key.rpartition(":")[2]
        plain.sendall(
            f"GET /api/projects/{container_id}/files/{name} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: scitran-user {key}\r\nConnection: close\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += plain.recv(4096)
    start = head.lower().index(b"content-length: ") + len(b"content-length: ")
    return head.index(b"\r\n", start) - 1


@pytest.mark.anyio
async def test_cancelled_at_any_moment(world: World, tmp_path: Path) -> None:
    file = world.files[4]
    cancelled: list[bool] = []
    world.site.faults.clear()
    world.proxy.plan = lambda number: ConnectionPlan(down=Flow(throttle=8 * MIB))
    async with AsyncClient(world.key) as fw:
        entry = await fw.get_file(file.file_id)
        start = anyio.current_time()
        await entry.download(tmp_path, parallel=2)
        whole = anyio.current_time() - start
        (tmp_path / file.name).unlink()
        for number in range(20):  # from the start to well after the end
            folder = tmp_path / str(number)
            folder.mkdir()
            with anyio.move_on_after(whole * number / 14) as scope:
                await entry.download(folder, parallel=2)
            cancelled.append(scope.cancelled_caught)
            assert listed(folder) == ([] if scope.cancelled_caught else [file.name])
            assert open_below(tmp_path) == []
            assert fw._transport._budget.free == fw._options.max_connections
    world.proxy.plan = ()
    assert 5 < sum(cancelled) < 20
    assert os.listdir(tmp_path / "0") == []
