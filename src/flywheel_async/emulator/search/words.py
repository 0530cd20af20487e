"""Words and texts of the query language: what type a bare word has, and how texts are quoted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from flywheel_async.emulator.query.terms import Bool, Number, Text
from flywheel_async.emulator.search.tree import Moment, Value
from flywheel_async.emulator.times import EPOCH

KEYWORDS = ("AND", "OR", "NOT", "IN", "LIKE", "CONTAINS", "EXISTS")
OPERATORS = ("=", "==", "!=", "<>", "<", "<=", ">", ">=", "=~", "!~")

_ID = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_RESTRICTED = re.compile(r"[\s'\"\[\](),]")
_ESCAPE = re.compile(r"\\([\"n\\])")
_ESCAPED = {'"': '"', "n": "\n", "\\": "\\"}
_RESERVED = frozenset((*KEYWORDS, *(word.lower() for word in KEYWORDS), *OPERATORS))


def typed(word: str) -> Value:
    """Gives a bare word its type: `true` or `false`, a number, a date, or else a text."""
    if word in ("true", "false"):
        return Bool(word == "true")
    if _ID.fullmatch(word):
        return Text(word)  # an id may be made of digits alone
    if _NUMBER.fullmatch(word):
        return _number(word)
    moment = microseconds(word)
    return Text(word) if moment is None else Moment(moment)


def _number(word: str) -> Number:
    if "." in word:
        return Number(float(word))
    whole = int(word)
    # The database keeps whole numbers beyond 64 bits as floating point too.
    return Number(whole if -(2**63) <= whole < 2**63 else float(whole))


def microseconds(word: str) -> int | None:
    """Reads an ISO date or date-time; without an offset it is UTC.

    Returns:
        Microseconds since 1970 UTC, or None when the word is something else.
    """
    if not _MOMENT.fullmatch(word):
        return None
    try:
        moment = datetime.fromisoformat(word)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def unquote(text: str) -> str:
    """Returns what a quoted text stands for; a backslash before any other character stays."""
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], text[1:-1])


def quote(text: str) -> str:
    """Writes a text in quotes."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'


def write_field(name: str) -> str:
    """Writes a field name, in quotes where it needs them."""
    needs = not name or _RESTRICTED.search(name) or name in _RESERVED
    return quote(name) if needs else name


def write_text(text: str) -> str:
    """Writes a text as a value, in quotes where it would be read as something else."""
    return text if write_field(text) == text and isinstance(typed(text), Text) else quote(text)
