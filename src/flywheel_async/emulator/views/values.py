"""Values of columns: finding them in a document, converting them, putting them in order."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from flywheel_async.emulator.wire import Json, text

_WHOLE = re.compile(r"[+-]?\d{1,300}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_LONGEST_NUMBER = 300


def find(document: Json, path: Sequence[str]) -> Json:
    """Follows a path through objects, and through arrays by position; None when it leads nowhere."""
    for part in path:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit() and len(part) < 10:
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def number(value: Json) -> int | float | None:
    """Returns a value as a finite number, or None when it is none; texts are read, booleans are 0 and 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        word = value.strip()
        if len(word) > _LONGEST_NUMBER or not _NUMBER.fullmatch(word):
            return None
        value = int(word) if _WHOLE.fullmatch(word) else float(word)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float) else None


def convert(value: Json, type_: str) -> Json:
    """Converts a value that is not None to the type of its column.

    Returns:
        The converted value, or None when that is not possible.
    """
    if type_ == "string":
        return value if isinstance(value, str) else text(value)
    if type_ == "bool":
        return value.strip().lower() not in ("", "false") if isinstance(value, str) else bool(value)
    found = number(value)
    if found is None:
        return None
    if type_ == "float":
        try:
            return float(found)
        except OverflowError:
            return None
    # A text is a whole number or none; a number loses its fraction.
    return None if isinstance(value, str) and isinstance(found, float) else int(found)


def storable(value: Json) -> Json:
    """Returns a value from a file as it can be sent: None in place of what JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | dict):
        try:
            text(value)
        except ValueError:
            return None
    return value


def rank(value: Json) -> tuple[int, int | float | str]:
    """Returns what puts values of all types in one order: nothing, numbers, texts, everything else by its JSON."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return 2, value
    return 3, text(value)
