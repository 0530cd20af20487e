"""SQLite behind worker threads: one writer, several readers, a separate pool for regular expressions."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from flywheel_async.emulator import times
from flywheel_async.emulator.query.regexes import RegexBudget
from flywheel_async.emulator.schema import SCHEMA, SCHEMA_VERSION, UPGRADES
from flywheel_async.emulator.search import functions
from flywheel_async.emulator.wire import Doc

T = TypeVar("T")
Value = None | int | float | str | bytes

_STEPS = 20_000
"""How many instructions of SQLite are run between two looks at the clock."""

READERS = 4
PATTERN_READERS = 2


class DataFolderInUse(RuntimeError):
    """Another emulator has this data folder open."""


class Tx:
    """One transaction: a consistent view of the data, and for the writer all changes or none.

    Attributes:
        now: The instant of the transaction in milliseconds; every timestamp it writes is this one.
        origin: Who makes the changes, for the change log.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.now = times.now()
        self.origin: Doc = {"type": "system", "id": None}

    def all(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Runs a query and returns its rows."""
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """Runs a query and returns its first row, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def each(self, sql: str, values: Sequence[Value] = ()) -> Iterator[sqlite3.Row]:
        """Runs a query and gives its rows one by one, without holding all of them."""
        return iter(self._connection.execute(sql, values))

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Runs a change and returns the number of rows it touched."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def ended_after(self, seconds: float) -> Generator[Callable[[], bool]]:
        """Interrupts the statement that runs when a time is over; tells whether the time is over.

        Args:
            seconds: The time, from now.
        """
        end = time.monotonic() + seconds

        def over() -> bool:
            return time.monotonic() > end

        self._connection.set_progress_handler(over, _STEPS)
        try:
            yield over
        finally:
            self._connection.set_progress_handler(None, 0)


class Database:
    """The database of one data folder.

    Args:
        path: The database file; its folder exists.

    Raises:
        DataFolderInUse: Another process or thread has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        self._local = threading.local()
        self._writer = ThreadPoolExecutor(1, "emulator-writer")
        self._readers = ThreadPoolExecutor(READERS, "emulator-reader")
        self._pattern_readers = ThreadPoolExecutor(PATTERN_READERS, "emulator-regex")
        self._lock = self._take_lock()
        try:
            self.write_now(_prepare)
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> sqlite3.Connection:
        """Holds an exclusive lock on a file beside the database; the system frees it when the process dies."""
        lock = sqlite3.connect(
            self._path.with_suffix(".lock"), isolation_level=None, timeout=0, check_same_thread=False
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            raise DataFolderInUse(f"{self._path.parent} is in use by another emulator") from error
        return lock

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            # Used by one thread only; the check is off because close() runs in another one.
            found = sqlite3.connect(self._path, isolation_level=None, cached_statements=256, check_same_thread=False)
            found.row_factory = sqlite3.Row
            found.execute("PRAGMA journal_mode=WAL")
            # A commit survives the death of this process; only a power cut may lose the last ones.
            found.execute("PRAGMA synchronous=NORMAL")
            found.execute("PRAGMA busy_timeout=10000")
            self._local.budget = RegexBudget.install(found)
            functions.install(found)
            self._local.connection = found
            with self._opening:
                self._open.append(found)
        return found

    def _run(self, begin: str, work: Callable[[Tx], T]) -> T:
        connection = self._connection()
        budget: RegexBudget = self._local.budget
        connection.execute(begin)
        try:
            with budget.running():
                result = work(Tx(connection))
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.OperationalError):  # the failure may have ended the transaction already
                connection.execute("ROLLBACK")
            raise
        return result

    async def read(self, work: Callable[[Tx], T], *, patterns: bool = False) -> T:
        """Runs `work` on a consistent view of the data, in a reader thread.

        Args:
            work: What to do; it must not change anything.
            patterns: Whether it evaluates regular expressions; those have their own threads, so that slow
                ones do not hold up everybody else.
        """
        pool = self._pattern_readers if patterns else self._readers
        return await asyncio.wrap_future(pool.submit(self._run, "BEGIN", work))

    def read_here(self, work: Callable[[Tx], T]) -> T:
        """The same as `read`, for a thread of the caller's own: it runs there and blocks it."""
        return self._run("BEGIN", work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Runs `work` in the writer thread; its changes are all there or, after an error, none."""
        return await asyncio.wrap_future(self._submit_write(work))

    def write_now(self, work: Callable[[Tx], T]) -> T:
        """The same as `write`, for callers outside the event loop; blocks until it is done."""
        return self._submit_write(work).result()

    def _submit_write(self, work: Callable[[Tx], T]) -> Future[T]:
        return self._writer.submit(self._run, "BEGIN IMMEDIATE", work)

    def close(self) -> None:
        """Waits for running work, then closes every connection and gives the folder free."""
        for pool in (self._readers, self._pattern_readers, self._writer):
            pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._open:
            connection.close()
        self._lock.close()


def _prepare(tx: Tx) -> None:
    row = tx.one("PRAGMA user_version")
    found = 0 if row is None else int(row[0])
    if found == SCHEMA_VERSION:
        return
    if found > SCHEMA_VERSION:
        raise RuntimeError(f"this data folder was written by a newer version ({found}, not {SCHEMA_VERSION})")
    if found:
        for version in range(found, SCHEMA_VERSION):
            for statement in UPGRADES[version]:
                tx.run(statement)
    else:
        for statement in SCHEMA:
            tx.run(statement)
    tx.run(f"PRAGMA user_version={SCHEMA_VERSION}")
