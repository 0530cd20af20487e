"""Uploads over a network that breaks: what is listed is right, or a typed error is raised and nothing is listed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from tests.client.places import held, settled

from flywheel_async.emulator import Emulator
from flywheel_async.errors import FlywheelError
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow

KIB, MIB = 1024, 1024 * 1024
PART = 256 * KIB
WAYS = ("direct", "s3", "gcs", "azure")


@pytest.fixture(autouse=True)
def states(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of unfinished uploads."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def site_with(way: str) -> Emulator:
    """A site that takes uploads in this way."""
    if way == "direct":
        return Emulator()
    return Emulator(signed_urls=way, part_bytes=PART, storage_port=0)  # type: ignore[arg-type]


def target(site: Emulator, *, store: bool) -> tuple[str, int]:
    address = site.storage_url if store else site.url.removesuffix("/api")
    host, port = address.removeprefix("http://").rsplit(":", 1)
    return host, int(port)


def some_flow(random_: random.Random, size: int) -> Flow:
    """One thing that goes wrong, somewhere in about `size` bytes."""
    at = random_.randrange(max(size + 2000, 1))
    kind = random_.choice(["reset", "truncate", "stall", "flip", "fine"])
    return {
        "reset": Flow(reset_after=at),
        "truncate": Flow(truncate_after=at),
        "stall": Flow(stall=5.0, stall_after=at),
        "flip": Flow(flip=[at]),
        "fine": Flow(),
    }[kind]


def some_plan(random_: random.Random, size: int) -> list[ConnectionPlan | None]:
    plan: list[ConnectionPlan | None] = []
    for _ in range(4):
        if random_.random() < 0.2:
            plan.append(ConnectionPlan(refuse=True))
        elif random_.random() < 0.7:
            plan.append(ConnectionPlan(up=some_flow(random_, size)))
        else:
            plan.append(ConnectionPlan(down=some_flow(random_, 500)))
    return plan


def transfer(site: Emulator, folder: Path, sizes: list[int], seed: int, *, flavour: str) -> tuple[int, int]:
    """Uploads files of these sizes, each over a network that breaks; returns how many arrived and how many did not."""
    random_ = random.Random(seed)
    stored: dict[str, str] = {}
    refused = 0
    with Client(site.api_key) as sure:
        project = sure.get_group(sure.add_group(id=f"lab{seed}")).add_project(label="P")
        for number, size in enumerate(sizes):
            name = f"file {number}"
            path = folder / name
            data = random_.randbytes(size)
            path.write_bytes(data)
            with (
                FaultProxy(target(site, store=False), some_plan(random_, size)) as api,
                FaultProxy(target(site, store=True), some_plan(random_, size)) as store,
            ):
                original = site.storage_url
                site.storage_url = f"http://127.0.0.1:{store.port}"
                if random_.random() < 0.3:
                    after = random_.choice([None, 0, 0.05])
                    site.faults.add("upload_file_to_project", calls={1}, status=503, retry_after=after)
                host, _, *rest = site.api_key.split(":")
                key = ":".join([host, str(api.port), *rest])
                try:
                    upload(flavour, key, project.id, path)
                    stored[name] = f"v0-sha384-{hashlib.sha384(data).hexdigest()}"
                except FlywheelError:
                    refused += 1
                finally:
                    site.storage_url = original
                    site.faults.clear()
            listed = {file.name: file.hash for file in project.reload().files}
            if name in stored:
                assert listed == stored
            else:
                # An answer may get lost for good; then the file may be there, but never another one.
                assert listed.keys() <= {*stored, name}
                if name in listed:
                    assert listed[name] == f"v0-sha384-{hashlib.sha384(data).hexdigest()}"
                    stored[name] = listed[name]
            path.unlink()
    return len(stored), refused


def upload(flavour: str, key: str, project_id: str, path: Path) -> None:
    options = {"backoff_factor": 0.02, "request_timeout": 0.5, "disable_auth_check": True}
    if flavour == "sync":
        with Client(key, **options) as fw:
            fw.upload_file_to_container(project_id, path)
        return
    import anyio

    from flywheel_async import AsyncClient

    async def main() -> None:
        async with AsyncClient(key, **options) as fw:
            await fw.upload_file_to_container(project_id, path)

    anyio.run(main, backend=flavour)


@pytest.mark.parametrize(
    ("way", "flavour"), [("direct", "trio"), ("direct", "sync"), ("s3", "asyncio"), ("gcs", "sync"), ("azure", "trio")]
)
def test_all_or_nothing(tmp_path: Path, states: Path, way: str, flavour: str) -> None:
    sizes = [0, 1000, PART, 3 * PART + 5, MIB]
    arrived, refused = all_or_nothing(tmp_path, states, way, flavour, sizes)
    assert arrived >= 3
    assert arrived + refused >= 5


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("flavour", ["asyncio", "sync"])
@pytest.mark.parametrize("way", WAYS)
def test_all_or_nothing_in_full(tmp_path: Path, states: Path, way: str, flavour: str) -> None:
    """Together more than 200 transfers of up to 64 MiB."""
    random_ = random.Random(way)
    sizes = [int(2 ** random_.uniform(0, 26)) for _ in range(28)] + [0, 64 * MIB]
    arrived, refused = all_or_nothing(tmp_path, states, way, flavour, sizes)
    print(f"{way}, {flavour}: {arrived} of {len(sizes)} arrived, {refused} errors")
    assert arrived > len(sizes) / 2


def all_or_nothing(tmp_path: Path, states: Path, way: str, flavour: str, sizes: list[int]) -> tuple[int, int]:
    """Uploads files and checks that nothing else is left behind."""
    source = tmp_path / "source"
    source.mkdir()
    with site_with(way) as site:
        transfer(site, source, [1, MIB], 0, flavour=flavour)  # makes the threads that stay
        before = held()
        outcome = transfer(site, source, sizes, 5, flavour=flavour)
        settled(before)
    assert list(source.iterdir()) == []
    assert [path for path in states.rglob("*") if path.is_file()] == []
    return outcome


SCRIPT = """
import sys
from flywheel_async.sync import Client

with Client() as fw:
    (entry,) = fw.upload_file_to_container(sys.argv[1], sys.argv[2])
    print(entry.hash)
"""


def start(site: Emulator, project_id: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), project_id, str(path)],
        env={**os.environ, "FLYWHEEL_API_KEY": site.api_key},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("s3", 16 * MIB),
        ("gcs", 16 * MIB),
        *[
            pytest.param(kind, 512 * MIB, marks=[pytest.mark.acceptance, pytest.mark.timeout(600)])
            for kind in ("s3", "gcs", "azure")
        ],
    ],
)
def test_a_killed_upload_goes_on(tmp_path: Path, states: Path, kind: Any, size: int) -> None:
    path = tmp_path / "big.bin"
    block = os.urandom(MIB - 8)
    data = b"".join(number.to_bytes(8, "big") + block for number in range(size // MIB))
    path.write_bytes(data)
    parts = size // 64
    with Emulator(signed_urls=kind, part_bytes=parts, storage_port=0) as site, Client(site.api_key) as fw:
        project = fw.get_group(fw.add_group(id="lab")).add_project(label="P")
        slow = ConnectionPlan(up=Flow(throttle=size))
        with FaultProxy(target(site, store=True), [slow] * 100) as proxy:
            site.storage_url = f"http://127.0.0.1:{proxy.port}"
            first = start(site, project.id, path)
            while proxy.bytes_up < size * 0.6 and first.poll() is None:
                time.sleep(0.01)
            first.send_signal(signal.SIGKILL)
            first.communicate()
            assert proxy.bytes_up < size
            assert project.reload().files == []
            assert len(list(states.rglob("*.json"))) == 1
            proxy.plan = []
            second = start(site, project.id, path)
            output, _ = second.communicate()
            assert second.returncode == 0
            assert output.strip() == f"v0-sha384-{hashlib.sha384(data).hexdigest()}"
            print(f"{kind}, {size // MIB} MiB: {proxy.bytes_up / size:.3f} of its size on the wire")
            assert proxy.bytes_up < 1.2 * size
        assert [(file.name, file.version) for file in project.reload().files] == [("big.bin", 1)]
        assert list(states.rglob("*.json")) == []


def test_a_killed_upload_of_a_file_that_changed_starts_again(tmp_path: Path, states: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(4 * MIB))
    with Emulator(signed_urls="s3", part_bytes=PART, storage_port=0) as site, Client(site.api_key) as fw:
        project = fw.get_group(fw.add_group(id="lab")).add_project(label="P")
        with FaultProxy(target(site, store=True), [ConnectionPlan(up=Flow(throttle=MIB))] * 100) as proxy:
            site.storage_url = f"http://127.0.0.1:{proxy.port}"
            first = start(site, project.id, path)
            while proxy.bytes_up < 2 * MIB and first.poll() is None:
                time.sleep(0.01)
            first.send_signal(signal.SIGKILL)
            first.communicate()
            proxy.plan = []
            data = os.urandom(4 * MIB)
            path.write_bytes(data)
            (entry,) = project.upload_file(path)
        assert entry.hash == f"v0-sha384-{hashlib.sha384(data).hexdigest()}"
        assert site.server.site.storage.objects._pending == {}
        assert list(states.rglob("*.json")) == []


def test_ctrl_c_hands_the_ticket_back(tmp_path: Path, states: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(4 * MIB))
    with Emulator(signed_urls="s3", part_bytes=PART, storage_port=0) as site, Client(site.api_key) as fw:
        project = fw.get_group(fw.add_group(id="lab")).add_project(label="P")
        with FaultProxy(target(site, store=True), [ConnectionPlan(up=Flow(throttle=MIB / 2))] * 100) as proxy:
            site.storage_url = f"http://127.0.0.1:{proxy.port}"
            running = start(site, project.id, path)
            while proxy.bytes_up < MIB and running.poll() is None:
                time.sleep(0.01)
            running.send_signal(signal.SIGINT)
            began = time.monotonic()
            running.communicate(timeout=10)
            assert time.monotonic() - began < 5
            assert running.returncode != 0
        assert project.reload().files == []
        assert site.server.site.storage.objects._pending == {}
        assert list(states.rglob("*.json")) == []
