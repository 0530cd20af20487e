"""The rows of a data view, page by page, in constant memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.events import Teller
from flywheel_async.fields.base import Model
from flywheel_async.pagination import Page, Query, Walk
from flywheel_async.resources.whole import check_concurrency, in_order
from flywheel_async.transfer.fetch import Deadline
from flywheel_async.transfer.reader import Reader
from flywheel_async.views.execution import check_container, definition, execute, result
from flywheel_async.views.options import Options
from flywheel_async.views.splitting import check_split
from flywheel_async.views.spool import Row, Spool, parse

if TYPE_CHECKING:
    from flywheel_async.core import Core


class Results(Protocol):
    """The results of a view, each with one JSON object per line."""

    async def next_spool(self) -> Spool | None:
        """The next result, or None at the end. After an error it can be asked for again."""
        ...


def plan(core: Core, view: object, container_id: object, options: Options, split: object, concurrency: int) -> Results:
    """Plans the executions of a view; nothing is sent yet.

    Args:
        core: The client.
        view: The view.
        container_id: The container to execute it on.
        options: What comes on top.
        split: Whether to execute it subject by subject.
        concurrency: Executions at once.

    Raises:
        ArgumentError: One of them makes no sense, or the view cannot be split.
    """
    check_concurrency(concurrency)
    made, container = definition(view), check_container(container_id)
    if not isinstance(split, bool):
        raise ArgumentError(f"split must be True or False, not {split!r}")
    if not split:
        return _Whole(core, made, container, options)
    if not isinstance(made, str):
        check_split(made, options)
    return _BySubject(core, made, container, options, concurrency)


async def fetch(
    core: Core, view: str | dict[str, object], container_id: str, options: Options, format: str = "ndjson"
) -> Spool:
    """Executes a view and gets its whole result."""
    content = result(await execute(core, view, container_id, options), format)
    spool = Spool()
    reader = Reader(core, content, None, Teller(None, content.name, None))

    async def receive() -> None:
        while (chunk := await reader.chunk()) is not None:
            await spool.write(chunk)

    try:
        await Deadline(core, None, content.request.operation).hold(receive)
    finally:
        await reader.aclose()
    return spool


class _Whole:
    """One execution."""

    def __init__(self, core: Core, view: str | dict[str, object], container_id: str, options: Options) -> None:
        self._core = core
        self._view = view
        self._container_id = container_id
        self._options = options
        self._done = False

    async def next_spool(self) -> Spool | None:
        if self._done:
            return None
        spool = await fetch(self._core, self._view, self._container_id, self._options)
        self._done = True
        return spool


class _BySubject:
    """One execution per subject of a project, a few at once, in the order in which the subjects were made."""

    def __init__(
        self, core: Core, view: str | dict[str, object], project_id: str, options: Options, concurrency: int
    ) -> None:
        self._core = core
        self._view = view
        self._project_id = project_id
        self._options = options
        self._concurrency = concurrency
        self._subjects: list[str] | None = None
        self._ready: list[Spool] = []

    async def next_spool(self) -> Spool | None:
        if self._subjects is None:
            await self._check_saved()
            self._subjects = await self._all_subjects()
        if not self._ready:
            batch = self._subjects[: self._concurrency]
            self._ready = await in_order(batch, self._of_subject, self._concurrency)
            del self._subjects[: self._concurrency]
        return self._ready.pop(0) if self._ready else None

    async def _check_saved(self) -> None:
        """Looks at a saved view, which may be one that cannot be split."""
        if isinstance(self._view, str):
            response = await self._core._call("get_view", self._view)
            answer = response.json()
            if not isinstance(answer, dict):
                raise response.unexpected("a view")
            check_split(cast("dict[str, object]", answer), self._options)

    async def _all_subjects(self) -> list[str]:
        found: list[tuple[datetime, str]] = []
        walk = Walk[Model](self._page, {})
        while (page := await walk.next_page()) is not None:
            for subject in page:
                made = subject.get("created")
                found.append((made if isinstance(made, datetime) else datetime.min.replace(tzinfo=UTC), subject["_id"]))
        return [subject_id for _, subject_id in sorted(found)]

    async def _page(self, query: Query) -> Page[Model]:
        return await self._core._page("get_project_subjects", (self._project_id,), query, "Subject")

    async def _of_subject(self, subject_id: str) -> Spool:
        return await fetch(self._core, self._view, subject_id, self._options)


class RowPages:
    """Rows as dictionaries, page by page; holds nothing that runs between two calls.

    Args:
        source: Where the results come from.
    """

    def __init__(self, source: Results) -> None:
        self._source = source
        self._spool: Spool | None = None

    async def next_page(self) -> list[Row] | None:
        """Gets the next rows."""
        while True:
            if self._spool is None:
                self._spool = await self._source.next_spool()
                if self._spool is None:
                    return None
            if lines := await self._spool.lines():
                rows = parse(lines)
                self._spool.advance(lines)
                return rows
            self._spool = None
