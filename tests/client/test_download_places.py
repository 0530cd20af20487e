"""Where downloads go: over what is there, through links, into folders, and a member of a zip by its own checksum."""

from __future__ import annotations

import io
import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.conftest import Traffic
from tests.client.places import MIB, acquisition_of, listed

from flywheel_async import Acquisition, AsyncClient, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, ChecksumMismatch, FileExists
from flywheel_async.events import Done, Event, Started, Verified
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow

pytestmark = pytest.mark.anyio

DATA = os.urandom(300_000)


@pytest.fixture
async def acquisition(fw: AsyncClient, group: Group) -> Acquisition:
    found = await acquisition_of(fw, group.id)
    await found.upload_file(DATA, name="scan.nii")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for series in ("s1", "s2"):
            archive.writestr(f"{series}/1.dcm", series.encode() * 20_000)
        archive.writestr("../up", b"up")
        archive.writestr(".", b"dot")
        archive.writestr("s1/.", b"another")
    await found.upload_file(packed.getvalue(), name="dicoms.zip")
    return found


async def test_what_is_the_same_is_not_fetched_again(
    watched: AsyncClient, traffic: Traffic, acquisition: Acquisition, tmp_path: Path
) -> None:
    mine = await watched.get_acquisition(acquisition.id)
    events: list[Event] = []

    async def again() -> list[str]:
        traffic.take()
        events.clear()
        await mine.download_file("scan.nii", tmp_path, overwrite="skip-same", on_progress=events.append)
        assert (tmp_path / "scan.nii").read_bytes() == DATA
        return [line for line in traffic.take() if not line.endswith("/info")]

    assert len(await again()) == 1
    assert await again() == []
    assert [type(event) for event in events] == [Started, Verified, Done]
    assert {event.done for event in events} == {len(DATA)}
    for other in (b"", DATA[:-1], DATA[:-1] + b"x"):
        (tmp_path / "scan.nii").write_bytes(other)
        assert len(await again()) == 1


async def test_nothing_is_replaced(
    watched: AsyncClient, traffic: Traffic, acquisition: Acquisition, tmp_path: Path
) -> None:
    (tmp_path / "scan.nii").write_bytes(b"mine")
    mine = await watched.get_acquisition(acquisition.id)
    traffic.take()
    for dest in (tmp_path, tmp_path / "scan.nii"):
        with pytest.raises(FileExists, match="is there already"):
            await mine.download_file("scan.nii", dest, overwrite="error")
    with pytest.raises(ArgumentError, match="overwrite must be"):
        await mine.download_file("scan.nii", tmp_path, overwrite="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert traffic.take() == []
    assert (tmp_path / "scan.nii").read_bytes() == b"mine"
    await mine.download_file("scan.nii", tmp_path / "other", overwrite="error")
    assert (tmp_path / "other").read_bytes() == DATA


@pytest.mark.parametrize("size", [300_000, 9 * MIB])
async def test_nothing_that_appears_meanwhile_is_replaced(
    acquisition: Acquisition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    await acquisition.upload_file(bytes(size), name="scan.nii")
    target = tmp_path / "scan.nii"

    def note(event: Event) -> None:
        if isinstance(event, Verified):
            target.write_bytes(b"mine")

    for links in (True, False):
        if not links:
            monkeypatch.setattr(os, "link", _refused)
        target.unlink(missing_ok=True)
        with pytest.raises(FileExists, match="is there by now"):
            await acquisition.download_file("scan.nii", tmp_path, overwrite="error", on_progress=note)
        assert target.read_bytes() == b"mine"
        assert listed(tmp_path) == ["scan.nii"]
        target.unlink()
        await acquisition.download_file("scan.nii", tmp_path, overwrite="error")
        assert target.read_bytes() == bytes(size)
        assert listed(tmp_path) == ["scan.nii"]


def _refused(*_: object) -> None:
    raise PermissionError("no links here")


async def test_a_folder_that_cannot_be_looked_into(acquisition: Acquisition, tmp_path: Path) -> None:
    """As root may look into any, one whose files have paths that are too long."""
    deep = tmp_path
    while len(os.fsencode(deep)) < 3900:
        deep = deep / ("d" * min(180, 4090 - len(os.fsencode(deep)) - 1))
    deep = deep / ("d" * (4090 - len(os.fsencode(deep)) - 1))
    deep.mkdir(parents=True)
    with pytest.raises(ArgumentError, match=r"^dest: .*too long"):
        await acquisition.download_file("scan.nii", deep)


async def test_a_link_that_the_user_names_is_followed(acquisition: Acquisition, tmp_path: Path) -> None:
    real, link, loop = tmp_path / "scratch", tmp_path / "link", tmp_path / "loop"
    real.mkdir()
    link.symlink_to(real / "x")
    loop.symlink_to(loop)
    for _ in range(2):  # to a file that is missing, then to one that is there
        await acquisition.download_file("scan.nii", link)
        assert link.is_symlink()
        assert (real / "x").read_bytes() == DATA
    with pytest.raises(ArgumentError, match="dest"):
        await acquisition.download_file("scan.nii", loop)
    assert listed(real) == ["x"]
    assert listed(tmp_path) == ["link", "loop", "scratch"]


async def test_members_keep_their_folders(acquisition: Acquisition, tmp_path: Path) -> None:
    for member in ("s1/1.dcm", "s2/1.dcm", "../up", ".", "s1/."):
        await acquisition.download_file_zip_member("dicoms.zip", member, tmp_path)
    assert (tmp_path / "s1" / "1.dcm").read_bytes() == b"s1" * 20_000
    assert (tmp_path / "s2" / "1.dcm").read_bytes() == b"s2" * 20_000
    assert (tmp_path / "%2E%2E" / "up").read_bytes() == b"up"
    assert (tmp_path / "%2E").read_bytes() == b"dot"
    assert (tmp_path / "s1" / "%2E").read_bytes() == b"another"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s3").mkdir()
    (tmp_path / "s3" / "s1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArgumentError, match="is a link"):
        await acquisition.download_file_zip_member("dicoms.zip", "s1/1.dcm", tmp_path / "s3")
    assert listed(tmp_path / "elsewhere") == []


async def test_members_are_looked_up_once(watched: AsyncClient, traffic: Traffic, acquisition: Acquisition) -> None:
    file = await (await watched.get_acquisition(acquisition.id)).get_file("dicoms.zip")
    traffic.take()
    for _ in range(3):
        assert await file.read_zip_member("s1/1.dcm") == b"s1" * 20_000
        assert await file.read_zip_member("s2/1.dcm") == b"s2" * 20_000
    lines = traffic.take()
    assert len(lines) == 7
    assert sum("member=" in line for line in lines) == 6
    await acquisition.upload_file(_zip({"s1/1.dcm": b"new"}), name="dicoms.zip")
    fresh = await (await watched.get_acquisition(acquisition.id)).get_file("dicoms.zip")
    assert await fresh.read_zip_member("s1/1.dcm") == b"new"
    assert await file.read_zip_member("s1/1.dcm") == b"s1" * 20_000
    with pytest.raises(ArgumentError, match="no member 's9'"):
        await file.read_zip_member("s9")


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("way", ["path", "memory", "stream", "object"])
async def test_a_member_with_a_flipped_byte(site: Emulator, acquisition: Acquisition, tmp_path: Path, way: str) -> None:
    await acquisition.upload_file(_zip({"big": bytes(MIB)}), name="big.zip")
    with FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        options: dict[str, Any] = {"backoff_factor": 0.01, "disable_auth_check": True}
        async with AsyncClient(key, **options) as fw:
            file = await (await fw.get_acquisition(acquisition.id)).get_file("big.zip")
            await file.read_zip_member("big")
            proxy.plan = lambda number: ConnectionPlan(down=Flow(flip=range(700_000, 9_000_000, 100_000)))
            proxy.cut()
            ways: dict[str, Callable[[], Any]] = {
                "path": lambda: file.download_zip_member("big", tmp_path / "x"),
                "memory": lambda: file.read_zip_member("big"),
                "object": lambda: file.download_zip_member("big", io.BytesIO()),
                "stream": lambda: _drained(file),
            }
            with pytest.raises(ChecksumMismatch):
                await ways[way]()
            assert listed(tmp_path) == []
            proxy.plan = ()
            proxy.cut()
            assert await file.read_zip_member("big") == bytes(MIB)


async def _drained(file: Any) -> None:
    async with file.open_member("big") as stream:
        async for _ in stream:
            pass


async def test_members_where_a_site_gives_no_ranges(site: Emulator, fw: AsyncClient, acquisition: Acquisition) -> None:
    big = {"a": os.urandom(200_000), "b": b"b"}
    await acquisition.upload_file(_zip(big), name="big.zip")
    site.faults.add("download_file_from_acquisition", calls={1}, status=416)
    assert await acquisition.read_file_zip_member("big.zip", "b") == b"b"


async def test_many_at_once_do_not_open_all_their_files(
    site: Emulator, acquisition: Acquisition, tmp_path: Path
) -> None:
    """With a limit of descriptors that would not do for all of them."""
    for number in range(300):
        (tmp_path / f"{number:03}").write_bytes(b"%d" % number)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    async with AsyncClient(site.api_key, max_connections=16) as fw:
        await fw.get_current_user()
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 120, hard))
        try:
            async with anyio.create_task_group() as group:
                for number in range(300):
                    group.start_soon(
                        lambda path=tmp_path / f"{number:03}": fw.upload_file_to_container(acquisition.id, path)
                    )
            (tmp_path / "out").mkdir()
            async with anyio.create_task_group() as group:
                for number in range(300):
                    group.start_soon(
                        lambda name=f"{number:03}": fw.download_file_from_container(
                            acquisition.id, name, tmp_path / "out"
                        )
                    )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(list((tmp_path / "out").iterdir())) == 300


async def test_a_transfer_inside_of_another_does_not_wait(
    site: Emulator, acquisition: Acquisition, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(DATA)
    async with AsyncClient(site.api_key, max_connections=1) as fw:
        mine = await fw.get_acquisition(acquisition.id)

        async def note(event: Event) -> None:
            if isinstance(event, Started):
                await mine.download_file("scan.nii", tmp_path / "y")

        with anyio.fail_after(20):
            await mine.upload_file(tmp_path / "x", on_progress=note)
    assert (tmp_path / "y").read_bytes() == DATA


def test_flat_names_take_the_options(site: Emulator, tmp_path: Path) -> None:
    seen: list[Event] = []
    with Client(site.api_key) as fw:
        fw.add_group(id="places")
        project: Any = fw.ensure_path("places/P")
        project.upload_file(DATA, name="x")
        fw.download_file_from_project(
            project.id, "x", tmp_path, on_progress=seen.append, parallel=2, set_mtime=True, overwrite="error"
        )
        with pytest.raises(FileExists):
            fw.download_file_from_project(project.id, "x", tmp_path, overwrite="error")
        assert fw.download_file_from_project_as_data(project.id, "x", on_progress=seen.append, deadline=20) == DATA
        with pytest.raises(ArgumentError, match="did you mean 'overwrite'"):
            fw.download_file_from_project(project.id, "x", tmp_path, overwite="error")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert sum(isinstance(event, Done) for event in seen) == 2
