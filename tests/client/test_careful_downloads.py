"""Downloads from sites that change, lie or misunderstand, to places that are odd."""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofiles
import anyio
import httpx
import pytest
from tests.client.places import MIB, acquisition_of, listed

from flywheel_async import Acquisition, AsyncClient, File, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    APIError,
    ArgumentError,
    ChecksumMismatch,
    NotFound,
    RequestTimeout,
    ServerError,
    TransferError,
)
from flywheel_async.events import Event, Retrying, Started
from flywheel_async.raw.caller import build
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transfer import partial
from flywheel_async.transfer.fetch import Content
from flywheel_async.transport.pool import PooledTransport

pytestmark = pytest.mark.anyio

BIG = os.urandom(9 * MIB + 7)
ROUTE = "download_file_from_acquisition"


@pytest.fixture
async def acquisition(fw: AsyncClient, group: Group) -> Acquisition:
    return await acquisition_of(fw, group.id)


@pytest.fixture
async def big(acquisition: Acquisition) -> File:
    (file,) = await acquisition.upload_file(BIG, name="big.bin")
    return file


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has arrived is kept from 1 MiB on; files of 64 MiB would make these tests slow."""
    monkeypatch.setattr(partial, "_KEPT_FROM", MIB)


def packed(content: bytes, other: bytes = b"") -> bytes:
    """A zip file with the members `m` and `n`, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("m", content)
        archive.writestr("n", other)
    return file.getvalue()


class Between(httpx.AsyncBaseTransport):
    """The default transport, with something in the way."""

    def __init__(
        self,
        before: Callable[[httpx.Request], object] = lambda request: None,
        after: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda request, response: response,
    ) -> None:
        self._inner = PooledTransport()
        self._before = before
        self._after = after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._before(request)
        response = await self._inner.handle_async_request(request)
        changed = self._after(request, response)
        if changed is not response:
            await response.aclose()
        return changed

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_member_is_of_one_version(site: Emulator, acquisition: Acquisition) -> None:
    await acquisition.upload_file(packed(b"A" * 5_000_000), name="z.zip")
    site.faults.add(ROUTE, calls={2}, truncate=2_000_000)

    async def replace(event: Event) -> None:
        if isinstance(event, Retrying):
            await acquisition.upload_file(packed(b"B" * 5_000_000), name="z.zip")

    memory = io.BytesIO()
    await acquisition.download_file_zip_member("z.zip", "m", memory, on_progress=replace)
    assert memory.getvalue() == b"A" * 5_000_000
    site.faults.clear()
    assert await acquisition.read_file_zip_member("z.zip", "m") == b"B" * 5_000_000


async def test_what_comes_again_must_be_the_same(site: Emulator, acquisition: Acquisition) -> None:
    (file,) = await acquisition.upload_file(packed(b"A" * 5_000_000, b"B" * 5_000_000), name="z.zip")
    asked = 0

    def mix_up(request: httpx.Request) -> None:
        nonlocal asked
        if "member=" in request.url.query.decode():
            asked += 1
            request.url = request.url.copy_set_param("member", "m" if asked == 1 else "n")

    transport = Between(before=mix_up)
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.01)
    site.faults.add(ROUTE, calls={2}, truncate=2_000_000)
    mine = await fw.get_file(file.file_id)
    with pytest.raises(ChecksumMismatch, match="came before"):
        await mine.download_zip_member("m", io.BytesIO())
    assert asked == 3  # two of which were the other member
    await fw.aclose()
    await transport.aclose()


def test_a_file_without_hash_and_version_comes_in_one_piece(big: File) -> None:
    request = build(ROUTE, ("a", "x"), {})
    assert Content.of_entry(request, big).ranged
    big.hash = ""
    assert Content.of_entry(request, big).ranged
    big.version = None  # type: ignore[assignment]
    assert not Content.of_entry(request, big).ranged


def wrong_range(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    response.headers["content-range"] = response.headers["content-range"].rpartition("/")[0] + "/99"
    return response


def refused(status: int) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    return lambda request, response: httpx.Response(status, json={"message": "no ranges here"})


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "answer", [wrong_range, *map(refused, (400, 405, 416, 501))], ids=["wrong", "400", "405", "416", "501"]
)
async def test_a_site_that_gets_ranges_wrong(
    site: Emulator, big: File, tmp_path: Path, answer: Callable[[httpx.Request, httpx.Response], httpx.Response]
) -> None:
    transport = Between(after=lambda request, got: answer(request, got) if "range" in request.headers else got)
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.01, total_retries=2)
    file = await fw.get_file(big.file_id)
    for name, parallel in (("a", 1), ("b", 4)):
        site.faults.add(ROUTE, calls={1}, truncate=7_000_000)
        await file.download(tmp_path / name, parallel=parallel)
        assert (tmp_path / name).read_bytes() == BIG
        site.faults.clear()
    site.faults.add(ROUTE, calls={1}, truncate=7_000_000)
    memory = io.BytesIO()
    await file.download(memory)
    assert memory.getvalue() == BIG
    await fw.aclose()
    await transport.aclose()


@pytest.mark.usefixtures("kept")
async def test_what_is_left_does_not_spoil_the_next_download_where_ranges_are_wrong(
    site: Emulator, big: File, tmp_path: Path
) -> None:
    site.faults.add(ROUTE, calls={1}, truncate=7_000_000)
    site.faults.add(ROUTE, calls=set(range(2, 50)), status=599)
    with pytest.raises(ServerError):
        await big.download(tmp_path / "x")
    site.faults.clear()
    assert listed(tmp_path) == ["*.json", "*.part"]
    transport = Between(after=lambda request, got: wrong_range(request, got) if "range" in request.headers else got)
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.01)
    await (await fw.get_file(big.file_id)).download(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == BIG
    await fw.aclose()
    await transport.aclose()


@pytest.mark.parametrize("retries", [1, 7])
async def test_pieces_that_are_mixed_up_give_way_to_the_whole(
    site: Emulator, big: File, tmp_path: Path, retries: int
) -> None:
    def always_the_start(request: httpx.Request) -> None:
        if "range" in request.headers:
            first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
            request.headers["range"] = f"bytes=0-{last - first}"
            request.extensions["asked"] = f"bytes {first}-{last}/{len(BIG)}"

    def pretend(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if "asked" in request.extensions:
            response.headers["content-range"] = request.extensions["asked"]
        return response

    transport = Between(always_the_start, pretend)
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.01, total_retries=retries)
    file = await fw.get_file(big.file_id)
    events: list[Event] = []
    await file.download(tmp_path / "x", parallel=4, on_progress=events.append)
    assert (tmp_path / "x").read_bytes() == BIG
    assert sum(isinstance(event, Retrying) for event in events) == min(retries, 2)
    site.faults.add(ROUTE, calls={1, 2}, truncate=2_000_000)
    assert await file.read() == BIG
    await fw.aclose()
    await transport.aclose()


@pytest.mark.parametrize("size", [10**18, 2**53 + 1])
async def test_a_size_that_cannot_be(big: File, fw: AsyncClient, tmp_path: Path, size: int) -> None:
    big.size = size
    start = time.monotonic()
    await big.download(tmp_path / "x")
    async with fw.stream(big) as stream:
        assert stream.size is None
        assert await stream.aread() == BIG == await big.read() == (tmp_path / "x").read_bytes()
    assert time.monotonic() - start < 10


async def test_a_size_that_is_merely_wrong_is_no_trouble_either(site: Emulator, big: File, tmp_path: Path) -> None:
    big.size = 2**53
    with pytest.raises(TransferError):
        await big.download(tmp_path / "x", deadline=20)
    assert listed(tmp_path) == []


async def test_a_folder_that_is_missing(big: File, acquisition: Acquisition, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="create it first"):
        await big.download(f"{tmp_path}/out/")
    with pytest.raises(ArgumentError, match="create it first"):
        await acquisition.download_tar(f"{tmp_path}/out/")
    assert os.listdir(tmp_path) == []
    (tmp_path / "out").mkdir()
    assert await big.download(f"{tmp_path}/out/") == tmp_path / "out" / "big.bin"


class Shrinking:
    """Tells how much it has stored, which is less than it was given."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data) // 2


class Stubborn(io.RawIOBase):
    """A file without a buffer that at times takes nothing."""

    def __init__(self, count: int | None) -> None:
        self._count = count

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        return self._count


async def test_who_may_take_less_than_given(big: File, tmp_path: Path, anyio_backend: str) -> None:
    shrinking = Shrinking()
    await big.download(shrinking)
    assert shrinking.data == BIG
    for count in (None, 0):
        with pytest.raises(TransferError, match="takes no more"):
            await big.download(Stubborn(count))
    with (tmp_path / "raw").open("wb", buffering=0) as raw:
        await big.download(raw)
    assert (tmp_path / "raw").read_bytes() == BIG


async def test_text_files_are_refused_at_once(big: File, tmp_path: Path, anyio_backend: str) -> None:
    async def refuse(file: Any) -> None:
        with pytest.raises(ArgumentError, match="wb"):
            await big.download(file)

    with (tmp_path / "a").open("w") as plain, tempfile.NamedTemporaryFile("w", dir=tmp_path) as named:
        await refuse(plain)
        await refuse(named)
        await refuse(io.StringIO())
    async with await anyio.open_file(tmp_path / "b", "w") as wrapped:
        await refuse(wrapped)
    if anyio_backend == "asyncio":
        async with aiofiles.open(tmp_path / "c", "w") as other:
            await refuse(other)


async def break_off(site: Emulator, file: File, path: Path) -> None:
    """Downloads until the connection breaks for good."""
    site.faults.add(ROUTE, calls={1}, truncate=7_000_000)
    site.faults.add(ROUTE, calls=set(range(2, 50)), status=599)
    with pytest.raises(ServerError):
        await file.download(path)
    site.faults.clear()
    assert listed(path.parent) == ["*.json", "*.part"]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("status", "stays"), [(401, True), (403, True), (408, True), (429, True), (404, False), (409, False), (410, False)]
)
async def test_what_is_left_stays_unless_the_file_is_gone(
    site: Emulator, big: File, tmp_path: Path, status: int, stays: bool
) -> None:
    await break_off(site, big, tmp_path / "x")
    site.faults.add(ROUTE, status=status)
    async with AsyncClient(site.api_key, total_retries=0) as fw:
        with pytest.raises(APIError):
            await (await fw.get_file(big.file_id)).download(tmp_path / "x")
    assert listed(tmp_path) == (["*.json", "*.part"] if stays else [])


@pytest.mark.usefixtures("kept")
async def test_what_is_left_goes_with_the_file(
    site: Emulator, big: File, acquisition: Acquisition, tmp_path: Path
) -> None:
    await break_off(site, big, tmp_path / "x")
    events: list[Event] = []
    with pytest.raises(NotFound):
        await acquisition.download_file("other.bin", tmp_path / "y")
    await acquisition.delete_file("big.bin")
    with pytest.raises(NotFound):
        await acquisition.download_file("big.bin", tmp_path / "x")
    assert listed(tmp_path) == []
    (again,) = await acquisition.upload_file(BIG, name="big.bin")
    await break_off(site, again, tmp_path / "x")
    (small,) = await acquisition.upload_file(b"small", name="small")
    await small.download(tmp_path / "x")
    assert listed(tmp_path) == ["x"]
    (tmp_path / "x").unlink()
    await break_off(site, again, tmp_path / "x")
    await again.download(tmp_path / "x", resume=False, on_progress=events.append)
    assert isinstance(events[0], Started)
    assert events[0].done == 0
    assert listed(tmp_path) == ["x"]


async def test_the_deadline_covers_the_look_up(
    site: Emulator, fw: AsyncClient, acquisition: Acquisition, tmp_path: Path
) -> None:
    (file,) = await acquisition.upload_file(packed(b"abc"), name="z.zip")
    site.faults.add("get_acquisition_file_info", latency=5.0)
    site.faults.add("get_acquisition_file_zip_info", latency=5.0)
    site.faults.add(ROUTE, latency=5.0)
    calls: list[Callable[[], Any]] = [
        lambda: acquisition.download_file("z.zip", tmp_path / "x", deadline=0.2),
        lambda: acquisition.read_file("z.zip", deadline=0.2),
        lambda: acquisition.stream_file("z.zip", deadline=0.2).open(),
        lambda: acquisition.download_file_zip_member("z.zip", "m", tmp_path / "x", deadline=0.2),
        lambda: acquisition.read_file_zip_member("z.zip", "m", deadline=0.2),
        lambda: file.read(deadline=0.2),
        lambda: file.read_zip_member("m", deadline=0.2),
        lambda: file.open_member("m", deadline=0.2).open(),
    ]
    for call in calls:
        start = time.monotonic()
        with pytest.raises(RequestTimeout, match=r"deadline of 0\.2 s"):
            await call()
        assert time.monotonic() - start < 4
    assert listed(tmp_path) == []
    assert fw._transport._budget.free == fw._transport.streams.free == 64


@pytest.mark.parametrize(("parallel", "connections"), [(1, 1), (4, 1), (4, 8)])
async def test_the_deadline_of_a_call_wins(
    site: Emulator, big: File, tmp_path: Path, parallel: int, connections: int
) -> None:
    with FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        fw = AsyncClient(key, deadline=0.5, max_connections=connections)
        file = await fw.get_file(big.file_id)
        proxy.plan = lambda number: ConnectionPlan(down=Flow(throttle=6 * MIB))
        proxy.cut()
        with pytest.raises(RequestTimeout, match=r"deadline of 0\.5 s"):
            await file.download(tmp_path / "x", parallel=parallel)
        start = time.monotonic()
        await file.download(tmp_path / "x", parallel=parallel, deadline=60)
        assert connections > 1 or time.monotonic() - start > 1
        assert (tmp_path / "x").read_bytes() == BIG
        await fw.aclose()


async def test_a_callable_has_the_deadline_of_the_client(site: Emulator, big: File, tmp_path: Path) -> None:
    fw = AsyncClient(site.api_key, deadline=0.3)
    site.faults.add("get_current_user", latency=2.0)

    async def ask(event: Event) -> None:
        with pytest.raises(RequestTimeout, match=r"deadline of 0\.3 s"):
            await fw.get_current_user()
        raise LookupError

    file = await fw.get_file(big.file_id)
    with pytest.raises(LookupError):
        await file.download(tmp_path / "x", deadline=60, on_progress=ask)
    await fw.aclose()
