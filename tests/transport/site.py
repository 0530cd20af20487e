"""A small server for the transport tests: it answers by path, is a proxy too, and records what reaches it."""

import base64
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import httpx
import trustme

from flywheel_async.transport.pool import PooledTransport

PATIENCE = 5.0


class Site(ThreadingHTTPServer):
    """A small server in threads that records what reaches it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.accepted = 0
        self.most = 0
        self.live: set[socket.socket] = set()
        self.seen: list[str] = []
        self.headers_seen: list[dict[str, str]] = []
        self.tls: ssl.SSLContext | None = None
        self.password: str | None = None

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls is None:
            return connection, address
        # The handshake happens at the first read, in the thread of the connection.
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""

    def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones, and wait until that is done."""
        with self.lock:
            for connection in self.live:
                connection.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: not self.live)


class Handler(BaseHTTPRequestHandler):
    """Answers by path; as a proxy it knows absolute URLs and CONNECT."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Site  # pyright: ignore[reportIncompatibleVariableOverride]

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.accepted += 1
            self.number = self.server.accepted
            self.server.live.add(self.connection)
            self.server.most = max(self.server.most, len(self.server.live))

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            with self.server.lock:
                self.server.live.discard(self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, **content: Any) -> None:
        data = json.dumps({"connection": self.number, **content}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self) -> bool:
        wanted = self.server.password
        given = self.headers.get("Proxy-Authorization", "")
        if wanted is None or given == "Basic " + base64.b64encode(wanted.encode()).decode():
            return True
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_GET(self) -> None:
        received = self.body()
        path = self.path if self.path.startswith("/") else "/" + self.path.split("/", 3)[3]
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path}")
            self.server.headers_seen.append(dict(self.headers))
        if self.path != path and not self.allowed():
            return
        if path == "/silent":
            self.rfile.read(1)
            self.close_connection = True
        elif path == "/drop":
            self.close_connection = True
        elif path == "/endless":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            while True:
                self.wfile.write(bytes(65536))
        elif path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"a" * 70_000, b"b" * 5, b"c" * 70_000, b""):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        else:
            self.answer(size=len(received), port=self.client_address[1])

    do_POST = do_GET

    def do_CONNECT(self) -> None:
        with self.server.lock:
            self.server.seen.append(f"CONNECT {self.path}")
        if not self.allowed():
            return
        host, port = self.path.split(":")
        self.close_connection = True
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            pump(self.connection, far)


def pump(near: socket.socket, far: socket.socket) -> None:
    """Copy bytes both ways until one side closes."""
    while True:
        ready, _, _ = select.select([near, far], [], [])
        for source, target in ((near, far), (far, near)):
            if source in ready:
                data = source.recv(65536)
                if not data:
                    return
                target.sendall(data)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Generator[Site]:
    site = Site()
    site.tls = tls
    thread = threading.Thread(target=site.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
        with site.lock:
            for connection in site.live:
                connection.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: not site.live)


def client_on(transport: PooledTransport, url: str = "", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=url, timeout=PATIENCE, **options)


async def settled(transport: PooledTransport, site: Site) -> None:
    """Check that the server sees exactly the connections that the transport counts, all of them idle."""
    await anyio.to_thread.run_sync(wait_for, lambda: len(site.live) == transport.open_connections)
    assert transport.open_connections == transport.idle_connections


async def full_capacity(client: httpx.AsyncClient, count: int) -> None:
    """Hold ``count`` connections at a time: fails when a slot was lost."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            with anyio.fail_after(PATIENCE):
                await stack.enter_async_context(client.stream("GET", "/"))


@contextmanager
def tls_site(authority: trustme.CA, *, wants_certificate: bool = False) -> Generator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    if wants_certificate:
        authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
        context.verify_mode = ssl.CERT_REQUIRED
    with running(context) as started:
        yield started


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client context that trusts ``authority``."""
    context = ssl.create_default_context()
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
    return context
