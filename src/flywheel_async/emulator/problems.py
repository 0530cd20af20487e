"""The one exception that becomes an HTTP error answer."""

from __future__ import annotations

import errno
import secrets
import sqlite3
import time
from collections.abc import Sequence

from flywheel_async.emulator.wire import Json, dumps


class Problem(Exception):
    """A request that cannot be served, with the status and message the caller gets.

    Args:
        status: The HTTP status.
        message: A sentence for a person.
        detail: Validation details, a list of `{loc, msg, type}` objects, or None.
        headers: Extra response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        detail: Json = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail
        self.headers = tuple(headers)

    def body(self) -> bytes:
        """Returns the JSON error body of the family."""
        payload: dict[str, Json] = {
            "message": self.message,
            "status_code": self.status,
            "request_id": f"{secrets.token_hex(4)}-{int(time.time())}",
        }
        if self.detail is not None:
            payload["detail"] = self.detail
        return dumps(payload)


def invalid(message: str, *loc: str | int) -> Problem:
    """Returns the 422 answer for one bad value.

    Args:
        message: What is wrong with it.
        loc: Where it was, for example `"query", "filter"`.
    """
    where: list[Json] = list(loc)
    return Problem(422, message, detail=[{"loc": where, "msg": message, "type": "value_error"}])


def not_found(what: str, name: object) -> Problem:
    """Returns the 404 answer for a thing that is not there."""
    return Problem(404, f"{what} {name} not found")


def is_full(error: Exception) -> bool:
    """Tells whether the disk of the data folder has no room left, which is nobody's mistake in the program."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
