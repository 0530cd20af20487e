"""Describes a data view step by step; no I/O happens here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast, get_args

from flywheel_async.errors import ArgumentError

if TYPE_CHECKING:
    from flywheel_async import types

ColumnType: TypeAlias = Literal["int", "float", "string", "bool", "object"]
Accumulator: TypeAlias = Literal["count", "sum", "mean", "standard_deviation", "minimum", "maximum"]
Match: TypeAlias = Literal["first", "last", "newest", "oldest", "all"]
FileFormat: TypeAlias = Literal["csv", "tsv", "json"]
MissingData: TypeAlias = Literal["none", "drop-row"]
Column: TypeAlias = "str | Sequence[str | None] | Mapping[str, object]"
"""A source such as `subject.label`, or with more `(src, dst, type, accumulator, expr)`, or a mapping of these names."""

Row = dict[str, object]

_LEVELS = ("project", "subject", "session", "acquisition")
_PARTS = ("src", "dst", "type", "accumulator", "expr")


class ViewBuilder:
    """Puts a data view together; methods can be chained, `build` gives the view.

    Example:
        >>> view = ViewBuilder(label="ages", columns=["subject.label", ("session.age", "age", "int")]).build()
        >>> files = ViewBuilder(container="acquisition", filename="*.csv").file_column("volume", type="float").build()

    Args:
        label: The view's label; needed to save it.
        description: What it shows.
        match: Which file is taken where several fit: first, last, newest, oldest or all.
        zip_files: Name or pattern of a member, to read files inside zip archives.
        columns: The columns; see `column`.
        process_files: Whether the contents of files are read, not only their metadata.
        include_ids: Whether the ids of a row's containers become columns.
        include_labels: Whether the labels of a row's containers become columns.
        error_column: Whether errors are told in a column; None leaves it to the missing data strategy.
        group_by: A column, or several, whose equal values share a row.
        filter: A filter in the grammar of finders, for the rows' containers.
        container: The kind of container that holds the files to read.
        filename: Name or pattern of the files, with `*` and `?`.
        analysis_label: Takes the files from analyses with this label or pattern.
        analysis_gear_name: Takes them from analyses of this gear.
        analysis_gear_version: Takes them from analyses of this version of a gear.
        sort: Whether rows are sorted.

    Raises:
        ArgumentError: An argument is not of the kinds listed.
    """

    def __init__(
        self,
        label: str | None = None,
        description: str | None = None,
        match: Match | None = None,
        zip_files: str | None = None,
        columns: Iterable[Column] | str | None = None,
        process_files: bool = True,
        include_ids: bool = True,
        include_labels: bool = True,
        error_column: bool | None = None,
        group_by: str | Iterable[str] | None = None,
        filter: str | None = None,
        container: str | None = None,
        filename: str | None = None,
        analysis_label: str | None = None,
        analysis_gear_name: str | None = None,
        analysis_gear_version: str | None = None,
        sort: bool = True,
    ) -> None:
        self._view: Row = {}
        self._columns: list[Row] = []
        self._groups: list[Row] = []
        self._strategy: MissingData | None = None
        self._error_column: bool | None = None
        self._file: Row = {"processFiles": True}
        self._format_options: Row = {}
        self._file_columns: list[Row] = []
        self._reads_files = False
        self.label(label)
        if description is not None:
            self.description(description)
        if container is not None and filename is not None:
            self.files(container, filename, analysis_label, analysis_gear_name, analysis_gear_version)
        elif filename is not None:
            raise ArgumentError("container: files are found by both container and filename; give container too")
        elif container is not None and analysis_label is None and analysis_gear_name is None:
            # Old scripts give a container alone, which chooses no files.
            self._file["container"] = _one_of(container, _LEVELS, "container")
        elif analysis_label is not None or analysis_gear_name is not None or analysis_gear_version is not None:
            raise ArgumentError("container: an analysis filter chooses files; give container and filename too")
        self.process_files(process_files).include_ids(include_ids).include_labels(include_labels).sort(sort)
        if match is not None:
            self.file_match(match)
        if zip_files is not None:
            self.zip_member_filter(zip_files)
        for column in [columns] if isinstance(columns, str) else columns or ():
            self._add(column)
        for group in [group_by] if isinstance(group_by, str) else group_by or ():
            self.group_by(group)
        if filter is not None:
            self.filter(filter)
        if error_column is not None:
            self.error_column(error_column)

    def label(self, label: str | None) -> Self:
        """Sets the view's label."""
        return self._set("label", None if label is None else _text(label, "label"))

    def description(self, description: str) -> Self:
        """Sets what the view shows."""
        return self._set("description", _text(description, "description"))

    def public(self, value: bool = True) -> Self:
        """Accepted for old scripts; sites have no public views any more, so nothing is sent."""
        _flag(value, "public")
        return self

    def column(
        self,
        src: str,
        dst: str | None = None,
        type: ColumnType | None = None,
        accumulator: Accumulator | None = None,
        expr: str | None = None,
    ) -> Self:
        """Adds a column.

        Args:
            src: A field such as `subject.label` or `session.info.score`, a name listed by `print_view_columns`, or
                `acquisition.file.name` for fields of files.
            dst: The name of the column; `src` by default.
            type: What its values become.
            accumulator: How the values of a group are put together, with `group_by`.
            expr: A formula for its values, with `x` for the value.
        """
        made = _column(src, dst, type)
        if accumulator is not None:
            made["accumulator"] = _one_of(accumulator, get_args(Accumulator), "accumulator")
        if expr is not None:
            made["expr"] = _text(expr, "expr")
        parts = src.split(".")
        in_analysis = len(parts) > 3 and parts[1:3] == ["analysis", "file"]
        if in_analysis or (len(parts) > 2 and parts[1] == "file"):
            self._metadata_of_files(parts[0], in_analysis)
            made["src"] = ".".join(parts[2 if in_analysis else 1 :])
            made.setdefault("dst", src)
        self._columns.append(made)
        return self

    def group_by(self, src: str, dst: str | None = None) -> Self:
        """Makes rows with equal values in a column one row; may be called for several columns.

        Args:
            src: The column's source.
            dst: Its name.
        """
        self._groups.append(_column(src, dst, None, "group_by"))
        return self

    def filter(self, filter: str) -> Self:
        """Sets a filter in the grammar of finders, for example `subject.sex=female`."""
        return self._set("filter", _text(filter, "filter"))

    def files(
        self,
        container: str,
        filename: str,
        analysis_label: str | None = None,
        analysis_gear_name: str | None = None,
        analysis_gear_version: str | None = None,
    ) -> Self:
        """Chooses the files to read.

        Args:
            container: The kind of container that holds them.
            filename: Their name or a pattern with `*` and `?`.
            analysis_label: Takes them from analyses with this label or pattern.
            analysis_gear_name: Takes them from analyses of this gear.
            analysis_gear_version: Takes them from analyses of this version of a gear.
        """
        self.file_container(container)
        self._set_file("filter", {"value": _text(filename, "filename")})
        if analysis_label is not None or analysis_gear_name is not None or analysis_gear_version is not None:
            self.analysis_filter(analysis_label, analysis_gear_name, analysis_gear_version)
        return self

    def file_container(self, container: str) -> Self:
        """Sets the kind of container that holds the files: project, subject, session or acquisition."""
        return self._set_file("container", _one_of(container, _LEVELS, "container"))

    def file_filter(self, value: str, regex: bool = False) -> Self:
        """Sets the name of the files.

        Args:
            value: A name or pattern.
            regex: Whether it is a regular expression; otherwise `*` and `?` are wildcards.
        """
        return self._set_file("filter", _filter(value, regex, "value"))

    def file_match(self, match_value: Match) -> Self:
        """Sets which file is taken where several fit: first, last, newest, oldest or all."""
        return self._set_file("match", _one_of(match_value, get_args(Match), "match"))

    def file_format(self, format_name: FileFormat) -> Self:
        """Sets the format of the files: csv, tsv or json; by default a site goes by their names."""
        return self._set_file("format", _one_of(format_name, get_args(FileFormat), "format_name"))

    def file_format_options(self, **kwargs: object) -> Self:
        """Sets options for reading the files, for example `delimiter=";"`; adds to those set before."""
        self._format_options.update(kwargs)
        return self

    def file_column(self, src: str, dst: str | None = None, type: ColumnType | None = None) -> Self:
        """Adds a column of the files' contents; without any, all their columns are taken.

        Args:
            src: The column in the files, for json a path.
            dst: The name of the column; `src` by default.
            type: What its values become.
        """
        self._file_columns.append(_column(src, dst, type))
        return self

    def zip_member_filter(self, value: str, regex: bool = False, match: Match | None = None) -> Self:
        """Reads members of zip archives in place of the files themselves.

        Args:
            value: Their name or a pattern.
            regex: Whether it is a regular expression; otherwise `*` and `?` are wildcards.
            match: Which member is taken where several fit.
        """
        made = _filter(value, regex, "value")
        if match is not None:
            made["match"] = _one_of(match, get_args(Match), "match")
        return self._set_file("zipMember", made)

    def analysis_filter(
        self,
        label: str | None = None,
        gear_name: str | None = None,
        gear_version: str | None = None,
        regex: bool = False,
    ) -> Self:
        """Takes the files from analyses.

        Args:
            label: The analyses' label or a pattern.
            gear_name: The name of the gear that made them.
            gear_version: Its version.
            regex: Whether these are regular expressions; otherwise `*` and `?` are wildcards.
        """
        given = {"label": label, "gear.name": gear_name, "gear.version": gear_version}
        made: Row = {name: _filter(value, regex, name) for name, value in given.items() if value is not None}
        if not made:
            raise ArgumentError("label: an analysis filter needs label, gear_name or gear_version")
        return self._set_file("analysisFilter", made)

    def process_files(self, value: bool) -> Self:
        """Sets whether the contents of files are read, not only their metadata."""
        return self._set_file("processFiles", _flag(value, "process_files"))

    def include_ids(self, value: bool = True) -> Self:
        """Sets whether the ids of a row's containers become columns."""
        return self._set("includeIds", _flag(value, "include_ids"))

    def include_labels(self, value: bool = True) -> Self:
        """Sets whether the labels of a row's containers become columns."""
        return self._set("includeLabels", _flag(value, "include_labels"))

    def sort(self, value: bool = True) -> Self:
        """Sets whether rows are sorted."""
        return self._set("sort", _flag(value, "sort"))

    def error_column(self, value: bool = True) -> Self:
        """Sets whether errors are told in a column of their own."""
        self._error_column = _flag(value, "error_column")
        return self

    def missing_data_strategy(self, value: MissingData) -> Self:
        """Sets what happens to rows with missing values: `none` keeps them, `drop-row` leaves them out."""
        _one_of(value, get_args(MissingData), "missing_data_strategy")
        self._strategy = value
        return self

    def build(self) -> types.ContainerPipelineInput:
        """Gives the view, for `read_view_data`, `add_view` and the like.

        Raises:
            ArgumentError: Something is missing.
        """
        from flywheel_async import types

        members = self.members()
        groups = cast("Row | None", members.pop("groupBy", None))
        view = types.ContainerPipelineInput.model_validate(members)
        if groups is not None:
            # Declared as texts, but sent as objects with a name.
            vars(view)["group_by"] = types.DataViewGroupBy.model_validate(groups)
            view.__pydantic_fields_set__.add("group_by")
        return view

    def members(self) -> dict[str, object]:
        """Gives the view as it is sent.

        Raises:
            ArgumentError: Something is missing.
        """
        view: Row = {key: value for key, value in self._view.items() if value is not None}
        view["columns"] = [dict(column) for column in self._columns]
        if self._groups:
            view["groupBy"] = {"columns": [dict(group) for group in self._groups]}
        if self._reads_files or self._file_columns:
            for name, method in (("container", "file_container"), ("filter", "file_filter")):
                if name not in self._file:
                    raise ArgumentError(f"{method}: files are found by container and name; call {method} too")
            view["fileSpec"] = {
                **self._file,
                "formatOptions": dict(self._format_options),
                "columns": [dict(column) for column in self._file_columns],
            }
        if self._strategy is not None:
            view["missingDataStrategy"] = self._strategy
        drops = self._strategy == "drop-row"
        view["errorColumn"] = not drops if self._error_column is None else self._error_column
        return view

    def _set(self, name: str, value: object) -> Self:
        self._view[name] = value
        return self

    def _set_file(self, name: str, value: object) -> Self:
        self._file[name] = value
        self._reads_files = self._reads_files or name != "processFiles"
        return self

    def _add(self, column: object) -> None:
        if isinstance(column, str):
            column = (column,)
        if isinstance(column, (tuple, list)) and 1 <= len(cast("list[object]", column)) <= len(_PARTS):
            column = dict(zip(_PARTS, cast("list[object]", column), strict=False))
        if isinstance(column, Mapping) and "src" in column and {*cast("Mapping[object, object]", column)} <= {*_PARTS}:
            self.column(**cast("dict[str, Any]", column))
        else:
            raise ArgumentError(
                f"columns: a column is a text, (src, dst, type, …) or a mapping with src, not {column!r}"
            )

    def _metadata_of_files(self, container: str, in_analysis: bool) -> None:
        """Makes ready for a column about files, whose contents are not wanted unless they were chosen before."""
        chosen = self._file.get("container")
        if chosen is not None and chosen != container:
            raise ArgumentError(
                f"columns: files can be taken from one kind of container, and {chosen} is chosen already"
            )
        if "filter" in self._file:
            return
        self.file_container(container)
        self._file.update({"filter": {"value": "*"}, "match": "all", "processFiles": False})
        if in_analysis:
            self._file["analysisFilter"] = {"label": {"value": "*"}}
        self._error_column, self._strategy = False, "drop-row"


def _text(value: object, argument: str) -> str:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{argument} must be a text that is not empty, not {value!r}")
    return value


def _flag(value: object, argument: str) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(f"{argument} must be True or False, not {value!r}")
    return value


def _one_of(value: object, known: Iterable[str], argument: str) -> str:
    names = tuple(known)
    if value not in names:
        raise ArgumentError(f"{argument} must be one of {', '.join(names)}, not {value!r}")
    return str(value)


def _filter(value: object, regex: object, argument: str) -> Row:
    return {"value": _text(value, argument), "regex": _flag(regex, "regex")}


def _column(src: object, dst: object, type_: object, argument: str = "src") -> Row:
    made: Row = {"src": _text(src, argument)}
    if dst is not None:
        made["dst"] = _text(dst, "dst")
    if type_ is not None:
        made["type"] = _one_of(type_, get_args(ColumnType), "type")
    return made
