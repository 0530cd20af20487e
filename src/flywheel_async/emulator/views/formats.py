"""The formats of a result, written row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, cast

from flywheel_async.emulator.views.evaluation import Header
from flywheel_async.emulator.views.values import convert, find
from flywheel_async.emulator.wire import Doc, Json, dumps


class Formatter(Protocol):
    """Writes one result."""

    def start(self, header: Header) -> bytes:
        """Returns what comes before the rows."""
        ...

    def row(self, line: bytes) -> bytes:
        """Returns one row, which is given as a JSON object."""
        ...

    def end(self) -> bytes:
        """Returns what comes after the rows."""
        ...


class _Objects:
    """Rows as JSON objects, with something around and between them."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before, self._after = before, after
        self._any = False

    def start(self, header: Header) -> bytes:
        return self._before

    def row(self, line: bytes) -> bytes:
        lead = b"," if self._any else b""
        self._any = True
        return lead + line

    def end(self) -> bytes:
        return self._after


class _Lines:
    """Rows as JSON objects, one per line."""

    def start(self, header: Header) -> bytes:
        return b""

    def row(self, line: bytes) -> bytes:
        return line + b"\n"

    def end(self) -> bytes:
        return b""


class _Arrays:
    """The names once, then rows as JSON arrays."""

    def __init__(self) -> None:
        self._any = False

    def start(self, header: Header) -> bytes:
        return b'{"data":{"columns":' + dumps(list(header.names)) + b',"rows":['

    def row(self, line: bytes) -> bytes:
        lead = b"," if self._any else b""
        self._any = True
        return lead + dumps(_values(line))

    def end(self) -> bytes:
        return b"]}}"


class _Table:
    """A table with a line of names.

    Free metadata is spread over columns, one for each key that the first row has.
    """

    def __init__(self, delimiter: str) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=delimiter)
        self._header = Header((), frozenset())
        self._paths: list[tuple[int, tuple[str, ...]]] | None = None

    def start(self, header: Header) -> bytes:
        self._header = header
        return b""

    def row(self, line: bytes) -> bytes:
        values = _values(line)
        if self._paths is None:
            self._write_names(values)
        self._writer.writerow(["" if cell is None else cell for cell in self._cells(values)])
        return self._taken()

    def end(self) -> bytes:
        if self._paths is None:
            self._write_names([None] * len(self._header.names))
        return self._taken()

    def _cells(self, values: list[Json]) -> Iterator[Json]:
        for position, path in self._paths or ():
            value = find(values[position], path)
            yield None if value is None else convert(value, "string")

    def _write_names(self, first: list[Json]) -> None:
        self._paths = []
        names: list[str] = []
        for position, name in enumerate(self._header.names):
            value = first[position]
            if position in self._header.free and isinstance(value, dict) and value:
                found = list(_keys(value))
            else:
                found = [()]
            self._paths += [(position, path) for path in found]
            names += [".".join((name, *path)) for path in found]
        self._writer.writerow(names)

    def _taken(self) -> bytes:
        found = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return found


def _keys(document: Doc) -> Iterator[tuple[str, ...]]:
    """Gives the path to every value in an object, through inner objects."""
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from ((key, *path) for path in _keys(value))
        else:
            yield (key,)


def _values(line: bytes) -> list[Json]:
    return list(cast("Doc", json.loads(line)).values())


_JSON = "application/json; charset=utf-8"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "json": _JSON,
    "ndjson": "application/x-ndjson; charset=utf-8",
    "json-flat": _JSON,
    "json-row-column": _JSON,
}
"""The media type of each format."""


def formatter(name: str) -> Formatter:
    """Returns a new writer of a format.

    Args:
        name: One of `MEDIA_TYPES`.
    """
    match name:
        case "csv":
            return _Table(",")
        case "tsv":
            return _Table("\t")
        case "ndjson":
            return _Lines()
        case "json-row-column":
            return _Arrays()
        case "json-flat":
            return _Objects(b"[", b"]")
        case _:
            return _Objects(b'{"data":[', b"]}")


def ending(name: str) -> str:
    """Returns how the name of a file in a format ends."""
    return name if name in ("csv", "tsv", "ndjson") else "json"
