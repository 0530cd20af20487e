"""The default HTTP transport: a constant-time connection pool over httpcore's connections.

httpx's own async pool walks all its connections and all waiting requests whenever a request starts or ends,
so its cost per request grows with the number of requests in flight. Here every step takes the same time however
many there are: a stack of idle connections per origin, a queue of waiting requests. Figures: docs/transport.md.
"""

import ssl
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TypeAlias

import anyio
import httpcore
import httpx

from flywheel_async.transport.connect import Cert, Connector, Dialer, translated
from flywheel_async.transport.proxies import ProxyRules

_Key: TypeAlias = tuple[bytes, bytes, int, httpx.Proxy | None]


class _Slot:
    """The right to have one connection open, with the connection once there is one."""

    __slots__ = ("connection", "dialer", "idle_since", "key")

    def __init__(self) -> None:
        self.key: _Key | None = None
        self.connection: httpcore.AsyncConnectionInterface | None = None
        self.dialer: Dialer | None = None
        self.idle_since = 0.0

    async def close(self) -> None:
        """Close the connection, if any; the slot can be used for another one."""
        dialer, self.connection, self.dialer = self.dialer, None, None
        if dialer is not None:
            # Nothing waits for the peer in here, so a shield cannot hang.
            with anyio.CancelScope(shield=True):
                await dialer.aclose()


class _Waiter:
    """A request that waits for a slot."""

    __slots__ = ("event", "slot")

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.slot: _Slot | None = None


class PooledTransport(httpx.AsyncBaseTransport):
    """An httpx transport whose cost per request does not grow with the number of requests in flight.

    Speaks HTTP/1.1 on asyncio and trio. One instance belongs to one event loop. A connection that the server
    closed while it lay idle is noticed before it is used, and replaced; a request is never sent twice. Once
    the first byte of a request may have left, a lost connection is an ``httpx.RemoteProtocolError`` or
    ``httpx.ReadError``.

    Args:
        verify: True for the usual certificates, False for no check, the path of a certificate file or folder,
            or a context of your own. The usual context is made at the first https request and shared between
            transports.
        cert: Client certificate: path, (path, key path) or (path, key path, password).
        proxy: Proxy for every request (http, https, socks5 or socks5h); it goes before the environment.
        trust_env: Whether proxies and certificate paths are taken from the environment.
        max_connections: Connections open at a time, in use and idle, over all hosts. Further requests wait in
            line for as long as their ``pool`` timeout allows.
        max_idle: Idle connections kept for reuse, over all hosts.
        idle_seconds: Seconds after which an idle connection is not used again.
        local_address: Local address to connect from.
        socket_options: Options set on every socket, as for ``socket.setsockopt``. TCP_NODELAY is always on.

    Raises:
        ValueError: A limit makes no sense, or a proxy URL has an unknown scheme.
        ImportError: A SOCKS proxy is asked for and the package ``socksio`` is missing.

    Example:
        >>> async with httpx.AsyncClient(transport=PooledTransport(max_connections=64)) as client:
        ...     response = await client.get("https://example.org")
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | str | bool = True,
        cert: Cert | None = None,
        proxy: httpx.Proxy | str | None = None,
        trust_env: bool = True,
        max_connections: int = 100,
        max_idle: int = 100,
        idle_seconds: float = 30.0,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] = (),
    ) -> None:
        if max_connections < 1 or max_idle < 0 or idle_seconds < 0:
            raise ValueError("max_connections must be at least 1, max_idle and idle_seconds at least 0")
        self._connector = Connector(verify=verify, cert=cert, trust_env=trust_env, idle_seconds=idle_seconds)
        self._proxies = ProxyRules(proxy, trust_env=trust_env)
        self._max_connections = max_connections
        self._max_idle = max_idle
        self._idle_seconds = idle_seconds
        self._local_address = local_address
        self._socket_options = list(socket_options)
        self._closed = False
        self._slots: set[_Slot] = set()
        # Idle slots twice: by origin to take the newest one, by age to drop the oldest one.
        self._idle: dict[_Key, deque[_Slot]] = {}
        self._ages: OrderedDict[_Slot, None] = OrderedDict()
        # Somebody waits only while all slots are in use: a slot that becomes free goes to the first in line.
        self._waiters: OrderedDict[_Waiter, None] = OrderedDict()

    @property
    def open_connections(self) -> int:
        """Connections that are open or being opened, in use or idle."""
        return len(self._slots)

    @property
    def idle_connections(self) -> int:
        """Open connections that no request uses."""
        return len(self._ages)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return its response, the body still to be read; for ``httpx.AsyncClient``.

        Raises:
            httpx.PoolTimeout: No connection became free within the request's ``pool`` timeout.
            httpx.TransportError: The subclass says what failed: connect, read, write, proxy or protocol.
            RuntimeError: The transport is closed.
        """
        url = request.url
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"cannot send a request to a URL of scheme {url.scheme!r}")
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("the request body must be bytes or an async iterable")
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        origin, proxy = core_request.url.origin, self._proxies.choose(url)
        key = (origin.scheme, origin.host, origin.port, proxy)
        slot = self._take(key) or await self._wait(request.extensions.get("timeout", {}).get("pool"))
        try:
            # The kept connection may lead elsewhere, be too old, or have been closed by the server meanwhile:
            # httpcore asks the socket, so this also works when the event loop stood still in between.
            if slot.connection is not None and (slot.key != key or slot.connection.has_expired()):
                await slot.close()
            if slot.connection is None:
                slot.key = key
                slot.dialer = Dialer(self._local_address, self._socket_options)
                slot.connection = self._connector.connection(origin, proxy, slot.dialer)
            response = await slot.connection.handle_async_request(core_request)
        except BaseException as error:
            await self._give_back(slot, None)
            if isinstance(error, Exception) and (known := translated(error)) is not error:
                raise known from error
            raise
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(self, slot, response),
            extensions=response.extensions,  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        )

    def _take(self, key: _Key) -> _Slot | None:
        """Return the newest idle connection for ``key``, else an unused slot, else the oldest idle one."""
        if self._closed:
            raise RuntimeError("the transport is closed")
        if stack := self._idle.get(key):
            slot = stack.pop()
            del self._ages[slot]
            if not stack:
                del self._idle[key]
            return slot
        if len(self._slots) < self._max_connections:
            slot = _Slot()
            self._slots.add(slot)
            return slot
        return self._take_oldest() if self._ages else None

    def _take_oldest(self) -> _Slot:
        slot, _ = self._ages.popitem(last=False)
        assert slot.key is not None
        # Each stack is ordered by age as well, so the oldest of all is at the bottom of its stack.
        self._idle[slot.key].popleft()
        if not self._idle[slot.key]:
            del self._idle[slot.key]
        return slot

    async def _wait(self, timeout: float | None) -> _Slot:
        waiter = _Waiter()
        self._waiters[waiter] = None
        try:
            with anyio.move_on_after(timeout):
                await waiter.event.wait()
        except BaseException:
            # Cancelled at the moment the slot came: the next in line gets it.
            if waiter.slot is not None:
                self._release(waiter.slot)
            raise
        finally:
            self._waiters.pop(waiter, None)
        if waiter.slot is not None:
            return waiter.slot
        if self._closed:
            raise RuntimeError("the transport was closed while the request waited for a connection")
        raise httpx.PoolTimeout(f"no free connection within {timeout} seconds")

    def _release(self, slot: _Slot) -> None:
        if self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            waiter.slot = slot
            waiter.event.set()
        elif slot.connection is None or slot.key is None:
            self._slots.discard(slot)
        else:
            slot.idle_since = time.monotonic()
            self._idle.setdefault(slot.key, deque()).append(slot)
            self._ages[slot] = None

    async def _give_back(self, slot: _Slot, response: httpcore.Response | None) -> None:
        """End a request: keep the connection if the exchange on it is complete, else close it."""
        try:
            if response is not None:
                await response.aclose()
        finally:
            try:
                complete = response is not None and slot.connection is not None and slot.connection.is_idle()
                if not complete or self._closed:
                    await slot.close()
            finally:
                self._release(slot)
        while self._ages:
            age = time.monotonic() - next(iter(self._ages)).idle_since
            if len(self._ages) <= self._max_idle and age <= self._idle_seconds:
                break
            await self._drop(self._take_oldest())

    async def _drop(self, slot: _Slot) -> None:
        try:
            await slot.close()
        finally:
            self._release(slot)

    async def aclose(self) -> None:
        """Close every connection, those in use too; requests that wait for one fail."""
        self._closed = True
        for waiter in self._waiters:
            waiter.event.set()
        self._waiters.clear()
        while self._ages:
            await self._drop(self._take_oldest())
        with anyio.CancelScope(shield=True):
            for dialer in [slot.dialer for slot in self._slots if slot.dialer is not None]:
                await dialer.aclose()


class _Body(httpx.AsyncByteStream):
    """A response body; closing it gives the connection back, once."""

    def __init__(self, transport: PooledTransport, slot: _Slot, response: httpcore.Response) -> None:
        self._transport = transport
        self._slot: _Slot | None = slot
        self._response = response
        assert isinstance(response.stream, AsyncIterable)
        self._chunks: AsyncIterator[bytes] = aiter(response.stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            if (known := translated(error)) is not error:
                raise known from error
            raise

    async def aclose(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            await self._transport._give_back(slot, self._response)
