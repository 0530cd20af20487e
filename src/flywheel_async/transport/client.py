"""Sends requests: the one place with base URL, headers, timeouts, retries, redirects and error mapping."""

from __future__ import annotations

import logging
import platform
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import TYPE_CHECKING, Literal, cast

import anyio
import httpx
from anyio.lowlevel import RunVar

from flywheel_async.config import Options, Site, ssl_context
from flywheel_async.errors import BadAnswer, ConnectionFailed, FlywheelError, RequestTimeout, TransportError
from flywheel_async.transport.limits import Budget
from flywheel_async.transport.redirect import next_url, origin
from flywheel_async.transport.request import Request
from flywheel_async.transport.response import Response, api_error
from flywheel_async.transport.retry import Outcome, RetryPolicy

if TYPE_CHECKING:
    from flywheel_async.flavour import AtClose
    from flywheel_async.transport.pool import PooledTransport

log = logging.getLogger("flywheel_async.transport")

FEATURES = "Safe-Redirect,multipart_signed_url"
_FIRST_CONTACT_RETRIES = 2


def user_agent(suffix: str = "") -> str:
    """The `User-Agent` of this package."""
    try:
        own = version("flywheel-async")
    except PackageNotFoundError:
        own = "0"
    text = f"flywheel_async/{own} (Python {platform.python_version()}; {platform.system()})"
    return f"{text} {suffix}" if suffix else text


class Transport:
    """Everything between a `Request` and its answer, for one site and key.

    May be used from several event loops and threads at once: each event loop gets its own connections, the budget of
    requests in flight is shared.

    Args:
        site: Where to and with which key.
        options: Timeouts, retries, limits.
        transport: An httpx transport to use in place of the default one.
        http_client: An httpx client to use in place of the default transport; its own limits, proxies and TLS hold.
        unlimited: Tells whether the current call must not wait for the budget, since its caller holds a part of it.
        at_close: Has a function called when the running event loop is closed; gives a function that takes it back.
    """

    def __init__(
        self,
        site: Site,
        options: Options,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
        unlimited: Callable[[], bool] = lambda: False,
        at_close: AtClose = lambda closer: lambda: None,
    ) -> None:
        self.site = site
        self.options = options
        self._given_transport = transport
        self._http_client = http_client
        self._unlimited = unlimited
        self._budget = Budget(options.max_connections)
        self._verify: ssl.SSLContext | bool = ssl_context(options)
        self._at_close = at_close
        self._pool: RunVar[tuple[PooledTransport, Callable[[], object]] | None] = RunVar(
            f"flywheel_async.pool.{id(self)}"
        )
        self._reached = False
        self._base = httpx.URL(site.base_url)
        self._origin = origin(self._base)
        self._policy = RetryPolicy(options.total_retries, options.backoff_factor, options.backoff_max)
        self._timeouts = {
            "connect": options.connect_timeout,
            "read": options.request_timeout,
            "write": options.request_timeout,
            "pool": None,
        }
        self._user_agent = user_agent(options.user_agent_suffix)

    def __repr__(self) -> str:
        return f"<Transport to {self.site.base_url}>"

    async def aclose(self) -> None:
        """Closes this event loop's connections; parts handed in by the user stay open."""
        here = self._pool.get(None)
        if here is not None:
            self._pool.set(None)
            pool, forget = here
            forget()
            await pool.aclose()

    async def request(self, request: Request) -> Response:
        """Sends a request, again where that is safe, and reads the answer whole.

        Args:
            request: What to send.

        Returns:
            The answer, its status below 400.

        Raises:
            APIError: The site answered with an error status.
            TransportError: There was no usable answer.
        """
        if self._unlimited():
            answer = await self._send_in_time(request, whole=True)
        else:
            async with self._budget.slot():
                answer = await self._send_in_time(request, whole=True)
        return Response(answer.operation, answer.status, answer.headers, await answer.read(), answer.attempts)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[StreamedResponse, None]:
        """Sends a request and hands over the answer while its body is still on the way.

        Args:
            request: What to send.

        Yields:
            The answer, its status below 400. Leaving the block gives the connection back.

        Raises:
            APIError: The site answered with an error status.
            TransportError: There was no usable answer.
        """
        if self._unlimited():
            async with await self._send_in_time(request) as answer:
                yield answer
            return
        async with self._budget.slot(), await self._send_in_time(request) as answer:
            yield answer

    def retry_wait(self, attempt: int, outcome: Outcome) -> float | None:
        """Seconds to wait before a transfer is started again, or None to give up; see `RetryPolicy.decide`."""
        return self._policy.decide(attempt, outcome, "safe")

    async def _send_in_time(self, request: Request, *, whole: bool = False) -> StreamedResponse:
        if self.options.deadline is None:
            return await self._send(request, whole)
        with anyio.move_on_after(self.options.deadline):
            return await self._send(request, whole)
        raise _failed(RequestTimeout, request, 1, f"took longer than the deadline of {self.options.deadline} s")

    async def _send(self, request: Request, whole: bool) -> StreamedResponse:
        attempt = 0
        failure: FlywheelError
        while True:
            attempt += 1
            try:
                answer = await self._follow(request, attempt)
                if whole or answer.status >= 400:
                    await answer.preload()
            except httpx.TransportError as exc:
                failure, outcome = _map_failure(exc, request, attempt, self.site)
                early = not self._reached and not outcome.sent and attempt > _FIRST_CONTACT_RETRIES
                if early or _is_final(exc):
                    raise failure from exc
            else:
                self._reached = True
                if answer.status < 400:
                    return answer
                response = Response(request.operation, answer.status, answer.headers, await answer.read(), attempt)
                failure = api_error(response, self.site.key.get_secret_value())
                outcome = Outcome(answer.status, retry_after=answer.headers.get("retry-after"))
            wait = self._policy.decide(attempt, outcome, _retry_kind(request))
            if wait is None:
                raise failure from failure.__cause__
            log.info("%s; trying again in %.1f s", failure, wait)
            await anyio.sleep(wait)

    async def _follow(self, request: Request, attempt: int) -> StreamedResponse:
        path = request.target
        if self.options.exhaustive and "exhaustive=" not in path:
            path += f"{'&' if request.query else '?'}exhaustive=true"
        url = self._base.copy_with(raw_path=f"{self._base.path}{path}".encode("ascii"))
        hops = 0
        while True:
            response = await self._send_once(request, url)
            status, location = response.status_code, response.headers.get("location")
            log.debug("%s: %s %s -> %d (try %d)", request.operation, request.method, url.path, status, attempt)
            try:
                target = next_url(request.method, url, status, location, hops)
            except TransportError as exc:
                await response.aclose()
                exc.operation, exc.attempts = request.operation, attempt
                raise
            if target is None:
                if 300 <= status < 400:
                    await response.aclose()
                    raise _failed(BadAnswer, request, attempt, f"the site answered {status} without a place to go to")
                return StreamedResponse(request.operation, response, attempt)
            await response.aclose()
            url, hops = target, hops + 1

    async def _send_once(self, request: Request, url: httpx.URL) -> httpx.Response:
        home = origin(url) == self._origin
        body = request.body
        data = body.data if body is not None and body.open is None else None
        stream = _Upload(body.open()) if body is not None and body.open is not None else None
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Accept": request.accept,
            **request.headers,
        }
        if request.accept != "application/json":
            headers["Accept-Encoding"] = "identity"  # a stored file must arrive byte for byte
        if home:
            extra = headers.get("x-accept-feature")
            headers["x-accept-feature"] = f"{FEATURES},{extra}" if extra else FEATURES
            headers["Authorization"] = self.site.authorization()
        else:
            headers.pop("x-accept-feature", None)
        if body is not None:
            headers["Content-Type"] = body.content_type
            if body.length is not None:
                headers["Content-Length"] = str(body.length)
            elif stream is not None:
                headers["Transfer-Encoding"] = "chunked"
        client = self._http_client
        # The user's default headers and cookies belong to the site, not to a store it points to.
        merged = client.build_request(request.method, url, headers=headers).headers if client and home else headers
        outgoing = httpx.Request(
            request.method,
            url,
            headers=merged,
            content=data,
            stream=stream,
            extensions={"timeout": dict(self._timeouts)},
        )
        try:
            if client is not None:
                return await client.send(outgoing, stream=True, auth=None, follow_redirects=False)
            response = await self._transport().handle_async_request(outgoing)
        finally:
            if stream is not None:
                await stream.aclose()
        response.request = outgoing
        return response

    def _transport(self) -> httpx.AsyncBaseTransport:
        if self._given_transport is not None:
            return self._given_transport
        here = self._pool.get(None)
        if here is None:
            # Imported late: it brings httpcore, which takes longer to import than the rest of a client together.
            from flywheel_async.transport.pool import PooledTransport

            pool = PooledTransport(
                verify=self._verify, max_connections=self.options.max_connections, max_idle=self.options.max_connections
            )
            here = pool, self._at_close(self.aclose)
            self._pool.set(here)
        return here[0]


class StreamedResponse:
    """An answer whose body is still on the way; an async context manager.

    Attributes:
        operation: The operation id.
        status: The HTTP status.
        headers: Header values by lower-case name.
        attempts: How many times the request was sent.
    """

    def __init__(self, operation: str, response: httpx.Response, attempts: int) -> None:
        self.operation = operation
        self.status = response.status_code
        self.headers: dict[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.attempts = attempts
        self._response = response

    async def __aenter__(self) -> StreamedResponse:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Gives the connection back; a body that was not read to its end ends the connection."""
        await self._response.aclose()

    async def preload(self) -> None:
        """Reads the whole body and gives the connection back; failures are httpx's own."""
        try:
            await self._response.aread()
        finally:
            await self._response.aclose()

    async def read(self) -> bytes:
        """Reads the whole body, decompressed."""
        try:
            return await self._response.aread()
        except (httpx.TransportError, httpx.DecodingError) as exc:
            raise self._broken(exc) from exc

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields the body as it arrives, not decompressed; close it where it may be left early."""
        try:
            async with aclosing(cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())) as raw:
                async for chunk in raw:
                    yield chunk
        except httpx.TransportError as exc:
            raise self._broken(exc) from exc

    def _broken(self, exc: Exception) -> TransportError:
        cls = RequestTimeout if isinstance(exc, httpx.TimeoutException) else ConnectionFailed
        error = cls(f"{self.operation}: the answer broke off: {exc or type(exc).__name__}")
        error.operation, error.attempts = self.operation, self.attempts
        return error


class _Upload(httpx.AsyncByteStream):
    """A request body whose generator is closed by the sender, also when sending stops half-way."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        await self._chunks.aclose()


def _retry_kind(request: Request) -> Literal["safe", "never"]:
    body = request.body
    return "never" if body is not None and not body.replayable else request.retry


def _failed(cls: type[TransportError], request: Request, attempts: int, text: str) -> TransportError:
    error = cls(f"{request.operation}: {text}")
    error.operation, error.attempts = request.operation, attempts
    return error


def _map_failure(
    exc: httpx.TransportError, request: Request, attempt: int, site: Site
) -> tuple[TransportError, Outcome]:
    where = f"{site.host}:{site.port}"
    text = str(exc) or type(exc).__name__
    not_sent = isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    if _cause(exc, socket.gaierror) is not None:
        failure = _failed(ConnectionFailed, request, attempt, f"unknown host {site.host!r}; check the API key's host")
    elif _cause(exc, ssl.SSLCertVerificationError) is not None:
        failure = _failed(
            ConnectionFailed,
            request,
            attempt,
            f"the certificate of {where} is not trusted ({text}); FW_SSL_CERT_FILE names a file of authorities",
        )
    elif isinstance(exc, httpx.TimeoutException):
        failure = _failed(RequestTimeout, request, attempt, f"{where} did not answer in time ({type(exc).__name__})")
    else:
        failure = _failed(ConnectionFailed, request, attempt, f"the connection to {where} failed: {text}")
    failure.__cause__ = exc
    return failure, Outcome(sent=not not_sent)


def _is_final(exc: BaseException) -> bool:
    """Whether trying again cannot help: a name that does not exist, a certificate that is not trusted."""
    unknown = _cause(exc, socket.gaierror)
    if isinstance(unknown, socket.gaierror) and unknown.errno != socket.EAI_AGAIN:
        return True
    if _cause(exc, ssl.SSLCertVerificationError) is not None:
        return True
    return isinstance(exc, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))


def _cause(exc: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while exc is not None:
        if isinstance(exc, kind):
            return exc
        exc = exc.__cause__ or exc.__context__
    return None
