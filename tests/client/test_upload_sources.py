"""What is uploaded: file objects that are read in place, sources that change or fail, and what is left of them."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.client.places import open_below
from tests.client.storesite import CONTAINER, StoreSite, entry, hash_of, reply

from flywheel_async import EmptyUploadWarning, FileSpec
from flywheel_async.errors import ArgumentError, IncompleteTransfer, ServerError, TransferError
from flywheel_async.events import Done, Event, Started, Verified
from flywheel_async.files import READ_CHUNK
from flywheel_async.transfer import slices

pytestmark = pytest.mark.anyio

DATA = os.urandom(100_000)
SIGNED = pytest.mark.parametrize("signed", [None, False])

Make = Callable[[Path], Any]


def positioned(file: Any) -> Any:
    file.seek(100)
    return file


def half_written(path: Path) -> Any:
    """A file whose last bytes are in a buffer yet."""
    file = path.open("w+b")
    file.write(DATA)
    file.seek(100)
    return file


IN_PLACE: dict[str, Make] = {
    "BufferedReader": lambda path: positioned(path.open("rb")),
    "FileIO": lambda path: positioned(path.open("rb", buffering=0)),
    "BufferedRandom": half_written,
    "BytesIO": lambda path: positioned(io.BytesIO(DATA)),
}
BY_READING: dict[str, Make] = {
    "gzip": lambda path: positioned(gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(DATA)))),
    "temporary": lambda path: positioned(spooled()),
}


def spooled() -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(DATA)
    return file


class Site(StoreSite):
    """Answers direct uploads as well, the first ones with an error.

    Attributes:
        forms: The direct uploads.
        failing: How many of the next direct uploads and completions fail.
    """

    def __init__(self) -> None:
        super().__init__(complete=lambda request, body: self._end(self.puts[-1][1]))
        self.forms: list[httpx.Request] = []
        self.failing = 0

    def _end(self, data: bytes) -> httpx.Response:
        if self.failing:
            self.failing -= 1
            return reply({}, 503)
        return reply([entry(data)])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.headers.get("content-type", "").startswith("multipart/"):
            return await super().handle_async_request(request)
        self.forms.append(request)
        body = await request.aread()
        heads = 2 if b'name="metadata"' in body[:500] else 1
        return self._end(body.split(b"\r\n\r\n", heads)[heads].rsplit(b"\r\n--", 1)[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(DATA)
    return tmp_path / "x"


async def upload(site: StoreSite, file: Any, signed: bool | None = None, **options: Any) -> Any:
    with anyio.fail_after(10):
        async with site.client() as fw:
            (made,) = await fw.upload_file_to_container(CONTAINER, file, signed, **{"name": "x", **options})
            return made


@SIGNED
@pytest.mark.parametrize("kind", IN_PLACE)
async def test_file_objects_are_read_in_place(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, signed: bool | None
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: 1 / 0)
    site = Site()
    site.failing = 1
    events: list[Event] = []
    with IN_PLACE[kind](path) as file:
        made = await upload(site, file, signed, on_progress=events.append)
        assert (made.hash, file.read()) == (hash_of(DATA[100:]), b"")
    assert events[0] == Started("x", 0, len(DATA) - 100)
    assert len(site.forms) == (0 if signed is None else 2)
    assert all("content-length" in form.headers for form in site.forms)
    assert open_below(path.parent) == []


@SIGNED
@pytest.mark.parametrize("kind", {**IN_PLACE, **BY_READING})
async def test_a_file_object_is_put_back_after_a_failure(path: Path, kind: str, signed: bool | None) -> None:
    site = Site()
    site.failing = 3
    with {**IN_PLACE, **BY_READING}[kind](path) as file:
        with pytest.raises(ServerError):
            await upload(site, file, signed)
        assert file.tell() == 100
        site.failing = 0
        made = await upload(site, file, signed)
        assert made.hash == hash_of(DATA[100:])


async def test_a_file_object_of_aiofiles_is_put_back(path: Path) -> None:
    site = Site()
    site.failing = 3
    async with await anyio.open_file(path, "rb") as file:
        with pytest.raises(ServerError):
            await upload(site, file)
        assert (await upload(site, file)).hash == hash_of(DATA)


async def test_a_raw_call_that_fails_puts_a_file_object_back(path: Path) -> None:
    site = Site()
    site.failing = 1
    async with site.client() as fw:
        with path.open("rb") as file:
            with pytest.raises(ServerError):
                await fw.raw.upload_file_to_project(CONTAINER, file)
            assert file.tell() == 0


async def test_what_is_written_to_a_bytesio_meanwhile_is_not_sent() -> None:
    file = io.BytesIO(DATA)

    def told(event: Event) -> None:
        if isinstance(event, Started):
            file.write(b"other bytes" * 20_000)

    assert (await upload(Site(), file, on_progress=told)).hash == hash_of(DATA)


@SIGNED
@pytest.mark.parametrize("moment", ["ticket", "started"])
async def test_a_file_that_grows_is_not_cut_off(
    path: Path, monkeypatch: pytest.MonkeyPatch, signed: bool | None, moment: str
) -> None:
    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    class Growing(Site):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/config") and moment == "ticket":
                grow()
            return await super().handle_async_request(request)

    def told(event: Event) -> None:
        if isinstance(event, Started) and (moment == "started" or signed is False):
            grow()

    with pytest.raises(IncompleteTransfer):
        await upload(Growing(), path, signed, on_progress=told)


@SIGNED
async def test_a_file_that_changes_after_it_was_compared(path: Path, signed: bool | None) -> None:
    def change(event: Event) -> None:
        if isinstance(event, Started):
            path.write_bytes(DATA[::-1])

    site = Site()
    site._other = lambda request, body: reply(entry(DATA[:-1] + b"!"))
    with pytest.raises(IncompleteTransfer):
        await upload(site, path, signed, overwrite="skip-same", on_progress=change)


async def test_a_file_in_several_chunks_is_hashed_while_it_is_sent(tmp_path: Path) -> None:
    data = os.urandom(READ_CHUNK + 5)
    (tmp_path / "x").write_bytes(data)
    with (tmp_path / "x").open("rb") as file:
        assert (await upload(Site(), file, False)).hash == hash_of(data)


async def test_the_same_file_ends_with_all_of_it(path: Path) -> None:
    site = Site()
    site._other = lambda request, body: reply(entry(DATA))
    events: list[Event] = []
    await upload(site, path, overwrite="skip-same", on_progress=events.append)
    size = len(DATA)
    assert events == [Started("x", size, size), Verified("x", size, size, hash_of(DATA)), Done("x", size, size)]


@SIGNED
async def test_what_is_not_blocking_is_not_cut_off(signed: bool | None) -> None:
    class Slow(io.RawIOBase):
        """Gives None while it has nothing, as files that do not block."""

        def __init__(self) -> None:
            self.left: list[bytes | None] = [b"abc", None, b"def", b""]

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> bytes | None:
            return self.left.pop(0)

    site = Site()
    with pytest.raises(ArgumentError, match="make it blocking"):
        await upload(site, Slow(), signed)
    assert site.puts == []


@SIGNED
@pytest.mark.parametrize("kind", {**IN_PLACE, **BY_READING})
async def test_a_file_object_at_its_end_is_told_of(path: Path, kind: str, signed: bool | None) -> None:
    with {**IN_PLACE, **BY_READING}[kind](path) as file:
        file.read()
        with pytest.warns(EmptyUploadWarning, match=r"x: the file object stood at its end.*seek\(0\)") as caught:
            made = await upload(Site(), file, signed)
    assert made.size == 0
    assert [Path(one.filename).name for one in caught] != ["upload.py"]


@SIGNED
async def test_an_empty_file_object_is_nothing_to_tell_of(tmp_path: Path, signed: bool | None) -> None:
    (tmp_path / "x").touch()
    with (tmp_path / "x").open("rb") as file:
        assert (await upload(Site(), file, signed)).size == 0
    assert (await upload(Site(), io.BytesIO(), signed)).size == 0


@SIGNED
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="there is no /proc")
async def test_a_file_that_does_not_tell_its_size(signed: bool | None) -> None:
    proc = Path("/proc/version")
    assert proc.stat().st_size == 0
    for buffering in (-1, 0):
        with proc.open("rb", buffering=buffering) as file:
            assert (await upload(Site(), file, signed)).hash == hash_of(proc.read_bytes())
    site = Site()
    with pytest.raises(ArgumentError, match="does not tell its size"):
        await upload(site, proc, signed)
    assert (site.puts, site.forms) == ([], [])


@SIGNED
async def test_a_text_that_is_read_is_refused_also_when_it_is_empty(tmp_path: Path, signed: bool | None) -> None:
    (tmp_path / "empty").touch()
    async with await anyio.open_file(tmp_path / "empty") as file:
        with pytest.raises(ArgumentError, match="binary mode"):
            await upload(Site(), file, signed)


@SIGNED
async def test_a_path_under_another_name(path: Path, signed: bool | None) -> None:
    made = await upload(Site(), FileSpec("x", path), signed, name=None)
    assert made.hash == hash_of(DATA)


@SIGNED
@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), OSError(28, "full"), ZeroDivisionError()])
async def test_errors_of_a_source_pass_as_they_are(signed: bool | None, error: Exception) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"abc"
        raise error

    with pytest.raises(type(error)) as caught:
        await upload(Site(), chunks(), signed)
    assert caught.value is error


@pytest.mark.parametrize("where", ["making", "writing"])
async def test_a_disk_without_room_for_a_temporary_file(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*values: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    if where == "making":
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
    else:
        monkeypatch.setattr(slices, "_write", full)
    with pytest.raises(TransferError, match="No space left"):
        await upload(Site(), iter([b"abc"]))


async def test_a_wrong_size_leaves_nothing_open(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArgumentError, match="size"):
            await upload(Site(), FileSpec(str(path), size=1), name=None)
    assert open_below(path.parent) == []
