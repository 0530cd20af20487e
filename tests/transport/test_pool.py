"""PooledTransport on real sockets: reuse, limits, closed connections and errors."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from tests.transport.site import PATIENCE, Site, client_on, full_capacity, running, settled, wait_for

from flywheel_async.transport.pool import PooledTransport


@pytest.mark.anyio
async def test_the_connection_used_last_is_used_next(site: Site) -> None:
    transport = PooledTransport()
    async with client_on(transport, site.url) as client:
        first = await client.send(client.build_request("GET", "/"), stream=True)
        second = await client.send(client.build_request("GET", "/"), stream=True)
        await second.aread()
        await first.aread()
        assert (first.json()["connection"], second.json()["connection"]) == (1, 2)
        assert (await client.get("/")).json()["connection"] == 1
        assert (transport.open_connections, transport.idle_connections) == (2, 2)
    assert transport.open_connections == 0


@pytest.mark.anyio
async def test_requests_over_the_cap_are_served_in_order(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    order: list[int] = []
    async with client_on(transport, site.url) as client:

        async def one(number: int) -> None:
            await client.get("/")
            order.append(number)

        async with anyio.create_task_group() as group, client.stream("GET", "/") as held:
            for number in range(8):
                group.start_soon(one, number)
                await wait_all_tasks_blocked()
            assert order == []
            await held.aread()
        assert order == list(range(8))
    assert site.accepted == 1


@pytest.mark.anyio
async def test_many_requests_share_few_connections(site: Site) -> None:
    transport = PooledTransport(max_connections=16)
    done: list[int] = []
    async with client_on(transport, site.url) as client:

        async def one(number: int) -> None:
            response = await client.post("/", content=bytes(number))
            assert response.json()["size"] == number
            done.append(number)

        async with anyio.create_task_group() as group:
            for number in range(500):
                group.start_soon(one, number)
        assert sorted(done) == list(range(500))
        await settled(transport, site)
    assert site.most <= 16


@pytest.mark.anyio
async def test_pool_timeout(site: Site) -> None:
    async with client_on(PooledTransport(max_connections=1), site.url) as client:
        async with client.stream("GET", "/") as held:
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/", timeout=httpx.Timeout(PATIENCE, pool=0.05))
            await held.aread()
        assert (await client.get("/")).status_code == 200
    assert site.accepted == 1


@pytest.mark.anyio
async def test_an_idle_connection_elsewhere_makes_room(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    with running() as other:
        async with client_on(transport) as client:
            await client.get(site.url)
            await client.get(other.url)
            await settled(transport, other)
            assert not site.live
            await client.get(site.url)
            assert (site.accepted, other.accepted) == (2, 1)


@pytest.mark.anyio
async def test_a_waiting_request_gets_a_slot_freed_elsewhere(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    with running() as other:
        async with (
            client_on(transport) as client,
            anyio.create_task_group() as group,
            client.stream("GET", site.url) as held,
        ):
            group.start_soon(client.get, other.url)
            await wait_all_tasks_blocked()
            await held.aread()
        assert other.seen == ["GET /"]


@pytest.mark.anyio
async def test_no_more_idle_connections_than_wanted(site: Site) -> None:
    transport = PooledTransport(max_idle=2)
    async with client_on(transport, site.url) as client:
        held = [await client.send(client.build_request("GET", "/"), stream=True) for _ in range(5)]
        for response in held:
            await response.aread()
        await settled(transport, site)
        assert transport.idle_connections == 2
        # The ones used last are kept.
        assert (await client.get("/")).json()["connection"] == 5


@pytest.mark.anyio
async def test_a_connection_idle_for_too_long_is_not_used(site: Site) -> None:
    transport = PooledTransport(idle_seconds=0.05)
    async with client_on(transport, site.url) as client:
        held = [await client.send(client.build_request("GET", "/"), stream=True) for _ in range(3)]
        for response in held:
            await response.aread()
        await anyio.sleep(0.1)
        assert (await client.get("/")).json()["connection"] == 4
        # The other old ones are closed on that occasion too.
        await settled(transport, site)
        assert transport.open_connections == 1


@pytest.mark.anyio
async def test_socket_options(site: Site) -> None:
    keep_alive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    transport = PooledTransport(local_address="127.0.0.1", socket_options=[keep_alive])
    async with client_on(transport, site.url) as client, client.stream("GET", "/") as response:
        used = response.extensions["network_stream"].get_extra_info("socket")
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert used.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("limits", [{"max_connections": 0}, {"max_idle": -1}, {"idle_seconds": -0.1}])
def test_limits_that_make_no_sense(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least"):
        PooledTransport(**limits)


@pytest.mark.anyio
async def test_post_after_the_server_closed_the_idle_connection(site: Site) -> None:
    transport = PooledTransport()
    async with client_on(transport, site.url) as client:
        await client.get("/")
        await anyio.to_thread.run_sync(site.hang_up)
        response = await client.post("/", content=b"12345")
        assert response.json() == {"connection": 2, "size": 5, "port": response.json()["port"]}
    assert site.seen == ["GET /", "POST /"]


def test_post_after_the_event_loop_stood_still(site: Site) -> None:
    with asyncio.Runner() as runner:
        client = client_on(PooledTransport(), site.url)
        runner.run(client.get("/"))
        site.hang_up()
        assert runner.run(client.post("/", content=b"12345")).json()["size"] == 5
        runner.run(client.aclose())


@pytest.mark.anyio
async def test_a_request_that_may_have_arrived_is_not_sent_again(site: Site) -> None:
    transport = PooledTransport()
    async with client_on(transport, site.url) as client:
        await client.get("/")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/drop", content=b"12345")
        assert site.seen == ["GET /", "POST /drop"]
        await settled(transport, site)


@pytest.mark.anyio
async def test_streaming_both_ways(site: Site) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            await checkpoint()
            yield bytes(100_000)

    transport = PooledTransport()
    async with client_on(transport, site.url) as client:
        assert (await client.post("/", content=parts())).json()["size"] == 1_000_000
        async with client.stream("GET", "/chunks") as response:
            received = b"".join([chunk async for chunk in response.aiter_raw()])
        assert received == b"a" * 70_000 + b"b" * 5 + b"c" * 70_000
        await settled(transport, site)
    assert site.accepted == 1


@pytest.mark.anyio
async def test_a_response_closed_early_takes_its_connection_along(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    async with client_on(transport, site.url) as client:
        response = await client.send(client.build_request("GET", "/endless"), stream=True)
        await response.aclose()
        await response.aclose()
        assert transport.open_connections == 0
        await full_capacity(client, 1)
        await settled(transport, site)


@pytest.mark.anyio
async def test_closing_the_transport(site: Site) -> None:
    transport = PooledTransport(max_connections=2)
    client = client_on(transport, site.url)
    await client.get("/")
    held = [await client.send(client.build_request("GET", "/endless"), stream=True) for _ in range(2)]
    failed: list[BaseException] = []

    async def one() -> None:
        try:
            await client.get("/")
        except RuntimeError as error:
            failed.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        await wait_all_tasks_blocked()
        await transport.aclose()
    assert len(failed) == 1
    await anyio.to_thread.run_sync(wait_for, lambda: not site.live)
    with pytest.raises(RuntimeError, match="closed"):
        await client.get("/")
    for response in held:
        await response.aclose()
    assert transport.open_connections == 0
    await client.aclose()


class VanishingFile(httpx.AsyncByteStream):
    """A request body of three bytes that cannot be read further."""

    def __init__(self) -> None:
        self._parts = [b"123"]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise FileNotFoundError("scan.dcm")
        return self._parts.pop()


@pytest.mark.anyio
async def test_errors_are_httpx_errors(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with client_on(transport, site.url) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(nobody)
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/silent", timeout=httpx.Timeout(PATIENCE, read=0.05))
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("ftp://127.0.0.1/")
        # A body longer than it said, and one that fails: an error of the caller's own stays what it is.
        for length, expected in (("2", httpx.LocalProtocolError), ("9", FileNotFoundError)):
            headers = {"Host": "127.0.0.1", "Content-Length": length}
            with pytest.raises(expected):
                await client.send(httpx.Request("POST", site.url, headers=headers, stream=VanishingFile()))
        await full_capacity(client, 1)
