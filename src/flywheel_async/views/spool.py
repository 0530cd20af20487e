"""Where the rows of a result wait until they are handed out: in memory, or on disk when there are many."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from io import SEEK_END
from itertools import islice
from typing import BinaryIO, cast

import anyio
from pydantic_core import from_json

from flywheel_async.errors import BadAnswer
from flywheel_async.files import in_thread

Row = dict[str, object]

IN_MEMORY = 8 * 1024 * 1024
"""Bytes that are kept in memory; more than that goes into a temporary file without a name."""

PAGE = 512 * 1024
"""Bytes of rows that are handed out at once, about."""


class Spool:
    """The bytes of a result; a file on disk has no name and is gone with this object, however the program ends.

    A slow reader keeps no connection open this way, and what broke off is fetched again before a row is handed out.
    """

    def __init__(self) -> None:
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with this object
        self.file = cast("BinaryIO", file)
        self.count = 0
        self._at = 0
        weakref.finalize(self, file.close)

    async def write(self, data: bytes, /) -> None:
        """Adds bytes."""
        await in_thread(lambda: self.file.write(data))
        self.count += len(data)

    async def lines(self, size: int = PAGE) -> list[bytes]:
        """Looks at about so many bytes of the next whole lines; none at the end. `advance` goes behind them."""
        return await in_thread(lambda: self._from_here().readlines(size))

    async def some_lines(self, count: int) -> list[bytes]:
        """Looks at so many of the next lines, fewer at the end. `advance` goes behind them."""
        return await in_thread(lambda: list(islice(iter(self._from_here().readline, b""), count)))

    def advance(self, lines: Sequence[bytes]) -> None:
        """Goes behind lines; so none is lost when whoever makes something of them is cancelled."""
        self._at += sum(map(len, lines))

    def rewind(self) -> None:
        """Goes back to the start."""
        self._at = 0

    async def append(self, other: Spool) -> None:
        """Adds everything that another one holds, and is not left half done."""

        def copy() -> None:
            other.file.seek(0)
            self.file.seek(0, SEEK_END)
            shutil.copyfileobj(other.file, self.file)

        with anyio.CancelScope(shield=True):
            await in_thread(copy)
        self.count += other.count

    def _from_here(self) -> BinaryIO:
        self.file.seek(self._at)
        return self.file


def parse(lines: Sequence[bytes]) -> list[Row]:
    """Reads lines with one JSON object each.

    Raises:
        BadAnswer: A line is something else.
    """
    try:
        found = from_json(b"[" + b",".join(line for line in lines if line.strip()) + b"]")
    except ValueError as error:
        raise BadAnswer(f"the result of the view is no JSON object per line ({error})") from None
    if not all(isinstance(row, dict) for row in cast("list[object]", found)):
        raise BadAnswer("the result of the view is no JSON object per line")
    return cast("list[Row]", found)
