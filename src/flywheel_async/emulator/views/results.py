"""Results on disk: a line with the columns, then an object per line, written once and read as often as wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_async.emulator.views.evaluation import Header
from flywheel_async.emulator.wire import Json, dumps

if TYPE_CHECKING:
    from flywheel_async.emulator.views.formats import Formatter

CHUNK = 256 * 1024
"""How many bytes of an answer are made at a time."""


def write(path: Path, header: Header, rows: Iterable[list[Json]]) -> None:
    """Writes a result; the file is there only when all of it is.

    Args:
        path: Where it is to be.
        header: Its columns.
        rows: Its rows.
    """
    unfinished = path.with_suffix(".part")
    try:
        with unfinished.open("wb") as file:
            file.write(dumps({"names": list(header.names), "free": sorted(header.free)}) + b"\n")
            for row in rows:
                file.write(dumps(dict(zip(header.names, row, strict=True))) + b"\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class Reader:
    """Reads a result piece by piece in one of the formats.

    Args:
        path: Where the result is.
        formatter: The format.

    Raises:
        FileNotFoundError: The result was removed.
    """

    def __init__(self, path: Path, formatter: Formatter) -> None:
        self._file = path.open("rb")
        self._formatter = formatter
        self._started = False
        self._ended = False

    def read(self) -> bytes:
        """Returns the next piece; an empty one after the last."""
        found = bytearray()
        if not self._started:
            self._started = True
            header = json.loads(self._file.readline())
            found += self._formatter.start(Header(tuple(header["names"]), frozenset(header["free"])))
        while len(found) < CHUNK and not self._ended:
            line = self._file.readline()
            if line:
                found += self._formatter.row(line.rstrip(b"\n"))
            else:
                self._ended = True
                found += self._formatter.end()
        return bytes(found)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
