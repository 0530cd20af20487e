"""What request bodies about data views may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from flywheel_async.emulator.inputs import Input, Label, Metadata, Words

MAX_COLUMNS = 1000

Format: TypeAlias = Literal["csv", "tsv", "json", "ndjson", "json-flat", "json-row-column"]
Match: TypeAlias = Literal["first", "last", "newest", "oldest", "all"]
ValueType: TypeAlias = Literal["int", "float", "string", "bool"]
Accumulator: TypeAlias = Literal["count", "sum", "mean", "standard_deviation", "minimum", "maximum"]

Name = Annotated[Words, StringConstraints(min_length=1, max_length=500)]


def _as_column(value: object) -> object:
    """Takes a name where a column is wanted: models of the API describe both."""
    return {"src": value} if isinstance(value, str) else value


class ColumnInput(Input):
    """One column of a view."""

    src: Name
    dst: Name | None = None
    type: ValueType | None = None
    expr: Annotated[str, StringConstraints(max_length=200)] | None = None
    accumulator: Accumulator | None = None


class GroupColumnInput(Input):
    """A column whose values make the groups."""

    src: Name
    dst: Name | None = None


class GroupByInput(Input):
    """The columns whose values make the groups."""

    columns: Annotated[
        list[Annotated[GroupColumnInput, BeforeValidator(_as_column)]], Field(min_length=1, max_length=MAX_COLUMNS)
    ]


class NameFilterInput(Input):
    """Names to match: a pattern with wild cards, or a regular expression."""

    value: Annotated[Words, StringConstraints(min_length=1)]
    regex: bool | None = None


class ZipFilterInput(NameFilterInput):
    """Members of zip archives to match."""

    match: Match | None = None


class AnalysisFilterInput(Input):
    """Analyses to match."""

    label: NameFilterInput | None = None
    gear_name: Annotated[NameFilterInput | None, Field(alias="gear.name")] = None
    gear_version: Annotated[NameFilterInput | None, Field(alias="gear.version")] = None


def _no_line_end(value: str) -> str:
    if value in "\r\n":
        raise ValueError("must not be the end of a line")
    return value


Character = Annotated[str, StringConstraints(min_length=1, max_length=1), AfterValidator(_no_line_end)]


class FormatOptionsInput(Input):
    """How a table is read; what is not given is as usual in its format."""

    dialect: Literal["excel", "excel-tab", "unix"] | None = None
    delimiter: Character | None = None
    quotechar: Character | None = None
    escapechar: Character | None = None
    doublequote: bool = True
    skipinitialspace: bool = False
    fieldnames: Annotated[list[Name] | None, Field(min_length=1, max_length=MAX_COLUMNS)] = None


class FileSpecInput(Input):
    """Files whose attributes or content become rows."""

    container: Literal["project", "subject", "session", "acquisition"]
    filter: NameFilterInput
    analysis_filter: Annotated[AnalysisFilterInput | None, Field(alias="analysisFilter")] = None
    zip_member: Annotated[ZipFilterInput | None, Field(alias="zipMember")] = None
    match: Match | None = None
    format: Literal["csv", "tsv", "json"] | None = None
    format_options: Annotated[FormatOptionsInput | None, Field(alias="formatOptions")] = None
    process_files: Annotated[bool | None, Field(alias="processFiles")] = None
    columns: Annotated[list[ColumnInput] | None, Field(max_length=MAX_COLUMNS)] = None


class ViewInput(Input):
    """A data view; what the server itself adds to a saved one is taken and ignored."""

    label: Label | None = None
    description: Words | None = None
    columns: Annotated[list[ColumnInput] | None, Field(max_length=MAX_COLUMNS)] = None
    file_spec: Annotated[FileSpecInput | None, Field(alias="fileSpec")] = None
    filter: str | None = None
    group_by: Annotated[GroupByInput | None, Field(alias="groupBy")] = None
    include_ids: Annotated[bool | None, Field(alias="includeIds")] = None
    include_labels: Annotated[bool | None, Field(alias="includeLabels")] = None
    error_column: Annotated[bool | None, Field(alias="errorColumn")] = None
    missing_data_strategy: Annotated[Literal["none", "drop-row"] | None, Field(alias="missingDataStrategy")] = None
    sort: bool | None = None
    parent: str | None = None
    id: Annotated[str | None, Field(alias="_id")] = None
    origin: Any = None


class SaveInput(Input):
    """Where the result of a view is to be stored."""

    view_id: Annotated[str | None, Field(alias="viewId")] = None
    view: Metadata | None = None
    container_type: Annotated[str, Field(alias="containerType")]
    container_id: Annotated[str, Field(alias="containerId")]
    filename: str
    description: Words | None = None
