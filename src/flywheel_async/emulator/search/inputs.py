"""What the request bodies of searches may hold."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from flywheel_async.emulator.inputs import Input, Label

ReturnType = Literal["file", "acquisition", "session", "analysis", "project", "subject"]


class SortInput(Input):
    """The order of the hits."""

    field: str
    order: Literal["asc", "desc"]


class MatchInput(Input):
    """What to look for; everything given must hold."""

    return_type: ReturnType
    structured_query: str | None = None
    search_string: str | None = None
    filters: list[dict[str, JsonValue]] | None = None


class SearchInput(MatchInput):
    """A search."""

    all_data: bool | None = None
    sort: SortInput | None = None
    size: int | None = None


class QueryText(Input):
    """A query text."""

    structured_query: str


class FieldText(Input):
    """A piece of a field name."""

    field: str


class SavedParent(Input):
    """Where a search is kept, which decides who sees it."""

    type: Literal["site", "user", "analysis", "group", "project", "session"]
    id: str


class SaveSearchInput(Input):
    """A search to keep."""

    label: Label
    search: SearchInput
    parent: SavedParent


class SaveSearchChange(Input):
    """Changes to a search that is kept."""

    label: Label | None = None
    search: SearchInput | None = None
