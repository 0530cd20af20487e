"""The rows of a data view as pandas data frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.files import in_thread
from flywheel_async.views.columns import Columns, read
from flywheel_async.views.execution import check_container, definition
from flywheel_async.views.options import Options
from flywheel_async.views.rows import Results, fetch, plan
from flywheel_async.views.spool import Spool

if TYPE_CHECKING:
    from pandas import DataFrame

    from flywheel_async.core import Core

Dtype: TypeAlias = "bool | str | type | Mapping[str, object] | None"
"""What columns become: one type for all of them, types by column, False to leave values as they came, or None, for
which pandas looks at the values."""

_DTYPE = (bool, str, type, Mapping)


def check_pandas() -> None:
    """Makes sure that pandas is there.

    Raises:
        ImportError: It is not.
    """
    if find_spec("pandas") is None:
        raise ImportError("data frames need pandas: pip install 'flywheel-async[pandas]'")


def reading_options(opts: object, dtype: object) -> dict[str, object]:
    """What `pandas.read_json` is to be told.

    Args:
        opts: What the caller wants it to be told.
        dtype: The same for `dtype`.

    Raises:
        ArgumentError: They make no sense.
    """
    if opts is not None and not isinstance(opts, Mapping):
        raise ArgumentError(f"opts must be a mapping of options of pandas.read_json, not a {type(opts).__name__}")
    made: dict[str, object] = {"orient": "records", **(cast("Mapping[str, object]", opts) if opts else {})}
    if dtype is not None:
        if made.get("dtype") is not None:
            raise ArgumentError("dtype is given twice, also in opts; leave one out")
        if not isinstance(dtype, _DTYPE):
            raise ArgumentError(
                f"dtype must be a type, a mapping of types by column, or False, not a {type(dtype).__name__}"
            )
        made["dtype"] = dict(cast("Mapping[str, object]", dtype)) if isinstance(dtype, Mapping) else dtype
    return made


async def read_frame(
    core: Core,
    view: object,
    container_id: object,
    options: Options,
    split: bool,
    concurrency: int,
    opts: object,
    dtype: object,
) -> DataFrame:
    """All rows of a view in one frame; see `AsyncClient.read_view_dataframe`."""
    check_pandas()
    reading = reading_options(opts, dtype)
    if split:
        source, whole = plan(core, view, container_id, options, split, concurrency), Spool()
        await _gather(source, whole)
        return await in_thread(partial(_read_whole, whole, {**reading, "lines": True}))
    made, container = definition(view), check_container(container_id)
    spool = await fetch(core, made, container, options, "json-flat")
    return await in_thread(partial(_read_whole, spool, reading))


def frame_pages(
    core: Core,
    view: object,
    container_id: object,
    options: Options,
    split: bool,
    concurrency: int,
    rows: object,
    dtype: object,
) -> FramePages:
    """Frames of some rows each; see `AsyncClient.iter_view_dataframes`."""
    check_pandas()
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise ArgumentError(f"rows must be a whole number from 1, not {rows!r}")
    return FramePages(plan(core, view, container_id, options, split, concurrency), rows, reading_options(None, dtype))


async def _gather(source: Results, whole: Spool) -> None:
    """Puts all results together; after an error it goes on with those that are missing."""
    while (spool := await source.next_spool()) is not None:
        await whole.append(spool)


def _read_whole(spool: Spool, reading: Mapping[str, object]) -> DataFrame:
    spool.file.seek(0)
    return read(spool.file, reading)


class FramePages:
    """Data frames of some rows each, all with the same columns and types; each page is one of them.

    The result is read twice: to find out what types its columns must have, and to make the frames.

    Args:
        source: Where the results come from.
        rows: Rows of a frame.
        reading: Options of `pandas.read_json`.
    """

    def __init__(self, source: Results, rows: int, reading: Mapping[str, object]) -> None:
        self._source = source
        self._rows = rows
        self._reading = reading
        self._whole = Spool()
        self._columns: Columns | None = None
        self._start = 0

    async def next_page(self) -> list[DataFrame] | None:
        """Makes the next frame."""
        whole = self._whole
        if self._columns is None:
            await _gather(self._source, whole)
            columns = Columns(self._reading)
            whole.rewind()
            while lines := await whole.some_lines(self._rows):
                await in_thread(partial(columns.note, lines))
                whole.advance(lines)
            whole.rewind()
            self._columns = columns
        lines = await whole.some_lines(self._rows)
        if not lines:
            return None
        frame = await in_thread(partial(self._columns.frame, lines, self._start))
        self._start += len(frame)
        whole.advance(lines)
        return [frame]
