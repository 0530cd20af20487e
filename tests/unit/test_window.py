"""The bytes of a stream around the place where it is read."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.transfer import window as module
from flywheel_async.transfer.window import Window

DATA = bytes(range(256)) * 4


def read(window: Window, source: io.BytesIO, size: int, step: int) -> bytes:
    """Reads as a stream does, with chunks of `step` bytes."""
    while (found := window.piece(size)) is None:
        window.feed(source.read(step) or None)
    return found


@given(
    st.lists(st.one_of(st.integers(-1, 300), st.tuples(st.sampled_from([os.SEEK_SET, os.SEEK_CUR]), st.integers()))),
    st.integers(1, 200),
)
def test_it_reads_like_a_file(steps: list[int | tuple[int, int]], step: int) -> None:
    window, source, model = Window(), io.BytesIO(DATA), io.BytesIO(DATA)
    for action in steps:
        if isinstance(action, int):
            assert read(window, source, action, step) == model.read(action)
        else:
            whence, offset = action[0], action[1] % 1500 if action[0] == os.SEEK_SET else action[1] % 400 - 200
            place = offset if whence == os.SEEK_SET else model.tell() + offset
            if place < 0:
                with pytest.raises(io.UnsupportedOperation):
                    window.seek(offset, whence)
            else:
                assert window.seek(offset, whence) == model.seek(place)
        assert window.at == model.tell()


def test_what_has_arrived_comes_as_it_came() -> None:
    window = Window()
    assert window.rest() == b""
    window.feed(b"abc")
    window.feed(b"de")
    assert window.piece(2) == b"ab"
    assert window.rest() == b"cde"
    assert window.rest() == b""
    window.feed(None)
    assert (window.piece(5), window.piece(-1), window.has_ended) == (b"", b"", True)


def test_it_keeps_little_of_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 100)
    window = Window()
    for number in range(50):
        window.feed(bytes([number]) * 40)
        window.rest()
    assert sum(len(chunk) for chunk in window._chunks) <= 140
    assert window.seek(-100, os.SEEK_CUR) == 1900
    assert window.piece(1) == b"\x2f"
    for offset, whence in ((0, os.SEEK_SET), (-200, os.SEEK_CUR), (0, os.SEEK_END)):
        with pytest.raises(io.UnsupportedOperation):
            window.seek(offset, whence)
