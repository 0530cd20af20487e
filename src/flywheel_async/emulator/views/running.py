"""Running views: in threads of their own, at once for a waiting caller or in the background for an execution."""

from __future__ import annotations

import logging
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.views import executions, results
from flywheel_async.emulator.views.evaluation import Evaluation, Stopped
from flywheel_async.emulator.views.plan import Plan

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

THREADS = 4

logger = logging.getLogger("flywheel_async.emulator")


@dataclass(frozen=True, slots=True)
class Job:
    """A view to run.

    Attributes:
        caller: In whose name.
        plan: The view.
        kind: The kind of the container it is run on.
        container_id: That container.
    """

    caller: Caller
    plan: Plan
    kind: str
    container_id: str


def check_allowed(tx: Tx, caller: Caller, node: Node, plan: Plan) -> None:
    """Refuses a view that shows what the caller may not see.

    Raises:
        Problem: 403.
    """
    wanted = [access.VIEW]
    if plan.files is not None:
        wanted.append(access.FILES_VIEW)
        wanted += [access.FILES_DOWNLOAD] if plan.files.read else []
        wanted += [access.ANALYSES_VIEW] if plan.files.analyses is not None else []
    for action in wanted:
        access.require(tx, caller, node, action)


class ViewRunner:
    """The threads that run views, and the folder with their results.

    Args:
        site: The site.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.folder / "views"
        self._folder.mkdir(exist_ok=True)
        self._pool = ThreadPoolExecutor(THREADS, "emulator-views")
        self._ending = threading.Event()
        self._unwanted: dict[str, threading.Event] = {}

    def resume(self) -> None:
        """Removes results that nothing refers to, then runs what was queued when the site was last stopped."""
        self._site.db.write_now(executions.outdated)
        completed, waiting = self._site.db.read_here(executions.known)
        for path in self._folder.iterdir():
            if path.stem not in completed or path.suffix != ".rows":
                path.unlink()
        for execution_id in waiting:
            self.submit(execution_id)

    def close(self) -> None:
        """Stops what runs; executions that were not finished are run again after the next start."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def path(self, execution_id: str) -> Path:
        """Returns where the result of an execution is, or would be."""
        return self._folder / f"{execution_id}.rows"

    def temporary(self) -> Path:
        """Returns a place for a result that is sent once."""
        return self.path(secrets.token_hex(16))

    def start(self, job: Job, path: Path, unwanted: threading.Event) -> Future[None]:
        """Runs a view.

        Args:
            job: The view.
            path: Where its result is to be.
            unwanted: Set it to stop.

        Returns:
            What ends with `Stopped`, or with the problem that came up.
        """
        return self._pool.submit(self._write, job, path, unwanted)

    def submit(self, execution_id: str) -> None:
        """Runs an execution in the background."""
        self._pool.submit(self._execute, execution_id)

    def forget(self, execution_id: str) -> None:
        """Stops an execution that has left the database, and removes its result."""
        unwanted = self._unwanted.get(execution_id)
        if unwanted is not None:
            unwanted.set()
        self.path(execution_id).unlink(missing_ok=True)

    def _write(self, job: Job, path: Path, unwanted: threading.Event) -> None:
        def go_on() -> None:
            if unwanted.is_set() or self._ending.is_set():
                raise Stopped

        def work(tx: Tx) -> None:
            node = nodes.get(tx, job.kind, job.container_id)
            check_allowed(tx, job.caller, node, job.plan)
            evaluation = Evaluation(tx, self._site.blobs, job.caller, job.plan, node, go_on)
            with closing(evaluation.rows()) as rows:
                results.write(path, evaluation.header, rows)

        self._site.db.read_here(work)

    def _execute(self, execution_id: str) -> None:
        for outdated in self._site.db.write_now(executions.outdated):
            self.forget(outdated)
        unwanted = self._unwanted[execution_id] = threading.Event()
        try:
            self._work_out(execution_id, unwanted)
        finally:
            del self._unwanted[execution_id]

    def _work_out(self, execution_id: str, unwanted: threading.Event) -> None:
        path = self.path(execution_id)
        reason: str | None = None
        try:
            if not self._site.db.write_now(lambda tx: executions.begin(tx, execution_id)):
                return
            job = self._site.db.read_here(lambda tx: self._job(tx, execution_id))
            self._write(job, path, unwanted)
        except Stopped:
            return
        except Problem as problem:
            reason = problem.message
        except Exception:
            logger.exception("a data view failed")
            reason = "the emulator failed; its log has the reason"
        if not self._site.db.write_now(lambda tx: executions.end(tx, execution_id, reason)):
            # It was deleted while it ran.
            path.unlink(missing_ok=True)

    def _job(self, tx: Tx, execution_id: str) -> Job:
        node = nodes.get(tx, "execution", execution_id)
        caller = executions.caller_of(tx, node)
        kind, container_id = executions.container_of(node)
        return Job(caller, executions.plan_of(node), kind, container_id)
