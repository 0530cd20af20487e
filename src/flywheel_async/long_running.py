"""Waiting for what takes long on the site: copies, deletes in the background, executions of data views."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flywheel_async.core import Core
from flywheel_async.waiting import INTERVAL, MAX_INTERVAL, TIMEOUT

if TYPE_CHECKING:
    from flywheel_async import types
    from flywheel_async.events import OnPoll
    from flywheel_async.fields.copies import ProjectCopyOutput
    from flywheel_async.models import Acquisition, Project, Session, Subject


class AsyncLongRunning(Core):
    """The part of a client that waits for what takes long on the site."""

    async def wait_for_copy(
        self,
        copied: ProjectCopyOutput | Project | Subject | Session | Acquisition | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        max_interval: float = MAX_INTERVAL,
        on_poll: OnPoll | None = None,
    ) -> Project | Subject | Session | Acquisition:
        """Waits until a copy is complete; route `GET /containers/{id}`, once per question.

        Args:
            copied: What `project_copy`, `subject_copy`, `session_copy` or `acquisition_copy` answered, or the id of
                the new container.
            timeout: Seconds to wait in all; None waits as long as it takes.
            interval: Seconds before the second question, about; later ones come ever more rarely.
            max_interval: Seconds between two questions at most, about.
            on_poll: Told about each answer of the site.

        Returns:
            The new container, complete.

        Raises:
            ArgumentError: A time is not more than 0, or `copied` is no copy; nothing was sent.
            WaitTimeout: The copy is not complete yet; it goes on.
            WaitFailed: The site says that it failed.
            NotFound: There is no such container.

        Example:
            >>> copied = await fw.project_copy(project.id, {"group_id": "lab", "project_label": "Again", "filter": {}})
            >>> project = await fw.wait_for_copy(copied, timeout=600)
        """
        from flywheel_async.resources.waits import copy

        found = await copy(self, copied, timeout, interval, max_interval, on_poll)
        return cast("Project | Subject | Session | Acquisition", found)

    async def wait_for_delete(
        self,
        project: Project | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        max_interval: float = MAX_INTERVAL,
        on_poll: OnPoll | None = None,
    ) -> None:
        """Waits until a project that is deleted in the background is gone; route `GET /projects/{id}/delete-status`.

        Args:
            project: The project or its id, after `delete_project(id, background=True)`.
            timeout: Seconds to wait in all; None waits as long as it takes.
            interval: Seconds before the second question, about; later ones come ever more rarely.
            max_interval: Seconds between two questions at most, about.
            on_poll: Told about each answer of the site.

        Raises:
            ArgumentError: A time is not more than 0, or `project` is no project; nothing was sent.
            WaitTimeout: The project is still there; deleting goes on if it was asked for.
            WaitFailed: The site says that deleting failed.

        Example:
            >>> await fw.delete_project(project.id, background=True)
            >>> await fw.wait_for_delete(project, on_poll=lambda event: print(event.state))
        """
        from flywheel_async.resources.waits import delete

        await delete(self, project, timeout, interval, max_interval, on_poll)

    async def wait_for_view_execution(
        self,
        execution: types.DataViewExecution | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        max_interval: float = MAX_INTERVAL,
        on_poll: OnPoll | None = None,
    ) -> types.DataViewExecution:
        """Waits until a data view was executed; route `GET /data_view_executions/{id}`, once per question.

        Args:
            execution: What `queue_saved` or `queue_adhoc` answered, or its id.
            timeout: Seconds to wait in all; None waits as long as it takes.
            interval: Seconds before the second question, about; later ones come ever more rarely.
            max_interval: Seconds between two questions at most, about.
            on_poll: Told about each answer of the site.

        Returns:
            The execution, completed; `get_data_view_execution_data` gets its rows.

        Raises:
            ArgumentError: A time is not more than 0, or `execution` is none; nothing was sent.
            WaitTimeout: It is not completed yet; it goes on.
            WaitFailed: The site says that it failed.
            NotFound: There is no such execution.

        Example:
            >>> execution = await fw.wait_for_view_execution(await fw.queue_saved(view_id, project.id))
            >>> rows = (await fw.raw.get_data_view_execution_data(execution.id, file_format="json-flat")).json()
        """
        from flywheel_async.resources.waits import view_execution

        found = await view_execution(self, execution, timeout, interval, max_interval, on_poll)
        return cast("types.DataViewExecution", found)
