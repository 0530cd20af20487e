"""Files that are read while they arrive."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import anyio
import pytest
from tests.client.places import MIB, acquisition_of, named

from flywheel_async import Acquisition, AsyncClient, File, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, ChecksumMismatch, IncompleteTransfer, NotFound, RequestTimeout
from flywheel_async.events import Done, Event, Started
from flywheel_async.sync import Client

pytestmark = pytest.mark.anyio

DATA = os.urandom(3 * MIB + 5)


@pytest.fixture
async def acquisition(fw: AsyncClient, group: Group) -> Acquisition:
    return await acquisition_of(fw, group.id)


@pytest.fixture
async def file(acquisition: Acquisition) -> File:
    (made,) = await acquisition.upload_file(DATA, name="x")
    return made


async def test_all_bytes_in_order(fw: AsyncClient, file: File) -> None:
    events: list[Event] = []
    async with fw.stream(file, on_progress=events.append) as stream:
        assert (stream.name, stream.size, stream.hash) == ("x", len(DATA), named(DATA))
        chunks = [chunk async for chunk in stream]
        assert stream.count == len(DATA)
        assert await stream.chunk() is None
    assert b"".join(chunks) == DATA
    assert len(chunks) > 10
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)


async def test_an_empty_file(fw: AsyncClient, acquisition: Acquisition) -> None:
    (empty,) = await acquisition.upload_file(b"", name="empty")
    async with fw.stream(empty) as stream:
        assert await stream.aread() == b""


@pytest.mark.parametrize("fault", [{"truncate": 1_000_000}, {"reset": 1_000_000}, {"stall": 9.0, "stall_after": 100}])
async def test_it_goes_on_where_it_broke(site: Emulator, fw: AsyncClient, file: File, fault: dict[str, int]) -> None:
    site.faults.add("download_file_from_acquisition", calls={1, 2}, **fault)  # type: ignore[arg-type]
    async with fw.stream(file, stall_timeout=0.3) as stream:
        assert await stream.aread() == DATA


async def test_wrong_bytes_end_with_an_error(fw: AsyncClient, file: File) -> None:
    size = file.size
    file.hash = named(b"other")
    async with fw.stream(file) as stream:
        with pytest.raises(ChecksumMismatch):
            await stream.aread()
    file.size = size + 1
    with pytest.raises(IncompleteTransfer):
        async with fw.stream(file) as stream:
            await stream.aread()


async def test_left_early(fw: AsyncClient, file: File) -> None:
    async with fw.stream(file) as stream:
        async for chunk in stream:
            assert chunk == DATA[: len(chunk)]
            break
    with pytest.raises(RuntimeError, match="with"):
        await stream.chunk()
    with pytest.raises(RuntimeError, match="before"):
        await stream.open()
    assert fw._transport._budget.free == fw._options.max_connections


async def test_the_client_may_be_used_meanwhile(site: Emulator, file: File) -> None:
    async with AsyncClient(site.api_key, max_connections=1) as fw:
        with anyio.fail_after(10):
            async with fw.stream(await fw.get_file(file.file_id)) as stream:
                await stream.chunk()
                assert (await fw.get_current_user()).id == site.admin_user
        assert fw._transport._budget.free == 1


async def test_refusals(fw: AsyncClient, file: File, acquisition: Acquisition) -> None:
    for wrong in (None, "x", acquisition.id):
        with pytest.raises(ArgumentError, match="file"):
            fw.stream(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="deadline"):
        fw.stream(file, deadline=-1)
    await acquisition.delete_file("x")
    with pytest.raises(NotFound):
        async with fw.stream(file):
            pass


async def test_deadline_and_cancelling(site: Emulator, fw: AsyncClient, file: File) -> None:
    site.faults.add("download_file_from_acquisition", stall=20.0, stall_after=1_000_000)
    with pytest.raises(RequestTimeout, match="deadline"):
        async with fw.stream(file, deadline=0.3) as stream:
            await stream.aread()
    with anyio.move_on_after(0.3) as scope:
        async with fw.stream(file) as stream:
            await stream.aread()
    assert scope.cancelled_caught
    assert fw._transport._budget.free == fw._options.max_connections


def test_the_sync_twin(site: Emulator, tmp_path: Path) -> None:
    with Client(site.api_key, max_connections=1, backoff_factor=0.02) as fw:
        fw.add_group(id="sync_stream")
        (file,) = fw.ensure_path("sync_stream/P").upload_file(DATA, name="x")  # type: ignore[union-attr]
        site.faults.add("download_file_from_project", calls={1}, reset=1_000_000)
        with fw.stream(file) as stream:
            assert (stream.name, stream.size, stream.hash) == ("x", len(DATA), file.hash)
            first = next(stream)
            assert fw.get_current_user().id == site.admin_user
            assert first + stream.read() == DATA
            assert stream.count == len(DATA)
        with fw.stream(file) as stream:
            assert b"".join(stream) == DATA
        failed: list[BaseException] = []

        def elsewhere() -> None:
            try:
                next(stream)
            except RuntimeError as error:
                failed.append(error)

        with fw.stream(file) as stream:
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
        assert "thread" in str(failed[0])
