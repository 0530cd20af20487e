"""Checks a view and makes its plan; every mistake is a 422 that says where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.regexes import compiled
from flywheel_async.emulator.query.sorting import parse_sort
from flywheel_async.emulator.query.terms import Search
from flywheel_async.emulator.views.columns import CATALOGUE, LEVELS
from flywheel_async.emulator.views.documents import FIELDS
from flywheel_async.emulator.views.expressions import compile_expr
from flywheel_async.emulator.views.inputs import (
    ColumnInput,
    FileSpecInput,
    FormatOptionsInput,
    NameFilterInput,
    ViewInput,
)
from flywheel_async.emulator.views.matching import name_pattern
from flywheel_async.emulator.views.plan import DATA, ERRORS, Column, FilePlan, Plan, RowTest


@dataclass(frozen=True, slots=True)
class Run:
    """What a request adds to a view when it is run.

    Attributes:
        filter: A further filter, or an empty text.
        sort: The order of the rows, or an empty text.
        skip: Rows to leave out at the start.
        limit: Most rows; 0 for all.
    """

    filter: str = ""
    sort: str = ""
    skip: int = 0
    limit: int = 0


def make_plan(view: ViewInput, run: Run) -> Plan:
    """Makes the plan of a view.

    Raises:
        Problem: 422, the view cannot be run; the message says why.
    """
    return _Planner(view).plan(run)


class _Planner:
    """Reads one view."""

    def __init__(self, view: ViewInput) -> None:
        self._view = view
        self._files = None if view.file_spec is None else _file_plan(view.file_spec)

    def plan(self, run: Run) -> Plan:
        view, files = self._view, self._files
        shown = self._columns()
        if not shown and files is None:
            raise invalid("a view needs columns or a fileSpec", "body", "columns")
        of_files = self._file_columns()
        explicit = [*shown, *of_files]
        level = self._level(shown)
        drops_rows = view.missing_data_strategy == "drop-row"
        keys: int | None = None
        discovers = False
        if view.group_by is None:
            columns = _unique([*self._labels(level, explicit), *shown, *self._ids(level, explicit), *of_files])
            discovers = files is not None and files.read and not of_files
            for column in explicit:
                if column.accumulator is not None:
                    raise invalid(f"the accumulator of {column.name} needs a groupBy", "body", "columns")
            if not columns and not discovers:
                raise invalid("the view has no columns", "body", "columns")
        else:
            made = self._keys(explicit)
            columns = _unique([*made, *_accumulated(explicit, made)])
            keys = len(_unique(made))
        shows_errors = keys is None and (not drops_rows if view.error_column is None else view.error_column)
        if shows_errors and any(column.name == ERRORS for column in columns):
            raise invalid(f"a column called {ERRORS!r} needs errorColumn to be false", "body", "columns")
        for column in columns:
            self._check_level(column, level, "columns")
        tests = [
            *self._tests(view.filter or "", level, columns, "body"),
            *self._tests(run.filter, level, columns, "query"),
        ]
        return Plan(
            level=level,
            columns=tuple(columns),
            keys=keys,
            accumulators=tuple(column.accumulator for column in columns if column.accumulator is not None),
            files=files,
            discovers=discovers,
            tests=tuple(tests),
            order=self._order(run.sort, columns, discovers),
            skip=run.skip,
            limit=run.limit or None,
            drops_rows=drops_rows,
            shows_errors=shows_errors,
        )

    def _columns(self) -> list[Column]:
        found: list[Column] = []
        for number, given in enumerate(self._view.columns or []):
            found.extend(self._resolve(given, "body", "columns", number))
        return found

    def _resolve(self, given: ColumnInput, *where: str | int) -> list[Column]:
        """Returns the columns that a name stands for: one, or those of a group."""
        alias = CATALOGUE.get(given.src)
        if alias is None or not alias.members:
            return [self._column(given.src, given.dst or given.src, given, *where)]
        found: list[Column] = []
        for member in alias.members:
            last = member.rpartition(".")[2]
            found.append(self._column(member, f"{given.dst}.{last}" if given.dst else member, given, *where))
        return found

    def _column(self, src: str, name: str, given: ColumnInput, *where: str | int) -> Column:
        alias = CATALOGUE.get(src)
        kind, dot, field = (alias.src if alias is not None else src).partition(".")
        path = tuple(field.split("."))
        if not dot or kind not in FIELDS or path[0] not in FIELDS[kind] or not all(path):
            raise invalid(f"unknown column {src!r}: see /views/columns, or name any FIELD as KIND.FIELD", *where, "src")
        if kind == "file" and self._files is None:
            raise invalid(f"the column {src} needs a fileSpec", *where, "src")
        if kind == "analysis" and (self._files is None or self._files.analyses is None):
            raise invalid(f"the column {src} needs a fileSpec with an analysisFilter", *where, "src")
        type_ = given.type or (alias.type if alias is not None and alias.type != "object" else None)
        expr = given.expr or (alias.expr if alias is not None else None)
        return _finish(Column(name, kind, path, type_, free=path == ("info",)), given, expr, *where)

    def _file_columns(self) -> list[Column]:
        spec = self._view.file_spec
        found: list[Column] = []
        for number, given in enumerate((spec.columns if spec is not None else None) or []):
            where = ("body", "fileSpec", "columns", number)
            if self._files is None or not self._files.read:
                raise invalid("columns of a file's content need processFiles", *where)
            column = Column(given.dst or given.src, DATA, (given.src,), given.type)
            found.append(_finish(column, given, given.expr, *where))
        return found

    def _level(self, columns: list[Column]) -> str:
        deepest = max((LEVELS.index(column.kind) for column in columns if column.kind in LEVELS), default=0)
        if self._files is None:
            return LEVELS[deepest]
        if deepest > LEVELS.index(self._files.kind):
            raise invalid(
                f"the container of the files must be the lowest one, but there are columns of the {LEVELS[deepest]}",
                *("body", "fileSpec", "container"),
            )
        return self._files.kind

    def _check_level(self, column: Column, level: str, *where: str) -> None:
        if column.kind in LEVELS and LEVELS.index(column.kind) > LEVELS.index(level):
            raise invalid(f"{column.name} is below the {level}s that the rows stand for", "body", *where)

    def _labels(self, level: str, present: list[Column]) -> list[Column]:
        return [] if self._view.include_labels is False else _of_levels(level, "label", "label", present)

    def _ids(self, level: str, present: list[Column]) -> list[Column]:
        return [] if self._view.include_ids is False else _of_levels(level, "id", "_id", present)

    def _keys(self, explicit: list[Column]) -> list[Column]:
        """Returns the columns whose values make the groups."""
        found: list[Column] = []
        group_by = self._view.group_by
        for number, given in enumerate(group_by.columns if group_by is not None else []):
            where = ("body", "groupBy", "columns", number)
            known = [column for column in explicit if column.name == given.src and column.accumulator is None]
            if known:
                found.append(replace(known[0], name=given.dst or known[0].name))
            elif self._is_data(given.src):
                found.append(Column(given.dst or given.src, DATA, (given.src,)))
            else:
                found.extend(self._resolve(ColumnInput(src=given.src, dst=given.dst), *where))
        return found

    def _is_data(self, name: str) -> bool:
        reads = self._files is not None and self._files.read
        return reads and name not in CATALOGUE and name.partition(".")[0] not in FIELDS

    def _tests(self, text: str, level: str, columns: list[Column], place: str) -> list[RowTest]:
        try:
            conditions = parse_filter(text)
            for condition in conditions:
                if isinstance(condition, Search):
                    compiled(condition.pattern)
        except Problem as problem:
            raise invalid(problem.message, place, "filter") from None
        found: list[RowTest] = []
        for condition in conditions:
            key = ".".join(condition.path)
            known = [column for column in columns if column.name == key and column.accumulator is None]
            if known:
                column = known[0]
            elif self._is_data(key):
                column = Column(key, DATA, (key,))
            else:
                column = self._column(key, key, ColumnInput(src=key), place, "filter")
                self._check_level(column, level, "filter")
            found.append(RowTest(column, condition))
        return found

    def _order(self, text: str, columns: list[Column], discovers: bool) -> tuple[tuple[str, bool], ...]:
        names = {column.name for column in columns}
        found: list[tuple[str, bool]] = []
        for key in parse_sort(text):
            name = ".".join(key.path)
            if name not in names and not (discovers and self._is_data(name)):
                raise invalid(f"the view has no column {name!r} to sort by", "query", "sort")
            found.append((name, key.descending))
        return tuple(found)


def _finish(column: Column, given: ColumnInput, expr: str | None, *where: str | int) -> Column:
    if expr is None:
        return replace(column, accumulator=given.accumulator)
    try:
        return replace(column, accumulator=given.accumulator, expr=compile_expr(expr))
    except ValueError as error:
        raise invalid(f"bad expression {expr!r}: {error}", *where, "expr") from None


def _of_levels(level: str, name: str, field: str, present: list[Column]) -> list[Column]:
    """Returns a column per container down to the rows' level, without those that are there already."""
    taken = {column.name for column in present}
    kinds = LEVELS[: LEVELS.index(level) + 1]
    return [Column(f"{kind}.{name}", kind, (field,), "string") for kind in kinds if f"{kind}.{name}" not in taken]


def _unique(columns: list[Column]) -> list[Column]:
    """Returns the columns without repetitions.

    Raises:
        Problem: 422, two different columns have one name.
    """
    found: dict[str, Column] = {}
    for column in columns:
        known = found.setdefault(column.name, column)
        if not known.same_source(column) or (known.type, known.accumulator) != (column.type, column.accumulator):
            raise invalid(f"two columns are called {column.name!r}; give one of them another dst", "body", "columns")
    return list(found.values())


def _accumulated(explicit: list[Column], keys: list[Column]) -> list[Column]:
    for column in explicit:
        if column.accumulator is None and not any(column.same_source(key) for key in keys):
            raise invalid(f"{column.name} needs an accumulator or a place in groupBy", "body", "columns")
    return [column for column in explicit if column.accumulator is not None]


def _file_plan(spec: FileSpecInput) -> FilePlan:
    where = ("body", "fileSpec")
    analyses = None
    if spec.analysis_filter is not None:
        wanted: list[tuple[tuple[str, ...], NameFilterInput | None, str]] = [
            (("label",), spec.analysis_filter.label, "label"),
            (("gear_info", "name"), spec.analysis_filter.gear_name, "gear.name"),
            (("gear_info", "version"), spec.analysis_filter.gear_version, "gear.version"),
        ]
        analyses = tuple(
            (path, name_pattern(given, *where, "analysisFilter", name)) for path, given, name in wanted if given
        )
    member = spec.zip_member
    return FilePlan(
        kind=spec.container,
        name=name_pattern(spec.filter, *where, "filter"),
        analyses=analyses,
        match=spec.match or "first",
        read=spec.process_files is not False,
        member=None if member is None else name_pattern(member, *where, "zipMember"),
        member_match=(member.match if member is not None else None) or "first",
        format=spec.format,
        options=spec.format_options or FormatOptionsInput(),
    )
