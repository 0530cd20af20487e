"""Frames of a few rows each, put together, are the frame of all rows, and all have the same columns and types."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from flywheel_async.views.columns import Columns, read

VALUES = {
    "whole": st.integers(-5, 5),
    "gaps": st.none() | st.integers(-5, 5),
    "number": st.floats(-5, 5).map(lambda x: round(x, 2)) | st.integers(-5, 5),
    "flag": st.booleans(),
    "flag with gaps": st.none() | st.booleans(),
    "label": st.sampled_from(["sub-01", "0042", "7", "x"]),
    "digits": st.sampled_from(["1", "2", "3.5"]),
    "label with gaps": st.none() | st.sampled_from(["a", "1"]),
    "anything": st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["1", "a"]),
    "list": st.lists(st.integers(0, 3), max_size=2) | st.none(),
    "object": st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2),
    "nothing": st.none(),
    "date": st.sampled_from(["2020-01-01T00:00:00", "2021-02-03T04:05:06"]) | st.none(),
}
rows = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12)


def parts(found: list[dict[str, Any]], size: int, **options: object) -> list[pandas.DataFrame]:
    lines = [json.dumps(row).encode() + b"\n" for row in found]
    columns = Columns({"orient": "records", **options})
    pieces = [lines[at : at + size] for at in range(0, len(lines), size)]
    for piece in pieces:
        columns.note(piece)
    return [columns.frame(piece, number * size) for number, piece in enumerate(pieces)]


def whole(found: list[dict[str, Any]], **options: object) -> pandas.DataFrame:
    return read(io.BytesIO(json.dumps(found).encode()), {"orient": "records", **options})


@settings(deadline=None, max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(
    rows, st.integers(1, 5), st.sampled_from([{}, {"dtype": False}, {"dtype": {"label": "str", "whole": "float64"}}])
)
def test_parts_are_the_whole(found: list[dict[str, Any]], size: int, options: dict[str, Any]) -> None:
    frames = parts(found, size, **options)
    for frame in frames:
        assert list(frame.columns) == list(frames[0].columns)
        assert list(frame.dtypes) == list(frames[0].dtypes)
    together, expected = pandas.concat(frames), whole(found, **options)
    assert dict(together.dtypes) == dict(expected.dtypes)
    assert_frame_equal(together, expected, check_like=True)
