"""Uploads by signed URLs, to every kind of store that the emulator imitates."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from flywheel_async import AsyncClient, FileSpec, Project
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    BadAnswer,
    ChecksumMismatch,
    ConnectionFailed,
    IncompleteTransfer,
    ServerError,
    StoreRefused,
    UnsafeRedirect,
)
from flywheel_async.files import in_thread
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transfer.upload_state import UploadState
from flywheel_async.transport.pool import PooledTransport

pytestmark = pytest.mark.anyio

PART = 512 * 1024
BIG = os.urandom(3 * 1024 * 1024 + 7)
KINDS = ("s3", "gcs", "azure")


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(signed_urls=request.param, part_bytes=PART, storage_port=0) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def s3() -> Iterator[Emulator]:
    with Emulator(signed_urls="s3", part_bytes=PART, storage_port=0) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def states(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of unfinished uploads, which each test leaves empty."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    yield folder
    assert [path for path in folder.rglob("*") if path.is_file()] == []


class Watched(httpx.AsyncBaseTransport):
    """The default transport; keeps what goes to the store, and may change what comes back.

    Attributes:
        puts: The requests to the store.
        most: The most of them at one time.
        answered: Is called with each answer of the store.
        tickets: Is called with each answer of the site that has a ticket in it.
    """

    def __init__(self) -> None:
        self._inner = PooledTransport()
        self.others: list[str] = []
        self.puts: list[httpx.Request] = []
        self.now = self.most = 0
        self.answered = lambda response: response
        self.tickets = lambda members: members

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PUT":
            self.others.append(f"{request.method} {request.url.path}")
            response = await self._inner.handle_async_request(request)
            if request.method == "POST" and b"?ticket=" in request.url.raw_path and response.status_code == 200:
                body: object = json.loads(await response.aread())
                content = json.dumps(self.tickets(body) if isinstance(body, dict) else body).encode()
                return httpx.Response(200, stream=httpx.ByteStream(content))
            return response
        self.puts.append(request)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return self.answered(await self._inner.handle_async_request(request))
        finally:
            self.now -= 1

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
async def watched(anyio_backend: str) -> AsyncIterator[Watched]:
    transport = Watched()
    yield transport
    await transport.aclose()


@contextlib.asynccontextmanager
async def project_of(site: Emulator, **options: object) -> AsyncIterator[Project]:
    """A fresh project, seen by a client with these options."""
    async with AsyncClient(site.api_key, backoff_factor=0.02, **options) as fw:  # type: ignore[arg-type]
        with contextlib.suppress(Exception):
            await fw.add_group(id="lab", label="Lab")
        yield await (await fw.get_group("lab")).add_project(label=os.urandom(8).hex())


def hash_of(data: bytes) -> str:
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


def left(site: Emulator) -> int:
    """Objects that the store still waits for."""
    return len(site.server.site.storage.objects._pending)


@pytest.mark.parametrize("source", ["path", "bytes", "file", "bytesio", "async", "sync"])
async def test_every_kind_of_source(site: Emulator, tmp_path: Path, source: str) -> None:
    path = tmp_path / "scan.nii"
    path.write_bytes(BIG)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(BIG), 1_000_000):
            await anyio.lowlevel.checkpoint()
            yield BIG[start : start + 1_000_000]

    async with project_of(site) as project:
        with path.open("rb") as opened:
            opened.read(1000)
            file = {
                "path": path,
                "bytes": BIG,
                "file": opened,
                "bytesio": io.BytesIO(BIG),
                "async": chunks(),
                "sync": iter([BIG[:10], BIG[10:]]),
            }[source]
            expected = BIG[1000:] if source == "file" else BIG
            (entry,) = await project.upload_file(file, name="scan.nii", metadata={"info": {"run": 1}})
            if source == "file":
                assert opened.read() == b""
        assert (entry.name, entry.size, entry.hash) == ("scan.nii", len(expected), hash_of(expected))
        assert entry.info == {"run": 1}
        assert await project.read_file("scan.nii") == expected
    assert left(site) == 0


@pytest.mark.parametrize("size", [0, PART, PART + 1])
async def test_sizes_around_those_of_parts(site: Emulator, size: int) -> None:
    data = os.urandom(size)
    async with project_of(site) as project:
        (entry,) = await project.upload_file(data, name="x")
        assert (entry.size, entry.hash) == (size, hash_of(data))


async def test_analyses_and_lists(site: Emulator) -> None:
    async with project_of(site) as project:
        analysis = await project.add_analysis(label="A")
        (entry,) = await analysis.upload_output(BIG, name="out.bin")
        assert entry.hash == hash_of(BIG)
        entries = await project.upload_file([FileSpec("a", b"1"), FileSpec("b/c", BIG)])
        assert [(e.name, e.size) for e in entries] == [("a", 1), ("b/c", len(BIG))]


async def test_only_what_the_ticket_says_goes_to_the_store(site: Emulator, watched: Watched) -> None:
    """With headers and cookies of the user's own besides."""
    async with (
        httpx.AsyncClient(
            transport=watched, headers={"X-Own": "1", "User-Agent": "own"}, cookies={"c": "1"}, auth=("a", "b")
        ) as client,
        project_of(site, http_client=client, user_agent_suffix="secret") as project,
    ):
        await project.upload_file(BIG, name="x", metadata={"info": {"a": 1}})
    allowed = {"host", "content-length", "content-range", "content-type", "x-ms-blob-type"}
    assert len(watched.puts) > 3
    for put in watched.puts:
        assert put.headers.keys() <= allowed
        assert int(put.headers["content-length"]) > 0
    assert sum(int(put.headers["content-length"]) for put in watched.puts) == len(BIG)


async def test_the_site_is_asked_once_how_it_wants_files(site: Emulator, watched: Watched) -> None:
    async with project_of(site, transport=watched) as project:
        watched.others.clear()
        for name in "abc":
            await project.upload_file(b"x", name=name)
        await project.upload_file(b"x", name="d", overwrite="version")
    route = f"POST /api/projects/{project.id}/files"
    assert watched.others == ["GET /api/config", *[route] * 8]


@pytest.mark.parametrize(("connections", "most"), [(64, 4), (2, 2), (1, 1)])
async def test_parts_run_at_once_within_the_budget(s3: Emulator, watched: Watched, connections: int, most: int) -> None:
    async with project_of(s3, transport=watched, max_connections=connections) as project:
        (entry,) = await project.upload_file(BIG, name="x")
    assert entry.hash == hash_of(BIG)
    assert watched.most == most


@contextlib.contextmanager
def before_the_store(site: Emulator, plan: list[ConnectionPlan | None]) -> Iterator[FaultProxy]:
    """A proxy through which everything goes to the store."""
    direct = site.storage_url
    host, port = direct.removeprefix("http://").rsplit(":", 1)
    with FaultProxy((host, int(port)), plan) as proxy:
        site.storage_url = f"http://127.0.0.1:{proxy.port}"
        try:
            yield proxy
        finally:
            site.storage_url = direct


@pytest.mark.parametrize(
    "flow",
    [
        Flow(reset_after=200_000),
        Flow(truncate_after=200_000),
        Flow(flip=[200_000, 210_000]),
        Flow(stall=30.0, stall_after=200_000),
    ],
    ids=["reset", "truncate", "flip", "stall"],
)
async def test_a_part_that_breaks_is_sent_again_alone(site: Emulator, flow: Flow) -> None:
    with before_the_store(site, [None, ConnectionPlan(up=flow)]) as proxy:
        async with project_of(site, request_timeout=0.5) as project:
            try:
                (entry,) = await project.upload_file(BIG, name="x")
                assert entry.hash == hash_of(BIG)
                assert await project.read_file("x") == BIG
            except ChecksumMismatch:
                # Of a whole sequence of chunks the store tells no hash; that of the site does not match.
                assert flow.flip
                assert (await project.reload()).files == []
    assert proxy.bytes_up < 1.5 * len(BIG)
    assert left(site) == 0


@pytest.mark.parametrize("down", [Flow(reset_after=0), Flow(stall=30.0)])
async def test_an_answer_of_the_store_that_gets_lost(site: Emulator, down: Flow) -> None:
    with before_the_store(site, [ConnectionPlan(down=down)] * 2):
        async with project_of(site, request_timeout=0.5) as project:
            (entry,) = await project.upload_file(BIG, name="x")
            assert entry.hash == hash_of(BIG)
    assert left(site) == 0


async def test_a_store_that_cannot_be_reached(site: Emulator) -> None:
    with before_the_store(site, [ConnectionPlan(refuse=True)] * 100):
        async with project_of(site, total_retries=2) as project:
            with pytest.raises(ConnectionFailed):
                await project.upload_file(BIG, name="x")
            assert (await project.reload()).files == []
    assert left(site) == 0


async def test_cancelling_hands_the_ticket_back(site: Emulator, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    with before_the_store(site, [ConnectionPlan(up=Flow(throttle=100_000))] * 100):
        async with project_of(site) as project:
            budget = project._core._transport._budget  # type: ignore[attr-defined]
            start = anyio.current_time()
            with anyio.move_on_after(0.5) as scope:
                await project.upload_file(tmp_path / "x")
            assert scope.cancelled_caught
            assert anyio.current_time() - start < 8
            assert left(site) == 0
            assert (await project.reload()).files == []
            assert budget.free == 64
    open_now = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert str(tmp_path / "x") not in open_now


async def test_a_broken_source_stores_nothing(site: Emulator, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a" * 2_000_000
        raise ZeroDivisionError

    async with project_of(site) as project:
        with pytest.raises(ZeroDivisionError):
            await project.upload_file(broken(), name="x")
        with pytest.raises(IncompleteTransfer):
            await project.upload_file(FileSpec("x", iter([b"abc"]), size=5))

        path = tmp_path / "growing"
        path.write_bytes(BIG)

        def grow(event: object) -> None:
            with path.open("ab") as file:
                file.write(b"more")

        with pytest.raises(IncompleteTransfer, match="changed while"):
            await project.upload_file(path, on_progress=grow)
        with pytest.raises(ZeroDivisionError):
            await project.upload_file(BIG, name="x", on_progress=lambda event: 1 / 0)
        assert (await project.reload()).files == []
    assert left(site) == 0


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_completing_is_tried_again(s3: Emulator, status: int) -> None:
    s3.faults.add("upload_file_to_project", calls={2}, status=status)
    async with project_of(s3) as project:
        (entry,) = await project.upload_file(BIG, name="x")
        assert (entry.version, entry.hash) == (1, hash_of(BIG))
    s3.faults.clear()


async def test_a_completed_ticket_whose_answer_got_lost(s3: Emulator) -> None:
    s3.faults.add("upload_file_to_project", calls={2}, reset="after")
    async with project_of(s3) as project:
        (entry,) = await project.upload_file(BIG, name="x")
        assert (entry.version, entry.hash) == (1, hash_of(BIG))
    s3.faults.clear()


async def test_a_site_that_keeps_failing(s3: Emulator) -> None:
    async with project_of(s3, total_retries=2) as project:
        await project.upload_file(b"", name="first")
        s3.faults.add("upload_file_to_project", status=503)
        with pytest.raises(ServerError):
            await project.upload_file(BIG, name="x")
        s3.faults.clear()
        assert [file.name for file in (await project.reload()).files] == ["first"]
    assert left(s3) == 0


@pytest.mark.parametrize("header", [{}, {"x-amz-server-side-encryption": "aws:kms"}])
async def test_etags_need_not_be_hashes(s3: Emulator, watched: Watched, header: dict[str, str]) -> None:
    """Every store names parts as it likes, and the site knows those names."""
    real: dict[str, str] = {}

    def renamed(response: httpx.Response) -> httpx.Response:
        etag = response.headers["etag"].strip('"')
        named = hashlib.md5(etag.encode()).hexdigest()
        real[named] = etag
        response.headers.update({"etag": f'"{named}"', **header, "x-amz-request-id": "1"})
        return response

    watched.answered = renamed
    objects = s3.server.site.storage.objects
    assemble = objects.assemble
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            objects, "assemble", lambda pending, etags: assemble(pending, [real[etag] for etag in etags or ()])
        )
        async with project_of(s3, transport=watched) as project:
            (entry,) = await project.upload_file(BIG, name="x")
    assert entry.hash == hash_of(BIG)
    assert len(real) == 7
    assert len(watched.puts) <= 7 + (0 if header else 4)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"urls": {}}, BadAnswer),
        ({"urls": {"x": []}}, BadAnswer),
        ({"urls": {"x": ["ftp://host/x"]}}, BadAnswer),
        ({"urls": {"x": ["/etc/passwd"]}}, BadAnswer),
        ({"ticket": ""}, BadAnswer),
        ({"headers": {"Authorization": "secret"}}, BadAnswer),
        ({"headers": {"Transfer-Encoding": "chunked"}}, BadAnswer),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, BadAnswer),
        ({}, ConnectionFailed),
    ],
)
async def test_tickets_are_not_trusted(
    s3: Emulator, watched: Watched, change: dict[str, object], error: type[Exception]
) -> None:
    # Short, so that an error that shows the start of the answer shows them.
    short = {"urls": {"x": ["http://127.0.0.1:1/?Signature=secret"]}, "headers": {}, **change}
    watched.tickets = lambda members: {**short, "ticket": change.get("ticket", members["ticket"])}
    async with project_of(s3, transport=watched, total_retries=0) as project:
        with pytest.raises(error) as caught:
            await project.upload_file(BIG, name="x")
        assert "Signature" not in str(caught.value)
        assert "secret" not in str(caught.value)
        assert (await project.reload()).files == []
    assert watched.puts == [] or error is ConnectionFailed


async def test_a_refusal_of_the_store(s3: Emulator, watched: Watched) -> None:
    before = left(s3)
    watched.tickets = lambda members: {
        **members,
        "urls": {name: [f"{url}0" for url in urls] for name, urls in members["urls"].items()},
    }
    async with project_of(s3, transport=watched) as project:
        with pytest.raises(StoreRefused, match="SignatureDoesNotMatch") as caught:
            await project.upload_file(BIG, name="x")
        assert caught.value.status == 403
        assert len(watched.puts) <= 4
        assert (await project.reload()).files == []
    assert left(s3) == before


def test_https_sites_do_not_send_files_unencrypted() -> None:
    from flywheel_async.config import Options, parse_key
    from flywheel_async.transport.client import Transport
    from flywheel_async.transport.stores import check_target

    transport = Transport(parse_key("host:key"), Options())
    check_target(transport, "https://store/x", {})
    with pytest.raises(UnsafeRedirect, match="unencrypted"):
        check_target(transport, "http://store/x", {})


async def test_a_ticket_that_is_gone_half_way(site: Emulator, watched: Watched) -> None:
    objects = site.server.site.storage.objects

    def forget(response: httpx.Response) -> httpx.Response:
        if len(watched.puts) == 5:
            for name in list(objects._pending):
                objects.drop(name)
        return response

    watched.answered = forget
    async with project_of(site, transport=watched) as project:
        (entry,) = await project.upload_file(BIG, name="x")
    assert (entry.version, entry.hash) == (1, hash_of(BIG))
    assert left(site) == 0


async def test_a_program_killed_just_after_completing(
    site: Emulator, watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(BIG)
    async with project_of(site, transport=watched) as project:
        with monkeypatch.context() as patch:
            patch.setattr(UploadState, "end", lambda state: in_thread(state._close))
            await project.upload_file(path)
        watched.puts.clear()
        (entry,) = await project.upload_file(path)
        assert (entry.version, entry.hash) == (1, hash_of(BIG))
        assert sum(int(put.headers["content-length"]) for put in watched.puts) <= len(BIG)
        (other,) = await project.upload_file(path)
        assert other.version == 2


async def test_signed_false_goes_directly(s3: Emulator, watched: Watched) -> None:
    async with project_of(s3, transport=watched) as project:
        fw = project._core  # type: ignore[attr-defined]
        (entry,) = await fw.upload_file_to_container(project.id, BIG, False, name="x")
    assert entry.hash == hash_of(BIG)
    assert watched.puts == []
