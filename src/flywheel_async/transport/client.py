"""Sends requests: the one place with base URL, headers, timeouts, retries, redirects and error mapping."""

from __future__ import annotations

import logging
import platform
import ssl
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal, TypeVar
from weakref import WeakKeyDictionary

import anyio
import httpx
from anyio.lowlevel import current_token

from flywheel_async.config import Options, Site, ssl_context
from flywheel_async.errors import BadAnswer, ConfigError, FlywheelError, RequestTimeout, TransportError, UnsafeRedirect
from flywheel_async.transport.failures import SourceFailed, failed, is_final, map_failure
from flywheel_async.transport.limits import Budget
from flywheel_async.transport.redirect import next_url, origin
from flywheel_async.transport.request import Request
from flywheel_async.transport.response import Response, api_error
from flywheel_async.transport.retry import Outcome, RetryPolicy
from flywheel_async.transport.scopes import is_timed, timed, timeout_here
from flywheel_async.transport.streamed import DataStream, StreamedResponse, UploadStream

if TYPE_CHECKING:
    from flywheel_async.flavour import AtClose
    from flywheel_async.transport.pool import PooledTransport

T = TypeVar("T")

log = logging.getLogger("flywheel_async.transport")

FEATURES = "Safe-Redirect,multipart_signed_url"
_FIRST_CONTACT_RETRIES = 2

# True while a request is being sent, or a callable of a transfer runs. A call made meanwhile, by an upload source or
# by that callable, must not wait for the budget, a part of which is held by what waits for its end.
_sending: ContextVar[bool] = ContextVar("flywheel_async.sending", default=False)

# True inside of a transfer.
_transferring: ContextVar[bool] = ContextVar("flywheel_async.transferring", default=False)

# What a caller's own headers may say to a store that the site redirects to.
_FOR_STORES = frozenset({"accept", "accept-encoding", "content-range", "if-none-match", "range", "user-agent"})


@contextmanager
def holding() -> Generator[None, None, None]:
    """While it lasts, a callable of the user runs, whose requests are its own.

    They do not wait for the budget, since the transfer that waits for the callable holds a part of it; and the
    transfer's deadline is not theirs.
    """
    token = _sending.set(True)
    try:
        with timed(False):
            yield
    finally:
        _sending.reset(token)


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

    Attributes:
        site: See above.
        options: See above.
        streams: The limit for streams that users hold; see `Held`.

    Raises:
        ConfigError: A certificate file, proxy or part of the user's cannot be used.
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
        _check_parts(transport, http_client)
        self.site = site
        self.options = options
        self._given_transport = transport
        self._http_client = http_client
        self._unlimited = unlimited
        self._budget = Budget(options.max_connections)
        self.streams = Budget(options.max_connections)
        self._transfers = Budget(options.max_connections)
        self._verify: ssl.SSLContext | bool = ssl_context(options)
        self._at_close = at_close
        self._pools: WeakKeyDictionary[object, tuple[PooledTransport, Callable[[], object]]] = WeakKeyDictionary()
        self._reached = False
        self._base = httpx.URL(site.base_url)
        self._origin = origin(self._base)
        self._policy = RetryPolicy(options.total_retries, options.backoff_factor, options.backoff_max)
        self._timeouts: dict[str, float | None] = {
            "connect": options.connect_timeout,
            "read": options.request_timeout,
            "write": options.request_timeout,
            "pool": None,
        }
        self._user_agent = user_agent(options.user_agent_suffix)

    def __repr__(self) -> str:
        return f"<Transport to {self.site.base_url}>"

    @property
    def is_unlimited(self) -> bool:
        """Whether the running call must not wait for the budget, since what waits for it holds a part."""
        return self._unlimited() or _sending.get()

    async def in_turn(self, transfer: Callable[[], Awaitable[T]]) -> T:
        """Runs a transfer of a local file when fewer than `max_connections` others run: not all have their files open.

        Args:
            transfer: The transfer; one that is part of another does not wait.
        """
        if self.is_unlimited or _transferring.get():
            return await transfer()
        await self._transfers.acquire()
        token = _transferring.set(True)
        try:
            return await transfer()
        finally:
            _transferring.reset(token)
            self._transfers.release()

    async def aclose(self) -> None:
        """Closes this event loop's connections; parts handed in by the user stay open."""
        here = self._pools.pop(current_token().native_token, None)
        if here is not None:
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
        answer = await self._send_in_time(request, whole=True)
        return Response(
            answer.operation, answer.status, answer.headers, answer.content, answer.attempts, secret=self.site.key
        )

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
        async with await self.open(request) as answer:
            yield answer

    async def open(self, request: Request) -> StreamedResponse:
        """Does what entering `stream` does; the caller closes the answer."""
        return await self._send_in_time(request, whole=False)

    def retry_wait(self, attempt: int, outcome: Outcome) -> float | None:
        """Seconds to wait before a transfer is started again, or None to give up; see `RetryPolicy.decide`."""
        return self._policy.decide(attempt, outcome, "safe")

    async def _send_in_time(self, request: Request, *, whole: bool) -> StreamedResponse:
        tries = _Tries(request)
        unlimited = self.is_unlimited
        sending = _sending.set(True)
        try:
            if self.options.deadline is None or is_timed():
                return await self._send(tries, whole, unlimited)
            with anyio.move_on_after(self.options.deadline):
                return await self._send(tries, whole, unlimited)
        except SourceFailed as failure:
            raise failure.error from None
        finally:
            _sending.reset(sending)
        text = f"took longer than the deadline of {self.options.deadline} s"
        raise failed(RequestTimeout, request.operation, tries.count, text)

    async def _send(self, tries: _Tries, whole: bool, unlimited: bool) -> StreamedResponse:
        while True:
            tries.count += 1
            if not unlimited:
                await self._budget.acquire()
            held = not unlimited
            try:
                answer = await self._follow(tries)
                if whole or answer.status >= 400:
                    await answer.load()
                elif held:
                    answer.on_close(self._budget.release)
                    held = False
            except httpx.TransportError as exc:
                failure, outcome = self._judge(exc, tries)
            else:
                self._reached = True
                if answer.status < 400:
                    return answer
                failure, outcome = self._refused(answer)
            finally:
                if held:
                    self._budget.release()
            wait = self._policy.decide(tries.count, outcome, tries.retry)
            if wait is None:
                raise failure
            log.info("%s; trying again in %.1f s", failure, wait)
            await anyio.sleep(wait)

    def _judge(self, exc: httpx.TransportError, tries: _Tries) -> tuple[FlywheelError, Outcome]:
        failure, outcome = map_failure(exc, tries.request.operation, tries.count, tries.url or self._base)
        failure.__cause__ = exc
        # Until the site was reached once, the address in the key is likely wrong: say so soon.
        early = not self._reached and not outcome.sent and tries.count > _FIRST_CONTACT_RETRIES
        if early or is_final(exc):
            raise failure
        return failure, outcome

    def _refused(self, answer: StreamedResponse) -> tuple[FlywheelError, Outcome]:
        response = Response(
            answer.operation, answer.status, answer.headers, answer.content, answer.attempts, secret=self.site.key
        )
        return api_error(response), Outcome(answer.status, retry_after=answer.headers.get("retry-after"))

    async def _follow(self, tries: _Tries) -> StreamedResponse:
        request = tries.request
        path = request.target
        if self.options.exhaustive and "exhaustive=" not in path:
            path += f"{'&' if request.query else '?'}exhaustive=true"
        url = self._base.copy_with(raw_path=f"{self._base.path}{path}".encode("ascii"))
        hops = 0
        while True:
            tries.url = url
            response = await self._send_once(request, url)
            status, location = response.status_code, response.headers.get("location")
            log.debug("%s: %s %s -> %d (try %d)", request.operation, request.method, url.path, status, tries.count)
            try:
                target = next_url(request.method, url, status, location, hops)
                if target is None and 300 <= status < 400:
                    raise BadAnswer(f"the site answered {status} without a place to go to")
                if target is not None and not tries.replayable:
                    raise UnsafeRedirect(
                        f"the site redirects to {target.host}, but the upload's source can be read only once; "
                        "upload from a path or from bytes"
                    )
            except TransportError as exc:
                await response.aclose()
                raise failed(type(exc), request.operation, tries.count, str(exc)) from None
            if target is None:
                return StreamedResponse(request.operation, response, url, tries.count)
            await response.aclose()
            url, hops = target, hops + 1

    async def _send_once(self, request: Request, url: httpx.URL) -> httpx.Response:
        body = request.body
        stream = None if body is None or body.open is None else UploadStream(body.open())
        client = self._http_client
        outgoing = httpx.Request(
            request.method,
            url,
            headers=self._headers(request, url),
            content=None if body is None or stream is not None else body.data,
            stream=stream,
            extensions={"timeout": self._own_timeouts()},
        )
        if body is not None and stream is None:
            outgoing.stream = DataStream(body.data or b"")
        if origin(url) == self._origin:
            # Put in last, where no variable of a traceback shows them.
            outgoing.headers.update(self.site.credentials())
        try:
            if client is not None:
                return await client.send(outgoing, stream=True, auth=None, follow_redirects=False)
            response = await self._transport().handle_async_request(outgoing)
        finally:
            if stream is not None:
                await stream.aclose()
        response.request = outgoing
        return response

    def _own_timeouts(self) -> dict[str, float | None]:
        own = timeout_here()
        if own is None:
            return dict(self._timeouts)
        return {**self._timeouts, "connect": own.connect, "read": own.read, "write": own.read}

    def _headers(self, request: Request, url: httpx.URL) -> httpx.Headers:
        headers = httpx.Headers({"Host": url.netloc.decode("ascii"), "User-Agent": self._user_agent})
        headers["Accept"] = request.accept
        # A stored file must arrive byte for byte.
        headers["Accept-Encoding"] = "gzip" if request.accept == "application/json" else "identity"
        abroad = origin(url) != self._origin
        headers.update({k: v for k, v in request.headers.items() if not abroad or k.lower() in _FOR_STORES})
        if not abroad:
            extra = headers.get("x-accept-feature")
            headers["x-accept-feature"] = f"{FEATURES},{extra}" if extra else FEATURES
        if self._http_client is not None and not abroad:
            # The user's default headers and cookies belong to the site, not to a store it points to.
            headers = self._http_client.build_request(request.method, url, headers=headers).headers
            headers.pop("Content-Length", None)  # of the body it was built without
        body = request.body
        if body is not None:
            headers["Content-Type"] = body.content_type
            if body.length is not None:
                headers["Content-Length"] = str(body.length)
            elif body.open is not None:
                headers["Transfer-Encoding"] = "chunked"
        return headers

    def _transport(self) -> httpx.AsyncBaseTransport:
        if self._given_transport is not None:
            return self._given_transport
        loop: object = current_token().native_token
        here = self._pools.get(loop)
        if here is None:
            # Imported late: it brings httpcore, which takes longer to import than the rest of a client together.
            from flywheel_async.transport.pool import PooledTransport

            # The budget limits how many are open at once; the pool must not, or a call made by an upload source
            # could wait for the connection of the upload that reads it.
            try:
                pool = PooledTransport(
                    verify=self._verify, max_connections=sys.maxsize, max_idle=self.options.max_connections
                )
            except (ValueError, ImportError) as exc:
                raise ConfigError(f"a proxy in the environment cannot be used: {exc}") from None
            here = self._pools[loop] = pool, self._at_close(self.aclose)
        return here[0]


class _Tries:
    """How far the sending of one request has come.

    Attributes:
        count: Tries so far.
        url: Where the last one went.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.count = 0
        self.url: httpx.URL | None = None

    @property
    def replayable(self) -> bool:
        return self.request.body is None or self.request.body.replayable

    @property
    def retry(self) -> Literal["safe", "never"]:
        return self.request.retry if self.replayable else "never"


def _check_parts(transport: object, http_client: object) -> None:
    if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
        raise ConfigError(f"transport must be an httpx.AsyncBaseTransport, not {type(transport).__name__}")
    if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
        raise ConfigError(f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}")
    if transport is not None and http_client is not None:
        raise ConfigError("give either transport or http_client; a client brings its own transport")
