"""Regular expressions inside SQLite, with one time budget per transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import lru_cache

import regex

from flywheel_async.emulator.problems import invalid

BUDGET_SECONDS = 1.0
"""Computing time that all regular expressions of one request may take together."""

_SHORT = 0.005
"""Seconds for which one match may hold up other threads."""

MAX_PATTERN = 1000
"""Longest pattern, in characters."""


@lru_cache(256)
def compiled(pattern: str) -> regex.Pattern[str]:
    """Compiles a pattern once.

    Raises:
        Problem: 422, the pattern is too long or not a regular expression.
    """
    if len(pattern) > MAX_PATTERN:
        raise invalid(f"the regular expression is longer than {MAX_PATTERN} characters", "query", "filter")
    try:
        return regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise invalid(f"bad regular expression: {error}", "query", "filter") from None


class RegexBudget:
    """Offers `fw_search(pattern, text)` and `fw_fits(pattern, text)` to one connection, and ends both when time is up.

    The first looks anywhere in the text, the second wants the whole text to fit.
    """

    def __init__(self) -> None:
        self._left = 0.0
        self._exhausted = False

    @classmethod
    def install(cls, connection: sqlite3.Connection) -> RegexBudget:
        """Adds the function to a connection and returns its budget."""
        budget = cls()
        connection.create_function("fw_search", 2, budget._search, deterministic=True)
        connection.create_function("fw_fits", 2, budget._fits, deterministic=True)
        return budget

    def _search(self, pattern: str, value: object) -> int:
        return self._try(compiled(pattern).search, value)

    def _fits(self, pattern: str, value: object) -> int:
        return self._try(compiled(pattern).fullmatch, value)

    def _try(self, method: Callable[..., regex.Match[str] | None], value: object) -> int:
        if not isinstance(value, str):
            return 0
        # Not the time of day: others' work must not count.
        started = time.thread_time()
        try:
            try:
                found = method(value, timeout=_SHORT)
            except TimeoutError:
                # concurrent: other threads run while this one searches. Doing so every time would cost far more.
                found = method(value, timeout=max(self._left, 0.001), concurrent=True)
        except TimeoutError:
            self._exhausted = True
            raise
        self._left -= time.thread_time() - started
        if self._left <= 0:
            self._exhausted = True
            raise TimeoutError
        return int(found is not None)

    @contextmanager
    def running(self) -> Generator[None]:
        """Starts a new budget for one transaction.

        Raises:
            Problem: 422, the regular expressions of the transaction took too long.
        """
        self._left = BUDGET_SECONDS
        self._exhausted = False
        try:
            yield
        except sqlite3.OperationalError:
            if self._exhausted:
                raise invalid(
                    f"the regular expression took longer than {BUDGET_SECONDS:g} s", "query", "filter"
                ) from None
            raise
