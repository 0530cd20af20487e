"""Cutting a result that arrives in chunks of any size into lines and pieces."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.errors import BadAnswer
from flywheel_async.views.reading import Buffer

texts = st.lists(st.sampled_from(["a", "é", "\n", "\U0001f600", "\r\n", "xyz"]), max_size=30).map("".join)


def chunks(data: bytes, size: int) -> list[bytes | None]:
    return [*(data[at : at + size] for at in range(0, len(data), size)), None]


def read(buffer: Buffer[str], waiting: list[bytes | None], size: int | None) -> str:
    """Reads a line, or a piece of a size."""
    while (found := buffer.line() if size is None else buffer.piece(size)) is None:
        buffer.feed(waiting.pop(0))
    return found


@given(texts, st.integers(1, 9))
def test_lines(text: str, size: int) -> None:
    buffer, waiting = Buffer(""), chunks(text.encode(), size)
    lines: list[str] = []
    while line := read(buffer, waiting, None):
        lines.append(line)
    assert lines == io.StringIO(text, newline="\n").readlines()
    assert read(buffer, waiting, -1) == ""


@given(texts, st.integers(1, 9), st.lists(st.none() | st.integers(-1, 12), max_size=8))
def test_any_mixture_of_reads(text: str, size: int, wanted: list[int | None]) -> None:
    buffer, waiting, left = Buffer(""), chunks(text.encode(), size), text
    for count in wanted:
        if count is None:
            expected = left[: left.find("\n") + 1] if "\n" in left else left
        else:
            expected = left if count < 0 else left[:count]
        assert read(buffer, waiting, count) == expected
        left = left[len(expected) :]


def test_bytes_and_broken_text() -> None:
    binary = Buffer(b"")
    assert binary.piece(1) is None
    binary.feed(b"\xff\n")
    binary.feed(None)
    assert (binary.piece(1), binary.line(), binary.line()) == (b"\xff", b"\n", b"")
    broken = Buffer("")
    broken.feed("é".encode()[:1])
    with pytest.raises(BadAnswer, match="decode=False"):
        broken.feed(None)
