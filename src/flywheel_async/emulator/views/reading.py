"""Reading rows from the content of a file: csv, tsv and json, also gzipped and as members of zip archives."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from flywheel_async.emulator.views.inputs import MAX_COLUMNS, FormatOptionsInput
from flywheel_async.emulator.views.matching import TimeBudget
from flywheel_async.emulator.views.plan import FilePlan
from flywheel_async.emulator.views.values import storable
from flywheel_async.emulator.views.walk import choose
from flywheel_async.emulator.wire import BadJson, Doc, loads

MAX_JSON_BYTES = 10 * 1024 * 1024
"""Largest json file that is read; tables may have any size."""
MAX_LINE = 1024 * 1024

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_OF_DIALECT = {"excel": ",", "excel-tab": "\t", "unix": ","}
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    BadJson,
    OSError,
    EOFError,
    UnicodeError,
    # What zipfile raises for encrypted members and for compressions it does not know.
    RuntimeError,
    NotImplementedError,
)


class Unreadable(Exception):
    """The file cannot be read, or not to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file or archive member.

    Attributes:
        columns: The names of its columns.
        rows: Its rows; reading them may raise `Unreadable`.
    """

    columns: tuple[str, ...]
    rows: Iterator[Doc]


def tables(path: Path, name: str, plan: FilePlan, budget: TimeBudget) -> Generator[Table]:
    """Gives what a file holds: one table, or one for every archive member that counts.

    Args:
        path: Where the content is.
        name: The name of the file.
        plan: How to read it.
        budget: The time that patterns may take.

    Raises:
        Unreadable: It cannot be read.
    """
    try:
        with path.open("rb") as source:
            if plan.member is None:
                with ExitStack() as opened:
                    yield _table(source, name, plan, opened)
                return
            with zipfile.ZipFile(source) as archive:
                members = [item for item in archive.infolist() if not item.is_dir()]
                matching = (item for item in members if plan.member and plan.member.matches(item.filename, budget))
                found = list(choose(matching, plan.member_match, lambda item: item.date_time))
                if not found:
                    raise Unreadable("no member of the archive matches")
                for item in found:
                    with archive.open(item) as member, ExitStack() as opened:
                        yield _table(member, item.filename, plan, opened)
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from None


def _reason(error: BaseException) -> str:
    # The text of an OSError would show where the emulator keeps contents.
    return error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)


def _table(stored: IO[bytes], name: str, plan: FilePlan, opened: ExitStack) -> Table:
    lower = name.lower()
    source: IO[bytes] | gzip.GzipFile = stored
    if lower.endswith(".gz"):
        source, lower = opened.enter_context(gzip.GzipFile(fileobj=stored)), lower.removesuffix(".gz")
    format_ = plan.format or lower.rpartition(".")[2]
    if format_ == "json":
        return _json_table(source)
    if format_ not in _DELIMITERS:
        raise Unreadable("its name does not end in .csv, .tsv or .json, and the view names no format")
    text = opened.enter_context(io.TextIOWrapper(source, "utf-8-sig", newline=""))
    return _csv_table(text, plan.options, _DELIMITERS[format_])


def _csv_table(text: io.TextIOWrapper, options: FormatOptionsInput, delimiter: str) -> Table:
    delimiter = options.delimiter or _OF_DIALECT.get(options.dialect or "", delimiter)
    quotechar = options.quotechar or '"'
    marks = [mark for mark in (delimiter, quotechar, options.escapechar) if mark is not None]
    # Whether the library takes such options depends on the version of Python.
    if len(set(marks)) < len(marks) or (options.skipinitialspace and " " in marks):
        raise Unreadable(
            "delimiter, quotechar, escapechar and skipinitialspace of its formatOptions exclude each other"
        )
    lines = csv.reader(
        _lines(text),
        delimiter=delimiter,
        quotechar=quotechar,
        escapechar=options.escapechar,
        doublequote=options.doublequote,
        skipinitialspace=options.skipinitialspace,
    )
    columns = tuple(options.fieldnames or next((line for line in lines if line), ()))
    if not columns:
        raise Unreadable("it has no line with the names of the columns")
    if len(columns) > MAX_COLUMNS:
        raise Unreadable(f"it has more than {MAX_COLUMNS} columns")
    return Table(columns, _csv_rows(lines, columns))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise Unreadable(f"a line has {MAX_LINE} characters or more")
        yield line


def _csv_rows(lines: Iterable[list[str]], columns: tuple[str, ...]) -> Iterator[Doc]:
    try:
        for line in lines:
            if line:
                # A cell without anything is a missing value, as one that is not there.
                yield {name: cell or None for name, cell in zip(columns, line, strict=False)}
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from None


def _json_table(source: IO[bytes] | gzip.GzipFile) -> Table:
    data = source.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise Unreadable(f"a json file has at most {MAX_JSON_BYTES} bytes")
    value = loads(data)
    listed = value if isinstance(value, list) else [value]
    found: list[Doc] = []
    for item in listed:
        if not isinstance(item, dict):
            raise Unreadable("it is neither a json object nor a list of objects")
        found.append({name: storable(inner) for name, inner in item.items()})
    columns = tuple(found[0]) if found else ()
    if len(columns) > MAX_COLUMNS:
        raise Unreadable(f"it has more than {MAX_COLUMNS} columns")
    return Table(columns, iter(found))
