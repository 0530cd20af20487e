"""What a view comes to once it was checked: which containers and files are looked at, and the columns of the result."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_async.emulator.query.terms import Condition
from flywheel_async.emulator.views.expressions import Calculation
from flywheel_async.emulator.views.inputs import Accumulator, FormatOptionsInput, Match
from flywheel_async.emulator.views.matching import NamePattern

DATA = "data"
"""The kind of columns that are read from the content of files."""

ERRORS = "errors"
"""The name of the column that tells what went wrong with a row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the result, or a value that a filter looks at.

    Attributes:
        name: Its name in the result.
        kind: Whose document it is read from: a container kind, `analysis`, `file`, or `data`.
        path: The field, split at its dots; for `data` the name of the file's own column.
        type: What its values are converted to, or None to leave them as they are.
        expr: What is done to a value before that, or None.
        accumulator: How the values of a group become one, or None.
        free: Whether it is all of a container's free metadata, which tables spread over several columns.
    """

    name: str
    kind: str
    path: tuple[str, ...]
    type: str | None = None
    expr: Calculation | None = None
    accumulator: Accumulator | None = None
    free: bool = False

    def same_source(self, other: Column) -> bool:
        """Tells whether two columns hold the same values before they are converted."""
        return (self.kind, self.path) == (other.kind, other.path)


@dataclass(frozen=True, slots=True)
class FilePlan:
    """Which files are looked at.

    Attributes:
        kind: The container whose files they are, or whose analyses' files.
        name: What their names match.
        analyses: Paths in the analysis document with what must match there; None for files of the container itself.
        match: Which one counts where several match.
        read: Whether their content is read.
        member: What the names of zip members match, or None when they are no archives.
        member_match: Which member counts where several match.
        format: The format of the content, or None to go by the file's name.
        options: How tables are read.
    """

    kind: str
    name: NamePattern
    analyses: tuple[tuple[tuple[str, ...], NamePattern], ...] | None
    match: Match
    read: bool
    member: NamePattern | None
    member_match: Match
    format: str | None
    options: FormatOptionsInput


@dataclass(frozen=True, slots=True)
class RowTest:
    """A condition on a value of each row."""

    column: Column
    condition: Condition


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked view.

    Attributes:
        level: The container kind that rows stand for, when no file has several.
        columns: The columns that are read for each row; in a grouped view first those that make the groups.
        keys: How many columns make the groups, or None for a view without groups.
        accumulators: How each of the other columns of a grouped view becomes one.
        files: Which files are looked at, or None.
        discovers: Whether the columns of the first file that can be read come on top.
        tests: What a row must fulfil.
        order: The names of the columns to sort by, each with whether downwards.
        skip: Rows to leave out at the start.
        limit: Most rows, or None.
        drops_rows: Whether rows with a missing value are left out.
        shows_errors: Whether there is a column with what went wrong.
    """

    level: str
    columns: tuple[Column, ...]
    keys: int | None
    accumulators: tuple[Accumulator, ...]
    files: FilePlan | None
    discovers: bool
    tests: tuple[RowTest, ...]
    order: tuple[tuple[str, bool], ...]
    skip: int
    limit: int | None
    drops_rows: bool
    shows_errors: bool
