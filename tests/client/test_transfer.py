"""Uploads and downloads on a real socket, with faults."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiofiles
import anyio
import pytest

from flywheel_async import Acquisition, AsyncClient, FileSpec, Group, Progress
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    ConnectionFailed,
    IncompleteTransfer,
    NotFound,
    TransferError,
)
from flywheel_async.events import Event

pytestmark = pytest.mark.anyio

BIG = os.urandom(5 * 1024 * 1024 + 7)


@pytest.fixture
async def acquisition(group: Group) -> Acquisition:
    project = await group.add_project(label="P")
    session = await project.add_session(label="s", subject={"label": "x"})
    return await session.add_acquisition(label="a")


async def chunks() -> AsyncIterator[bytes]:
    for start in range(0, len(BIG), 1_000_000):
        await anyio.lowlevel.checkpoint()
        yield BIG[start : start + 1_000_000]


def plain_chunks() -> Iterator[bytes]:
    yield from (BIG[:10], BIG[10:])


@pytest.mark.parametrize("kind", ["path", "str", "spec", "bytes", "file", "bytesio", "async", "sync", "named"])
async def test_every_kind_of_source(acquisition: Acquisition, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "scan 1.nii"
    path.write_bytes(BIG)
    with path.open("rb") as opened:
        source = {
            "path": path,
            "str": str(path),
            "spec": FileSpec("scan 1.nii", BIG, "application/octet-stream", len(BIG)),
            "bytes": BIG,
            "file": opened,
            "bytesio": io.BytesIO(BIG),
            "async": chunks(),
            "sync": plain_chunks(),
            "named": FileSpec(str(path)),
        }[kind]
        name = "scan 1.nii" if kind in ("bytes", "bytesio", "async", "sync") else None
        (entry,) = await acquisition.upload_file(source, name=name, metadata={"info": {"run": 1}, "modality": "MR"})
    assert (entry.name, entry.size, entry.version) == ("scan 1.nii", len(BIG), 1)
    assert entry.hash == f"v0-sha384-{hashlib.sha384(BIG).hexdigest()}"
    assert entry.type == "nifti"
    assert entry.info == {"run": 1}
    assert entry.modality == "MR"
    assert await acquisition.read_file("scan 1.nii") == BIG
    assert await entry.download(tmp_path / "back") == tmp_path / "back"
    assert (tmp_path / "back").read_bytes() == BIG


async def test_several_files_and_versions(acquisition: Acquisition, tmp_path: Path) -> None:
    entries = await acquisition.upload_file([FileSpec("a.txt", "one"), FileSpec("b.txt", b"")])
    assert [(e.name, e.size, e.type) for e in entries] == [("a.txt", 3, "text"), ("b.txt", 0, "text")]
    (second,) = await acquisition.upload_file(b"two!", name="a.txt")
    assert (second.file_id, second.version) == (entries[0].file_id, 2)
    assert await acquisition.read_file("a.txt") == b"two!"
    assert await entries[0].read() == b"one"
    await acquisition.reload()
    assert sorted(f.name for f in acquisition.files) == ["a.txt", "b.txt"]
    assert await acquisition.files[0].download(tmp_path / "x") == tmp_path / "x"
    await acquisition.delete_file("b.txt")
    with pytest.raises(NotFound):
        await acquisition.get_file("b.txt")


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "100%", "%2F", "a#b", "a?b", "'q'", '"q"', "a,b", "line\nbreak", "...", "ü" * 127, "..x"]
)
async def test_names_come_back_as_they_were(acquisition: Acquisition, name: str) -> None:
    (entry,) = await acquisition.upload_file(name.encode(), name=name)
    assert entry.name == name
    assert await acquisition.read_file(name) == name.encode()
    assert (await acquisition.get_file(name)).file_id == entry.file_id
    assert await entry.read() == name.encode()
    await acquisition.delete_file(name)
    assert (await acquisition.reload()).files == []


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "\ud800"])
async def test_names_that_are_refused(acquisition: Acquisition, tmp_path: Path, name: str) -> None:
    calls = [
        lambda: acquisition.upload_file(b"x", name=name),
        lambda: acquisition.read_file(name),
        lambda: acquisition.download_file(name, tmp_path / "x"),
        lambda: acquisition.delete_file(name),
        lambda: acquisition.get_file(name),
    ]
    for call in calls:
        with pytest.raises(ArgumentError, match="name"):
            await call()
    assert (await acquisition.reload()).label == "a"
    assert os.listdir(tmp_path) == []


async def test_bad_sources_send_nothing(site: Emulator, acquisition: Acquisition, tmp_path: Path) -> None:
    site.faults.add("upload_file_to_acquisition", status=599)
    os.mkfifo(tmp_path / "fifo")
    bad: list[tuple[object, str]] = [
        (tmp_path / "missing", "No such file"),
        (tmp_path, "a folder"),
        (tmp_path / "fifo", "not a regular file"),
        (b"no name", "no name"),
        (5, "must be a path"),
        (FileSpec("x", b"abc", size=5), "3 bytes"),
        (FileSpec("x", b"abc", content_type="a\r\nb"), "content_type"),
        ([b"a", b"b"], "no name"),
    ]
    for source, said in bad:
        with pytest.raises(ArgumentError, match=said):
            await acquisition.upload_file(source)  # type: ignore[arg-type]


async def test_a_source_that_breaks_stores_nothing(acquisition: Acquisition) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a" * 2_000_000
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await acquisition.upload_file(broken(), name="x")
    for size in (2, 9):
        with pytest.raises(IncompleteTransfer):
            await acquisition.upload_file(FileSpec("x", iter([b"abc", b"de"]), size=size))
    with pytest.raises(ArgumentError, match="not bytes"):
        await acquisition.upload_file(FileSpec("x", iter(["text"])))  # type: ignore[arg-type]
    assert (await acquisition.reload()).files == []


async def test_progress(acquisition: Acquisition, tmp_path: Path) -> None:
    events: list[Event] = []
    await acquisition.upload_file(BIG, name="x", on_progress=events.append)
    assert Progress("x", len(BIG), len(BIG)) in events
    events.clear()
    await acquisition.download_file("x", tmp_path / "x", on_progress=events.append)
    assert events[-3] == Progress("x", len(BIG), len(BIG))
    assert [e.done for e in events] == sorted(e.done for e in events)


@pytest.mark.parametrize("fault", [{"truncate": 1_000_000}, {"reset": 1_000_000}, {"status": 503}])
async def test_a_download_that_breaks_is_started_again(
    site: Emulator, acquisition: Acquisition, tmp_path: Path, fault: dict[str, int]
) -> None:
    await acquisition.upload_file(BIG, name="x")
    site.faults.add("download_file_from_acquisition", calls={1, 2}, **fault)  # type: ignore[arg-type]
    await acquisition.download_file("x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == BIG


@pytest.mark.parametrize("fault", [{"truncate": 10_000}, {"reset": 10_000}])
async def test_a_download_that_keeps_breaking_leaves_what_was_there(
    site: Emulator, acquisition: Acquisition, tmp_path: Path, fault: dict[str, int]
) -> None:
    await acquisition.upload_file(BIG, name="x")
    (tmp_path / "x").write_bytes(b"old")
    site.faults.add("download_file_from_acquisition", **fault)  # type: ignore[arg-type]
    with pytest.raises((ConnectionFailed, TransferError)):
        await acquisition.download_file("x", tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


async def test_wrong_bytes_are_noticed(site: Emulator, acquisition: Acquisition, tmp_path: Path) -> None:
    (entry,) = await acquisition.upload_file(b"right", name="x")
    (tmp_path / "blobs").mkdir()
    entry.hash = f"v0-sha384-{hashlib.sha384(b'other').hexdigest()}"
    with pytest.raises(ChecksumMismatch):
        await entry.download(tmp_path / "x")
    entry.size = 4
    with pytest.raises(IncompleteTransfer):
        await entry.download(tmp_path / "x")
    entry.size = 6
    with pytest.raises(IncompleteTransfer):
        await entry.read()
    assert os.listdir(tmp_path) == ["blobs"]


async def test_cancelling_leaves_nothing(
    site: Emulator, fw: AsyncClient, acquisition: Acquisition, tmp_path: Path
) -> None:
    await acquisition.upload_file(BIG, name="x")
    site.faults.add("download_file_from_acquisition", stall=30.0, stall_after=1_500_000)
    with anyio.move_on_after(0.5) as scope:
        await acquisition.download_file("x", tmp_path / "x")
    assert scope.cancelled_caught

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 100_000
            await anyio.sleep(0.01)

    with anyio.move_on_after(0.5) as scope:
        await acquisition.upload_file(endless(), name="y")
    assert scope.cancelled_caught
    assert os.listdir(tmp_path) == []
    assert fw._transport._budget.free == fw._options.max_connections
    assert [f.name for f in (await acquisition.reload()).files] == ["x"]


async def test_files_of_async_libraries(acquisition: Acquisition, tmp_path: Path, anyio_backend: str) -> None:
    (tmp_path / "x").write_bytes(BIG)
    async with await anyio.open_file(tmp_path / "x", "rb") as file:
        (entry,) = await acquisition.upload_file(file, name="anyio")
    assert entry.size == len(BIG)
    if anyio_backend == "asyncio":
        async with aiofiles.open(tmp_path / "x", "rb") as other:
            (entry,) = await acquisition.upload_file(FileSpec("aiofiles", other))
        assert entry.size == len(BIG)


async def test_async_progress(acquisition: Acquisition) -> None:
    events: list[Event] = []

    async def note(event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        events.append(event)

    await acquisition.upload_file(b"abc", name="x", on_progress=note)
    await acquisition.upload_file(b"", name="empty", on_progress=note)
    moved = [event for event in events if isinstance(event, Progress)]
    assert moved == [Progress("x", 3, 3), Progress("empty", 0, 0)]


async def test_a_source_may_use_the_client(site: Emulator, acquisition: Acquisition) -> None:
    """Even with a single request in flight allowed, which the upload itself takes."""
    fw = AsyncClient(site.api_key, max_connections=1)

    async def telling() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield (await fw.get_current_user()).id.encode()

    with anyio.fail_after(10):
        (entry,) = await fw.upload_file_to_container(acquisition.id, telling(), name="x")
    assert entry.size == 3 * len(site.admin_user)
    assert fw._transport._budget.free == 1
    await fw.aclose()


async def test_an_existing_file_keeps_its_permissions(acquisition: Acquisition, tmp_path: Path) -> None:
    await acquisition.upload_file(b"abc", name="x")
    (tmp_path / "x").write_bytes(b"private")
    (tmp_path / "x").chmod(0o600)
    await acquisition.download_file("x", tmp_path / "x")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


async def test_a_stuck_source_does_not_hold_up_cancelling(acquisition: Acquisition) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        start = anyio.current_time()
        with anyio.move_on_after(0.3):
            await acquisition.upload_file(pipe, name="x")
        assert anyio.current_time() - start < 8
        os.close(writing)
        await anyio.sleep(0.1)


async def test_a_cancelled_upload_closes_its_file(acquisition: Acquisition, site: Emulator, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    site.faults.add("upload_file_to_acquisition", latency=20.0)
    with anyio.move_on_after(0.3):
        await acquisition.upload_file(tmp_path / "x")
    open_now = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert str(tmp_path / "x") not in open_now


async def test_a_destination_that_cannot_be_is_refused_first(acquisition: Acquisition, tmp_path: Path) -> None:
    for dest in (tmp_path / ("x" * 300), "\ud800", tmp_path / "no" / "x"):
        with pytest.raises(ArgumentError, match="dest"):
            await acquisition.download_file("not there either", dest)
