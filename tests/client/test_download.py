"""Downloads of one file: where they may go, how they are fetched, what is left when they end early."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiofiles
import anyio
import httpx
import pytest
from tests.client.conftest import Traffic
from tests.client.places import MIB, acquisition_of, listed, named, open_below

from flywheel_async import Acquisition, AsyncClient, File, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    NotFound,
    RequestTimeout,
    ServerError,
    StalledTransfer,
    UnsafeRedirect,
)
from flywheel_async.events import Done, Event, Failed, Progress, Retrying, Started, Verified
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transfer import partial
from flywheel_async.transfer.names import original_name
from flywheel_async.transport.pool import PooledTransport

pytestmark = pytest.mark.anyio

BIG = os.urandom(12 * MIB + 7)


@pytest.fixture
async def acquisition(fw: AsyncClient, group: Group) -> Acquisition:
    return await acquisition_of(fw, group.id)


@pytest.fixture
async def big(acquisition: Acquisition) -> File:
    (file,) = await acquisition.upload_file(BIG, name="big.bin")
    return file


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Emulator]:
    """A site that keeps its contents in a store of another origin."""
    with Emulator(redirects=True, storage_port=0) as emulator:
        yield emulator


async def test_to_a_path_a_folder_and_into_memory(big: File, acquisition: Acquisition, tmp_path: Path) -> None:
    assert await big.download(tmp_path / "x") == tmp_path / "x"
    assert await acquisition.download_file("big.bin", str(tmp_path)) == tmp_path / "big.bin"
    assert await big.read() == (tmp_path / "x").read_bytes() == (tmp_path / "big.bin").read_bytes() == BIG
    assert listed(tmp_path) == ["big.bin", "x"]


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "a\\b", "CON", "x\ny", "a/b/c", "..x."])
async def test_hostile_names_stay_in_the_folder(acquisition: Acquisition, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    (file,) = await acquisition.upload_file(b"data", name=name)
    path = await file.download(folder)
    assert path.parent == folder
    assert original_name(path.name) == name
    assert path.read_bytes() == b"data"
    assert os.listdir(tmp_path) == ["inside"]


async def test_links_in_a_folder_are_not_followed_nor_replaced(acquisition: Acquisition, tmp_path: Path) -> None:
    (file,) = await acquisition.upload_file(b"data", name="x")
    (tmp_path / "outside").write_bytes(b"mine")
    (tmp_path / "in").mkdir()
    for target in ("../outside", "nowhere", "."):
        (tmp_path / "in" / "x").symlink_to(target)
        with pytest.raises(ArgumentError, match="link"):
            await file.download(tmp_path / "in")
        (tmp_path / "in" / "x").unlink()
    assert (tmp_path / "outside").read_bytes() == b"mine"


class Narrow(io.RawIOBase):
    """Takes at most 1000 bytes at once, as a pipe may."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data[:1000]
        return min(len(data), 1000)


async def test_to_objects(big: File, acquisition: Acquisition, tmp_path: Path, anyio_backend: str) -> None:
    memory = io.BytesIO()
    assert await big.download(memory) is None
    assert memory.getvalue() == BIG
    with (tmp_path / "a").open("wb") as plain:
        await acquisition.download_file("big.bin", plain)
    async with await anyio.open_file(tmp_path / "b", "wb") as file:
        await big.download(file)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == BIG
    if anyio_backend == "asyncio":
        async with aiofiles.open(tmp_path / "c", "wb") as other:
            await big.download(other)
        assert (tmp_path / "c").read_bytes() == BIG
    (small,) = await acquisition.upload_file(BIG[:5500], name="small")
    narrow = Narrow()
    await small.download(narrow)
    assert narrow.data == BIG[:5500]


async def test_an_object_gets_each_byte_once(site: Emulator, big: File) -> None:
    site.faults.add("download_file_from_acquisition", calls={1, 2}, truncate=4_000_000)
    memory = io.BytesIO()
    await big.download(memory)
    assert memory.getvalue() == BIG
    big.hash = named(b"other")
    with pytest.raises(ChecksumMismatch):
        await big.download(io.BytesIO())


async def test_a_wrong_destination_or_option_sends_nothing(
    watched: AsyncClient, traffic: Traffic, acquisition: Acquisition, tmp_path: Path
) -> None:
    await acquisition.upload_file(b"x", name="x")
    file = await watched.get_acquisition(acquisition.id)
    traffic.take()
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (5, {}, "dest"),
        (b"x", {}, "dest"),
        (tmp_path / "no" / "x", {}, "dest"),
        (tmp_path / "x", {"deadline": 0}, "deadline"),
        (tmp_path / "x", {"deadline": float("nan")}, "deadline"),
        (tmp_path / "x", {"stall_timeout": "5"}, "stall_timeout"),
        (tmp_path / "x", {"parallel": 0}, "parallel"),
        (tmp_path / "x", {"parallel": True}, "parallel"),
        (tmp_path / "x", {"on_progress": 5}, "on_progress"),
        (tmp_path / "x", {"resum": False}, "did you mean 'resume'"),
    ]
    for dest, options, said in wrong:
        with pytest.raises(ArgumentError, match=said):
            await file.download_file("x", dest, **options)
    assert traffic.take() == []
    assert os.listdir(tmp_path) == []


async def test_time_of_modification_and_fsync(big: File, tmp_path: Path) -> None:
    await big.download(tmp_path / "x", set_mtime=True, fsync=True)
    assert isinstance(big.modified, datetime)
    assert abs((tmp_path / "x").stat().st_mtime - big.modified.timestamp()) < 0.001
    await big.download(tmp_path / "y")
    assert time.time() - (tmp_path / "y").stat().st_mtime < 60


async def test_events(site: Emulator, big: File, tmp_path: Path) -> None:
    events: list[Event] = []
    await big.download(tmp_path / "x", on_progress=events.append)
    size = len(BIG)
    assert events[0] == Started("big.bin", 0, size)
    assert events[-2:] == [
        Verified("big.bin", size, size, named(BIG)),
        Done("big.bin", size, size, tmp_path / "x"),
    ]
    assert {type(event) for event in events[1:-2]} == {Progress}
    events.clear()
    site.faults.add("download_file_from_acquisition", calls={1}, reset=5_000_000)
    await big.download(io.BytesIO(), on_progress=events.append)
    retried = [event for event in events if isinstance(event, Retrying)]
    assert len(retried) == 1
    assert 0 < retried[0].done <= 5_000_000
    assert isinstance(events[-1], Done)
    events.clear()
    big.hash = named(b"other")
    with pytest.raises(ChecksumMismatch) as caught:
        await big.download(tmp_path / "y", on_progress=events.append)
    assert isinstance(events[-1], Failed)
    assert events[-1].error is caught.value
    assert sum(isinstance(event, Retrying) for event in events) == 2
    assert listed(tmp_path) == ["x"]


async def test_parallel_ranges(
    watched: AsyncClient, traffic: Traffic, big: File, acquisition: Acquisition, tmp_path: Path
) -> None:
    traffic.take()
    done: list[int] = []
    await watched.download_file_from_container(
        acquisition.id, "big.bin", tmp_path / "x", parallel=3, on_progress=lambda event: done.append(event.done)
    )
    assert (tmp_path / "x").read_bytes() == BIG
    sent = traffic.take()
    assert sum("view=true" in line for line in sent) == 12  # 12 MiB and a rest over 3 connections, in pieces of 1.07
    assert done == sorted(done)
    assert done[-1] == len(BIG)


async def test_parallel_ranges_within_a_budget_of_one(site: Emulator, big: File, tmp_path: Path) -> None:
    """The callable asks the site as well, while all of the budget is in use."""
    fw = AsyncClient(site.api_key, max_connections=1)
    asked: list[str] = []

    async def ask(event: Event) -> None:
        if len(asked) < 3:
            asked.append((await fw.get_current_user()).id)

    file = await fw.get_file(big.file_id)
    with anyio.fail_after(20):
        await file.download(tmp_path / "x", parallel=4, on_progress=ask)
    assert (tmp_path / "x").read_bytes() == BIG
    assert asked == [site.admin_user] * 3
    assert fw._transport._budget.free == 1
    await fw.aclose()


class WithoutRanges(Traffic):
    """A site that answers every request with the whole file."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("range", None)
        return await super().handle_async_request(request)


@pytest.mark.parametrize("parallel", [1, 4])
async def test_a_site_without_ranges(site: Emulator, big: File, tmp_path: Path, parallel: int) -> None:
    transport = WithoutRanges()
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.02)
    file = await fw.get_file(big.file_id)
    site.faults.add("download_file_from_acquisition", calls={1}, truncate=9_000_000)
    await file.download(tmp_path / "x", parallel=parallel)
    assert (tmp_path / "x").read_bytes() == BIG
    memory = io.BytesIO()
    site.faults.add("download_file_from_acquisition", calls={1}, truncate=9_000_000)
    await file.download(memory)
    assert memory.getvalue() == BIG
    assert listed(tmp_path) == ["x"]
    await fw.aclose()
    await transport.aclose()


async def break_off(site: Emulator, file: File, path: Path, after: int = 7_000_000) -> None:
    """Downloads until the connection breaks for good."""
    fault = site.faults.add("download_file_from_acquisition", calls={1}, truncate=after)
    other = site.faults.add("download_file_from_acquisition", calls=set(range(2, 50)), status=599)
    with pytest.raises(ServerError):
        await file.download(path)
    site.faults.remove(fault)
    site.faults.remove(other)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has arrived is kept from 1 MiB on; files of 64 MiB would make these tests slow."""
    monkeypatch.setattr(partial, "_KEPT_FROM", MIB)


async def test_small_downloads_leave_nothing(site: Emulator, big: File, tmp_path: Path) -> None:
    await break_off(site, big, tmp_path / "x")
    assert listed(tmp_path) == []


@pytest.mark.usefixtures("kept")
async def test_the_next_download_goes_on(site: Emulator, big: File, tmp_path: Path) -> None:
    await break_off(site, big, tmp_path / "x")
    assert listed(tmp_path) == ["*.json", "*.part"]
    events: list[Event] = []
    await big.download(tmp_path / "x", on_progress=events.append)
    assert isinstance(events[0], Started)
    assert 6 * MIB <= events[0].done <= 7_000_000
    assert (tmp_path / "x").read_bytes() == BIG
    assert listed(tmp_path) == ["x"]


@pytest.mark.usefixtures("kept")
async def test_what_is_left_is_never_trusted(site: Emulator, big: File, tmp_path: Path) -> None:
    await break_off(site, big, tmp_path / "x")
    (left,) = tmp_path.glob(".fw-*.part")
    with left.open("r+b") as file:
        file.seek(3 * MIB)
        file.write(b"something else")
    events: list[Event] = []
    await big.download(tmp_path / "x", on_progress=events.append)
    assert [type(event) for event in events if isinstance(event, Retrying)] == [Retrying]
    assert (tmp_path / "x").read_bytes() == BIG


@pytest.mark.usefixtures("kept")
async def test_a_new_version_is_not_mixed_with_the_old_one(
    site: Emulator, big: File, acquisition: Acquisition, tmp_path: Path
) -> None:
    await break_off(site, big, tmp_path / "x")
    (new,) = await acquisition.upload_file(BIG[::-1], name="big.bin")
    assert new.version == 2
    await acquisition.download_file("big.bin", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == BIG[::-1]
    assert await big.read() == BIG
    assert listed(tmp_path) == ["x"]


@pytest.mark.usefixtures("kept")
async def test_without_resume_nothing_is_left(site: Emulator, big: File, tmp_path: Path) -> None:
    site.faults.add("download_file_from_acquisition", calls={1}, truncate=7_000_000)
    site.faults.add("download_file_from_acquisition", calls=set(range(2, 50)), status=599)
    with pytest.raises(ServerError):
        await big.download(tmp_path / "x", resume=False)
    assert listed(tmp_path) == []


@pytest.mark.usefixtures("kept")
async def test_a_file_that_is_gone_leaves_nothing(
    site: Emulator, big: File, acquisition: Acquisition, tmp_path: Path
) -> None:
    await break_off(site, big, tmp_path / "x")
    await acquisition.delete_file("big.bin")
    with pytest.raises(NotFound):
        await big.download(tmp_path / "x")
    assert listed(tmp_path) == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("resume", [True, False])
async def test_cancelling(
    site: Emulator, fw: AsyncClient, big: File, tmp_path: Path, parallel: int, resume: bool
) -> None:
    # Of the pieces, which are of 1 MiB, the first ones arrive.
    calls, after = (set(range(7, 50)), 600_000) if parallel > 1 else (None, 9_000_000)
    site.faults.add("download_file_from_acquisition", calls=calls, stall=30.0, stall_after=after)
    start = anyio.current_time()
    with anyio.move_on_after(0.7) as scope:
        await big.download(tmp_path / "x", parallel=parallel, resume=resume)
    assert scope.cancelled_caught
    assert anyio.current_time() - start < 8
    kept = ["*.json", "*.part"] if resume else []
    assert listed(tmp_path) == kept
    assert open_below(tmp_path) == []
    assert fw._transport._budget.free == fw._options.max_connections
    site.faults.clear()
    events: list[Event] = []
    await big.download(tmp_path / "x", on_progress=events.append)
    assert (events[0].done >= 5 * MIB) is resume
    assert (tmp_path / "x").read_bytes() == BIG


async def test_stalls_and_deadlines(site: Emulator, big: File, tmp_path: Path) -> None:
    fault = site.faults.add("download_file_from_acquisition", calls={1}, stall=20.0, stall_after=2_000_000)
    await big.download(tmp_path / "x", stall_timeout=0.3)
    assert (tmp_path / "x").read_bytes() == BIG
    site.faults.remove(fault)
    fw = AsyncClient(site.api_key, total_retries=1, backoff_factor=0.02)
    file = await fw.get_file(big.file_id)
    site.faults.add("download_file_from_acquisition", stall=20.0, stall_after=100)
    with pytest.raises(StalledTransfer, match=r"no bytes came for 0\.2 s"):
        await file.download(tmp_path / "y", stall_timeout=0.2)
    with pytest.raises(RequestTimeout, match=r"deadline of 0\.3 s"):
        await file.download(tmp_path / "y", deadline=0.3)
    with pytest.raises(RequestTimeout, match=r"deadline of 0\.3 s"):
        await file.download(io.BytesIO(), deadline=0.3)
    assert listed(tmp_path) == ["x"]
    await fw.aclose()


async def test_versions_by_number(big: File, acquisition: Acquisition, fw: AsyncClient, tmp_path: Path) -> None:
    await acquisition.upload_file(b"two", name="big.bin")
    await fw.download_file_from_container(acquisition.id, "big.bin", tmp_path / "1", version=1)
    await fw.download_file_from_container(acquisition.id, "big.bin", tmp_path / "2")
    assert (tmp_path / "1").read_bytes() == BIG
    assert (tmp_path / "2").read_bytes() == b"two"


async def test_members_into_a_folder_and_as_streams(acquisition: Acquisition, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.txt", b"a" * 3_000_000)
        archive.writestr("in/..evil.", b"b")
    (file,) = await acquisition.upload_file(packed.getvalue(), name="z.zip")
    assert await file.download_zip_member("in/a.txt", tmp_path) == tmp_path / "in" / "a.txt"
    path = await acquisition.download_file_zip_member("z.zip", "in/..evil.", tmp_path)
    assert path.parent == tmp_path / "in"
    async with file.open_member("in/a.txt") as stream:
        assert stream.size == 3_000_000
        assert await stream.aread() == b"a" * 3_000_000
    with pytest.raises(ArgumentError, match="no member"):
        async with file.open_member("in/b.txt"):
            pass
    memory = io.BytesIO()
    await file.download_zip_member("in/a.txt", memory)
    assert memory.getvalue() == b"a" * 3_000_000


@pytest.mark.parametrize("parallel", [1, 3])
async def test_from_a_store_of_another_origin(elsewhere: Emulator, tmp_path: Path, parallel: int) -> None:
    """The store refuses requests that carry a credential beside their signature."""
    client = httpx.AsyncClient(
        transport=PooledTransport(), headers={"X-SciTran-Note": "secret", "Authorization": "x"}, cookies={"a": "b"}
    )
    async with AsyncClient(elsewhere.api_key, http_client=client) as fw:
        if not await fw.groups.find():
            await fw.add_group(id="lab")
        acquisition = await acquisition_of(fw, "lab")
        (file,) = await acquisition.upload_file(BIG, name=f"big{parallel}.bin")
        assert await file.download(tmp_path / "x", parallel=parallel) == tmp_path / "x"
        assert (tmp_path / "x").read_bytes() == BIG
        assert await file.read() == BIG
        async with fw.stream(file) as stream:
            assert await stream.aread() == BIG
    await client.aclose()


async def test_a_store_without_tls_is_refused(big: File, tmp_path: Path) -> None:
    class Downgrade(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert request.url.scheme == "https"
            return httpx.Response(302, headers={"location": "http://store.example/x"})

    fw = AsyncClient("flywheel.example:443:key", transport=Downgrade(), disable_auth_check=True)
    with pytest.raises(UnsafeRedirect, match="https to http"):
        await fw._downloads.entry_to(big, tmp_path / "x", {})
    assert listed(tmp_path) == []


KILLED = """
import os, sys
from flywheel_async.sync import Client
file_id, path = sys.argv[1:]
with Client(os.environ["FLYWHEEL_API_KEY"]) as fw:
    fw.get_file(file_id).download(path)
"""


def wait_until(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that in 20 s")


@pytest.mark.parametrize(
    "size", [16 * MIB, pytest.param(512 * MIB, marks=[pytest.mark.acceptance, pytest.mark.timeout(600)])]
)
def test_a_killed_process_is_taken_up(tmp_path: Path, size: int) -> None:
    data = tmp_path / "data"
    block = os.urandom(MIB)
    with data.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    out = tmp_path / "out"
    out.mkdir()
    with Emulator() as site, FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        with Client(site.api_key) as fw:
            fw.add_group(id="lab")
            (entry,) = fw.ensure_path("lab/P").upload_file(data, name="big")  # type: ignore[union-attr]
        proxy.plan = lambda number: ConnectionPlan(down=Flow(throttle=size / 2))
        before = proxy.bytes_down
        command = [sys.executable, "-c", KILLED, entry.file_id, str(out / "big")]
        process = subprocess.Popen(command, env={**os.environ, "FLYWHEEL_API_KEY": key})
        wait_until(lambda: proxy.bytes_down - before > size // 2)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert set(listed(out)) - {"*.json~"} == {"*.json", "*.part"}
        proxy.plan = ()
        done = subprocess.run(command, env={**os.environ, "FLYWHEEL_API_KEY": key}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert listed(out) == ["big"]
        assert subprocess.run(["cmp", str(data), str(out / "big")], check=False).returncode == 0
        wire = proxy.bytes_down - before
    print(f"killed and taken up: {wire / size:.3f} of {size // MIB} MiB on the wire")
    assert wire < 1.2 * size


def test_sync_downloads_run_callables_in_the_calling_thread(site: Emulator, tmp_path: Path) -> None:
    with Client(site.api_key, max_connections=1) as fw:
        fw.add_group(id="sync_events")
        (file,) = fw.ensure_path("sync_events/P").upload_file(BIG, name="x")  # type: ignore[union-attr]
        seen: list[tuple[int, str]] = []

        def note(event: Event) -> None:
            seen.append((threading.get_ident(), type(event).__name__))
            if len(seen) == 2:
                assert fw.get_current_user().id == site.admin_user

        file.download(tmp_path / "x", on_progress=note, parallel=2)
        memory = io.BytesIO()
        file.download(memory)
    assert (tmp_path / "x").read_bytes() == memory.getvalue() == BIG
    assert {thread for thread, _ in seen} == {threading.get_ident()}
    assert [seen[0][1], seen[-1][1]] == ["Started", "Done"]


async def test_many_at_once_to_one_path(big: File, tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(lambda: big.download(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == BIG
    assert listed(tmp_path) == ["x"]


async def test_a_full_disk(big: File, tmp_path: Path) -> None:
    class Full(io.RawIOBase):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await big.download(Full())
