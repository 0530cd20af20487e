"""Files by their name and as objects: entries, metadata, classification, zip members, versions, moving."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.client.conftest import Traffic
from tests.client.tree import ODD_NAMES, Tree, grow

from flywheel_async import AsyncClient, Group
from flywheel_async.errors import ArgumentError, Conflict, NotFound
from flywheel_async.fields.common import FileReference
from flywheel_async.resources.reasons import DELETE_REASONS

pytestmark = pytest.mark.anyio

KINDS = ("project", "subject", "session", "acquisition", "analysis", "collection")
NAMES = (*ODD_NAMES, "日" * 85, "é.nii.gz")
"""The last but one has 255 bytes."""


@pytest.fixture
async def tree(watched: AsyncClient, group: Group) -> Tree:
    if {modality.id for modality in await watched.get_all_modalities()} == {"MR"}:
        await watched.add_modality({"_id": "CT", "classification": {"Measurement": ["T1", "T2"]}})
    return await grow(watched, group)


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("kind", KINDS)
async def test_entries(tree: Tree, traffic: Traffic, kind: str) -> None:
    item: Any = getattr(tree, kind)
    name = "a/b 50%.txt"
    (made,) = await item.upload_file(b"text", name=name, metadata={"info": {"a": 1, "b": {"c": 1}}})
    traffic.take()
    await item.update_file(name, type="text", modality="MR")
    await item.update_file(name, {"type": "tabular data"})
    await item.update_file_info(name, {"b": {"d": 2}}, file_name=3)
    await item.delete_file_info(name, "a", ["absent"])
    await item.update_file_classification(name, {"Measurement": ["T1"], "Intent": ["Structural"]})
    await item.update_file_classification(name, {"Measurement": ["T1", "T2"]}, modality="CT")
    await item.delete_file_classification(name, {"Intent": ["Structural"], "Features": ["2D"]})
    sent = traffic.take()
    assert len(sent) == 7
    assert (f"PATCH /containers/{item.id}/files/a%2Fb%2050%25.txt/info" in sent) == (kind == "analysis")
    entry = await item.get_file(name)
    assert (entry.name, entry.type, entry.modality) == (name, "tabular data", "CT")
    assert entry.info == {"b": {"d": 2}, "file_name": 3}
    assert entry.classification == {"Measurement": ["T1", "T2"]}
    await item.replace_file_info(name, {"x": None})
    await item.replace_file_classification(name, {"Custom": ["y"]}, "MR")
    entry = await item.get_file(name)
    assert (entry.info, entry.classification, entry.modality) == ({"x": None}, {"Custom": ["y"]}, "MR")
    assert item.file_ref(name) == FileReference(type=kind, id=item.id, name=name) == entry.ref()
    assert entry.file_id == made.file_id
    with pytest.raises(NotFound):
        await item.update_file_info("absent", {"x": 1})


@pytest.mark.parametrize("kind", KINDS)
async def test_file_objects(tree: Tree, traffic: Traffic, kind: str) -> None:
    item: Any = getattr(tree, kind)
    (file,) = await item.upload_file(b"text", name="it's, 1.txt", metadata={"info": {"a": 1}})
    traffic.take()
    await file.update(type="text", modality="MR")
    await file.update_info({"b": {"c": 1}}, d=2)
    await file.delete_info("a")
    await file.update_classification({"Measurement": ["T1", "T2"]}, "CT")
    await file.delete_classification({"Measurement": ["T2"]})
    assert len(traffic.take()) == 5
    assert await file.reload() is file
    assert (file.type, file.modality, file.info) == ("text", "CT", {"b": {"c": 1}, "d": 2})
    assert file.classification == {"Measurement": ["T1"]}
    await file.replace_info({})
    await file.replace_classification({})
    await file.reload()
    assert (file.info, file.classification) == ({}, {})
    traffic.take()
    parent = await file.get_parent()
    assert len(traffic.take()) == 1
    assert type(parent) is type(item)
    assert parent.id == item.id
    assert (await file.parent).id == item.id
    assert file.local_created == file.created
    assert file.local_modified == file.modified
    assert file.local_replaced is None
    await file.delete("test_data")
    with pytest.raises(NotFound):
        await file.reload()


@pytest.mark.parametrize("name", NAMES)
async def test_names(tree: Tree, tmp_path: Path, name: str) -> None:
    for item in (tree.project, tree.acquisition, tree.analysis):
        data = archive(**{"in/ü x.txt": b"inside"})
        (file,) = await item.upload_file(data, name=name)
        await item.update_file(name, type="archive")
        await item.update_file_info(name, {"n": 1})
        await item.update_file_classification(name, {"Custom": ["x"]})
        entry = await item.get_file(name)
        assert (entry.name, entry.type, entry.info, entry.classification) == (
            name,
            "archive",
            {"n": 1},
            {"Custom": ["x"]},
        )
        assert await item.read_file(name) == data
        assert [m.path for m in (await item.get_file_zip_info(name)).members] == ["in/ü x.txt"]
        assert await item.read_file_zip_member(name, "in/ü x.txt") == b"inside"
        async with httpx.AsyncClient() as plain:
            assert (await plain.get(await item.get_file_download_url(name))).content == data
        assert await file.read() == data
        await item.delete_file(name)
        with pytest.raises(NotFound):
            await item.get_file(name)


@pytest.mark.parametrize("bad", ["", ".", "..", "a\0b", None, "\ud800"])
async def test_bad_names_are_refused_before_any_request(tree: Tree, traffic: Traffic, bad: Any) -> None:
    item = tree.acquisition
    traffic.take()
    for call in (
        lambda: item.update_file(bad, type="x"),
        lambda: item.update_file_info(bad, {"x": 1}),
        lambda: item.replace_file_info(bad, {}),
        lambda: item.delete_file_info(bad, "x"),
        lambda: item.update_file_classification(bad, {}),
        lambda: item.get_file_zip_info(bad),
        lambda: item.read_file_zip_member(bad, "x"),
        lambda: item.get_file_download_url(bad),
        lambda: item.delete_file(bad),
    ):
        with pytest.raises(ArgumentError, match="file name"):
            await call()  # type: ignore[no-untyped-call]
    assert traffic.take() == []


@pytest.mark.parametrize(
    "bad", [None, "T1", ["T1"], {"Measurement": "T1"}, {"Measurement": None}, {"Measurement": [1]}, {1: ["x"]}]
)
async def test_bad_classifications_are_refused_before_any_request(tree: Tree, traffic: Traffic, bad: Any) -> None:
    traffic.take()
    for verb in (
        tree.acquisition.update_file_classification,
        tree.acquisition.replace_file_classification,
        tree.acquisition.delete_file_classification,
    ):
        with pytest.raises(ArgumentError, match="classification"):
            await verb("f", bad)
    assert traffic.take() == []


async def test_get_files(tree: Tree, traffic: Traffic) -> None:
    acquisition = tree.acquisition
    await acquisition.upload_file(b"1", name="one")
    await acquisition.upload_file(b"2", name="two")
    (listed,) = await tree.session.acquisitions.find()
    del listed.__dict__["files"]
    traffic.take()
    files = await listed.get_files()
    assert len(traffic.take()) == 1
    assert [file.name for file in files] == ["one", "two"]
    assert await files[1].read() == b"2"
    await acquisition.reload()
    traffic.take()
    assert [file.name for file in await acquisition.get_files()] == ["one", "two"]
    assert traffic.take() == []


async def test_zip_members(tree: Tree, traffic: Traffic, tmp_path: Path) -> None:
    acquisition = tree.acquisition
    data = archive(**{"a.txt": b"first", "deep/b c.txt": b"x" * 100_000, "empty": b""})
    (file,) = await acquisition.upload_file(data, name="z.zip")
    info = await file.get_zip_info()
    assert [(m.path, m.size) for m in info.members] == [("a.txt", 5), ("deep/b c.txt", 100_000), ("empty", 0)]
    traffic.take()
    seen: list[int] = []
    target = tmp_path / "b"
    done = await acquisition.download_file_zip_member(
        "z.zip", "deep/b c.txt", target, on_progress=lambda progress: seen.append(progress.done)
    )
    assert len(traffic.take()) == 3  # which version it is, its members, the member
    assert (done, target.read_bytes(), seen[-1]) == (target, b"x" * 100_000, 100_000)
    assert await file.download_zip_member("empty", str(tmp_path / "e")) == tmp_path / "e"
    assert (tmp_path / "e").read_bytes() == b""
    await acquisition.upload_file(archive(**{"a.txt": b"second"}), name="z.zip")
    assert await file.read_zip_member("a.txt") == b"first"
    assert await acquisition.read_file_zip_member("z.zip", "a.txt") == b"second"
    assert len((await file.get_zip_info()).members) == 3
    for absent in ("nothing", "", None):
        with pytest.raises(ArgumentError, match="member"):
            await file.read_zip_member(absent)  # type: ignore[arg-type]
    traffic.take()
    with pytest.raises(ArgumentError, match="folder|director"):
        await file.download_zip_member("a.txt", tmp_path / "no" / "such")
    assert traffic.take() == []


async def test_an_address_serves_the_very_version(tree: Tree, traffic: Traffic) -> None:
    (first,) = await tree.project.upload_file(b"first", name="f")
    (second,) = await tree.project.upload_file(b"second", name="f")
    assert (first.file_id, first.version + 1) == (second.file_id, second.version)
    traffic.take()
    address = await first.url()
    assert len(traffic.take()) == 1
    async with httpx.AsyncClient() as plain:
        assert (await plain.get(address)).content == b"first"
        assert (await plain.get(await second.url())).content == b"second"
        assert (await plain.get(await tree.project.get_file_download_url("f"))).content == b"second"


async def test_versions_and_restore(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    (first,) = await tree.project.upload_file(b"first", name="f")
    await tree.project.upload_file(b"second", name="f")
    traffic.take()
    assert sorted(v.version for v in await first.get_versions()) == [1, 2]
    assert len(traffic.take()) == 1
    restored = await first.restore()
    assert len(traffic.take()) == 1
    assert type(restored) is type(first)
    assert (restored.file_id, restored.version, await restored.read()) == (first.file_id, 3, b"first")
    assert await tree.project.read_file("f") == b"first"
    again = await restored.restore(2)
    assert await again.read() == b"second"
    assert (await first.reload()).local_replaced is not None
    with pytest.raises(ArgumentError, match="version"):
        await first.restore("two")  # type: ignore[arg-type]


async def test_moving_files(tree: Tree, traffic: Traffic) -> None:
    (file,) = await tree.acquisition.upload_file(b"x", name="f", metadata={"info": {"a": 1}})
    traffic.take()
    await file.move_to(tree.session)
    assert len(traffic.take()) == 1
    moved = await tree.session.get_file("f")
    assert (moved.file_id, moved.info, await moved.read()) == (file.file_id, {"a": 1}, b"x")
    with pytest.raises(NotFound):
        await tree.acquisition.get_file("f")
    await moved.move_to(tree.project.ref(), name="new ü/name")
    assert await tree.project.read_file("new ü/name") == b"x"
    last = await tree.project.get_file("new ü/name")
    await last.move_to(name="plain")
    assert (await last.reload()).name == "plain"
    await tree.session.upload_file(b"y", name="plain")
    with pytest.raises(Conflict):
        await last.move_to(tree.session)
    traffic.take()
    for bad in (tree.group, "5d2761383289d60037e8f5e5", {"type": "group", "id": "x"}, 5):
        with pytest.raises(ArgumentError):
            await last.move_to(bad)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="nothing given"):
        await last.move_to()
    assert traffic.take() == []


async def test_delete_reasons(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    import json

    table = json.loads((Path(__file__).parents[2] / "tools/api/models.json").read_text())
    (known,) = [enum for enum in table["enums"] if enum["name"] == "ContainerDeleteReason"]
    assert tuple(known["members"].values()) == DELETE_REASONS
    (file,) = await tree.project.upload_file(b"x", name="f")
    traffic.take()
    for item in (file, tree.project, tree.session, tree.acquisition, tree.analysis, tree.collection):
        with pytest.raises(ArgumentError, match="'boredom' is unknown; known are duplicate_data, "):
            await item.delete("boredom")  # type: ignore[attr-defined]
    with pytest.raises(ArgumentError, match="boredom"):
        await tree.project.delete_file("f", delete_reason="boredom")
    with pytest.raises(ArgumentError):
        await tree.group.delete("test_data")
    assert traffic.take() == []
    await file.delete("compliance_phi")
    for item in (tree.analysis, tree.acquisition, tree.session, tree.subject, tree.collection, tree.project):
        await item.delete("test_data")
    assert [line.split("delete_reason=")[1] for line in traffic.take()] == ["compliance_phi", *["test_data"] * 6]
    with pytest.raises(NotFound):
        await tree.project.reload()
