"""One HTTP request and its answer, on top of plain ASGI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import dumps

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_HEADER_BYTES = 64 * 1024
MAX_QUERY_FIELDS = 1000


class ClientGone(Exception):
    """The caller closed the connection before it was served."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer.

    Attributes:
        body: The bytes of the answer.
        status: The HTTP status.
        content_type: The media type.
        headers: Further headers.
    """

    body: bytes
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: Sequence[tuple[str, str]] = ()


class Streamed(ABC):
    """What a handler returns when the request or the answer is a stream."""

    __slots__ = ()

    @abstractmethod
    async def run(self, exchange: Exchange) -> None:
        """Receives the stream, or sends it, and completes the exchange."""


def json_reply(value: object, status: int = 200) -> Reply:
    """Returns an answer with a JSON body."""
    return Reply(dumps(value), status)


class Exchange:
    """A request being served.

    Args:
        scope: The ASGI scope.
        receive: The ASGI receive channel.
        send: The ASGI send channel.

    Attributes:
        method: The HTTP method.
        raw_path: The path as sent, still percent-encoded, without the query.
        headers: Header values by lower-case name; repeated ones are joined by commas.
        query: Every value of every query parameter.

    Raises:
        Problem: 400, the headers are too large or the query is not UTF-8.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.raw_path: bytes = scope["raw_path"]
        self.client: str = (scope.get("client") or ("",))[0]
        raw_headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[str, str] = {}
        for raw_name, raw_value in raw_headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        if sum(len(name) + len(value) for name, value in raw_headers) > MAX_HEADER_BYTES:
            raise Problem(400, f"the headers are larger than {MAX_HEADER_BYTES} bytes")
        self.query = _parse_query(scope["query_string"])

    async def receive_body(self) -> tuple[bytes, bool]:
        """Returns the next piece of the request body and whether more follows.

        Raises:
            ClientGone: The caller went away.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)

    async def read_body(self, limit: int) -> bytes:
        """Reads the whole body.

        Args:
            limit: Most bytes to accept.

        Raises:
            Problem: 413, the body is larger.
        """
        too_large = Problem(413, f"the body is larger than {limit} bytes")
        declared = self.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            part, more = await self.receive_body()
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
        return b"".join(parts)

    async def wait_gone(self) -> None:
        """Returns when the caller has closed the connection; the body must have been read before."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Sends status and headers."""
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            }
        )

    async def push(self, data: bytes, *, more: bool) -> None:
        """Sends a piece of the response body."""
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(self, reply: Reply) -> None:
        """Sends a complete answer."""
        await self.start(
            reply.status,
            [
                ("content-type", reply.content_type),
                ("content-length", str(len(reply.body))),
                ("cache-control", "no-cache"),
                *reply.headers,
            ],
        )
        await self.push(reply.body, more=False)


def _parse_query(raw: bytes) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise Problem(400, "the query is not percent-encoded UTF-8 or has too many parameters") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
