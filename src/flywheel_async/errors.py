"""The error tree: one base class, one class per kind of failure, and none of them ever shows an API key.

Every error pickles, so it can cross process pools. Errors that replace a built-in one also inherit from it,
so `except ValueError` or `except KeyError` in an existing script still works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Self

Json = object
"""A decoded JSON value of unknown shape."""

_AUTH = re.compile(r"(?i)\b(scitran-user|bearer)\s+[^\s\"',]+")
_KEY_STRING = re.compile(r"(__force_insecure:)[^\s\"',]+")


def redact(text: str) -> str:
    """Hides everything in `text` that looks like a credential.

    Args:
        text: Any text that is about to be shown, for example a message sent by a site.

    Returns:
        The text with authorization values and key strings replaced by `***`.
    """
    return _KEY_STRING.sub(r"\1***", _AUTH.sub(r"\1 ***", text))


class FlywheelError(Exception):
    """Base class of every error this package raises on purpose."""

    def __reduce__(self) -> tuple[Callable[..., FlywheelError], tuple[object, ...]]:
        return _rebuild, (type(self), self.args, self._state())

    def _state(self) -> dict[str, object]:
        return dict(self.__dict__)


def _rebuild(cls: type[FlywheelError], args: tuple[object, ...], state: Mapping[str, object]) -> FlywheelError:
    error = cls.__new__(cls, *args)
    error.args = args
    for name, value in state.items():
        setattr(error, name, value)
    return error


class ConfigError(FlywheelError, ValueError):
    """The client cannot be set up: a missing or malformed API key, login file or environment variable."""


class ArgumentError(FlywheelError, TypeError, ValueError):
    """A bad argument, found before any request was sent. The message names the argument and the fix."""


class _OfSystem(FlywheelError, OSError):
    """An error with what the operating system tells; its text is the message alone."""

    def __new__(cls, *args: object) -> Self:
        # Of several built-in bases only this one can make the object.
        return OSError.__new__(cls, *args)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def _state(self) -> dict[str, object]:
        return {**super()._state(), "errno": self.errno, "strerror": self.strerror, "filename": self.filename}


class LocalPathError(ArgumentError, _OfSystem):
    """A path on this machine that cannot be read from or written to, found before it is used.

    Attributes:
        errno: The number of the system's error, if there is one.
        strerror: Its text.
        filename: The path.
    """


class MissingPath(LocalPathError, FileNotFoundError):
    """A path on this machine where nothing is, though something must be."""


class NotBound(FlywheelError):
    """An object without a client (made by hand, unpickled or copied) was asked to talk to the site."""


class SearchTruncated(FlywheelError):
    """A search has more hits than the site gives out, and cannot be cut into smaller ones; hits are missing."""


class MissingField(FlywheelError, AttributeError, KeyError):
    """An attribute or item that the object does not have; both an `AttributeError` and a `KeyError`."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NoMatch(FlywheelError, ValueError):
    """`find_one` found nothing."""


class NotUnique(FlywheelError, ValueError):
    """`find_one` found more than one object."""


class TransportError(FlywheelError):
    """The request did not get an answer: connection refused or lost, TLS failure, unknown host.

    Attributes:
        operation: The operation id, for example `get_project`.
        attempts: How many times the request was sent.
        in_body: Whether it was the body of the answer that broke off.
    """

    operation: str = ""
    attempts: int = 1
    in_body: bool = False


class ConnectionFailed(TransportError, ConnectionError):
    """The site could not be reached, or the connection broke."""


class RequestTimeout(TransportError, TimeoutError):
    """The site took longer than the allowed time (connect, read, write, pool or the overall deadline)."""


class UnsafeRedirect(TransportError):
    """The site answered with a redirect that is refused: https to http, another scheme, or too many."""


class BadAnswer(TransportError, ValueError):
    """The site answered with something that is not what the operation promises, such as HTML in place of JSON."""


class APIError(FlywheelError):
    """The site answered with an error status.

    Attributes:
        status: The HTTP status.
        reason: The site's message (the legacy name of `message`).
        detail: Further details, such as the list of a validation failure, or None.
        body: The answer's text, cut at 64 KiB, with anything that looks like a key hidden.
        headers: The answer's headers, names in lower case.
        request_id: The site's id of this request, for its support, or None.
        operation: The operation id, for example `get_project`.
        attempts: How many times the request was sent.
        retry_after: Seconds the site asked to wait, or None.
    """

    def __init__(
        self,
        status: int = 0,
        reason: str = "",
        *,
        detail: Json = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        operation: str = "",
        attempts: int = 1,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, redact(reason))
        self.status = status
        self.reason = redact(reason)
        self.detail = detail
        self.body = redact(body)
        self.headers = dict(headers or {})
        self.request_id = request_id
        self.operation = operation
        self.attempts = attempts
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The site's message."""
        return self.reason

    def __str__(self) -> str:
        parts = [f"({self.status}) {self.reason}"]
        if self.detail not in (None, "", []):
            parts.append(redact(f"detail: {self.detail}"))
        if self.operation:
            parts.append(f"operation: {self.operation}")
        if self.request_id:
            parts.append(f"request id: {self.request_id}")
        if self.attempts > 1:
            parts.append(f"attempts: {self.attempts}")
        return "; ".join(parts)


class BadRequest(APIError):
    """400: the site refused the input."""


class Unauthorized(APIError):
    """401: the API key is unknown, or none was sent."""


class UserDisabled(APIError):
    """402: the key belongs to a user who is unknown or disabled."""


class Forbidden(APIError):
    """403: the user may not do this."""


class NotFound(APIError):
    """404: nothing there, or nothing this user may know of."""


class Conflict(APIError):
    """409: it exists already, or a hash does not match."""


class PreconditionFailed(APIError):
    """412: the object changed meanwhile."""


class RangeNotSatisfiable(APIError):
    """416: the asked byte range lies outside the file."""


class Unprocessable(APIError):
    """422: the input is well formed but not valid; `detail` lists what is wrong."""


class RateLimited(APIError):
    """429: too many requests; `retry_after` tells how long to wait."""


class ServerError(APIError):
    """5xx: the site failed."""


_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    402: UserDisabled,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    416: RangeNotSatisfiable,
    422: Unprocessable,
    429: RateLimited,
}


def api_error_class(status: int) -> type[APIError]:
    """The class for an HTTP status: its own one, `ServerError` for 5xx, else `APIError`."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else APIError)


class WaitError(FlywheelError):
    """Something that takes long on the site did not end well while it was waited for.

    Attributes:
        what: What was waited for, for example `project copy 5d2761383289d60037e8f5e5`.
        state: The last state the site told, or None.
        waited: Seconds.
        polls: How often the site was asked.
    """

    def __init__(
        self, text: str = "", *, what: str = "", state: str | None = None, waited: float = 0.0, polls: int = 0
    ) -> None:
        super().__init__(redact(text))
        self.what = what
        self.state = state
        self.waited = waited
        self.polls = polls


class WaitTimeout(WaitError, TimeoutError):
    """It was not finished in the time given; it goes on on the site, and can be waited for again."""


class WaitFailed(WaitError):
    """The site says that it failed."""


class TransferError(FlywheelError):
    """An upload or download failed; nothing is left at the final name."""


class LocalFileError(TransferError, _OfSystem):
    """The system refuses to write or keep a file on this machine: a full disk, a permission.

    Attributes:
        errno: The number of the system's error, if there is one.
        strerror: Its text.
        filename: The path.
    """


class UnsafeArchive(TransferError):
    """An archive holds what is not unpacked: links, devices, more than was announced; or a link is in the way."""


class FileExists(TransferError, FileExistsError):
    """A file of this name is there already, and is not to get another version."""


class StoreRefused(TransferError):
    """The store that a signed URL leads to answered with an error status.

    Attributes:
        status: The HTTP status.
        code: The store's own name of the error, such as `SignatureDoesNotMatch`; empty when it gave none.
        retry_after: Seconds the store asked to wait, or None.
    """

    status: int = 0
    code: str = ""
    retry_after: float | None = None


class ChecksumMismatch(TransferError):
    """The bytes that arrived are not the bytes that were sent."""


class IncompleteTransfer(TransferError):
    """Fewer or more bytes arrived than announced, or the source changed while it was read."""


class StalledTransfer(TransferError, TimeoutError):
    """No bytes came for too long, also after the transfer was taken up again."""
