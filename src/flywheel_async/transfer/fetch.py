"""Fetching the bytes of one file: the requests, what their answers must look like, and when to try again."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast

import anyio

from flywheel_async.errors import (
    APIError,
    ArgumentError,
    BadAnswer,
    ChecksumMismatch,
    FlywheelError,
    IncompleteTransfer,
    RequestTimeout,
    StalledTransfer,
    TransportError,
)
from flywheel_async.transfer.partial import RESUME_FROM, Identity
from flywheel_async.transfer.ranges import answers, header
from flywheel_async.transport.failures import failed
from flywheel_async.transport.request import Request, Timeout
from flywheel_async.transport.retry import Outcome
from flywheel_async.transport.scopes import is_timed, timed, waiting_at_most

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.fields.base import Model
    from flywheel_async.transport.streamed import StreamedResponse

T = TypeVar("T")

Replacing: TypeAlias = Literal["replace", "skip-same", "error"]
"""What a download does where a file is: replace it; replace it unless it is the same file; or refuse."""

_HEADWAY = 1024 * 1024
"""Bytes after which a transfer counts as having got ahead."""
_CHECKSUM_RETRIES = 2
_LARGEST = 2**53
"""No file is larger; a size beyond is a mistake, and not believed."""
_NO_RANGES = frozenset({400, 405, 416, 501})
"""What a site, or something in front of it, answers that does not like to be asked for a part of a file."""


class NoRanges(Exception):
    """The site gives no part of a file, or not the one that was asked for."""


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """How a file is downloaded.

    Attributes:
        resume: Whether a large download that breaks off leaves what it has for the next time.
        fsync: Whether the file is to be on the disk, safe from a power failure, when the call returns.
        set_mtime: Whether the file gets the time of modification that the site has for it.
        deadline: Seconds the whole download may take; None takes the client's.
        stall_timeout: Seconds without a byte after which it is taken up again; None takes the client's
            `request_timeout`.
        parallel: Connections to fetch it over; None decides by its size.
        overwrite: What to do where a file of that path is.
    """

    resume: bool = True
    fsync: bool = False
    set_mtime: bool = False
    deadline: float | None = None
    stall_timeout: float | None = None
    parallel: int | None = None
    overwrite: Replacing = "replace"

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            ArgumentError: One of them makes no sense.
        """
        for name in ("deadline", "stall_timeout"):
            value = cast("object", getattr(self, name))
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_number and math.isfinite(cast(float, value)) and cast(float, value) > 0):
                raise ArgumentError(f"{name} must be seconds, more than 0, not {value!r}")
        count = cast("object", self.parallel)
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 64):
            raise ArgumentError(f"parallel must be a number of connections from 1 to 64, not {count!r}")
        if self.overwrite not in ("replace", "skip-same", "error"):
            raise ArgumentError(f"overwrite must be 'replace', 'skip-same' or 'error', not {self.overwrite!r}")


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes of a file come from, and what they must be.

    Attributes:
        request: The request for all of them.
        name: The file's name.
        size: How many, or None when unknown.
        hash: Their hash in the site's notation; of a member of a zip file its CRC-32 as `crc_name` writes it; or None
            when unknown.
        identity: Names this content among all others; None when it cannot be named.
        modified: When it was changed, in seconds since 1970, or None.
        ranged: Whether parts of it may be asked for.
        doubt: Called when what arrives is not what is said here, for what is said may be wrong.
    """

    request: Request
    name: str
    size: int | None = None
    hash: str | None = None
    identity: Identity | None = None
    modified: float | None = None
    ranged: bool = True
    doubt: Callable[[], object] = lambda: None

    @classmethod
    def of_entry(cls, request: Request, entry: Model) -> Content:
        """The content that an entry of a file stands for."""
        size, hash_ = known_size(entry.get("size")), entry.get("hash")
        hash_ = hash_ if isinstance(hash_, str) and hash_.startswith("v0-sha384-") else None
        file_id, version = entry.get("file_id"), entry.get("version")
        # With neither hash nor version, nothing would tell that the parts are of one file.
        ranged = hash_ is not None or isinstance(version, int)
        identity = None
        if isinstance(file_id, str) and isinstance(version, int) and size is not None and hash_ is not None:
            identity = Identity(file_id, version, hash_, size) if size >= RESUME_FROM else None
        moment = entry.get("modified") or entry.get("created")
        stamp = getattr(moment, "timestamp", None)
        modified = cast(float, stamp()) if callable(stamp) else None
        return cls(request, str(entry.get("name")), size, hash_, identity, modified, ranged)


def known_size(told: object) -> int | None:
    """The size of a file that a site tells, or None when that cannot be true."""
    return told if isinstance(told, int) and 0 <= told <= _LARGEST else None


async def open_span(
    core: Core, content: Content, start: int, stop: int | None, stall_timeout: float | None
) -> StreamedResponse:
    """Asks for a part of a file; the caller closes the answer.

    Args:
        core: The client.
        content: The file.
        start: First byte.
        stop: The one after the last; None for the end of a file of unknown size.
        stall_timeout: Seconds to wait for bytes; None takes the client's.

    Raises:
        NoRanges: The site does not give the part.
        IncompleteTransfer: The answer announces another number of bytes than the file has.
        BadAnswer: The answer is something else.
        APIError: The site refused.
        TransportError: There was no usable answer.
    """
    request, options = content.request, core._options
    whole = start == 0 and stop == content.size
    if not whole:
        assert stop is not None
        assert content.size is not None
        # Sites honour ranges only for files that are to be shown.
        query = (*request.query, ("view", "true"))
        request = replace(request, query=query, headers={**request.headers, "range": header(start, stop)})
    timeout = None if stall_timeout is None else Timeout(options.connect_timeout, stall_timeout)
    with waiting_at_most(timeout):
        try:
            answer = await core._transport.open(request)
        except APIError as error:
            if whole or error.status not in _NO_RANGES:
                raise
            raise NoRanges from error
    try:
        _check_answer(content, answer, start, stop, whole)
    except BaseException:
        await answer.aclose()
        raise
    return answer


def _check_answer(content: Content, answer: StreamedResponse, start: int, stop: int | None, whole: bool) -> None:
    packed = answer.headers.get("content-encoding", "identity")
    if packed != "identity":
        raise BadAnswer(f"{content.name}: the site answered with encoding {packed}, not with the file's bytes")
    if answer.status != (200 if whole else 206):
        if answer.status == 200:
            raise NoRanges
        raise BadAnswer(f"{content.name}: the site answered {answer.status}, not with the file's bytes")
    if not whole:
        assert stop is not None
        assert content.size is not None
        if not answers(answer.headers.get("content-range"), start, stop, content.size):
            raise NoRanges
    length = answer.headers.get("content-length", "")
    expected = None if stop is None else stop - start
    if expected is not None and length.isascii() and length.isdigit() and int(length) != expected:
        raise IncompleteTransfer(f"{content.name}: the site announces {length} bytes in place of {expected}")


class Attempts:
    """Decides whether a transfer that broke off is tried again. Whoever gets ahead may try as often as it takes.

    Args:
        core: The client.
        name: What is transferred, for the error.
        stall_timeout: Seconds without a byte that are too long, for the error; None for the client's.
    """

    def __init__(self, core: Core, name: str, stall_timeout: float | None) -> None:
        self._transport = core._transport
        self._name = name
        self._patience = stall_timeout or core._options.request_timeout
        self._most = min(core._options.total_retries, _CHECKSUM_RETRIES)
        self._best = 0
        self._count = 0

    @property
    def is_last(self) -> bool:
        """Whether wrong bytes would not be fetched again after the present try."""
        return self._count >= self._most

    def wait(self, error: FlywheelError, done: int) -> float:
        """Decides.

        Args:
            error: What went wrong.
            done: How many bytes are there now.

        Returns:
            Seconds to wait before the next try.

        Raises:
            FlywheelError: It is not tried again.
        """
        if done >= self._best + _HEADWAY:
            self._best, self._count = done, 0
        self._count += 1
        wait: float | None = None
        if isinstance(error, (IncompleteTransfer, ChecksumMismatch)):
            wait = self._transport.retry_wait(self._count, Outcome()) if self._count <= _CHECKSUM_RETRIES else None
        elif isinstance(error, TransportError) and error.in_body:
            # While there was no answer yet, the transport has tried again by itself.
            wait = self._transport.retry_wait(self._count, Outcome())
        if wait is not None:
            return wait
        if isinstance(error, RequestTimeout) and error.in_body:
            raise StalledTransfer(f"{self._name}: no bytes came for {self._patience:g} s") from error
        raise error


class Deadline:
    """The time a whole transfer may take; its requests have no deadline of their own.

    Args:
        core: The client.
        seconds: How long; None takes the client's deadline, and no limit within what has a deadline already.
        operation: The operation id, for the error.
    """

    def __init__(self, core: Core, seconds: float | None, operation: str) -> None:
        self._seconds = core._options.deadline if seconds is None and not is_timed() else seconds
        self._operation = operation
        self._at = math.inf if self._seconds is None else anyio.current_time() + self._seconds

    async def hold(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does something within the time that is left.

        Raises:
            RequestTimeout: There was not enough.
        """
        if self._seconds is None:
            return await work()
        with anyio.CancelScope(deadline=self._at), timed():
            return await work()
        text = f"took longer than the deadline of {self._seconds:g} s"
        raise failed(RequestTimeout, self._operation, 1, text)


def check_hash(content: Content, got: str) -> None:
    """Compares a hash with the file's, where that is known.

    Raises:
        ChecksumMismatch: They differ.
    """
    if content.hash is not None and got != content.hash:
        raise ChecksumMismatch(f"{content.name}: the bytes that arrived have hash {got}, the site says {content.hash}")


@asynccontextmanager
async def doubting(content: Content) -> AsyncGenerator[None]:
    """Has what is said of a content doubted when the block ends because other bytes came."""
    try:
        yield
    except (ChecksumMismatch, IncompleteTransfer):
        content.doubt()
        raise
