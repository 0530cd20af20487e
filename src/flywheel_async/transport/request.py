"""A request as plain data, built without I/O and sent by `transport.client`."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeGuard, cast
from urllib.parse import quote, urlencode

from flywheel_async.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Body:
    """A request body that can be opened again for each try.

    Attributes:
        content_type: Its media type.
        data: The bytes, when they fit in memory; else None.
        open: Starts a fresh iterator over the bytes, when they do not.
        length: Number of bytes, or None when unknown.
        replayable: Whether `open` may be called again after a failed try.
    """

    content_type: str
    data: bytes | None = None
    open: Callable[[], AsyncGenerator[bytes, None]] | None = None
    length: int | None = None
    replayable: bool = True


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long the requests of one call may wait.

    Attributes:
        connect: Seconds for a connection.
        read: Seconds for each read or write.
    """

    connect: float
    read: float

    @classmethod
    def of(cls, value: object, argument: str) -> Timeout | None:
        """Reads what a caller gives: seconds for everything, or a pair of them; None is none.

        Args:
            value: What was given.
            argument: Its name, for the error message.

        Raises:
            ArgumentError: It is neither, or not more than 0.
        """
        if value is None:
            return None
        pair = tuple(cast("Iterable[object]", value)) if isinstance(value, (tuple, list)) else (value, value)
        if len(pair) == 2 and _is_seconds(pair[0]) and _is_seconds(pair[1]):
            return cls(pair[0], pair[1])
        raise ArgumentError(f"{argument} must be seconds, or (connect, read) in seconds, more than 0, not {value!r}")


def _is_seconds(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, relative to the site's base URL.

    Attributes:
        operation: The operation id, for errors and logs.
        method: The HTTP method.
        path: The path, already encoded, starting with `/`.
        query: Names and values of the query, in order.
        headers: Headers besides the ones every request carries.
        body: The body, or None.
        accept: The media type asked for.
        retry: Whether it may be sent twice.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: Body | None = None
    accept: str = "application/json"
    retry: Literal["safe", "never"] = "never"

    @property
    def target(self) -> str:
        """Path and query as they go on the wire."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote, safe='')}" if self.query else self.path


def encode_segment(value: object, argument: str) -> str:
    """Encodes one value for use as one segment of a path.

    Args:
        value: An id, file name, tag or the like.
        argument: The argument's name, for the error message.

    Returns:
        The percent-encoded text; it can never be more or less than one segment.

    Raises:
        ArgumentError: The value is empty, `.`, `..`, holds a NUL or cannot be encoded as UTF-8. Such a value would
            reach another route than the one that was meant.
    """
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise ArgumentError(f"{argument} must be a string, not {type(value).__name__}")
    text = str(value)
    if text in ("", ".", "..") or "\0" in text:
        shown = {"": "empty"}.get(text, repr(text))
        raise ArgumentError(f"{argument} must not be {shown}: it cannot stand in the path of a request")
    try:
        return quote(text, safe="", errors="strict")
    except UnicodeEncodeError:
        raise ArgumentError(f"{argument} holds characters that cannot be sent as UTF-8: {text!a}") from None
