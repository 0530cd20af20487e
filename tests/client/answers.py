"""A site made of one function, for what the emulator does not do."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from flywheel_async import AsyncClient

KEY = "localhost:1:__force_insecure:a-secret-key"


class Recorder(httpx.AsyncBaseTransport):
    """Answers from a function, and keeps the requests."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.seen: list[httpx.Request] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.seen.append(request)
        made = self._answer(request)
        return httpx.Response(made.status_code, headers=made.headers, stream=httpx.ByteStream(made.content))


def recorded(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[AsyncClient, Recorder]:
    """A client that talks to a function."""
    recorder = Recorder(answer)
    client = AsyncClient(KEY, disable_auth_check=True, transport=recorder, backoff_factor=0.001)
    return client, recorder


def untouched(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"sent {request.method} {request.url}")
