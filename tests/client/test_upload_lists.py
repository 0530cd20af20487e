"""Several files in one upload: looked at first, sent at the same time, each with metadata of its own."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.conftest import Traffic

from flywheel_async import Acquisition, AsyncClient, FileSpec, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, FileExists
from flywheel_async.sync import Client
from flywheel_async.types import FileCreateInput

pytestmark = pytest.mark.anyio


@pytest.fixture
async def acquisition(fw: AsyncClient, group: Group) -> Acquisition:
    found = await fw.ensure_path(f"{group.id}/P/S/s/a")
    assert isinstance(found, Acquisition)
    return found


def texts(count: int) -> list[FileSpec]:
    return [FileSpec(f"{number:03}.txt", f"text {number}") for number in range(count)]


async def names(acquisition: Acquisition) -> list[str]:
    return sorted(file.name for file in (await acquisition.reload()).files or [])


async def test_in_their_order_and_at_the_same_time(site: Emulator, acquisition: Acquisition) -> None:
    site.faults.add("upload_file_to_acquisition", latency=0.2)
    start = anyio.current_time()
    entries = await acquisition.upload_file(texts(24))
    assert anyio.current_time() - start < 24 * 0.2 / 2
    assert [entry.name for entry in entries] == [spec.name for spec in texts(24)]
    assert await names(acquisition) == [spec.name for spec in texts(24)]


async def test_one_that_cannot_be_read_stops_all_before_anything_is_sent(
    watched: AsyncClient, traffic: Traffic, acquisition: Acquisition, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"x")
    traffic.take()
    for bad in (tmp_path / "missing", tmp_path):
        with pytest.raises(ArgumentError, match=r"file: "):
            await watched.upload_file_to_container(acquisition.id, [tmp_path / "there", bad])
    assert traffic.take() == []


async def test_one_that_has_no_bytes_stops_all_before_anything_is_sent(
    watched: AsyncClient, traffic: Traffic, acquisition: Acquisition, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"x")
    closed = (tmp_path / "there").open("rb")
    closed.close()
    traffic.take()
    with (tmp_path / "there").open() as text, (tmp_path / "new").open("wb") as written:
        bad: list[tuple[Any, str]] = [
            (FileSpec("x", 5), "FileSpec.contents must be .* not int"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            (text, "gives text, not bytes; open files with 'rb'"),
            (FileSpec("x", io.StringIO("x")), "gives text"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            (closed, "is closed"),
            (written, "not open for reading"),
            (tmp_path.glob("*"), "several files go as a list"),
            (FileSpec("x", tmp_path / "missing"), "cannot read"),
        ]
        for one, said in bad:
            with pytest.raises(ArgumentError, match=said):
                await watched.upload_file_to_container(acquisition.id, [tmp_path / "there", one])
    assert traffic.take() == []
    with pytest.raises(ArgumentError, match="pass a list of paths"):
        await watched.upload_file_to_container(acquisition.id, tmp_path.glob("*"), name="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert await names(acquisition) == []


async def test_how_far_it_came(acquisition: Acquisition) -> None:
    await acquisition.upload_file(b"x", name="001.txt")
    with pytest.raises(FileExists) as caught:
        await acquisition.upload_file(texts(2), overwrite="error")
    assert "of 2 files were uploaded" in caught.value.__notes__[0]


async def test_metadata_for_each(acquisition: Acquisition) -> None:
    given: list[Any] = [{"modality": "MR"}, json.dumps({"info": {"run": 1}}), FileCreateInput(tags=["a"])]
    entries = await acquisition.upload_file(texts(3), metadata=given)
    assert entries[0].modality == "MR"
    assert (await acquisition.get_file("001.txt")).info["run"] == 1
    assert entries[2].tags == ["a"]
    (single,) = await acquisition.upload_file([FileSpec("x", b"x")], metadata=[{"name": "real"}])
    assert single.name == "real"
    with pytest.raises(ArgumentError, match="2 items for 3 files"):
        await acquisition.upload_file(texts(3), metadata=given[:2])
    with pytest.raises(ArgumentError, match="with a name is for one file"):
        await acquisition.upload_file(texts(2), metadata={"name": "x"})


async def test_files_of_one_name_are_versions_in_their_order(acquisition: Acquisition) -> None:
    entries = await acquisition.upload_file([FileSpec("x", str(number)) for number in range(5)])
    assert [entry.version for entry in entries] == [1, 2, 3, 4, 5]
    assert await acquisition.read_file("x") == b"4"


@pytest.mark.parametrize("signed", [True, False])
async def test_preserved_metadata(acquisition: Acquisition, signed: bool) -> None:
    first = {"modality": "MR", "tags": ["a"], "info": {"run": 1}}
    await acquisition.upload_file(b"1", name="x", metadata=first)
    (kept,) = await acquisition.upload_file(b"2", name="x", preserve_metadata=True, signed=signed)
    assert (kept.version, kept.modality, kept.tags) == (2, "MR", ["a"])
    (fresh,) = await acquisition.upload_file(b"3", name="x")
    assert (fresh.version, fresh.tags) == (3, [])


async def test_wrong_arguments_send_nothing(watched: AsyncClient, traffic: Traffic, acquisition: Acquisition) -> None:
    traffic.take()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"metdata": {}}, "did you mean 'metadata'"),
        ({"on_progress": 5}, "on_progress must be a function"),
        ({"metadata": 5}, "metadata must be a mapping"),
        ({"metadata": "{"}, "not JSON"),
        ({"overwrite": "yes"}, "overwrite must be"),
    ]
    for options, said in wrong:
        with pytest.raises(ArgumentError, match=said):
            await watched.upload_file_to_container(acquisition.id, b"x", name="x", **options)
    with pytest.raises(ArgumentError, match=r"give its \.id"):
        await watched.upload_file_to_acquisition(acquisition, b"x", name="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert traffic.take() == []


def test_sync(site: Emulator) -> None:
    with Client(site.api_key) as fw:
        fw.add_group(id="lists")
        project: Any = fw.ensure_path("lists/P")
        assert [entry.name for entry in project.upload_file(texts(10))] == [spec.name for spec in texts(10)]


def test_an_iterator_is_closed_when_the_upload_ends_early(site: Emulator) -> None:
    closed: list[bool] = []

    def pieces() -> Any:
        try:
            yield b"x"
            yield 5
        finally:
            closed.append(True)

    kept = pieces()
    with Client(site.api_key) as fw:
        fw.add_group(id="closing")
        project: Any = fw.ensure_path("closing/P")
        with pytest.raises(ArgumentError, match="gave a int"):
            project.upload_file(kept, name="x")
    assert closed == [True]
