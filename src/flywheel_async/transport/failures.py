"""What a failed try means: the error to raise and whether trying again can help. No I/O."""

from __future__ import annotations

import os
import socket
import ssl
from typing import cast

import httpx

from flywheel_async.errors import ConnectionFailed, RequestTimeout, TransportError
from flywheel_async.transport.retry import Outcome


class SourceFailed(Exception):
    """The upload source itself failed; its error is the user's own and passes unchanged.

    Attributes:
        error: What it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def failed(cls: type[TransportError], operation: str, attempts: int, text: str) -> TransportError:
    """Makes an error of the transport that knows its operation."""
    error = cls(f"{operation}: {text}")
    error.operation, error.attempts = operation, attempts
    return error


def map_failure(exc: Exception, operation: str, attempt: int, url: httpx.URL) -> tuple[TransportError, Outcome]:
    """Turns an exception of httpx into our own.

    Args:
        exc: What httpx raised.
        operation: The operation id.
        attempt: Which try this was, from 1.
        url: Where the request went, which after a redirect is not the site.

    Returns:
        The error, and the outcome for the retry decision.
    """
    where = f"{url.host}:{url.port or {'http': 80, 'https': 443}.get(url.scheme)}"
    reason = _reason(exc)
    cls: type[TransportError] = ConnectionFailed
    if isinstance(exc, httpx.ProxyError):
        text = f"the proxy on the way to {where} failed: {reason}"
    elif _cause(exc, socket.gaierror) is not None:
        text = f"unknown host {url.host!r}; check the host in the API key, or the proxy in the environment"
    elif _cause(exc, ssl.SSLCertVerificationError) is not None:
        text = f"the certificate of {where} is not trusted ({reason}); FW_SSL_CERT_FILE names a file of authorities"
    elif isinstance(exc, httpx.TimeoutException):
        cls, text = RequestTimeout, f"{where} did not answer in time ({type(exc).__name__})"
    else:
        text = f"the connection to {where} failed: {reason}"
    not_sent = isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    return failed(cls, operation, attempt, text), Outcome(sent=not not_sent)


def is_final(exc: BaseException) -> bool:
    """Whether trying again cannot help: no such name, a certificate that is not trusted, a proxy that refuses."""
    unknown = _cause(exc, socket.gaierror)
    if isinstance(unknown, socket.gaierror) and unknown.errno != socket.EAI_AGAIN:
        return True
    if _cause(exc, ssl.SSLCertVerificationError) is not None:
        return True
    final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError)
    return isinstance(exc, final)


def _reason(exc: BaseException) -> str:
    """The text of the innermost operating system error, which says most, else of the exception itself."""
    os_error = _cause(exc, OSError)
    if (
        isinstance(os_error, OSError)
        and os_error.errno
        and os_error.errno > 0
        and not isinstance(os_error, ssl.SSLError)
    ):
        return os.strerror(os_error.errno)  # asyncio puts another text into it
    return str(exc) or type(exc).__name__


def _cause(exc: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The innermost exception of a kind in a chain of causes, looking into groups as well."""
    found: BaseException | None = None
    while exc is not None:
        if isinstance(exc, kind):
            found = exc
        if exc.__cause__ is None and exc.__context__ is None and isinstance(exc, BaseExceptionGroup):
            exc = cast("BaseExceptionGroup[BaseException]", exc).exceptions[0]
        else:
            exc = exc.__cause__ or exc.__context__
    return found
