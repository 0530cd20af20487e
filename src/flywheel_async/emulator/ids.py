"""Object ids: 24 hexadecimal digits, each greater than the one before it."""

from __future__ import annotations

import re
import secrets
import threading
import time

_HEX = re.compile(r"[0-9a-f]{24}")


class IdMaker:
    """Makes ids that sort in the order they were made, also when the clock is set back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second = 0
        self._counter = 0
        self._middle = secrets.token_hex(5)

    def __call__(self) -> str:
        with self._lock:
            second = max(int(time.time()), self._second)
            self._counter = self._counter + 1 if second == self._second else 0
            self._second = second
            return f"{second:08x}{self._middle}{self._counter:06x}"


def is_object_id(value: str) -> bool:
    """Tells whether a text has the form of an object id."""
    return _HEX.fullmatch(value) is not None
