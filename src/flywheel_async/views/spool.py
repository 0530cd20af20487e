"""Where the rows of a result wait until they are handed out: in memory, or on disk when there are many."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from typing import BinaryIO, cast

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
        weakref.finalize(self, file.close)

    async def write(self, data: bytes, /) -> None:
        """Adds bytes."""
        await in_thread(lambda: self.file.write(data))
        self.count += len(data)

    async def start_over(self) -> None:
        """Forgets everything."""

        def empty() -> None:
            self.file.seek(0)
            self.file.truncate()

        await in_thread(empty)
        self.count = 0

    async def finish(self) -> str:
        """Goes back to the start, to read what was written; a result has no hash."""
        await self.rewind()
        return ""

    async def rewind(self) -> None:
        """Goes back to the start."""
        await in_thread(lambda: self.file.seek(0))

    async def lines(self, size: int = PAGE) -> list[bytes]:
        """Reads about so many bytes of whole lines; none at the end."""
        return await in_thread(lambda: self.file.readlines(size))

    async def some_lines(self, count: int) -> list[bytes]:
        """Reads so many lines, fewer at the end."""
        return await in_thread(lambda: [line for _ in range(count) if (line := self.file.readline())])

    async def append(self, other: Spool) -> None:
        """Adds everything that another one holds."""

        def copy() -> None:
            other.file.seek(0)
            shutil.copyfileobj(other.file, self.file)

        await in_thread(copy)
        self.count += other.count


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
