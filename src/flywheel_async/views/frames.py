"""The rows of a data view as pandas data frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.files import in_thread
from flywheel_async.views.columns import Columns, read
from flywheel_async.views.execution import Options, check_container, definition
from flywheel_async.views.rows import Results, fetch
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
    try:
        import pandas  # noqa: F401, ICN001
    except ImportError:
        raise ImportError("data frames need pandas: pip install 'flywheel-async[pandas]'") from None


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


async def one_frame(
    core: Core, view: object, container_id: object, options: Options, reading: Mapping[str, object]
) -> DataFrame:
    """All rows of a view, read as the official client reads them."""
    made, container = definition(view), check_container(container_id)
    spool = await fetch(core, made, container, options, "json-flat")
    return await in_thread(lambda: read(spool.file, reading))


async def joined_frame(source: Results, reading: Mapping[str, object]) -> DataFrame:
    """All rows of several results."""
    spool = await _joined(source)
    return await in_thread(lambda: read(spool.file, {**reading, "lines": True}))


async def _joined(source: Results) -> Spool:
    whole = Spool()
    while (spool := await source.next_spool()) is not None:
        await whole.append(spool)
    await whole.rewind()
    return whole


class FramePages:
    """Data frames of some rows each, all with the same columns and types; each page is one of them.

    The result is read twice: to find out what types its columns must have, and to make the frames.

    Args:
        source: Where the results come from.
        rows: Rows of a frame.
        dtype: See `Dtype`.
    """

    def __init__(self, source: Results, rows: int, dtype: object) -> None:
        self._source = source
        self._rows = rows
        self._options = reading_options(None, dtype)
        self._spool: Spool | None = None
        self._columns: Columns | None = None
        self._start = 0

    async def next_page(self) -> list[DataFrame] | None:
        """Makes the next frame."""
        if self._spool is None:
            self._spool = await _joined(self._source)
        if self._columns is None:
            columns = Columns(self._options)
            await self._spool.rewind()
            while lines := await self._spool.some_lines(self._rows):
                await in_thread(partial(columns.note, lines))
            await self._spool.rewind()
            self._columns = columns
        lines = await self._spool.some_lines(self._rows)
        if not lines:
            return None
        frame = await in_thread(partial(self._columns.frame, lines, self._start))
        self._start += len(frame)
        return [frame]
