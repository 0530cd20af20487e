"""A cancelled request leaves no connection and no slot behind."""

import asyncio
import socket

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from tests.transport.site import PATIENCE, Site, client_on, full_capacity, settled

from flywheel_async.transport.pool import PooledTransport


@pytest.mark.anyio
async def test_cancelled_while_waiting(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    async with client_on(transport, site.url) as client:
        async with client.stream("GET", "/") as held:
            with anyio.move_on_after(0.05) as scope:
                await client.get("/")
            assert scope.cancelled_caught
            await held.aread()
        await full_capacity(client, 1)


@pytest.mark.anyio
async def test_cancelled_at_the_moment_of_the_turn(site: Site) -> None:
    transport = PooledTransport(max_connections=1)
    async with client_on(transport, site.url) as client:
        held = await client.send(client.build_request("GET", "/"), stream=True)
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()

            async def one() -> None:
                with scope:
                    await client.get("/never")

            group.start_soon(one)
            await wait_all_tasks_blocked()
            group.start_soon(client.get, "/next")
            await wait_all_tasks_blocked()
            await held.aread()
            scope.cancel()
        assert site.seen[-1] == "GET /next"
        await full_capacity(client, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/silent", "/endless"])
async def test_cancelled_while_reading(site: Site, path: str) -> None:
    transport = PooledTransport(max_connections=2)
    async with client_on(transport, site.url) as client:
        for _ in range(3):
            with anyio.move_on_after(0.1) as scope:
                await client.get(path)
            assert scope.cancelled_caught
        await settled(transport, site)
        assert transport.open_connections == 0
        await full_capacity(client, 2)


@pytest.mark.anyio
async def test_cancelled_while_connecting() -> None:
    transport = PooledTransport(max_connections=1, verify=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        async with client_on(transport) as client:
            with anyio.move_on_after(0.1) as scope:
                await client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
            assert scope.cancelled_caught
            assert transport.open_connections == 0
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(PATIENCE)
                while accepted.recv(65536):  # the first half of the handshake, then the end
                    pass


@pytest.mark.anyio
async def test_cancelled_at_any_moment(site: Site) -> None:
    transport = PooledTransport(max_connections=4)
    async with client_on(transport, site.url) as client:

        async def one(steps: int) -> None:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.get, "/chunks")
                    for _ in range(steps):
                        await checkpoint()
                    scope.cancel()

        async with anyio.create_task_group() as group:
            for steps in range(120):
                group.start_soon(one, steps)
        await settled(transport, site)
        await full_capacity(client, 4)


def test_native_asyncio_cancellation(site: Site) -> None:
    async def main() -> None:
        transport = PooledTransport(max_connections=2)
        async with client_on(transport, site.url) as client:
            for steps in range(40):
                task = asyncio.create_task(client.get("/chunks"))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await settled(transport, site)
            await full_capacity(client, 2)

    asyncio.run(main())
