"""Unpacking archives: what is well made comes out whole, what is hostile never leaves the target."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.test_names import HOSTILE

from flywheel_async import File
from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    FlywheelError,
    IncompleteTransfer,
    UnsafeArchive,
)
from flywheel_async.transfer.contents import Contents
from flywheel_async.transfer.extract import Announced, Unpacked, unpack_tar, unpack_zip
from flywheel_async.transfer.folders import SafeTree
from flywheel_async.transfer.names import safe_name

UNKNOWN = Announced()


class Pipe(io.RawIOBase):
    """A stream that cannot go back, as an answer is."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(size)


def tar(data: bytes, target: Path, announced: Announced = UNKNOWN) -> Unpacked:
    with SafeTree(target) as tree:
        return unpack_tar(Pipe(data), tree, announced)


def unzip(data: bytes, target: Path, announced: Announced = UNKNOWN) -> Unpacked:
    path = target.parent / "archive.zip"
    path.write_bytes(data)
    try:
        with SafeTree(target) as tree:
            return unpack_zip(path, tree, announced)
    finally:
        path.unlink()


def tar_of(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind, errors="surrogateescape") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(name: str, data: bytes = b"x", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    for key, value in attributes.items():
        setattr(made, key, value)
    return made, data


def zip_of(members: dict[str, bytes], mode: int | None = None, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            made = zipfile.ZipInfo(name)
            made.filename = name
            made.compress_type = packing
            made.external_attr = 0 if mode is None else mode << 16
            archive.writestr(made, data)
    return out.getvalue()


def listing(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """A folder with something beside it that must not change."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "kept").write_bytes(b"kept")
    yield tmp_path / "target"
    assert listing(tmp_path / "beside") == {"kept": b"kept"}
    assert {path.name for path in tmp_path.iterdir()} <= {"beside", "target"}
    assert list((tmp_path / "target").rglob(".fw-*")) == []


FILES = {"p/s/a.txt": b"alpha", "p/s/b.bin": bytes(range(256)) * 5000, "p/empty": b"", "p/ü 日本/é.txt": b"n"}


@pytest.mark.parametrize("kind", ["pax", "gnu", "zip"])
def test_what_is_well_made(target: Path, kind: str) -> None:
    announced = Announced(len(FILES), sum(map(len, FILES.values())))
    if kind == "zip":
        done = unzip(zip_of(FILES), target, announced)
    else:
        form = tarfile.PAX_FORMAT if kind == "pax" else tarfile.GNU_FORMAT
        made = [member(name, data, mtime=1_600_000_000) for name, data in FILES.items()]
        done = tar(tar_of(*made, kind=form), target, announced)
        assert (target / "p/s/a.txt").stat().st_mtime == 1_600_000_000
    assert listing(target) == FILES
    assert (done.files, done.bytes, done.renamed) == (announced.files, announced.bytes, {})


PATHS = [
    "../outside", "a/../../outside", "/etc/outside", "//outside", "./../outside", "a/./b", "..", "a/..", "a//b",
    "C:\\x", "..\\outside", "a\\..\\..\\outside", "CON", "a/NUL.txt", "a/b ", "a/b.", "x" * 300,
    "a/" + "y" * 300 + "/z", "beside/../../beside/kept", "a/\u202egnp", "a\nb", "-rf", "~/x", "$HOME/x", "%2e%2e/x",
    "a/%2F/b", "\x01",
]  # fmt: skip


@pytest.mark.parametrize("name", PATHS + [name for name in HOSTILE if not {"\0", "\ud800"} & {*name}])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_no_path_leads_out(target: Path, kind: str, name: str) -> None:
    try:
        done = tar(tar_of(member(name)), target) if kind == "tar" else unzip(zip_of({name: b"x"}), target)
    except FlywheelError:
        assert listing(target) == {}
        return
    (path,) = listing(target)
    assert listing(target)[path] == b"x"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    assert path.split("/") == [safe_name(part) for part in parts]
    assert done.renamed.get(path, path) == "/".join(parts)


def hostile_tars() -> dict[str, bytes]:
    """Archives that hold what is not unpacked, by what is wrong with them."""
    plain = tar_of(member("a", b"x" * 5000))
    link = member("l", b"", type=tarfile.SYMTYPE, linkname="../beside/kept")
    hard = member("l", b"", type=tarfile.LNKTYPE, linkname="../beside/kept")
    bomb = bytearray(tar_of(member("a", b"x" * 100, pax_headers={"comment": "c" * 600}, type=tarfile.REGTYPE)))
    bomb[124:136] = b"77777777777\0"
    bomb[148:156] = b"        "
    bomb[148:156] = f"{sum(bomb[:512]):06o}\0 ".encode()
    return {
        "symlink": tar_of(link),
        "symlink, then through it": tar_of(
            member("d", b"", type=tarfile.SYMTYPE, linkname="../beside"), member("d/kept", b"evil")
        ),
        "hard link": tar_of(hard),
        "hard link to absolute": tar_of(member("l", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
        "character device": tar_of(member("d", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
        "block device": tar_of(member("d", b"", type=tarfile.BLKTYPE)),
        "fifo": tar_of(member("d", b"", type=tarfile.FIFOTYPE)),
        "header of gigabytes": bytes(bomb),
        "cut in a file": plain[:3000],
        "cut in a header": plain[:300],
        "no archive": b"<html>" * 500,
        "empty": b"",
        "file, then a folder of its name": tar_of(member("a"), member("a/b")),
        "folder, then a file of its name": tar_of(member("a/b"), member("a")),
        "a time that is no number": tar_of(member("a", pax_headers={"mtime": "nan"}), member("b")),
        "headers of headers": b"".join(tar_of(member("a", pax_headers={"comment": "c"}))[:1024] for _ in range(3000)),
        "a sparse map that is none": tar_of(
            member("a", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.map": "x,y"})
        ),
        "something after the end": tar_of(member("a", b"x" * 5000)) + b"more" * 50_000,
        "zeros without end": tar_of(member("a", b"x" * 5000)) + bytes(2 * 1024 * 1024),
        "folders without end": tar_of(*[member(f"d{number}", b"", type=tarfile.DIRTYPE) for number in range(200)]),
        "nested without end": tar_of(member("d/" * 80 + "x")),
        "only slashes": tar_of(member("//")),
    }


@pytest.mark.parametrize("name", hostile_tars())
def test_hostile_tars(target: Path, name: str) -> None:
    tracemalloc.start()
    with pytest.raises((UnsafeArchive, IncompleteTransfer)):
        tar(hostile_tars()[name], target, Announced(1, 5000))
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    tracemalloc.stop()
    assert all(not path.is_symlink() for path in target.rglob("*"))


def test_more_and_less_than_announced(target: Path) -> None:
    two = tar_of(member("a", b"xx"), member("b", b"yy"))
    for announced, kind in (
        (Announced(1, 4), UnsafeArchive),
        (Announced(2, 3), UnsafeArchive),
        (Announced(3, 4), IncompleteTransfer),
        (Announced(2, 5), IncompleteTransfer),
    ):
        with pytest.raises(kind, match="announced"):
            tar(two, target, announced)


def test_hostile_zips(target: Path) -> None:
    with pytest.raises(UnsafeArchive, match="only files"):
        unzip(zip_of({"l": b"../beside/kept"}, stat.S_IFLNK | 0o777), target)
    with pytest.raises(UnsafeArchive, match="announced"):
        unzip(zip_of({"a": bytes(10_000_000)}), target, Announced(1, 1000))
    whole = zip_of({"a": b"x" * 5000})
    for damaged in (whole[:-30], whole[:50], b"PK", b""):
        with pytest.raises(IncompleteTransfer):
            unzip(damaged, target)
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        bomb = zip_of({"a": bytes(1000)}, packing=packing)
        with pytest.raises(UnsafeArchive, match="packed in a way"):
            unzip(bomb, target, Announced(1, 1000))
    assert listing(target) == {}


def test_each_byte_of_a_zip_flipped(target: Path) -> None:
    """Whatever is damaged: it is the right file, or a typed error and nothing there."""
    data = b"some words, and some words again, and random ones: " + bytes(range(200))
    whole = zip_of({"a": data})
    ended = 0
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 0x41
        try:
            unzip(bytes(flipped), target, Announced(1, len(data)))
        except (IncompleteTransfer, UnsafeArchive):
            ended += 1
            assert listing(target) == {}
        else:
            assert list(listing(target).values()) == [data]
            for path in target.rglob("*"):
                if path.is_file():
                    path.unlink()
    assert ended > len(whole) / 2


def test_each_byte_of_a_tar_flipped(target: Path) -> None:
    """The hash tells what the form cannot."""
    data = b"some words"
    contents = Contents()
    contents.add(File(name="a", size=len(data), hash=f"v0-sha384-{hashlib.sha384(data).hexdigest()}"))
    whole = tar_of(member("a", data, pax_headers={"comment": "ü"}))
    ended = 0
    for at in [*range(0, 2048, 3), *range(1536, 1550)]:
        flipped = bytearray(whole)
        flipped[at] ^= 0x01
        try:
            tar(bytes(flipped), target, Announced(1, len(data), contents))
        except (IncompleteTransfer, UnsafeArchive, ChecksumMismatch):
            ended += 1
            assert listing(target) == {}
        else:
            assert list(listing(target).values()) == [data]
            for path in target.rglob("*"):
                if path.is_file():
                    path.unlink()
    assert ended > 300


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_it_can_be_told_to_stop(target: Path, kind: str) -> None:
    class Stopped(Exception):
        pass

    calls = iter(range(3))

    def check() -> None:
        if next(calls, None) is None:
            raise Stopped

    big = {"a": bytes(5_000_000), "b": bytes(5_000_000)}
    with SafeTree(target) as tree, pytest.raises(Stopped):
        if kind == "tar":
            unpack_tar(Pipe(tar_of(*[member(name, data) for name, data in big.items()])), tree, UNKNOWN, check=check)
        else:
            path = target / "archive.zip"
            path.write_bytes(zip_of(big))
            try:
                unpack_zip(path, tree, UNKNOWN, check=check)
            finally:
                path.unlink()
    assert listing(target) == {}


def test_many_members_take_no_memory(target: Path) -> None:
    class Endless(io.RawIOBase):
        """Folders, one after the other."""

        def __init__(self) -> None:
            self._left = 20_000
            self._one = tar_of(member("d", b"", type=tarfile.DIRTYPE))[:512]
            self._rest = b""

        def read(self, size: int = -1, /) -> bytes:
            while len(self._rest) < size and self._left:
                self._left -= 1
                self._rest += self._one
            taken, self._rest = self._rest[:size], self._rest[size:]
            return taken or bytes(1024)[:size]

    tracemalloc.start()
    with SafeTree(target) as tree, pytest.raises(UnsafeArchive, match="follows the end|folders"):
        unpack_tar(Endless(), tree, UNKNOWN)
    assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    tracemalloc.stop()


def test_a_zip_that_says_it_is_huge(target: Path) -> None:
    made = bytearray(zip_of({"a": b"x" * 50}))
    at = made.rindex(b"PK\x01\x02")
    made[at + 24 : at + 28] = struct.pack("<I", 2**31)
    with pytest.raises(UnsafeArchive, match="more than one of its size can"):
        unzip(bytes(made), target)
    assert listing(target) == {}


@pytest.mark.parametrize("inside", ["target/p", "target/p/s"])
def test_links_that_are_there_are_not_followed(target: Path, inside: str) -> None:
    link = target.parent / inside
    link.parent.mkdir(parents=True)
    link.symlink_to(target.parent / "beside")
    with pytest.raises(UnsafeArchive, match="move it away"):
        tar(tar_of(member("p/s/kept", b"evil")), target)
    link.unlink()


def test_a_link_at_the_place_of_a_file(target: Path) -> None:
    target.mkdir()
    (target / "kept").symlink_to(target.parent / "beside" / "kept")
    with pytest.raises(UnsafeArchive, match="is a link"):
        tar(tar_of(member("kept", b"evil")), target)


def test_what_was_private_stays_private(target: Path) -> None:
    target.mkdir()
    modes: list[int] = []
    for name in ("private", "program"):
        (target / name).write_bytes(b"old")
    (target / "private").chmod(0o600)
    (target / "program").chmod(0o755)

    def check() -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in target.glob(".fw-*"))

    with SafeTree(target) as tree:
        unpack_tar(Pipe(tar_of(member("private"), member("program"))), tree, UNKNOWN, check=check)
    assert listing(target) == {"private": b"x", "program": b"x"}
    assert modes[0] == 0o600
    assert [stat.S_IMODE((target / name).stat().st_mode) for name in ("private", "program")] == [0o600, 0o755]


def test_what_is_on_the_disk_in_the_end(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        kind = os.fstat(descriptor).st_mode
        synced.append("folder" if stat.S_ISDIR(kind) else f"file of {os.fstat(descriptor).st_size}")

    monkeypatch.setattr(os, "fsync", noted)
    data = tar_of(member("p/a", b"12"), member("p/b", b"123"))
    with SafeTree(target, fsync=True) as tree:
        unpack_tar(Pipe(data), tree, UNKNOWN)
    assert synced == ["folder", "file of 2", "folder", "file of 3", "folder"]
    tar(data, target)
    assert len(synced) == 5


def test_names_that_differ_in_case(target: Path) -> None:
    done = tar(tar_of(member("S/a", b"1"), member("s/A", b"2"), member("S/A", b"3")), target)
    assert listing(target) == {"S/a": b"1", "s~2/A": b"2", "S/A~2": b"3"}
    assert done.renamed == {"s~2/A": "s/A", "S/A~2": "S/A"}


def test_a_target_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for bad in (tmp_path / "file", tmp_path / "a\0b"):
        with pytest.raises(ArgumentError, match="extract_to"):
            SafeTree(bad)
