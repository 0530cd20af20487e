"""Working out the rows of a view: one stream from the containers to the finished row, whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.blobs import BlobStore
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.views.conditions import holds
from flywheel_async.emulator.views.grouping import grouped
from flywheel_async.emulator.views.matching import TimeBudget
from flywheel_async.emulator.views.plan import DATA, ERRORS, Column, Plan
from flywheel_async.emulator.views.reading import Table, Unreadable, tables
from flywheel_async.emulator.views.sorting import in_order
from flywheel_async.emulator.views.values import convert, find, number, storable
from flywheel_async.emulator.views.walk import Place, places
from flywheel_async.emulator.wire import Doc, Json

_SHOWN = 40
"""Most characters of a value that an error shows."""


class Stopped(Exception):
    """The result is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a result.

    Attributes:
        names: Their names.
        free: The positions of those that hold free metadata.
    """

    names: tuple[str, ...]
    free: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Line:
    """What one row is read from: a place, a row of its file's content when that is read, and what went wrong."""

    place: Place
    data: Doc | None = None
    error: str | None = None


class Evaluation:
    """One run of a view, inside one transaction.

    Args:
        tx: The transaction.
        blobs: Where file contents are.
        caller: Who asks.
        plan: The view.
        start: The container it is run on.
        go_on: Called between rows; it raises `Stopped` when the result is not wanted any more.
    """

    def __init__(
        self, tx: Tx, blobs: BlobStore, caller: Caller, plan: Plan, start: Node, go_on: Callable[[], None]
    ) -> None:
        self._tx = tx
        self._blobs = blobs
        self._caller = caller
        self._plan = plan
        self._start = start
        self._go_on = go_on
        self._budget = TimeBudget()
        self._columns = self._all_columns()
        names = [column.name for column in self._columns]
        self.header = Header(
            (*names, ERRORS) if plan.shows_errors else tuple(names),
            frozenset(number for number, column in enumerate(self._columns) if column.free and column.expr is None),
        )

    def rows(self) -> Generator[list[Json]]:
        """Gives the finished rows, each with a value per column of the header.

        Raises:
            Problem: 422, the patterns take too long or there are too many groups.
            Stopped: See `go_on`.
        """
        plan = self._plan
        found: Iterable[list[Json]] = self._plain_rows()
        if plan.keys is not None:
            found = grouped(found, plan.keys, plan.accumulators)
        names = self.header.names
        keys = [(names.index(name), down) for name, down in plan.order if name in names]
        stop = None if plan.limit is None else plan.skip + plan.limit
        if not keys:
            yield from islice(found, plan.skip, stop)
            return
        with closing(in_order(found, keys)) as ordered:
            for row in islice(ordered, plan.skip, stop):
                self._go_on()
                yield row

    def _all_columns(self) -> tuple[Column, ...]:
        """Returns the columns of the plan, with those of the first file that can be read where it asks for them."""
        if not self._plan.discovers:
            return self._plan.columns
        taken = {column.name for column in self._plan.columns}
        taken.update([ERRORS] if self._plan.shows_errors else [])
        for place in self._places():
            try:
                with closing(self._tables(place)) as found:
                    table = next(found, None)
                if table is not None:
                    new = [name for name in dict.fromkeys(table.columns) if name not in taken]
                    return (*self._plan.columns, *(Column(name, DATA, (name,)) for name in new))
            except Unreadable:
                continue
        return self._plan.columns

    def _places(self) -> Iterator[Place]:
        for place in places(self._tx, self._caller, self._plan, self._start, self._budget):
            self._go_on()
            yield place

    def _tables(self, place: Place) -> Generator[Table]:
        if place.file is None or self._plan.files is None:
            raise Unreadable("no file matches")
        return tables(self._blobs.path(place.file.hash), place.file.name, self._plan.files, self._budget)

    def _lines(self) -> Iterator[_Line]:
        files = self._plan.files
        for place in self._places():
            if files is None:
                yield _Line(place)
            elif not files.read:
                yield _Line(place, error="no file matches" if place.file is None else None)
            else:
                yield from self._read(place)

    def _read(self, place: Place) -> Iterator[_Line]:
        try:
            with closing(self._tables(place)) as found:
                for table in found:
                    for row in table.rows:
                        self._go_on()
                        yield _Line(place, row)
        except Unreadable as error:
            # Rows that were read before the mistake stay.
            name = "" if place.file is None else f"{place.file.name}: "
            yield _Line(place, error=f"{name}{error}")

    def _plain_rows(self) -> Iterator[list[Json]]:
        plan = self._plan
        of_content = [item for item in enumerate(self._columns) if item[1].kind == DATA]
        known: Place | None = None
        fixed: list[Json] = []
        mistakes: list[str] = []
        for line in self._lines():
            if line.place is not known:
                # All rows of a file share the values of its containers.
                known, mistakes = line.place, []
                fixed = [None if column.kind == DATA else _value(column, line, mistakes) for column in self._columns]
            if not all(holds(test.condition, _value(test.column, line, []), self._budget) for test in plan.tests):
                continue
            errors = [*([] if line.error is None else [line.error]), *mistakes]
            row = fixed.copy()
            for position, column in of_content:
                row[position] = _value(column, line, errors)
            if plan.drops_rows and None in row:
                continue
            if plan.shows_errors:
                row.append("; ".join(errors) or None)
            yield row


def _value(column: Column, line: _Line, errors: list[str]) -> Json:
    """Returns the value of a column; None, and a line in `errors`, where it cannot be worked out or converted."""
    if column.kind != DATA:
        value = find(line.place.documents.get(column.kind), column.path)
    else:
        name = column.path[0]
        value = None if line.data is None else line.data.get(name)
        if value is None and "." in name:
            # A name with dots may also lead into a value of a json file.
            value = find(line.data, name.split("."))
    if value is None:
        return None
    given = value
    if column.expr is not None:
        x = number(value)
        try:
            value = None if x is None else storable(column.expr(x))
        except ArithmeticError:
            value = None
    if value is not None and column.type is not None:
        value = convert(value, column.type)
    if value is None:
        errors.append(f"{column.name}: {_shortened(given)} is not possible here")
    return value


def _shortened(value: Json) -> str:
    shown = str(convert(value, "string"))
    return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "...")
