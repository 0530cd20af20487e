"""How one connection is made: the socket, TLS, the proxy in between, and the errors it may end in."""

import functools
import os
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias, cast

import h11
import httpcore
import httpx

Cert: TypeAlias = str | tuple[str, str] | tuple[str, str, str]

_ERRORS: dict[type[BaseException], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    # Raised before anything was sent, so it counts as a failed connect: the one failure after which every
    # request, a POST too, may be sent again.
    httpcore.ConnectionNotAvailable: httpx.ConnectError,
    # httpcore lets these two through: a body shorter or longer than its Content-Length, and a TLS alert that
    # comes after the handshake (a server that refuses the client certificate sends one).
    h11.LocalProtocolError: httpx.LocalProtocolError,
    ssl.SSLError: httpx.ReadError,
}


def translated(error: Exception) -> Exception:
    """Return the httpx error that stands for ``error``, or ``error`` if it is not the transport's."""
    for kind in type(error).__mro__:
        if kind in _ERRORS:
            return _ERRORS[kind](str(error) or str(error.__cause__ or ""))
    return error


@functools.cache
def _shared_context(verify: bool, trust_env: bool, ca_file: str | None, ca_dir: str | None) -> ssl.SSLContext:
    """Return httpx's default TLS context, made once per process: loading the certificates takes over 20 ms.

    The two paths are what httpx reads from the environment; they are here so that a change of them is seen.
    """
    return httpx.create_ssl_context(verify=verify, trust_env=trust_env)


class Dialer(httpcore.AsyncNetworkBackend):
    """Opens the socket of one connection and can close it at any stage.

    httpcore forgets a socket whose TLS or proxy handshake is cancelled; this remembers it.
    """

    def __init__(self, local_address: str | None, socket_options: list[httpcore.SOCKET_OPTION]) -> None:
        self._local_address = local_address
        self._socket_options = socket_options
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        # httpcore passes neither the local address nor the options on when there is a proxy: ours count.
        # Declared twice in httpcore, once for an absent anyio: hence the cast.
        backend = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())
        stream = await backend.connect_tcp(host, port, timeout, self._local_address, self._socket_options)
        self._stream = stream
        return stream

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class Connector:
    """Makes connections that share TLS settings; the TLS context is made when the first one needs it.

    Args:
        verify: As for ``PooledTransport``.
        cert: As for ``PooledTransport``.
        trust_env: Whether certificate paths are taken from the environment.
        idle_seconds: Seconds after which an idle connection calls itself expired.
    """

    def __init__(
        self, *, verify: ssl.SSLContext | str | bool, cert: Cert | None, trust_env: bool, idle_seconds: float
    ) -> None:
        self._verify = verify
        self._cert = cert
        self._trust_env = trust_env
        self._idle_seconds = idle_seconds
        self._context: ssl.SSLContext | None = None

    def connection(
        self, origin: httpcore.Origin, proxy: httpx.Proxy | None, dialer: Dialer
    ) -> httpcore.AsyncConnectionInterface:
        """Return a connection to ``origin`` that opens itself, through ``dialer``, at its first request."""
        core_proxy = None
        if proxy is not None:
            core_proxy = httpcore.Proxy(
                url=httpcore.URL(
                    scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=b"/"
                ),
                auth=proxy.raw_auth,
                headers=proxy.headers.raw,
                ssl_context=(proxy.ssl_context or self._tls()) if proxy.url.scheme == "https" else None,
            )
        # Nothing is pooled here: this is httpcore's public way to the right kind of connection for a proxy.
        maker = httpcore.AsyncConnectionPool(
            ssl_context=self._tls() if origin.scheme == b"https" else None,
            proxy=core_proxy,
            keepalive_expiry=self._idle_seconds,
            network_backend=dialer,
        )
        return maker.create_connection(origin)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            if isinstance(self._verify, ssl.SSLContext):
                context = self._verify
            elif isinstance(self._verify, str):
                if Path(self._verify).is_dir():
                    context = ssl.create_default_context(capath=self._verify)
                else:
                    context = ssl.create_default_context(cafile=self._verify)
            elif self._cert is not None:
                context = httpx.create_ssl_context(verify=self._verify, trust_env=self._trust_env)
            else:
                paths = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
                context = _shared_context(self._verify, self._trust_env, *paths)
            if self._cert is not None:
                context.load_cert_chain(*([self._cert] if isinstance(self._cert, str) else self._cert))
            self._context = context
        return self._context
