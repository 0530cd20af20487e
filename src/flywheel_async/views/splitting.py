"""Which views may be executed subject by subject, so that their results put together are that of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from flywheel_async.errors import ArgumentError
from flywheel_async.views.options import Options

_BELOW = ("subject", "session", "acquisition", "analysis")


def check_split(view: Mapping[str, object], options: Options) -> None:
    """Refuses a view whose rows depend on those of other subjects.

    Args:
        view: Its members.
        options: What comes on top.

    Raises:
        ArgumentError: It groups, sorts or counts rows, has a row for the project only, or leaves the columns to the
            files it reads.
    """
    for name in ("sort", "skip", "limit"):
        if getattr(options, name) is not None:
            raise ArgumentError(f"{name} goes across subjects, so split=True cannot be combined with it; leave one out")
    if view.get("groupBy"):
        raise ArgumentError("split: a view with group_by puts rows of different subjects together; leave split out")
    if view.get("sort") is not False:
        raise ArgumentError("split: the view sorts its rows; build it with sort=False, or leave split out")
    files = view.get("fileSpec")
    spec = cast("Mapping[str, object]", files) if isinstance(files, Mapping) else dict[str, object]()
    if spec and spec.get("processFiles") is not False and not spec.get("columns"):
        raise ArgumentError(
            "split: without columns for the content of files, the first file of each subject decides which there are; "
            "add them with file_column, or leave split out"
        )
    if spec.get("container") not in _BELOW and not any(source.split(".")[0] in _BELOW for source in _sources(view)):
        raise ArgumentError("split: the view has a row for the project, none for its subjects; leave split out")


def _sources(view: Mapping[str, object]) -> Iterable[str]:
    columns = view.get("columns")
    for column in cast("list[object]", columns) if isinstance(columns, list) else ():
        source = cast("Mapping[str, object]", column).get("src") if isinstance(column, Mapping) else None
        if isinstance(source, str):
            yield source
