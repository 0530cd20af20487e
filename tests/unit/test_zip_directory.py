"""The list at the end of a zip file, read without the rest of it."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.transfer.zip_directory import MOST, TAIL, ZipMember, directory_start, read_directory


def zip_of(members: dict[str, bytes], comment: bytes = b"", *, big: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for name, data in members.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=big) as member:
                member.write(data)
    return out.getvalue()


def read(data: bytes) -> dict[str, ZipMember] | None:
    """Reads as a client does: the end first, then what is missing of the list."""
    tail = data[-TAIL:]
    start = directory_start(tail, len(data))
    return None if start is None else read_directory(data[start:], len(data))


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


# With the mark of the end in its comment, Python's own reader takes a zip for none.
comments = st.binary(max_size=300).filter(lambda comment: b"PK\5\6" not in comment)


@given(st.dictionaries(names, st.binary(max_size=200), max_size=20), comments, st.booleans())
def test_the_list_is_that_of_the_whole_file(members: dict[str, bytes], comment: bytes, big: bool) -> None:
    data = zip_of(members, comment, big=big)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        wanted = {one.filename: ZipMember(one.file_size, one.CRC) for one in archive.infolist()}
    assert read(b"something before it" + data) == wanted
    assert read(data) == wanted


def test_the_mark_of_the_end_in_a_comment() -> None:
    assert read(zip_of({"a": b"x"}, b"PK\5\6")) is None


def test_a_list_longer_than_the_end() -> None:
    data = zip_of({f"{'x' * 200}{number}": b"%d" % number for number in range(2000)})
    start = directory_start(data[-TAIL:], len(data))
    assert start is not None
    assert start < len(data) - TAIL
    found = read(data)
    assert found is not None
    assert found["x" * 200 + "7"] == ZipMember(1, zlib.crc32(b"7"))


def test_more_members_than_the_old_form_can_count() -> None:
    data = zip_of({str(number): b"" for number in range(70_000)})
    found = read(data)
    assert found is not None
    assert len(found) == 70_000


@given(st.binary(max_size=500), st.integers(0, 10_000))
def test_what_is_no_zip(data: bytes, more: int) -> None:
    start = directory_start(data, len(data) + more)
    assert start is None or start >= 0
    assert read_directory(data, len(data) + more) in (None, {})


@pytest.mark.parametrize("flip", range(120))
def test_a_damaged_list(flip: int) -> None:
    data = bytearray(zip_of({"a": b"x" * 50, "b": b"y" * 50}))
    data[len(data) - 1 - flip] ^= 0x11
    start = directory_start(bytes(data[-TAIL:]), len(data))
    if start is not None:
        read_directory(bytes(data[start:]), len(data))


def test_a_list_without_end_is_not_read() -> None:
    end = bytearray(zip_of({"a": b"x"})[-22:])
    end[12:16] = (MOST + 1).to_bytes(4, "little")
    assert directory_start(bytes(end), 10 * MOST) is None
