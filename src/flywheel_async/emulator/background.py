"""Work that goes on after the answer: kept in the database, so that a restart takes it up again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from flywheel_async.emulator import nodes
from flywheel_async.emulator.database import Database, Tx
from flywheel_async.emulator.exchange import Exchange, Reply, Streamed
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import Doc, Json

logger = logging.getLogger("flywheel_async.emulator")

NewId: TypeAlias = "Callable[[], str]"


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of background work; each step is a transaction of its own.

    Attributes:
        begin: Notes that it goes on.
        finish: Does it.
        fail: Notes why it could not be done.
    """

    begin: Callable[[Tx, Doc], None]
    finish: Callable[[Tx, Doc, NewId], None]
    fail: Callable[[Tx, Doc, str], None]


def schedule(tx: Tx, new_id: NewId, work: str, arguments: Doc) -> None:
    """Notes work to be done once the transaction is over; `Background.after` then starts it.

    Args:
        tx: The transaction.
        new_id: Makes ids.
        work: The kind of work.
        arguments: What it needs to know.
    """
    body: Doc = {"work": work, "arguments": arguments, "origin": tx.origin}
    nodes.insert(tx, Node("task", new_id(), None, tx.now, tx.now, body=body))


class Background:
    """Does scheduled work in a thread of its own, oldest first.

    Args:
        db: The database.
        new_id: Makes ids.
        kinds: What can be scheduled, by name.
    """

    def __init__(self, db: Database, new_id: NewId, kinds: Mapping[str, Work]) -> None:
        self._db = db
        self._new_id = new_id
        self._kinds = kinds
        self._thread = ThreadPoolExecutor(1, "emulator-background")
        self._free = threading.Event()
        self._free.set()
        self._closing = False

    def wake(self) -> None:
        """Looks for scheduled work."""
        if not self._closing:
            self._thread.submit(self._drain)

    def after(self, reply: Reply) -> Streamed:
        """Returns an answer that starts the work which its transaction scheduled."""
        return _Accepted(self, reply)

    @contextmanager
    def held(self) -> Generator[None]:
        """Leaves work scheduled inside the block, so that a program can be watched while it waits."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()
            self.wake()

    def close(self) -> None:
        """Ends after the step that is running; the rest is taken up by the next start."""
        self._closing = True
        self._free.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _drain(self) -> None:
        try:
            while self._step():
                pass
        except Exception:
            logger.exception("background work failed")

    def _step(self) -> bool:
        """Does the oldest task; tells whether there was one."""
        self._free.wait()
        task = None if self._closing else self._db.write_now(_oldest)
        if task is None:
            return False
        work, arguments = self._kinds[str(task.body["work"])], _object(task.body["arguments"])
        self._run(task, lambda tx: work.begin(tx, arguments), ends=False)
        self._free.wait()
        if self._closing:
            return False
        try:
            self._run(task, lambda tx: work.finish(tx, arguments, self._new_id))
        except Problem as problem:
            reason = problem.message
            self._run(task, lambda tx: work.fail(tx, arguments, reason))
        except Exception:
            logger.exception("background work failed")
            self._run(task, lambda tx: work.fail(tx, arguments, "the emulator failed; its log has the reason"))
        return True

    def _run(self, task: Node, step: Callable[[Tx], None], *, ends: bool = True) -> None:
        def run(tx: Tx) -> None:
            if nodes.find(tx, "task", task.id) is None:
                return
            tx.origin = _object(task.body["origin"])
            step(tx)
            if ends:
                tx.run("DELETE FROM node WHERE kind = 'task' AND id = ?", (task.id,))

        self._db.write_now(run)


@dataclass(frozen=True, slots=True)
class _Accepted(Streamed):
    background: Background
    reply: Reply

    async def run(self, exchange: Exchange) -> None:
        # The transaction is over: the work is done even when the answer does not arrive.
        self.background.wake()
        await exchange.reply(self.reply)


def _oldest(tx: Tx) -> Node | None:
    row = tx.one("SELECT * FROM node WHERE kind = 'task' ORDER BY id LIMIT 1")
    return None if row is None else Node.from_row(row)


def _object(value: Json) -> Doc:
    if not isinstance(value, dict):
        raise TypeError("a task holds objects")
    return value
