"""A loopback server that answers everything with `{}` and keeps what it was sent, byte for byte."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header


@dataclass(frozen=True)
class Part:
    """One part of a form; the content of the part `metadata` is JSON, of all others bytes."""

    name: str
    filename: str | None
    content_type: str | None
    content: object


@dataclass(frozen=True)
class Recorded:
    """One request as it went over the wire.

    Attributes:
        method: The HTTP method.
        path: The path, still percent-encoded.
        query: Names and values of the query, decoded, in order.
        headers: Names in lower case and values, sorted; a name may be there twice.
        body: The bytes of the body, out of their chunks.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """All values of a header, joined as HTTP does, or None."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def content(self) -> object:
        """The body as data: JSON, the parts of a form, or None when there is none."""
        if not self.body:
            return None
        kind, options = parse_options_header(self.header("content-type") or "")
        if kind == b"multipart/form-data":
            return _parts(self.body, options[b"boundary"])
        if kind == b"application/x-www-form-urlencoded":
            return [_part_of(name, None, None, value.encode()) for name, value in parse_qsl(self.body.decode())]
        return json.loads(self.body)


class Recorder:
    """The server's address, and the requests that nobody has taken yet."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.api_key = f"127.0.0.1:{server.server_port}:__force_insecure:secret"

    def take(self) -> list[Recorded]:
        """Returns what came in since the last time, in order."""
        taken, self._server.seen = self._server.seen, []
        return taken


@contextmanager
def recording() -> Iterator[Recorder]:
    """Runs a server until the block is left."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Recorder(server)
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Recorded] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _record(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.seen.append(
            Recorded(
                self.command,
                path,
                tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))),
                tuple(sorted((name.lower(), value) for name, value in self.headers.items())),
                self._body(),
            )
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _record

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def handle(self) -> None:
        # A client may leave an answer half read, and goes away with a reset then.
        with suppress(ConnectionResetError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: thousands of requests come in."""


def _parts(body: bytes, boundary: bytes) -> list[Part]:
    first, *pieces, last = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert first == b""
    assert last.strip() == b"--"
    return [_part(piece) for piece in pieces]


def _part(piece: bytes) -> Part:
    head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n"))}
    _, options = parse_options_header(headers[b"content-disposition"])
    filename, kind = options.get(b"filename"), headers.get(b"content-type")
    return _part_of(
        options[b"name"].decode(), filename.decode() if filename else None, kind.decode() if kind else None, content
    )


def _part_of(name: str, filename: str | None, content_type: str | None, content: bytes) -> Part:
    return Part(name, filename, content_type, json.loads(content) if name == "metadata" else content)
