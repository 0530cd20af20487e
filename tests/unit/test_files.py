"""The seam to the local disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import anyio
import pytest
from aiofiles.threadpool.binary import AsyncFileIO

from flywheel_async.errors import ArgumentError, IncompleteTransfer
from flywheel_async.files import READ_CHUNK, HashedFile, check_destination, open_source, read_source, wrap

pytestmark = pytest.mark.anyio


def named(data: bytes) -> str:
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


async def test_asyncio_really_uses_aiofiles(tmp_path: Path, anyio_backend: str) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    raw = open_source(tmp_path / "x", "file")
    try:
        file = wrap(raw)
        assert isinstance(file, AsyncFileIO if anyio_backend == "asyncio" else anyio.AsyncFile)
        assert await file.read(2) == b"ab"
    finally:
        raw.close()


@pytest.mark.parametrize("size", [0, 1, READ_CHUNK, READ_CHUNK + 1, 2 * READ_CHUNK])
async def test_reading_in_chunks(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    raw = open_source(tmp_path / "x", "file")
    chunks = [chunk async for chunk in read_source(raw, tmp_path / "x")]
    assert b"".join(chunks) == data
    assert all(len(chunk) <= READ_CHUNK for chunk in chunks)
    assert raw.hash == named(data)
    raw.close()


async def test_sources_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, said in [
        (tmp_path, "a folder"),
        (tmp_path / "fifo", "not a regular file"),
        (Path("/dev/null"), "not a regular file"),
        (tmp_path / "missing", "No such file"),
    ]:
        with pytest.raises(ArgumentError, match=said):
            open_source(path, "file")


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
async def test_a_source_that_changes_is_refused_before_its_end(tmp_path: Path, change: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * (READ_CHUNK + 10))
    raw = open_source(path, "file")
    got = 0
    with pytest.raises(IncompleteTransfer, match="changed"):
        async for chunk in read_source(raw, path):
            got += len(chunk)
            if change == "grow":
                with path.open("ab") as file:
                    file.write(b"more")
            elif change == "shrink":
                os.truncate(path, 5)
            else:
                path.write_bytes(b"b" * (READ_CHUNK + 10))
                os.utime(path, (1, 1))
    assert got < READ_CHUNK + 10
    raw.close()


@pytest.mark.parametrize("dest", [5, b"x", "", "a\0b"])
def test_destinations_of_the_wrong_kind(dest: object) -> None:
    with pytest.raises(ArgumentError, match="dest"):
        check_destination(dest)


def test_destinations_that_are_not_overwritten(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "no" / "folder", Path("/dev/null")):
        with pytest.raises(ArgumentError, match="dest"):
            check_destination(path)
    assert Path("/dev/null").is_char_device()


def test_closing_waits_for_a_running_read(tmp_path: Path) -> None:
    file = HashedFile(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), "r+b")
    with file._in_use:
        import threading

        closer = threading.Thread(target=file.close)
        closer.start()
        closer.join(0.05)
        assert closer.is_alive()
        assert not file.closed
    closer.join(5)
    assert file.closed
