"""Many files as one archive: kept, or unpacked while it arrives."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.client.conftest import Traffic
from tests.client.places import listed, open_below

from flywheel_async import Acquisition, AsyncClient, Group, Project, Session
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    IncompleteTransfer,
    NotFound,
    RequestTimeout,
    TransferError,
    UnsafeArchive,
)
from flywheel_async.events import Done, Event, Retrying, Started
from flywheel_async.sync import Client
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transfer import archive_tickets

pytestmark = pytest.mark.anyio

SCAN = os.urandom(2_500_000)


@pytest.fixture
async def session(fw: AsyncClient, group: Group) -> Session:
    """Two acquisitions with two files each, and one file of the session itself."""
    made = await fw.ensure_path(f"{group.id}/Study/01/visit 1")
    assert isinstance(made, Session)
    await made.upload_file(b"notes", name="notes.txt")
    for label in ("T1", "T2"):
        acquisition = await made.add_acquisition(label=label)
        await acquisition.upload_file(SCAN, name="scan.nii.gz")
        await acquisition.upload_file(label.encode(), name="info.json", metadata={"tags": [label]})
    return made


def unpacked(folder: Path) -> dict[str, int]:
    """Paths below a folder, from the session on, with the sizes of the files."""
    found = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return {path.partition("visit 1/")[2]: size for path, size in found.items()}


ALL = {
    "notes.txt": 5,
    "T1/scan.nii.gz": len(SCAN),
    "T1/info.json": 2,
    "T2/scan.nii.gz": len(SCAN),
    "T2/info.json": 2,
}


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_kept(fw: AsyncClient, session: Session, tmp_path: Path, form: str) -> None:
    events: list[Event] = []
    verb: Any = getattr(session, f"download_{form}")
    summary = await verb(tmp_path / "x", on_progress=events.append, fsync=True)
    assert (summary.files, summary.bytes, summary.paths) == (5, sum(ALL.values()), (tmp_path / "x",))
    if form == "tar":
        with tarfile.open(tmp_path / "x") as archive:
            found = {member.name: member.size for member in archive}
    else:
        with zipfile.ZipFile(tmp_path / "x") as packed:
            assert packed.testzip() is None
            found = {member.filename: member.file_size for member in packed.infolist()}
    assert {path.partition("visit 1/")[2]: size for path, size in found.items()} == ALL
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    assert events[-1].done >= sum(ALL.values())
    into_folder = await getattr(fw, f"download_{form}")([session], tmp_path)
    assert into_folder.paths[0].parent == tmp_path
    assert into_folder.paths[0].suffix == f".{form}"
    assert listed(tmp_path) == sorted(["x", into_folder.paths[0].name])


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_archives_in_a_folder_do_not_replace_each_other(
    fw: AsyncClient, session: Session, tmp_path: Path, form: str
) -> None:
    """The site's names for them tell only the second, or the label of the analysis."""
    containers: list[Any] = list(await session.acquisitions.find())
    for data in (b"first", b"second"):
        analysis = await session.add_analysis({"label": "same"})
        await analysis.upload_output(data, name="info.json")
        containers.append(await fw.get_analysis(analysis.id))
    (tmp_path / f"analysis_same.{form}").symlink_to(tmp_path / "nowhere")
    found: dict[Path, bytes] = {}

    async def save(container: Any) -> None:
        summary = await getattr(container, f"download_{form}")(tmp_path, include_types=["source code"])
        (path,) = summary.paths
        if form == "tar":
            with tarfile.open(path) as archive:
                (member,) = archive.getmembers()
                content = archive.extractfile(member)
                assert content is not None
                found[path] = content.read()
        else:
            with zipfile.ZipFile(path) as packed:
                (name,) = packed.namelist()
                found[path] = packed.read(name)

    async with anyio.create_task_group() as tasks:
        for container in containers:
            tasks.start_soon(save, container)
    await save(containers[0])
    assert sorted(found.values()) == [b"T1", b"T1", b"T2", b"first", b"second"]
    assert listed(tmp_path) == sorted([f"analysis_same.{form}", *(path.name for path in found)])
    assert (tmp_path / f"analysis_same.{form}").is_symlink()


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_unpacked(fw: AsyncClient, session: Session, tmp_path: Path, form: str) -> None:
    verb: Any = getattr(fw, f"download_{form}")
    summary = await verb(session, extract_to=tmp_path / "new" / "folder", fsync=True)
    assert (summary.files, summary.bytes, summary.paths) == (5, sum(ALL.values()), (tmp_path / "new" / "folder",))
    assert unpacked(tmp_path / "new" / "folder") == ALL
    assert next((tmp_path / "new").rglob("T2/scan.nii.gz")).read_bytes() == SCAN
    assert [path.name for path in (tmp_path / "new").rglob(".fw-*")] == []
    assert open_below(tmp_path) == []


async def test_filters(fw: AsyncClient, session: Session, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, list[str]], set[str]]] = [
        ({"include_types": ["nifti"]}, {"T1/scan.nii.gz", "T2/scan.nii.gz"}),
        ({"exclude_types": ["nifti", "text"]}, {"T1/info.json", "T2/info.json"}),
        ({"include_tags": ["T1"]}, {"T1/info.json"}),
        ({"exclude_tags": ["T1"], "exclude_types": ["nifti"]}, {"notes.txt", "T2/info.json"}),
    ]
    for number, (conditions, wanted) in enumerate(cases):
        summary = await fw.download_tar(session, extract_to=tmp_path / str(number), **conditions)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert set(unpacked(tmp_path / str(number))) == wanted
        assert summary.files == len(wanted)
    with pytest.raises(NotFound):
        await session.download_tar(tmp_path / "x", ["no such type"])
    assert "x" not in os.listdir(tmp_path)


async def test_wrong_arguments_send_nothing(
    watched: AsyncClient, traffic: Traffic, group: Group, session: Session, tmp_path: Path
) -> None:
    traffic.take()
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        ([], {"dest_file": tmp_path / "x"}, "at least one"),
        (group, {"dest_file": tmp_path / "x"}, "a group"),
        ("5d2761383289d60037e8f5e5", {"dest_file": tmp_path / "x"}, "containers"),
        (session, {}, "dest_file"),
        (session, {"dest_file": tmp_path / "x", "extract_to": tmp_path}, "either"),
        (session, {"dest_file": tmp_path / "no" / "x"}, "dest"),
        (session, {"extract_to": 5}, "extract_to"),
        (session, {"dest_file": tmp_path / "x", "include_types": "nifti"}, "include_types"),
        (session, {"dest_file": tmp_path / "x", "include_tags": [5]}, "include_tags"),
        (session, {"dest_file": tmp_path / "x", "resume": True}, "resume"),
    ]
    for containers, options, said in wrong:
        with pytest.raises(ArgumentError, match=said):
            await watched.download_tar(containers, **options)
    assert traffic.take() == []
    assert listed(tmp_path) == []


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_a_connection_that_breaks(
    site: Emulator, fw: AsyncClient, session: Session, tmp_path: Path, form: str
) -> None:
    events: list[Event] = []
    site.faults.add("download_ticket", calls={1}, reset=2_000_000)
    site.faults.add("download_ticket", calls={2}, truncate=1_000_000)
    verb: Any = getattr(fw, f"download_{form}")
    summary = await verb(session, extract_to=tmp_path / "a", on_progress=events.append)
    assert summary.files == 5
    assert summary.renamed == {}
    assert unpacked(tmp_path / "a") == ALL
    assert sum(isinstance(event, Retrying) for event in events) == 2
    site.faults.add("download_ticket", truncate=1_000_000)
    with pytest.raises((TransferError, ConnectionError)):
        await verb(session, tmp_path / "x")
    assert listed(tmp_path) == ["a"]


class Body(httpx.AsyncByteStream):
    """A body in pieces, without the generator that httpx would leave half-run."""

    def __init__(self, data: bytes) -> None:
        self._pieces = iter([data[at : at + 65536] for at in range(0, len(data), 65536)])

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


class Elsewhere(Traffic):
    """A site that hands out another archive than it announced."""

    def __init__(self, archive: bytes) -> None:
        super().__init__()
        self.archive = archive

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/download") and request.method == "GET":
            return httpx.Response(200, stream=Body(self.archive))
        return await super().handle_async_request(request)


def tar_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("archive", "error"),
    [
        (tar_of(("a", b"x")), ChecksumMismatch),
        (tar_of(("notes.txt", b"notes")), IncompleteTransfer),
        (tar_of(("notes.txt", b"noteZ")), ChecksumMismatch),
        (tar_of(("a name of the site's own", b"notes")), IncompleteTransfer),
        (tar_of(*[(str(number), b"notes") for number in range(6)]), UnsafeArchive),
        (tar_of(*[("scan.nii.gz", SCAN)] * 3), UnsafeArchive),
        (tar_of(("a", b""), kind=tarfile.SYMTYPE), UnsafeArchive),
        (b"<html>" * 1000, IncompleteTransfer),
        (b"", IncompleteTransfer),
    ],
)
async def test_another_archive_than_announced(
    site: Emulator, session: Session, tmp_path: Path, archive: bytes, error: type[TransferError]
) -> None:
    transport = Elsewhere(archive)
    fw = AsyncClient(site.api_key, transport=transport, backoff_factor=0.02)
    mine = await fw.get_session(session.id)
    with pytest.raises(error):
        await mine.download_tar(tmp_path / "x")
    assert listed(tmp_path) == []
    with pytest.raises(error):
        await mine.download_tar(extract_to=tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob(".fw-*")] == []
    await fw.aclose()
    await transport.aclose()


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_an_archive_that_does_not_end(site: Emulator, session: Session, tmp_path: Path, form: str) -> None:
    """It is given up when it is longer than what was announced can be, in memory and on disk."""

    class Endless(httpx.AsyncByteStream):
        sent = 0

        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> bytes:
            self.sent += 65536
            if self.sent > 200 * 1024 * 1024:
                raise StopAsyncIteration
            return os.urandom(65536)

        async def aclose(self) -> None:
            pass

    stream = Endless()

    class WithoutEnd(Elsewhere):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/download") and request.method == "GET":
                return httpx.Response(200, stream=stream)
            return await super().handle_async_request(request)

    transport = WithoutEnd(b"")
    async with AsyncClient(site.api_key, transport=transport, backoff_factor=0.02) as fw:
        verb: Any = getattr(fw, f"download_{form}")
        with pytest.raises((UnsafeArchive, IncompleteTransfer)):
            await verb(session, extract_to=tmp_path / "x")
    assert stream.sent < 3 * sum(ALL.values()) + 10_000_000
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    await transport.aclose()


async def test_a_deadline_while_a_zip_is_looked_through(site: Emulator, session: Session, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("big", "w") as member:
        for _ in range(1500):
            member.write(bytes(1024 * 1024))

    class Announcing(Elsewhere):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/download") and request.method == "POST":
                return httpx.Response(200, json={"ticket": "t", "filename": "x", "file_cnt": 1, "size": 1500 << 20})
            return await super().handle_async_request(request)

    transport = Announcing(packed.getvalue())
    async with AsyncClient(site.api_key, transport=transport) as fw:
        start = anyio.current_time()
        with pytest.raises(RequestTimeout):
            await fw.download_zip(session, tmp_path / "x.zip", verify=False, deadline=0.3)
        assert anyio.current_time() - start < 2
        with anyio.move_on_after(0.3) as scope:
            await fw.download_zip(session, extract_to=tmp_path / "folder", verify=False)
        assert scope.cancelled_caught
        assert anyio.current_time() - start < 4
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    await transport.aclose()


async def test_a_wrong_file_is_never_put_in_place(site: Emulator, session: Session, tmp_path: Path) -> None:
    """The archive has the right number and sizes, so that only hashes tell."""
    right = [("T1/scan.nii.gz", SCAN), ("T2/scan.nii.gz", SCAN), ("T1/info.json", b"T1"), ("notes.txt", b"notes")]
    transport = Elsewhere(tar_of(*right, ("T2/info.json", b"t2")))
    async with AsyncClient(site.api_key, transport=transport, backoff_factor=0.02) as fw:
        with pytest.raises(ChecksumMismatch, match="T2/info.json"):
            await fw.download_tar(session, extract_to=tmp_path)
        assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(
            name for name, _ in right
        )
        unchecked = await fw.download_tar(session, extract_to=tmp_path, verify=False)
        assert (unchecked.files, unchecked.verified) == (5, 0)
        assert (tmp_path / "T2/info.json").read_bytes() == b"t2"
    await transport.aclose()


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_flipped_bytes(site: Emulator, session: Session, tmp_path: Path, form: str) -> None:
    flips = [3_000_000, 200_000, None]
    events: list[Event] = []

    def plan(number: int) -> ConnectionPlan | None:
        at = flips[min(number, len(flips) - 1)]
        return None if at is None else ConnectionPlan(down=Flow(flip=[at]))

    with FaultProxy(("127.0.0.1", site.port)) as proxy:
        key = site.api_key.replace(f":{site.port}:", f":{proxy.port}:")
        proxy.plan = plan
        async with AsyncClient(key, backoff_factor=0.02, disable_auth_check=True) as fw:
            verb: Any = getattr(fw, f"download_{form}")
            summary = await verb(session, extract_to=tmp_path, on_progress=events.append)
    assert (summary.files, summary.verified) == (5, 5)
    assert unpacked(tmp_path) == ALL
    assert next(tmp_path.rglob("T1/scan.nii.gz")).read_bytes() == SCAN
    assert any(isinstance(event, Retrying) for event in events)


async def test_a_file_that_changes_meanwhile(site: Emulator, fw: AsyncClient, session: Session, tmp_path: Path) -> None:
    """The ticket is for the old version, the list has the new one: everything is asked for again."""
    changed = False

    async def change(event: Event) -> None:
        nonlocal changed
        if isinstance(event, Started) and not changed:
            changed = True
            await session.upload_file(b"newer notes", name="notes.txt")

    summary = await session.download_tar(extract_to=tmp_path, on_progress=change)
    assert (summary.files, summary.verified) == (5, 5)
    assert next(tmp_path.rglob("notes.txt")).read_bytes() == b"newer notes"


@pytest.mark.parametrize("status", [403, 404, 501])
async def test_a_site_without_a_list_of_files(
    site: Emulator, fw: AsyncClient, session: Session, tmp_path: Path, status: int
) -> None:
    site.faults.add("get_all_files", status=status)
    summary = await fw.download_zip(session, tmp_path / "x.zip")
    assert (summary.files, summary.verified) == (5, 0)


async def test_inputs_and_outputs_of_analyses_are_compared(session: Session, tmp_path: Path) -> None:
    notes = await session.get_file("notes.txt")
    analysis = await session.add_analysis(label="done", inputs=[notes.ref()])
    await analysis.upload_output(b"result", name="out.txt")
    summary = await analysis.download_tar(extract_to=tmp_path)
    assert (summary.files, summary.verified) == (2, 2)


async def test_hostile_paths_stay_inside(site: Emulator, group: Group, fw: AsyncClient, tmp_path: Path) -> None:
    project = await group.add_project(label="../../up")
    for name in ("../../evil", "/abs", "a\\b", "NUL", "A.txt", "a.txt"):
        await project.upload_file(b"x", name=name)
    folder = tmp_path / "in" / "side"
    summary = await project.download_tar(extract_to=folder)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert summary.files == len(files) == 6
    assert all(folder in path.parents for path in files)
    assert {path for path in summary.renamed if not (folder / path).exists()} == set()
    assert any("a~2.txt" in path or "A~2.txt" in path for path in summary.renamed)


async def test_a_file_and_a_container_of_one_name(fw: AsyncClient, session: Session, tmp_path: Path) -> None:
    await session.upload_file(b"clash", name="T1")
    summary = await session.download_tar(extract_to=tmp_path)
    assert summary.files == 6
    assert len(unpacked(tmp_path)) == 6
    assert len(summary.renamed) in (1, 2)  # the file, or the two files in the folder


async def test_very_large_sets_come_in_several_archives(
    watched: AsyncClient, traffic: Traffic, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_tickets, "MOST_FILES", 1)
    acquisitions = await session.acquisitions.find()
    empty = await session.add_acquisition(label="empty")
    mine: list[Acquisition] = [*acquisitions, empty]
    traffic.take()
    summary = await watched.download_tar(mine, tmp_path / "x.tar")
    assert (summary.files, summary.paths) == (4, (tmp_path / "x.tar", tmp_path / "x-2.tar"))
    lines = traffic.take()
    assert len([line for line in lines if line.startswith("GET /download")]) == 2
    assert len([line for line in lines if line.startswith("GET /files")]) == 2
    assert listed(tmp_path) == ["x-2.tar", "x.tar"]
    summary = await watched.download_zip(mine, extract_to=tmp_path / "folder")
    assert set(unpacked(tmp_path / "folder")) == {path for path in ALL if "/" in path}
    assert len({path.read_bytes() for path in (tmp_path / "folder").rglob("info.json")}) == 2


async def test_the_place_of_a_second_archive(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_tickets, "MOST_FILES", 2)
    second = tmp_path / "x-2.tar"
    for make, remove in ((second.mkdir, second.rmdir), (lambda: os.mkfifo(second), second.unlink)):
        make()
        with pytest.raises(ArgumentError, match=r"dest: .*x-2\.tar is"):
            await session.download_tar(tmp_path / "x.tar")
        assert listed(tmp_path) == ["x-2.tar"]
        remove()
    second.symlink_to(tmp_path / "elsewhere")
    summary = await session.download_tar(tmp_path / "x.tar")
    assert summary.paths[:2] == (tmp_path / "x.tar", tmp_path / "elsewhere")
    assert second.is_symlink()


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_one_large_container_is_split_as_well(
    fw: AsyncClient, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    project = await fw.get_project(session.parents.project or "")
    await project.upload_file(b"protocol", name="protocol.txt", metadata={"tags": ["T1"]})
    await project.upload_file(b"{}", name="info.json")
    subject = await project.add_subject(label="02")
    await subject.upload_file(b"consent", name="consent.pdf")
    verb: Any = getattr(project, f"download_{form}")
    whole = await verb(extract_to=tmp_path / "whole")
    monkeypatch.setattr(archive_tickets, "MOST_FILES", 2)
    events: list[Event] = []
    parts = await verb(extract_to=tmp_path / "parts", on_progress=events.append)
    assert (parts.files, parts.bytes, parts.verified) == (8, whole.bytes, 8)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    names = [event.name for event in events if isinstance(event, Done)]
    assert len(names) >= 5
    assert {"protocol.txt", "info.json", "notes.txt"} <= set(names)
    kept = await verb(tmp_path / f"x.{form}", include_tags=["T1"])
    assert (kept.files, kept.verified) == (2, 2)
    monkeypatch.setattr(archive_tickets, "MOST_FILES", 1)
    kept = await verb(tmp_path / f"y.{form}", include_tags=["T1"])
    assert (kept.files, kept.verified) == (2, 2)
    found: dict[str, bytes] = {}
    for path in kept.paths:
        if form == "tar":
            with tarfile.open(path) as archive:
                found |= {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
        else:
            with zipfile.ZipFile(path) as packed:
                found |= {name: packed.read(name) for name in packed.namelist()}
    root = next(path.parent for path in contents(tmp_path / "whole") if path.name == "protocol.txt")
    assert found == {f"{root}/protocol.txt": b"protocol", f"{root}/01/visit 1/T1/info.json": b"T1"}
    assert [path.name for path in tmp_path.rglob(".fw-*")] == []


def contents(folder: Path) -> dict[Path, bytes]:
    """What is in all files below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", ["tar", "zip"])
@pytest.mark.parametrize("native", [False, True])
async def test_cancelling(
    site: Emulator, fw: AsyncClient, session: Session, tmp_path: Path, form: str, native: bool, anyio_backend: str
) -> None:
    site.faults.add("download_ticket", stall=30.0, stall_after=3_000_000)
    before = set(threading.enumerate())
    for options in ({"dest_file": tmp_path / "x"}, {"extract_to": tmp_path / "folder"}):
        start = anyio.current_time()
        verb: Any = getattr(session, f"download_{form}")
        if native and anyio_backend == "asyncio":
            task = asyncio.ensure_future(verb(**options))
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with anyio.move_on_after(0.5) as scope:
                await verb(**options)
            assert scope.cancelled_caught
        assert anyio.current_time() - start < 8
        assert [path.name for path in tmp_path.rglob("*") if path.name.startswith(".fw-") or path.name == "x"] == []
        assert open_below(tmp_path) == []
    assert fw._transport._budget.free == fw._options.max_connections
    busy = [thread for thread in set(threading.enumerate()) - before if "AnyIO" not in thread.name]
    assert [thread.name for thread in busy if "Trio" not in thread.name] == []


async def test_cancelling_while_single_files_are_packed(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> None:
    monkeypatch.setattr(archive_tickets, "MOST_FILES", 2)
    began, addfile = threading.Event(), tarfile.TarFile.addfile

    def slowly(self: tarfile.TarFile, *args: Any) -> None:
        began.set()
        time.sleep(0.2)
        addfile(self, *args)

    async def cancelled_there(cancel: Any) -> None:
        while not began.is_set():
            await anyio.sleep(0.01)
        cancel()

    monkeypatch.setattr(tarfile.TarFile, "addfile", slowly)
    async with anyio.create_task_group() as group:
        if anyio_backend == "asyncio":  # whose own cancel() does not wait for threads
            task = asyncio.ensure_future(session.download_tar(tmp_path / "x"))
            group.start_soon(cancelled_there, task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with anyio.CancelScope() as scope:
                group.start_soon(cancelled_there, scope.cancel)
                await session.download_tar(tmp_path / "x")
            assert scope.cancelled_caught
    assert listed(tmp_path) == []
    await anyio.sleep(0.5)
    assert listed(tmp_path) == []


async def test_a_folder_that_appears_meanwhile(session: Session, tmp_path: Path) -> None:
    target = tmp_path / "x"

    def note(event: Event) -> None:
        if isinstance(event, Done):
            target.mkdir()

    with pytest.raises(TransferError, match="cannot write"):
        await session.download_tar(target, on_progress=note)
    assert listed(tmp_path) == ["x"]
    assert open_below(tmp_path) == []


async def test_an_archive_that_is_taken_away(session: Session, tmp_path: Path) -> None:
    def note(event: Event) -> None:
        if isinstance(event, Done):
            for path in tmp_path.glob(".fw-*"):
                path.unlink()

    with pytest.raises(TransferError, match="cannot write .*x: No such file"):
        await session.download_tar(tmp_path / "x", on_progress=note)
    assert listed(tmp_path) == []


async def test_a_callable_may_ask_the_site(site: Emulator, session: Session, tmp_path: Path) -> None:
    async with AsyncClient(site.api_key, max_connections=1) as fw:
        asked: list[str] = []

        async def ask(event: Event) -> None:
            if len(asked) < 3:
                asked.append((await fw.get_current_user()).id)

        with anyio.fail_after(20):
            await fw.download_tar(session, extract_to=tmp_path, on_progress=ask)
        assert asked == [site.admin_user] * 3


def test_the_sync_twin(site: Emulator, tmp_path: Path) -> None:
    with Client(site.api_key, max_connections=1) as fw:
        fw.add_group(id="sync_archives")
        project: Any = fw.ensure_path("sync_archives/P")
        project.upload_file(SCAN, name="scan.nii.gz")
        seen: set[int] = set()

        def note(event: Event) -> None:
            seen.add(threading.get_ident())
            assert fw.get_current_user().id == site.admin_user

        summary = project.download_tar(extract_to=tmp_path / "t", on_progress=note)
        assert (summary.files, summary.bytes) == (1, len(SCAN))
        assert next((tmp_path / "t").rglob("scan.nii.gz")).read_bytes() == SCAN
        assert fw.download_zip([project], tmp_path / "x.zip").files == 1
        assert seen == {threading.get_ident()}


async def test_levels(fw: AsyncClient, session: Session, tmp_path: Path) -> None:
    analysis = await session.add_analysis(label="done")
    await analysis.upload_output(b"result", name="out.txt")
    project = await fw.get_project(session.parents.project or "")
    subject = await fw.get_subject(session.parents.subject or "")
    assert isinstance(project, Project)
    for number, (container, count) in enumerate([(project, 5), (subject, 5), (session, 5), (analysis, 1)]):
        summary = await container.download_tar(extract_to=tmp_path / str(number))
        assert summary.files == count
    assert (await fw.download_tar([session.ref(), analysis.ref()], extract_to=tmp_path / "x")).files == 6
