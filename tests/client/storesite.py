"""A site with a store, both made of functions, for what the emulator does not do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from flywheel_async import AsyncClient

KEY = "127.0.0.1:9:__force_insecure:abcdefghijklmnop"
CONTAINER = "5d2761383289d60037e8f5e5"
WHOLE = ("http://store/x?X-Amz-Signature=SECRET",)
PARTS = tuple(f"http://store/x?uploadId=1&partNumber={number}&X-Amz-Signature=SECRET" for number in (1, 2))
SESSION = ("http://store/x?upload_id=1&X-Goog-Signature=SECRET",)

Answer = Callable[[httpx.Request, bytes], httpx.Response]


def reply(value: object = None, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An answer in JSON, or without a body."""
    content = b"" if value is None else json.dumps(value).encode()
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


def hash_of(data: bytes) -> str:
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


def entry(data: bytes, **members: object) -> dict[str, object]:
    """The entry of the file `x`."""
    return {"name": "x", "file_id": "F", "version": 1, "size": len(data), "hash": hash_of(data), **members}


def stored(request: httpx.Request, data: bytes) -> httpx.Response:
    """The answer of a store that has understood."""
    return reply(headers={"etag": f'"{hashlib.md5(data).hexdigest()}"', "x-amz-request-id": "1"})


class StoreSite(httpx.AsyncBaseTransport):
    """A site whose store is anywhere.

    Args:
        urls: Where bytes go.
        put: Answers as the store.
        complete: Answers when a ticket is completed; by default with the entry of what was put last.
        other: Answers all else.
        ticket: The answer to who asks for a ticket, in place of the one with `urls`.
        headers: What the ticket wants sent.

    Attributes:
        puts: What was sent to the store: the request and its body.
        tickets: Bodies with which tickets were asked for.
        handed_back: Tickets that came back.
        deleted: Paths and queries of what was deleted.
        reads: Whether the store reads bodies.
    """

    def __init__(
        self,
        urls: tuple[str, ...] = WHOLE,
        *,
        put: Answer = stored,
        complete: Answer | None = None,
        other: Answer | None = None,
        ticket: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.puts: list[tuple[httpx.Request, bytes]] = []
        self.tickets: list[Any] = []
        self.handed_back: list[str] = []
        self.deleted: list[str] = []
        self.reads = True
        self._urls = urls
        self._put = put
        self._complete = complete
        self._other = other
        self._ticket = ticket
        self._headers = headers or {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        store = request.url.host != "127.0.0.1"
        body = await request.aread() if self.reads or not store else b""
        if store:
            self.puts.append((request, body))
            return self._put(request, body)
        path, ticket = request.url.path, request.url.params.get("ticket")
        if path.endswith("/config"):
            return reply({"features": {"signed_url": True}})
        if path.endswith("/cleanup"):
            self.handed_back.append(json.loads(body)["uuid"])
            return reply({})
        if request.method == "DELETE":
            self.deleted.append(request.url.raw_path.decode())
            return reply({})
        if ticket == "":
            asked = json.loads(body)
            self.tickets.append(asked)
            made = {"ticket": "TICKET", "urls": {asked["filenames"][0]: list(self._urls)}, "headers": self._headers}
            return reply(self._ticket or made)
        if ticket is not None:
            return self._complete(request, body) if self._complete else reply([entry(self.puts[-1][1])])
        return self._other(request, body) if self._other else reply({}, 404)

    def client(self, key: str = KEY, **options: object) -> AsyncClient:
        """A client for it."""
        given = {"transport": self, "backoff_factor": 0.001, "total_retries": 2, **options}
        return AsyncClient(key, disable_auth_check=True, **given)  # type: ignore[arg-type]
