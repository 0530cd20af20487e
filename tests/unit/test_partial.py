"""The file that a download is written to, and what is left of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
from pathlib import Path
from typing import Any

import anyio
import pytest

from flywheel_async.errors import TransferError
from flywheel_async.files import publish
from flywheel_async.transfer import partial as module
from flywheel_async.transfer.partial import Identity, Partial, discard

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
DATA = os.urandom(9 * MIB)
HASH = f"v0-sha384-{hashlib.sha384(DATA).hexdigest()}"
MINE = Identity("f1", 1, HASH, len(DATA))


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 64 MiB would make these tests slow."""
    monkeypatch.setattr(module, "_KEPT_FROM", MIB)


def hidden(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.name.startswith(".fw-"))


async def left_behind(path: Path, identity: Identity = MINE, *spans: tuple[int, int]) -> None:
    partial = await Partial.create(path, identity)
    for start, stop in spans or ((0, 2 * MIB), (4 * MIB, 5 * MIB)):
        await partial.write(start, DATA[start:stop])
    await partial.aclose(keep=True)


async def test_written_in_any_order_and_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    path.write_bytes(b"old")
    await left_behind(path)
    assert hidden(tmp_path) == [".json", ".part"]
    partial = await Partial.create(path, MINE)
    assert partial.missing(len(DATA)) == [(2 * MIB, 4 * MIB), (5 * MIB, 9 * MIB)]
    for start, stop in reversed(partial.missing(len(DATA))):
        await partial.write(start, DATA[start:stop])
    assert path.read_bytes() == b"old"
    assert await partial.hash() == HASH
    assert await partial.commit(fsync=True, mtime=1_000_000_000.0) == path
    await partial.aclose(keep=True)
    assert path.read_bytes() == DATA
    assert path.stat().st_mtime == 1_000_000_000.0
    assert os.listdir(tmp_path) == ["scan.nii"]


@pytest.mark.parametrize(
    "other",
    [
        Identity("f2", 1, HASH, len(DATA)),
        Identity("f1", 2, HASH, len(DATA)),
        Identity("f1", 1, "v0-sha384-00", len(DATA)),
        Identity("f1", 1, HASH, len(DATA) + 1),
    ],
)
async def test_what_belongs_to_another_content_is_not_taken_up(tmp_path: Path, other: Identity) -> None:
    await left_behind(tmp_path / "x")
    partial = await Partial.create(tmp_path / "x", other)
    assert partial.count == 0
    await partial.aclose(keep=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff",
        lambda state: {**state, "there": [[0, 99 * MIB]]},
        lambda state: {**state, "there": [[5, 3]]},
        lambda state: {**state, "there": [["0", 3]]},
        lambda state: {**state, "there": {}},
        lambda state: {**state, "format": 2},
        lambda state: {**state, "target": "other"},
        lambda state: {**state, "more": 1},
    ],
)
async def test_a_note_that_cannot_be_true_is_not_believed(tmp_path: Path, broken: object) -> None:
    await left_behind(tmp_path / "x")
    (note,) = tmp_path.glob(".fw-*.json")
    note.write_bytes(
        broken if isinstance(broken, bytes) else json.dumps(broken(json.loads(note.read_text()))).encode()  # type: ignore[operator]
    )
    partial = await Partial.create(tmp_path / "x", MINE)
    assert partial.count == 0
    assert next(tmp_path.glob(".fw-*.part")).stat().st_size == 0
    await partial.aclose(keep=False)


async def test_a_note_that_was_being_written_is_no_trouble(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x", MINE, (0, 9 * MIB - 5))
    (note,) = tmp_path.glob(".fw-*.json")
    note.with_name(f"{note.name}~").write_bytes(b"{")
    partial = await Partial.create(tmp_path / "x", MINE)
    await partial.write(9 * MIB - 5, DATA[-5:])
    assert await partial.hash() == HASH
    await partial.commit()
    await partial.aclose(keep=True)
    assert os.listdir(tmp_path) == ["x"]


async def test_the_note_of_the_next_download_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    following = Identity("f1", 2, HASH, len(DATA))

    def published(*args: Any, **options: Any) -> None:
        publish(*args, **options)
        monkeypatch.undo()
        # As soon as the file has its final name, another program may begin.
        following_one = Partial._open(tmp_path / "x", following, None, False)
        following_one._write(0, DATA[: 2 * MIB])
        following_one._raw.close()

    partial = await Partial.create(tmp_path / "x", MINE)
    await partial.write(0, DATA)
    monkeypatch.setattr(module, "publish", published)
    await partial.commit()
    await partial.aclose(keep=True)
    assert (tmp_path / "x").read_bytes() == DATA
    partial = await Partial.create(tmp_path / "x", following)
    assert partial.count == 2 * MIB
    await partial.aclose(keep=False)


async def test_no_room_for_the_note(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(TransferError, match="cannot write .*too large"):
            await Partial.create(tmp_path / "x", MINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []
    partial = await Partial.create(tmp_path / "x", MINE)
    assert hidden(tmp_path) == [".json", ".part"]  # nobody holds the lock any more
    await partial.aclose(keep=False)


async def test_one_of_two_takes_it_up(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    first = await Partial.create(tmp_path / "x", MINE)
    second = await Partial.create(tmp_path / "x", MINE)
    assert (first.count, second.count) == (3 * MIB, 0)
    await second.write(0, DATA)
    assert await second.hash() == HASH
    await second.commit()
    await second.aclose(keep=True)
    assert (tmp_path / "x").read_bytes() == DATA
    await first.aclose(keep=True)
    assert hidden(tmp_path) == [".json", ".part"]


async def test_what_somebody_else_can_write_to_is_not_used(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    (left,) = tmp_path.glob(".fw-*.part")
    os.link(left, tmp_path / "also")
    partial = await Partial.create(tmp_path / "x", MINE)
    assert partial.count == 0
    await partial.write(0, b"abc")
    await partial.aclose(keep=True)
    assert (tmp_path / "also").stat().st_size == 5 * MIB
    left.unlink()
    left.symlink_to(tmp_path / "also")
    partial = await Partial.create(tmp_path / "x", MINE)
    await partial.write(0, DATA)
    await partial.commit()
    await partial.aclose(keep=False)
    assert (tmp_path / "x").read_bytes() == DATA
    assert (tmp_path / "also").stat().st_size == 5 * MIB


async def test_little_or_unnamed_is_not_kept(tmp_path: Path) -> None:
    for identity, count in ((MINE, MIB - 1), (None, 2 * MIB)):
        partial = await Partial.create(tmp_path / "x", identity)
        await partial.write(0, DATA[:count])
        await partial.aclose(keep=True)
        assert os.listdir(tmp_path) == []


async def test_starting_over(tmp_path: Path) -> None:
    partial = await Partial.create(tmp_path / "x", MINE)
    await partial.write(3 * MIB, DATA)
    await partial.start_over()
    assert partial.count == 0
    await partial.write(0, b"abc")
    assert await partial.hash() == f"v0-sha384-{hashlib.sha384(b'abc').hexdigest()}"
    await partial.commit()
    await partial.aclose(keep=True)
    assert (tmp_path / "x").read_bytes() == b"abc"


async def test_writing_to_a_closed_one_is_an_error(tmp_path: Path) -> None:
    partial = await Partial.create(tmp_path / "x", None)
    await partial.aclose(keep=False)
    with pytest.raises(TransferError, match="cannot write"):
        await partial.write(0, b"abc")


async def test_what_is_longer_than_the_file_is_cut(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    (left,) = tmp_path.glob(".fw-*.part")
    with left.open("r+b") as file:
        file.seek(10 * MIB)
        file.write(b"garbage")
    partial = await Partial.create(tmp_path / "x", MINE)
    assert partial.count == 3 * MIB
    for start, stop in partial.missing(len(DATA)):
        await partial.write(start, DATA[start:stop])
    assert await partial.hash() == HASH
    await partial.commit()
    await partial.aclose(keep=True)
    assert (tmp_path / "x").read_bytes() == DATA


async def test_what_was_made_longer_meanwhile_gets_no_name(tmp_path: Path) -> None:
    for identity in (MINE, None):
        partial = await Partial.create(tmp_path / "x", identity)
        await partial.write(0, DATA)
        (left,) = tmp_path.glob(".fw-*.part")
        with left.open("ab") as file:
            file.write(b"garbage")
        with pytest.raises(TransferError, match="changed"):
            await partial.commit()
        await partial.aclose(keep=False)
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", ["", ".json", ".json~"])
async def test_a_pipe_in_the_place_of_a_note_holds_nothing_up(tmp_path: Path, suffix: str) -> None:
    name = f".fw-{hashlib.sha256(b'x').hexdigest()[:16]}.part{suffix}"
    os.mkfifo(tmp_path / name)
    with anyio.fail_after(10):
        partial = await Partial.create(tmp_path / "x", MINE)
        await partial.write(0, DATA)
        await partial.commit()
        await partial.aclose(keep=True)
    assert (tmp_path / "x").read_bytes() == DATA
    assert set(os.listdir(tmp_path)) <= {"x", name}


async def test_a_link_in_the_place_of_a_note_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")
    (tmp_path / f".fw-{hashlib.sha256(b'x').hexdigest()[:16]}.part.json~").symlink_to(victim)
    await left_behind(tmp_path / "x")
    assert victim.read_bytes() == b"safe"
    assert hidden(tmp_path) == [".json", ".part"]


@pytest.mark.parametrize("identity", [MINE, None])
async def test_what_is_private_is_private_from_the_start(tmp_path: Path, identity: Identity | None) -> None:
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "x").chmod(0o4700)
    partial = await Partial.create(tmp_path / "x", identity)
    (left,) = tmp_path.glob(".fw-*.part")
    assert left.stat().st_mode & 0o7777 == 0o600
    await partial.write(0, DATA)
    await partial.commit()
    await partial.aclose(keep=False)
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o700


async def test_what_became_private_meanwhile_is_taken_up_as_such(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    (left,) = tmp_path.glob(".fw-*.part")
    left.chmod(0o644)
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "x").chmod(0o600)
    partial = await Partial.create(tmp_path / "x", MINE)
    assert partial.count == 3 * MIB
    assert left.stat().st_mode & 0o777 == 0o600
    await partial.aclose(keep=False)


async def test_what_is_left_is_removed_by_what_cannot_take_it_up(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    partial = await Partial.create(tmp_path / "x", None)
    assert hidden(tmp_path) == [".json", ".part", ".part"]
    await partial.commit()
    await partial.aclose(keep=False)
    assert os.listdir(tmp_path) == ["x"]
    await left_behind(tmp_path / "x")
    partial = await Partial.create(tmp_path / "x", None, discard=True)
    assert hidden(tmp_path) == [".part"]
    await partial.aclose(keep=False)
    await left_behind(tmp_path / "x")
    await discard(tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]


async def test_what_is_in_use_or_not_ours_is_not_removed(tmp_path: Path) -> None:
    await left_behind(tmp_path / "x")
    partial = await Partial.create(tmp_path / "x", MINE)
    await discard(tmp_path / "x")
    assert hidden(tmp_path) == [".json", ".part"]
    await partial.aclose(keep=True)
    (left,) = tmp_path.glob(".fw-*.part")
    os.link(left, tmp_path / "also")
    await discard(tmp_path / "x")
    assert hidden(tmp_path) == [".json", ".part"]


@pytest.mark.parametrize(("size", "each"), [(10_000, 1_000), (640_000, 10_000), (10**12, 20_000)])
async def test_how_much_a_kill_may_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, each: int) -> None:
    monkeypatch.setattr(module, "_NOTED_EACH", (1_000, 20_000))
    partial = await Partial.create(tmp_path / "x", Identity("f1", 1, HASH, size))
    await partial.write(0, bytes(each - 1))
    (note,) = tmp_path.glob(".fw-*.json")
    assert json.loads(note.read_text())["there"] == []
    await partial.write(each - 1, b"a")
    assert json.loads(note.read_text())["there"] == [[0, each]]
    await partial.aclose(keep=False)


async def test_permissions_of_a_new_file(tmp_path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    partial = await Partial.create(tmp_path / "x", None)
    await partial.commit()
    await partial.aclose(keep=False)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~mask


async def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_bytes(b"safe")
    link.symlink_to(victim)
    partial = await Partial.create(link, None)
    await partial.write(0, b"new")
    await partial.commit()
    await partial.aclose(keep=False)
    assert (victim.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"safe", b"new", False)


async def endless(path: Path) -> None:
    """Writes until it is cancelled."""
    partial = await Partial.create(path, None)
    try:
        while True:
            await partial.write(0, DATA[:MIB])
    finally:
        await partial.aclose(keep=False)


async def test_cancellation_leaves_nothing(tmp_path: Path) -> None:
    for delay in (0, 0.001, 0.01):
        with anyio.move_on_after(delay):
            await endless(tmp_path / "x")
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_native_cancellation_leaves_nothing(tmp_path: Path) -> None:
    """asyncio's own cancel() does not know anyio's shields."""
    for number in range(20):
        task = asyncio.create_task(endless(tmp_path / "x"))
        await asyncio.sleep(0.0005 * number)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.05)
        assert os.listdir(tmp_path) == []
