"""CPU per small request of each HTTP transport, and whether it survives a server that closes idle connections.

Run ``python benchmarks/transport.py``; with ``--check`` the exit code is 1 when the default transport misses its
two limits (docs/transport.md). Needs uvicorn and httptools; httpx-aiohttp and httpx2 take part if installed.
"""

import argparse
import asyncio
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx
from pydantic import SecretStr

from flywheel_async.config import Options, Site
from flywheel_async.transport.client import Transport
from flywheel_async.transport.pool import PooledTransport
from flywheel_async.transport.request import Body, Request

PLAIN = "plain httpx.AsyncClient"
OURS = "PooledTransport"
LEVELS = (1, 64, 128)
KEPT = 200  # connections a client may open and keep: enough for every level
PATIENCE = 60.0  # seconds: plain httpx runs into its default of 5
SHORT_KEEP_ALIVE = 1  # seconds after which the server closes an idle connection, for the POST test
MAX_GROWTH = 2.0  # CPU per request at 64 in flight, over that at 1
MIN_GAIN = 5.0  # CPU per request of plain httpx over ours, both at 64 in flight


class Client(Protocol):
    """What the benchmark needs of a client; httpx and httpx2 both have it."""

    def get(self, url: str) -> Awaitable[Any]: ...
    def post(self, url: str) -> Awaitable[Any]: ...
    def aclose(self) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """One transport under test."""

    name: str
    make: Callable[[], Client]
    backend: str = "asyncio"
    # CPU in milliseconds that a request roughly takes at each level: keeps the run short where that is much.
    cost: tuple[float, float, float] = (1.0, 1.0, 1.0)


async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """The server: a small JSON answer to everything."""
    if scope["type"] == "http":
        body = b'{"_id":"5f0c1e2d3b4a596877869504","label":"sub-01","files":[]}'
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def candidates() -> Iterator[Candidate]:
    """Yield every transport that can be measured here, plain httpx and ours first."""
    limits = httpx.Limits(max_connections=KEPT, max_keepalive_connections=KEPT, keepalive_expiry=30)
    yield Candidate(PLAIN, lambda: httpx.AsyncClient(limits=limits, timeout=PATIENCE), cost=(1.0, 10.0, 30.0))
    yield Candidate("  with its default limits", lambda: httpx.AsyncClient(timeout=PATIENCE), cost=(1.0, 3.0, 3.0))
    yield Candidate(OURS, pooled)
    yield Candidate("AsyncClient's whole core", Core)
    if importlib.util.find_spec("trio"):
        yield Candidate("  on trio", pooled, backend="trio")
    if importlib.util.find_spec("httpx_aiohttp"):
        from httpx_aiohttp import AiohttpTransport

        yield Candidate(
            "httpx-aiohttp (asyncio only)",
            lambda: httpx.AsyncClient(transport=AiohttpTransport(limits=limits), timeout=PATIENCE),
        )
    if importlib.util.find_spec("httpx2"):
        httpx2 = importlib.import_module("httpx2")
        wide = httpx2.Limits(max_connections=KEPT, max_keepalive_connections=KEPT, keepalive_expiry=30)
        yield Candidate("httpx2", lambda: httpx2.AsyncClient(limits=wide, timeout=PATIENCE), cost=(1.0, 1.5, 2.0))


def pooled() -> Client:
    """Make a client on our transport."""
    return httpx.AsyncClient(transport=PooledTransport(max_connections=KEPT, max_idle=KEPT), timeout=PATIENCE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the benchmark needs of an answer."""

    status_code: int


class Core:
    """What `AsyncClient` sends its requests through: retries, budget, error mapping and the pool."""

    def __init__(self) -> None:
        self._transport: Transport | None = None

    async def get(self, url: str) -> Answer:
        return await self._send("GET", url)

    async def post(self, url: str) -> Answer:
        return await self._send("POST", url)

    async def _send(self, method: str, url: str) -> Answer:
        if self._transport is None:
            address = httpx.URL(url)
            site = Site(scheme="http", host=address.host, port=address.port or 80, key=SecretStr("benchmark"))
            self._transport = Transport(site, Options(max_connections=KEPT))
        body = Body("application/json", b"") if method == "POST" else None
        response = await self._transport.request(Request("benchmark", method, "/", body=body))
        return Answer(response.status)

    async def aclose(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()


@contextmanager
def server(keep_alive: int) -> Generator[str]:
    """Run the server in a process of its own and yield its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        # Not uvicorn's own fd=: it takes every descriptor for a Unix socket, and TCP_NODELAY stays off.
        code = (
            "import socket, sys; sys.path.insert(0, sys.argv[1]); import uvicorn; from transport import app; "
            "config = uvicorn.Config(app, http='httptools', log_level='error', access_log=False, lifespan='off', "
            "timeout_keep_alive=int(sys.argv[3])); "
            "uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])"
        )
        here = str(Path(__file__).resolve().parent)
        command = [sys.executable, "-c", code, here, str(listener.fileno()), str(keep_alive)]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
    try:
        yield address
    finally:
        process.terminate()
        process.wait()


def measure(candidate: Candidate, url: str, level: int, budget: float) -> float:
    """Return milliseconds of this process's CPU per request, ``level`` requests in flight, in about ``budget`` s."""
    each = max(2, int(budget * 1000 / candidate.cost[LEVELS.index(level)]) // level)

    async def run() -> float:
        client = candidate.make()

        async def worker(count: int) -> None:
            for _ in range(count):
                response = await client.get(url)
                assert response.status_code == 200

        async def burst(count: int) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(level):
                    group.start_soon(worker, count)

        await burst(1)  # opens the connections
        before = time.process_time()
        await burst(each)
        used = time.process_time() - before
        await client.aclose()
        return used * 1000 / (each * level)

    return anyio.run(run, backend=candidate.backend)


def idle_posts(candidate: Candidate, url: str, tries: int) -> str:
    """Say how many POSTs succeed on a connection the server closed while the event loop stood still."""
    failures: list[str] = []
    # A loop for each try: a loop that runs for one client would see the close for the others.
    pairs = [(asyncio.Runner(), candidate.make()) for _ in range(tries)]
    for runner, client in pairs:
        runner.run(_get(client, url))
    time.sleep(SHORT_KEEP_ALIVE + 0.5)
    for runner, client in pairs:
        with runner:
            try:
                runner.run(_post(client, url))
            except Exception as error:
                failures.append(type(error).__name__)
            runner.run(_close(client))
    told = f" ({', '.join(sorted(set(failures)))})" if failures else ""
    return f"{tries - len(failures)} of {tries}{told}"


async def _get(client: Client, url: str) -> None:
    await client.get(url)


async def _post(client: Client, url: str) -> None:
    await client.post(url)


async def _close(client: Client) -> None:
    await client.aclose()


def main() -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; each figure is the median of them")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # the server is on this machine

    tested = list(candidates())
    figures: dict[tuple[str, int], list[float]] = {}
    posts: dict[str, str] = {}
    with server(keep_alive=60) as url:
        for attempt in range(options.rounds):
            for candidate in tested:
                # Once is enough for the last level: nothing is decided on it, and plain httpx takes long there.
                for level in LEVELS if attempt == 0 else LEVELS[:2]:
                    used = measure(candidate, url, level, budget=0.5)
                    figures.setdefault((candidate.name, level), []).append(used)
    with server(keep_alive=SHORT_KEEP_ALIVE) as url:
        for candidate in tested:
            if candidate.backend == "asyncio":
                posts[candidate.name] = idle_posts(candidate, url, tries=5)
    median = {key: statistics.median(values) for key, values in figures.items()}

    print("CPU of the client per small GET, in ms, by requests in flight; POSTs after the server closed its end")
    print(f"{'transport':30}" + "".join(f"{level:>8}" for level in LEVELS) + "   POST after idle")
    for candidate in tested:
        row = "".join(f"{median[candidate.name, level]:8.2f}" for level in LEVELS)
        print(f"{candidate.name:30}{row}   {posts.get(candidate.name, '')}")

    growth = median[OURS, 64] / median[OURS, 1]
    gain = median[PLAIN, 64] / median[OURS, 64]
    print(f"\n64 in flight cost {growth:.2f} x one at a time (limit {MAX_GROWTH:g} x)")
    print(f"64 in flight cost {PLAIN} {gain:.1f} x as much (at least {MIN_GAIN:g} x)")
    kept = growth <= MAX_GROWTH and gain >= MIN_GAIN
    print("both hold" if kept else "one does not hold")
    return 1 if options.check and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
