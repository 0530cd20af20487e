"""Uploads by the direct form, and the options that all uploads have."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, FileSpec, Group, Project
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    Conflict,
    ConnectionFailed,
    FileExists,
    FlywheelError,
    RequestTimeout,
    ServerError,
    WaitTimeout,
)
from flywheel_async.events import Done, Event, Failed, Retrying, Started, Verified
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow

pytestmark = pytest.mark.anyio

BIG = os.urandom(2 * 1024 * 1024 + 7)


@pytest.fixture
async def project(group: Group) -> Project:
    return await group.add_project(label="P")


def hash_of(data: bytes) -> str:
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


async def through(proxy: FaultProxy, site: Emulator, **options: object) -> AsyncClient:
    host, _, *rest = site.api_key.split(":")
    key = ":".join([host, str(proxy.port), *rest])
    fw = AsyncClient(key, backoff_factor=0.02, disable_auth_check=True, **options)  # type: ignore[arg-type]
    fw._signed_uploads = False
    return fw


def address(site: Emulator) -> tuple[str, int]:
    host, port = site.url.removesuffix("/api").removeprefix("http://").rsplit(":", 1)
    return host, int(port)


async def test_same_files_are_skipped(watched: AsyncClient, project: Project, traffic: Traffic, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    (first,) = await watched.upload_file_to_container(project.id, tmp_path / "x", overwrite="skip-same")
    assert first.version == 1
    for source in (tmp_path / "x", BIG, io.BytesIO(BIG), iter([BIG]), FileSpec("x", BIG)):
        traffic.take()
        (same,) = await watched.upload_file_to_container(project.id, source, name="x", overwrite="skip-same")
        assert (same.file_id, same.version, same.hash) == (first.file_id, 1, hash_of(BIG))
        assert traffic.take() == [f"GET /containers/{project.id}/files/x/info"]
    for number, other in enumerate((BIG[:-1], bytes([BIG[0] ^ 1]) + BIG[1:], iter([BIG, b"more"]), BIG)):
        (made,) = await watched.upload_file_to_container(project.id, other, name="x", overwrite="skip-same")
        assert made.version == number + 2
    (again,) = await watched.upload_file_to_container(project.id, BIG, name="x")
    assert (again.version, again.hash) == (6, hash_of(BIG))


async def test_files_that_are_there_are_not_replaced(project: Project) -> None:
    (made,) = await project.upload_file(b"one", name="x", overwrite="error")
    assert made.version == 1
    with pytest.raises(FileExists, match="version 1") as caught:
        await project.upload_file(b"two", name="x", overwrite="error")
    assert isinstance(caught.value, FileExistsError)
    assert await project.read_file("x") == b"one"
    await project.delete_file("x")
    (back,) = await project.upload_file(b"two", name="x", overwrite="error")
    assert back.hash == hash_of(b"two")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"overwrite": "never"}, "overwrite must be"),
        ({"wait": 0}, "wait must be"),
        ({"wait": -1.0}, "wait must be"),
        ({"content_type": "a\r\nb"}, "content_type"),
    ],
)
async def test_options_that_make_no_sense(
    watched: AsyncClient, project: Project, traffic: Traffic, options: dict[str, object], said: str
) -> None:
    traffic.take()
    with pytest.raises(ArgumentError, match=said):
        await watched.upload_file_to_container(project.id, b"x", name="x", **options)  # type: ignore[arg-type]
    assert traffic.take() == []


async def test_media_types(project: Project) -> None:
    entries = await project.upload_file(
        [FileSpec("a.txt", b"1"), FileSpec("b.txt", b"2", "text/x-own")], content_type="text/x-all"
    )
    assert [entry.mimetype for entry in entries] == ["text/x-all", "text/x-own"]
    (guessed,) = await project.upload_file(b"{}", name="c.json")
    assert guessed.mimetype == "application/json"


async def test_waiting_until_it_is_listed(site: Emulator, project: Project) -> None:
    site.faults.add("get_project_file_info", calls={1, 2}, status=404)
    (entry,) = await project.upload_file(b"x", name="x", wait=True)
    assert entry.version == 1
    assert site.faults.listed()[0][1] == 3
    site.faults.clear()
    site.faults.add("get_project_file_info", status=404)
    with pytest.raises(WaitTimeout, match="not listed"):
        await project.upload_file(b"x", name="y", wait=0.3)


async def test_what_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    events: list[Event] = []
    await project.upload_file(tmp_path / "x", on_progress=events.append)
    size = len(BIG)
    assert events[0] == Started("x", 0, size)
    assert events[-2:] == [Verified("x", size, size, hash_of(BIG)), Done("x", size, size)]
    assert [event.done for event in events] == sorted(event.done for event in events)
    events.clear()
    with pytest.raises(ArgumentError):
        await project.upload_file(FileSpec("x", iter(["text"])), on_progress=events.append)  # type: ignore[arg-type]
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ArgumentError)


@pytest.mark.parametrize(
    "up",
    [Flow(reset_after=500_000), Flow(truncate_after=500_000), Flow(stall=30.0, stall_after=500_000)],
    ids=["reset", "truncate", "stall"],
)
async def test_an_upload_that_breaks_on_the_way_starts_again(site: Emulator, project: Project, up: Flow) -> None:
    events: list[Event] = []
    data = BIG * 12  # more than the buffers on the way hold
    with FaultProxy(address(site), [ConnectionPlan(up=up)]) as proxy:
        async with await through(proxy, site, request_timeout=3.0 if up.stall else 30.0) as fw:
            (entry,) = await fw.upload_file_to_container(project.id, data, name="x", on_progress=events.append)
    assert (entry.version, entry.hash) == (1, hash_of(data))
    assert sum(isinstance(event, Retrying) for event in events) == 1


async def test_a_source_that_can_be_read_once_does_not_start_again(site: Emulator, project: Project) -> None:
    with FaultProxy(address(site), [ConnectionPlan(up=Flow(reset_after=500_000))]) as proxy:
        async with await through(proxy, site) as fw:
            with pytest.raises(ConnectionFailed):
                await fw.upload_file_to_container(project.id, iter([BIG] * 4), name="x")
    assert (await project.reload()).files == []


async def test_bytes_that_changed_on_the_way_are_deleted_again(site: Emulator, project: Project) -> None:
    await project.upload_file(b"old", name="x")
    flipped = ConnectionPlan(up=Flow(flip=[1_000_000]))
    with FaultProxy(address(site), [flipped]) as proxy:
        async with await through(proxy, site) as fw:
            # The connection is kept, so the fault strikes once; the upload starts again on its own.
            (entry,) = await fw.upload_file_to_container(project.id, BIG, name="x")
            assert entry.hash == hash_of(BIG)
    assert await project.read_file("x") == BIG
    flips = ConnectionPlan(up=Flow(flip=range(1_000_000, 100_000_000, 1_000_000)))
    with FaultProxy(address(site), [flips] * 9) as proxy:
        async with await through(proxy, site) as fw:
            with pytest.raises(ChecksumMismatch, match="was deleted again"):
                await fw.upload_file_to_container(project.id, BIG, name="y")
            with pytest.raises(ChecksumMismatch, match="was deleted again"):
                await fw.upload_file_to_container(project.id, BIG[1:], name="x")
    assert [file.name for file in (await project.reload()).files] == ["x"]
    assert await project.read_file("x") == BIG


async def test_an_answer_that_got_lost_is_looked_for(site: Emulator, project: Project) -> None:
    site.faults.add("upload_file_to_project", calls={1}, reset="after")
    (entry,) = await project.upload_file(BIG, name="x")
    assert (entry.version, entry.hash) == (1, hash_of(BIG))


@pytest.mark.parametrize("retry_after", [None, 0.1])
async def test_a_busy_site_is_asked_again(site: Emulator, project: Project, retry_after: float | None) -> None:
    site.faults.add("upload_file_to_project", calls={1, 2}, status=503, retry_after=retry_after)
    (entry,) = await project.upload_file(BIG, name="x")
    assert (entry.version, entry.hash) == (1, hash_of(BIG))


@pytest.mark.parametrize(("status", "error"), [(500, ServerError), (504, ServerError), (409, Conflict)])
async def test_refusals_are_not_repeated(
    site: Emulator, project: Project, status: int, error: type[FlywheelError]
) -> None:
    site.faults.add("upload_file_to_project", status=status)
    with pytest.raises(error):
        await project.upload_file(BIG, name="x")
    assert site.faults.listed()[0][1] == 1


async def test_the_deadline_is_for_all_of_it(site: Emulator, project: Project) -> None:
    with FaultProxy(address(site), [ConnectionPlan(up=Flow(throttle=100_000))] * 9) as proxy:
        async with await through(proxy, site, deadline=0.7) as fw:
            start = anyio.current_time()
            with pytest.raises(RequestTimeout, match="deadline"):
                await fw.upload_file_to_container(project.id, BIG, name="x")
            assert anyio.current_time() - start < 8
    assert (await project.reload()).files == []


async def test_a_source_may_upload_itself(site: Emulator, project: Project) -> None:
    fw = AsyncClient(site.api_key, max_connections=1)

    async def telling() -> AsyncIterator[bytes]:
        (inner,) = await fw.upload_file_to_container(project.id, b"inner", name="inner")
        yield inner.hash.encode()

    with anyio.fail_after(10):
        (entry,) = await fw.upload_file_to_container(project.id, telling(), name="outer")
    assert entry.hash == hash_of(hash_of(b"inner").encode())
    await fw.aclose()


@pytest.fixture(autouse=True)
def no_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Direct uploads remember nothing."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    yield
    assert list(folder.iterdir()) == []
