"""Streams that users hold: what they cost of the limit of requests, and what is left when a read is broken off."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import RequestTimeout
from flywheel_async.events import Event
from flywheel_async.raw.response import AsyncRawStream
from flywheel_async.sync import Client
from flywheel_async.transport.pool import PooledTransport

DATA = os.urandom(3 * 1024 * 1024 + 5)
VIEW = {"columns": [{"src": "project.label"}]}


class Stored:
    """A large and a small file of one project."""

    def __init__(self, site: Emulator) -> None:
        self.key = site.api_key
        with Client(site.api_key) as fw:
            fw.add_group(id="held")
            project: Any = fw.ensure_path("held/P")
            self.project = project.id
            self.large = project.upload_file(DATA, name="large")[0].file_id
            self.small = project.upload_file(DATA[:300_000], name="small")[0].file_id


@pytest.fixture(scope="module")
def stored(site: Emulator) -> Stored:
    return Stored(site)


class Busy:
    """Counts the connections in use, over all threads.

    Attributes:
        after: Called with each request that was answered.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0
        self.after: Callable[[httpx.Request], object] = lambda request: None

    def moved(self, by: int) -> None:
        with self._lock:
            self.now += by
            self.most = max(self.most, self.now)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Busy:
    busy, handle = Busy(), PooledTransport.handle_async_request

    async def counted(self: PooledTransport, request: httpx.Request) -> httpx.Response:
        busy.moved(1)
        try:
            response = await handle(self, request)
        except BaseException:
            busy.moved(-1)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = Counted(response.stream, lambda: busy.moved(-1))
        busy.after(request)
        return response

    monkeypatch.setattr(PooledTransport, "handle_async_request", counted)
    return busy


class Counted(httpx.AsyncByteStream):
    """A body that tells when it is closed."""

    def __init__(self, inner: httpx.AsyncByteStream, closed: Callable[[], object]) -> None:
        self._inner = inner
        self._closed: Callable[[], object] | None = closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._inner.__aiter__()

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()
        await self._inner.aclose()


@pytest.mark.anyio
async def test_what_runs_inside_of_a_streams_block_is_limited(stored: Stored, busy: Busy) -> None:
    fw = AsyncClient(stored.key, max_connections=2)
    large, small = await fw.get_file(stored.large), await fw.get_file(stored.small)

    async def hold_file() -> None:
        async with fw.stream(large) as stream:
            await stream.chunk()
            await read_all()

    async def hold_raw() -> None:
        async with fw.raw.streaming.download_file_from_project(stored.project, "large") as stream:
            await stream.chunk()
            await read_all()

    async def hold_view() -> None:
        async with fw.read_view_data(VIEW, stored.project) as data:
            await data.read(1)
            await read_all()

    async def read_all() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(small.read)

    with anyio.fail_after(50):
        for hold in (hold_file, hold_raw, hold_view):
            busy.most = 0
            await hold()
            assert 2 <= busy.most <= 3
    assert fw._transport._budget.free == fw._transport.streams.free == 2
    await fw.aclose()


def test_what_runs_inside_of_a_sync_streams_block_is_limited(stored: Stored, busy: Busy) -> None:
    with Client(stored.key, max_connections=2) as fw:
        large, small = fw.get_file(stored.large), fw.get_file(stored.small)
        busy.most = 0
        with fw.stream(large) as stream:
            next(stream)
            with ThreadPoolExecutor(10) as threads:
                assert {len(data) for data in threads.map(lambda _: small.read(), range(40))} == {300_000}
        assert 2 <= busy.most <= 3


def test_what_is_not_limited_takes_one_connection(stored: Stored, busy: Busy, tmp_path: Path) -> None:
    async def cell() -> None:
        with Client(stored.key, max_connections=1) as fw:
            fw.get_file(stored.large).download(tmp_path / "x", parallel=4)

    anyio.run(cell)
    assert (tmp_path / "x").read_bytes() == DATA
    assert busy.most == 1


async def open_without_block(fw: AsyncClient, file: Any) -> None:
    stream = fw.stream(file)
    await stream.open()
    await fw.get_current_user()
    await stream.aclose()


async def consume_in_another_task(fw: AsyncClient, file: Any) -> None:
    send, receive = anyio.create_memory_object_stream[bytes](0)

    async def consume() -> None:
        async with receive:
            async for _ in receive:
                await fw.get_current_user()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(consume)
        await anyio.sleep(0.01)
        async with send, fw.stream(file) as stream:
            async for chunk in stream:
                await send.send(chunk)


async def one_stream_in_another(fw: AsyncClient, file: Any) -> None:
    async def inner() -> None:
        async with fw.stream(file) as stream:
            await stream.chunk()

    async with fw.stream(file) as stream, fw.raw.streaming.get_version() as raw:
        await stream.chunk()
        await raw.chunk()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inner)


async def view_without_block(fw: AsyncClient, file: Any) -> None:
    first, second = (fw.read_view_data(VIEW, file.parent_ref.id, format="csv") for _ in range(2))
    assert await first.readline() == await second.readline() != ""
    await first.aclose()
    await second.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "use", [open_without_block, consume_in_another_task, one_stream_in_another, view_without_block]
)
async def test_a_stream_holds_nobody_up(stored: Stored, use: Callable[[AsyncClient, Any], Awaitable[None]]) -> None:
    fw = AsyncClient(stored.key, max_connections=1)
    with anyio.fail_after(20):
        await use(fw, await fw.get_file(stored.large))
    assert fw._transport._budget.free == fw._transport.streams.free == 1
    await fw.aclose()


def test_a_sync_stream_holds_nobody_up(stored: Stored) -> None:
    fw = Client(stored.key, max_connections=1)
    file = fw.get_file(stored.large)
    with fw.stream(file) as stream, fw.stream(file) as second:
        thread = threading.Thread(target=fw.get_current_user, daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert next(stream)[:1000] == next(second)[:1000] == DATA[:1000]
    first, second_view = (fw.read_view_data(VIEW, stored.project, format="csv") for _ in range(2))
    assert first.readline() == second_view.readline()
    first.close()
    second_view.close()
    assert free(fw) == (1, 1)
    fw.close()


@pytest.mark.anyio
async def test_streams_have_a_limit_of_their_own(stored: Stored) -> None:
    fw = AsyncClient(stored.key, max_connections=2)
    file = await fw.get_file(stored.large)
    now = most = 0

    async def hold() -> None:
        nonlocal now, most
        async with fw.stream(file) as stream:
            now += 1
            most = max(most, now)
            await stream.chunk()
            await anyio.sleep(0.05)
            now -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(hold)
    assert most == 2
    await fw.aclose()


@pytest.mark.anyio
async def test_waiting_for_a_stream_ends_with_the_deadline(stored: Stored) -> None:
    fw = AsyncClient(stored.key, max_connections=1)
    file = await fw.get_file(stored.large)

    async def hold(task_status: Any) -> None:
        async with fw.stream(file):
            task_status.started()
            await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda *, task_status: hold(task_status))
        with pytest.raises(RequestTimeout, match="deadline"):
            await fw.stream(file, deadline=0.2).open()
    assert fw._transport.streams.free == 1
    await fw.aclose()


@pytest.mark.anyio
async def test_a_read_that_was_broken_off_is_the_last_one(stored: Stored, site: Emulator) -> None:
    fw = AsyncClient(stored.key)
    file = await fw.get_file(stored.large)
    calls = 0

    async def slow(event: Event) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            await anyio.sleep(5)

    async with fw.stream(file, on_progress=slow) as stream:
        with anyio.move_on_after(0.3) as scope:
            async for _ in stream:
                pass
        assert scope.cancelled_caught
        for read in (stream.chunk, stream.aread):
            with pytest.raises(RuntimeError, match="open it again"):
                await read()
    site.faults.add("download_file_from_project", stall=5.0, stall_after=1_000_000)
    async with fw.raw.streaming.download_file_from_project(stored.project, "large") as raw:
        with anyio.move_on_after(0.3) as scope:
            await raw.aread()
        assert scope.cancelled_caught
        with pytest.raises(RuntimeError, match="open it again"):
            await raw.chunk()
    await fw.aclose()


@pytest.mark.anyio
async def test_a_stream_whose_loop_has_ended_is_let_go(stored: Stored) -> None:
    fw = AsyncClient(stored.key)
    held: list[Any] = []

    async def elsewhere() -> None:
        held.append(fw.stream(await fw.get_file(stored.large)))
        await held[0].open()
        held.append(fw.raw.streaming.get_version())
        await held[1].open()
        await fw.aclose()

    for backend in ("asyncio", "trio"):
        held.clear()
        thread = threading.Thread(target=lambda backend=backend: anyio.run(elsewhere, backend=backend))
        thread.start()
        await anyio.to_thread.run_sync(thread.join)
        assert fw._transport.streams.free < 64
        for stream in held:
            await stream.aclose()
        assert fw._transport.streams.free == 64


def interrupting(*calls: int, times: int = 1) -> Callable[[object], None]:
    """Presses Ctrl-C when called for the n-th time."""
    seen = 0

    def press(event: object) -> None:
        nonlocal seen
        seen += 1
        if seen in calls:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    return press


def free(fw: Client) -> tuple[int, int]:
    """Slots of the budget of requests, and of streams, that nobody holds."""
    transport = fw._inner._transport
    return transport._budget.free, transport.streams.free


@pytest.fixture
def alone(stored: Stored) -> Iterator[Client]:
    with Client(stored.key, max_connections=1) as fw:
        yield fw
        assert free(fw) == (1, 1)
        assert fw.get_current_user().id


def test_pressing_ctrl_c_twice_in_a_stream(stored: Stored, alone: Client) -> None:
    file = alone.get_file(stored.large)
    with pytest.raises(KeyboardInterrupt), alone.stream(file, on_progress=interrupting(5, times=2)) as stream:
        stream.read()
    with pytest.raises(KeyboardInterrupt), alone.stream(file, on_progress=interrupting(5, times=2)) as stream:
        with pytest.raises(KeyboardInterrupt):
            stream.read()
        with pytest.raises(RuntimeError, match="thread"):
            stream.read()
        raise KeyboardInterrupt


def test_ctrl_c_when_the_stream_is_open_already(stored: Stored, busy: Busy) -> None:
    with Client(stored.key, max_connections=1) as fw:
        file = fw.get_file(stored.large)
        opening: list[Callable[[], Any]] = [
            lambda: fw.stream(file),
            lambda: fw.raw.streaming.download_file_from_project(stored.project, "large"),
            lambda: fw.read_view_data(VIEW, stored.project),
        ]
        for make in opening:
            press = interrupting(1)
            busy.after = lambda request, press=press: (  # type: ignore[misc]
                press(request) if request.url.path.endswith(("/large", "/data")) else None
            )
            with pytest.raises(KeyboardInterrupt), make():
                pass
            assert free(fw) == (1, 1)
            assert busy.now == 0


def test_ctrl_c_after_bytes_were_there_loses_none(stored: Stored, alone: Client) -> None:
    file = alone.get_file(stored.large)
    got: list[bytes] = []
    with alone.stream(file, on_progress=interrupting(5)) as stream:
        with pytest.raises(KeyboardInterrupt):
            got.extend(stream)
        got.extend(stream)
    assert b"".join(got) == DATA


def test_ctrl_c_after_raw_bytes_were_there_ends_the_stream(
    stored: Stored, alone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    press, chunk = interrupting(2), AsyncRawStream.chunk

    async def pressed(self: AsyncRawStream) -> bytes | None:
        found = await chunk(self)
        press(found)
        return found

    monkeypatch.setattr(AsyncRawStream, "chunk", pressed)
    with alone.raw.streaming.download_file_from_project(stored.project, "large") as stream:
        with pytest.raises(KeyboardInterrupt):
            stream.read()
        with pytest.raises(RuntimeError, match="open it again"):
            stream.read()


def test_ctrl_c_while_bytes_are_awaited_ends_the_stream(stored: Stored, alone: Client, site: Emulator) -> None:
    site.faults.add("download_file_from_project", stall=5.0, stall_after=1_000_000)
    streams: list[Callable[[], Any]] = [
        lambda: alone.stream(alone.get_file(stored.large)),
        lambda: alone.raw.streaming.download_file_from_project(stored.project, "large"),
    ]
    for make in streams:
        with make() as stream:
            press = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            press.start()
            with pytest.raises(KeyboardInterrupt):
                stream.read()
            with pytest.raises(RuntimeError, match="open it again"):
                stream.read()
