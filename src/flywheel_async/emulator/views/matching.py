"""Matching names: wild cards or regular expressions, with one time budget for a whole view."""

from __future__ import annotations

import fnmatch
import re
import time
from dataclasses import dataclass
from typing import Final

import regex

from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.regexes import BUDGET_SECONDS, MAX_PATTERN
from flywheel_async.emulator.views.inputs import NameFilterInput

TOO_SLOW: Final = f"the patterns of the view took longer than {BUDGET_SECONDS:g} s"

_QUICK = 0.001
"""Matching that takes less (seconds) is part of what a row costs anyway; only what takes longer is counted."""


class TimeBudget:
    """The time that all regular expressions of one view may take together while it runs."""

    def __init__(self) -> None:
        self._left = BUDGET_SECONDS

    def holds(self, pattern: regex.Pattern[str], value: str, *, anywhere: bool = False) -> bool:
        """Tells whether a pattern matches a text from its start, or anywhere in it.

        Raises:
            Problem: 422, the time is used up.
        """
        look = pattern.search if anywhere else pattern.match
        started = time.monotonic()
        try:
            # concurrent: other threads run while this one searches.
            found = look(value, timeout=max(self._left, _QUICK), concurrent=True) is not None
        except TimeoutError:
            raise Problem(422, TOO_SLOW) from None
        taken = time.monotonic() - started
        if taken > _QUICK:
            self._left -= taken
        if self._left <= 0:
            raise Problem(422, TOO_SLOW)
        return found


@dataclass(frozen=True, slots=True)
class NamePattern:
    """What a name is compared with.

    Attributes:
        wild: Wild cards; they never go back in a text, so they need no budget.
        expression: A regular expression in place of them.
    """

    wild: re.Pattern[str] | None = None
    expression: regex.Pattern[str] | None = None

    def matches(self, name: str, budget: TimeBudget) -> bool:
        """Tells whether a name matches: as a whole with wild cards, from its start with a regular expression.

        Raises:
            Problem: 422, the time is used up.
        """
        if self.wild is not None:
            return self.wild.match(name) is not None
        return self.expression is not None and budget.holds(self.expression, name)


def name_pattern(given: NameFilterInput, *where: str) -> NamePattern:
    """Compiles a name filter; case does not count.

    Args:
        given: The filter.
        where: Where it was in the request.

    Raises:
        Problem: 422, it is too long or no regular expression.
    """
    if len(given.value) > MAX_PATTERN:
        raise invalid(f"the pattern is longer than {MAX_PATTERN} characters", *where, "value")
    try:
        if not given.regex:
            return NamePattern(wild=re.compile(fnmatch.translate(given.value), re.IGNORECASE))
        return NamePattern(expression=regex.compile(given.value, regex.IGNORECASE))
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise invalid(f"bad pattern: {error}", *where, "value") from None
