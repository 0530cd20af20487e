"""Downloads over a network that breaks: right bytes at the final name, or a typed error and nothing there."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import socket
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.places import MIB, held, listed, open_below, settled
from tests.client.transfers import DOWNLOADS, FLAVOURS, MEMBER, At, files_below, members, run

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import FlywheelError
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow

HEADERS = 600
"""About how many bytes of an answer come before its body."""
OPTIONS: dict[str, Any] = {
    "total_retries": 3,
    "backoff_factor": 0.02,
    "backoff_max": 0.1,
    "request_timeout": 0.5,
    "disable_auth_check": True,
}


@dataclass(frozen=True)
class Stored:
    """An acquisition on the site, with the hashes of its files; the last one is a zip with one member."""

    acquisition: str
    sizes: dict[str, int]
    hashes: dict[str, str]
    member: str

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True)
class World:
    """A site behind a proxy that breaks connections."""

    site: Emulator
    proxy: FaultProxy
    key: str
    stored: list[Stored]


def _store(site: Emulator, sizes: list[list[int]]) -> list[Stored]:
    found: list[Stored] = []
    with Client(site.api_key) as fw:
        fw.add_group(id="faulty")
        for number, each in enumerate(sizes):
            acquisition: Any = fw.ensure_path(f"faulty/P/S/s/{number}")
            files = {f"{at}.bin": random.Random(f"{number} {at}").randbytes(size) for at, size in enumerate(each)}
            member = random.Random(number).randbytes(each[-1])
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr(MEMBER, member)
            files["packed.zip"] = packed.getvalue()
            for name, data in files.items():
                acquisition.upload_file(data, name=name)
            hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
            lengths = {name: len(data) for name, data in files.items()}
            found.append(Stored(acquisition.id, lengths, hashes, hashlib.sha256(member).hexdigest()))
    return found


@contextmanager
def _world(sizes: list[list[int]]) -> Iterator[World]:
    with Emulator() as site, FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        yield World(site, proxy, key, _store(site, sizes))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with _world([[0, 1, 5_000], [300_000], [2 * MIB, 70_000], [9 * MIB]]) as made:
        yield made


def plans(chance: random.Random, size: int) -> list[ConnectionPlan | None]:
    """What happens to the connections of one download, those that ask for entries included."""
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


def strike(world: World, chance: random.Random, size: int) -> None:
    """Plans what goes wrong for the next download."""
    world.site.faults.clear()
    planned = plans(chance, size)
    first = world.proxy.connections
    always = chance.random() < 0.15

    def plan(number: int) -> ConnectionPlan | None:
        index = number - first
        return planned[index % len(planned)] if always or index < len(planned) else None

    world.proxy.plan = plan
    if chance.random() < 0.3:
        after = chance.choice([None, 0.05, "Wed, 21 Oct 2015 07:28:00 GMT"])
        for operation in ("download_file_from_acquisition", "download_file_from_container", "download_ticket"):
            world.site.faults.add(operation, calls={1, 2}, status=503, retry_after=after)


def check(kind: str, stored: Stored, name: str, folder: Path, got: Any, error: FlywheelError | None) -> None:
    """Looks at what a download has given and left."""
    found = files_below(folder)
    if kind in ("to an object", "to memory", "a stream", "a member as a stream"):
        wanted = stored.member if "member" in kind else stored.hashes[name]
        assert found == {}
        assert error is not None or got == wanted
    elif kind in ("tar, unpacked", "zip, unpacked"):
        # Files that arrived before an error stay, and are right.
        assert found.items() <= stored.hashes.items()
        assert error is not None or found == stored.hashes
    elif error is not None:
        assert found == {}
    elif kind in ("tar", "zip"):
        assert list(found) == [f"all.{kind}"]
        assert members(folder / f"all.{kind}") == stored.hashes
    else:
        assert found == ({"member.bin": stored.member} if kind == "a member" else {name: stored.hashes[name]})
    assert open_below(folder) == []


def _run(world: World, flavour: str, folder: Path, count: int, seed: int) -> Counter[str]:
    """Makes downloads of all kinds; counts those that ended well by their kinds, and the errors of the others."""
    chance = random.Random(seed)
    outcome: Counter[str] = Counter()
    before = held()
    kinds = list(DOWNLOADS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        stored = chance.choice(world.stored)
        name = "packed.zip" if "member" in kind else chance.choice(list(stored.sizes))
        is_archive = kind.startswith(("tar", "zip"))
        place = folder / f"{flavour} {number}"
        place.mkdir()
        strike(world, chance, stored.size if is_archive else stored.sizes[name])
        at = At(stored.acquisition, name, place, options={"stall_timeout": 0.25})
        got, error = None, None
        try:
            got = run(flavour, world.key, kind, at, **OPTIONS)
            outcome["ended well"] += 1
        except FlywheelError as exc:
            error = exc
            outcome[type(exc).__name__] += 1
        check(kind, stored, name, place, got, error)
        shutil.rmtree(place)
    world.site.faults.clear()
    world.proxy.plan = ()
    settled(before)
    return outcome


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_downloads(world: World, tmp_path: Path, flavour: str) -> None:
    outcome = _run(world, flavour, tmp_path, 2 * len(DOWNLOADS), len(flavour))
    assert outcome["ended well"] >= len(DOWNLOADS)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_two_hundred_downloads(tmp_path: Path, flavour: str) -> None:
    chance = random.Random(200)
    sizes = [
        [0, 1],
        [64 * MIB],
        *[[int(2 ** chance.uniform(0, 26)), int(2 ** chance.uniform(0, 16))] for _ in range(18)],
    ]
    with _world(sizes) as world:
        outcome = _run(world, flavour, tmp_path, 200, 200)
    print(f"200 downloads of up to 64 MiB, {flavour}: {dict(outcome)}")
    assert outcome["ended well"] >= 120


@pytest.mark.anyio
async def test_a_wrong_content_length(world: World, tmp_path: Path) -> None:
    """One digit of the header is changed on the way."""
    stored = world.stored[1]
    async with AsyncClient(world.site.api_key) as direct:
        entry = await (await direct.get_acquisition(stored.acquisition)).get_file("0.bin")
    at = _digit_offset(world.site, stored.acquisition, entry.name)
    for place, (bad, ends_well) in enumerate([(1, True), (99, False)]):
        first = world.proxy.connections
        world.proxy.plan = _first(ConnectionPlan(down=Flow(flip=[at])), first, bad)
        fw = AsyncClient(world.key, **OPTIONS)
        folder = tmp_path / str(place)
        folder.mkdir()
        error: FlywheelError | None = None
        try:
            await fw._downloads.entry_to(entry, folder, {"stall_timeout": 0.3})
        except FlywheelError as exc:
            error = exc
        check("to a path", stored, entry.name, folder, None, error)
        assert (error is None) is ends_well
        await fw.aclose()
    world.proxy.plan = ()


def _first(plan: ConnectionPlan, start: int, count: int) -> Callable[[int], ConnectionPlan | None]:
    return lambda number: plan if number - start < count else None


def _digit_offset(site: Emulator, container_id: str, name: str) -> int:
    """Where the last digit of the Content-Length stands in the answer."""
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        key = site.api_key.rpartition(":")[2]
        plain.sendall(
            f"GET /api/acquisitions/{container_id}/files/{name} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: scitran-user {key}\r\nConnection: close\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += plain.recv(4096)
    start = head.lower().index(b"content-length: ") + len(b"content-length: ")
    return head.index(b"\r\n", start) - 1


@pytest.mark.anyio
async def test_cancelled_at_any_moment(world: World, tmp_path: Path) -> None:
    stored = world.stored[2]
    cancelled: list[bool] = []
    world.site.faults.clear()
    world.proxy.plan = lambda number: ConnectionPlan(down=Flow(throttle=8 * MIB))
    async with AsyncClient(world.key) as fw:
        entry = await (await fw.get_acquisition(stored.acquisition)).get_file("0.bin")
        start = anyio.current_time()
        await entry.download(tmp_path, parallel=2)
        whole = anyio.current_time() - start
        (tmp_path / entry.name).unlink()
        for number in range(20):  # from the start to well after the end
            folder = tmp_path / str(number)
            folder.mkdir()
            with anyio.move_on_after(whole * number / 14) as scope:
                await entry.download(folder, parallel=2)
            cancelled.append(scope.cancelled_caught)
            assert listed(folder) == ([] if scope.cancelled_caught else [entry.name])
            assert open_below(tmp_path) == []
            assert fw._transport._budget.free == fw._options.max_connections
    world.proxy.plan = ()
    assert 5 < sum(cancelled) < 20
    assert os.listdir(tmp_path / "0") == []
