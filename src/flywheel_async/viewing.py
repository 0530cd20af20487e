"""Data views: describing them, saving them, and reading their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast, overload

from flywheel_async.core import Core
from flywheel_async.pagination import AsyncPager
from flywheel_async.views.options import CONCURRENCY, ROWS, Options
from flywheel_async.waiting import TIMEOUT

if TYPE_CHECKING:
    from pandas import DataFrame

    from flywheel_async import types
    from flywheel_async.events import OnPoll, OnProgress
    from flywheel_async.views.builder import Column, Match
    from flywheel_async.views.frames import Dtype
    from flywheel_async.views.options import AnyView, Format
    from flywheel_async.views.reading import AsyncViewData


class AsyncViewing(Core):
    """The part of a client that works with data views."""

    def View(
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
    ) -> types.ContainerPipelineInput:
        """Makes a data view; short for `ViewBuilder(...).build()`. Nothing is sent.

        Args:
            label: The view's label; needed to save it.
            description: What it shows.
            match: Which file is taken where several fit: first, last, newest, oldest or all.
            zip_files: Name or pattern of a member, to read files inside zip archives.
            columns: The columns: sources such as `subject.label`, or with more `(src, dst, type, accumulator, expr)`,
                or mappings of these names.
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

        Returns:
            The view.

        Raises:
            ArgumentError: An argument is not of the kinds listed.

        Example:
            >>> view = fw.View(columns=["subject.label", ("session.age", "age", "int")])
        """
        from flywheel_async.views.builder import ViewBuilder

        return ViewBuilder(
            label=label,
            description=description,
            match=match,
            zip_files=zip_files,
            columns=columns,
            process_files=process_files,
            include_ids=include_ids,
            include_labels=include_labels,
            error_column=error_column,
            group_by=group_by,
            filter=filter,
            container=container,
            filename=filename,
            analysis_label=analysis_label,
            analysis_gear_name=analysis_gear_name,
            analysis_gear_version=analysis_gear_version,
            sort=sort,
        ).build()

    async def print_view_columns(self, file: IO[str] | None = None) -> None:
        """Prints the names that columns of views may have; route `GET /views/columns`.

        Args:
            file: Where to print; standard output by default.

        Raises:
            APIError: The site refused.
        """
        from flywheel_async.views.catalogue import lines

        for line in lines((await self._call("data_view_columns")).json()):
            print(line, file=file)

    async def add_view(self, container_id: str, body: AnyView) -> str:
        """Saves a view; route `POST /containers/{id}/views`.

        Args:
            container_id: The id of the project, group or user it is for, or `site`.
            body: The view, which needs a label: what `View` or `ViewBuilder` made, or a mapping.

        Returns:
            The id of the saved view.

        Raises:
            ArgumentError: It is no view; nothing was sent.
            Forbidden: The user may not save views there.

        Example:
            >>> view_id = await fw.add_view(project.id, fw.View(label="ages", columns=["subject.label", "session.age"]))
        """
        from flywheel_async.views.execution import to_save

        response = await self._call("add_view", container_id, to_save(body))
        answer = response.json()
        made = cast("dict[str, object]", answer).get("_id") if isinstance(answer, dict) else None
        if not isinstance(made, str):
            raise response.unexpected("the id of the view")
        return made

    @overload
    def read_view_data(
        self,
        view: AnyView,
        container_id: str,
        decode: Literal[True] = True,
        *,
        format: Format = "json",
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> AsyncViewData[str]: ...
    @overload
    def read_view_data(
        self,
        view: AnyView,
        container_id: str,
        decode: Literal[False],
        *,
        format: Format = "json",
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> AsyncViewData[bytes]: ...
    def read_view_data(
        self,
        view: AnyView,
        container_id: str,
        decode: bool = True,
        *,
        format: Format = "json",
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> AsyncViewData[Any]:
        """Executes a view and reads its result as a file, while it arrives.

        Routes `POST /views/queue` or `POST /views/{id}/queue`, then `GET /data_view_executions/{id}` until it is
        done, then `GET /data_view_executions/{id}/data`.

        Args:
            view: The view, or the id of a saved one.
            container_id: The project, subject, session or acquisition to execute it on.
            decode: Give text; otherwise bytes.
            format: `json` (`{"data": [rows]}`), `json-flat` (`[rows]`), `json-row-column`, `ndjson`, `csv` or `tsv`.
            filter: A filter on top of the view's own.
            sort: Columns of the result to sort by, such as `session.label:desc`.
            skip: Rows to leave out at the start.
            limit: Rows at most.
            timeout: Seconds to wait for the result; None waits as long as it takes.
            on_poll: Told about each answer of the site while waiting.

        Returns:
            A file to read in an `async with` block, which begins when the result is there.

        Raises:
            ArgumentError: Something makes no sense; nothing was sent.
            APIError: On entering the block: the site refused the view or the container.
            WaitFailed: On entering the block: the site failed to execute it.
            WaitTimeout: On entering the block: the result is not there in time.

        Example:
            >>> async with fw.read_view_data(view, project.id, format="csv") as data:
            ...     async for line in data:
            ...         print(line, end="")
        """
        from flywheel_async.views.results import opening

        options = Options(filter, sort, skip, limit, timeout, on_poll)
        return opening(self, view, container_id, decode, format, options)

    async def save_view_data(
        self,
        view: AnyView,
        container_id: str,
        dest_file: str | Path,
        *,
        format: Format = "json",
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """Executes a view and writes its result to a file; routes as for `read_view_data`.

        Args:
            view: The view, or the id of a saved one.
            container_id: The project, subject, session or acquisition to execute it on.
            dest_file: Path of the file to write; replaced only when the result is complete.
            format: As for `read_view_data`.
            filter: A filter on top of the view's own.
            sort: Columns of the result to sort by.
            skip: Rows to leave out at the start.
            limit: Rows at most.
            timeout: Seconds to wait for the result; None waits as long as it takes.
            on_poll: Told about each answer of the site while waiting.
            on_progress: Told about each chunk, in bytes.

        Returns:
            The path written.

        Raises:
            ArgumentError: The file cannot be written, or something else makes no sense; nothing was sent.
            APIError: The site refused the view or the container.
            WaitFailed: The site failed to execute it; there is no file.
            WaitTimeout: The result is not there in time; there is no file.

        Example:
            >>> path = await fw.save_view_data(view, project.id, "ages.csv", format="csv")
        """
        from flywheel_async.views.results import save

        options = Options(filter, sort, skip, limit, timeout, on_poll)
        return await save(self, view, container_id, dest_file, format, options, on_progress)

    def iter_view_rows(
        self,
        view: AnyView,
        container_id: str,
        *,
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        split: bool = False,
        concurrency: int = CONCURRENCY,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> AsyncPager[dict[str, Any]]:
        """Executes a view and goes through its rows, in constant memory; routes as for `read_view_data`.

        The result is fetched whole before the first row: up to 8 MiB into memory, more into a temporary file without
        a name. So a slow reader is no trouble, and leaving early needs no clean-up.

        Args:
            view: The view, or the id of a saved one.
            container_id: The project, subject, session or acquisition to execute it on.
            filter: A filter on top of the view's own.
            sort: Columns of the result to sort by.
            skip: Rows to leave out at the start.
            limit: Rows at most.
            split: Execute the view for each subject of a project by itself, for projects too large for one execution.
                The rows come in the order in which the subjects were made. Not for views that group or sort, nor
                with `sort`, `skip` or `limit`; build them with `sort=False`. `filter` holds for single rows, and
                is fine.
            concurrency: Executions at once with `split`.
            timeout: Seconds to wait for each execution; None waits as long as it takes.
            on_poll: Told about each answer of the site while waiting.

        Returns:
            An async iterator over rows as dictionaries; it sends nothing before the first is asked for.

        Raises:
            ArgumentError: Something makes no sense, or the view cannot be split.
            APIError: While iterating: the site refused the view or the container.
            WaitFailed: While iterating: the site failed to execute it.
            WaitTimeout: While iterating: the result is not there in time.

        Example:
            >>> async for row in fw.iter_view_rows(view, project.id):
            ...     print(row["subject.label"], row["session.age"])
        """
        from flywheel_async.views.rows import RowPages, plan

        options = Options(filter, sort, skip, limit, timeout, on_poll)
        return AsyncPager(RowPages(plan(self, view, container_id, options, split, concurrency)))

    async def read_view_dataframe(
        self,
        view: AnyView,
        container_id: str,
        opts: Mapping[str, object] | None = None,
        *,
        dtype: Dtype = None,
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        split: bool = False,
        concurrency: int = CONCURRENCY,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> DataFrame:
        """Executes a view and makes a pandas data frame of its rows; routes as for `read_view_data`.

        Needs pandas: `pip install 'flywheel-async[pandas]'`.

        Args:
            view: The view, or the id of a saved one.
            container_id: The project, subject, session or acquisition to execute it on.
            opts: Options of `pandas.read_json`.
            dtype: What columns become: types by column, one type for all, or False to leave values as they came. By
                default pandas looks at the values, and makes numbers of a column of texts such as `"0042"`;
                `dtype={"subject.label": str}` keeps them.
            filter: A filter on top of the view's own.
            sort: Columns of the result to sort by.
            skip: Rows to leave out at the start.
            limit: Rows at most.
            split: Execute the view for each subject of a project by itself, as for `iter_view_rows`.
            concurrency: Executions at once with `split`.
            timeout: Seconds to wait for each execution; None waits as long as it takes.
            on_poll: Told about each answer of the site while waiting.

        Returns:
            The data frame; without columns when there are no rows.

        Raises:
            ImportError: There is no pandas; nothing was sent.
            ArgumentError: Something makes no sense, or the view cannot be split.
            APIError: The site refused the view or the container.
            WaitFailed: The site failed to execute it.
            WaitTimeout: The result is not there in time.

        Example:
            >>> ages = await fw.read_view_dataframe(view, project.id, dtype={"subject.label": str})
        """
        from flywheel_async.views.frames import read_frame

        options = Options(filter, sort, skip, limit, timeout, on_poll)
        return await read_frame(self, view, container_id, options, split, concurrency, opts, dtype)

    def iter_view_dataframes(
        self,
        view: AnyView,
        container_id: str,
        *,
        rows: int = ROWS,
        dtype: Dtype = None,
        filter: str | None = None,
        sort: str | None = None,
        skip: int | None = None,
        limit: int | None = None,
        split: bool = False,
        concurrency: int = CONCURRENCY,
        timeout: float | None = TIMEOUT,
        on_poll: OnPoll | None = None,
    ) -> AsyncPager[DataFrame]:
        """Executes a view and makes data frames of some of its rows each, in constant memory.

        All frames have the same columns and types; put together they are what `read_view_dataframe` gives. The result
        is kept as for `iter_view_rows` and read twice, first to find out the types. Needs pandas:
        `pip install 'flywheel-async[pandas]'`. Routes as for `read_view_data`.

        Args:
            view: The view, or the id of a saved one.
            container_id: The project, subject, session or acquisition to execute it on.
            rows: Rows of each frame; the last one may have fewer.
            dtype: What columns become, as for `read_view_dataframe`.
            filter: A filter on top of the view's own.
            sort: Columns of the result to sort by.
            skip: Rows to leave out at the start.
            limit: Rows at most.
            split: Execute the view for each subject of a project by itself, as for `iter_view_rows`.
            concurrency: Executions at once with `split`.
            timeout: Seconds to wait for each execution; None waits as long as it takes.
            on_poll: Told about each answer of the site while waiting.

        Returns:
            An async iterator over data frames; it sends nothing before the first is asked for.

        Raises:
            ImportError: There is no pandas.
            ArgumentError: Something makes no sense, or the view cannot be split.
            APIError: While iterating: the site refused the view or the container.
            WaitFailed: While iterating: the site failed to execute it.
            WaitTimeout: While iterating: the result is not there in time.

        Example:
            >>> async for frame in fw.iter_view_dataframes(view, project.id, rows=50_000):
            ...     print(frame["session.age"].max())
        """
        from flywheel_async.views.frames import frame_pages

        options = Options(filter, sort, skip, limit, timeout, on_poll)
        return AsyncPager(frame_pages(self, view, container_id, options, split, concurrency, rows, dtype))
