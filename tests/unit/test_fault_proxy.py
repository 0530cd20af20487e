"""The proxy that breaks connections as planned, before a plain TCP server."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import anyio
import pytest

from flywheel_async.errors import ArgumentError
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow, resetting

CONTENT = bytes(range(256)) * 4096


class Server:
    """Reads until its peer has no more to say, then sends the content and ends; keeps what it read."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = ("127.0.0.1", self.listening.getsockname()[1])
        self.read: list[bytes] = []
        self.ended: list[str] = []
        self._done = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        got = bytearray()
        end = "orderly"
        with connection:
            try:
                while data := connection.recv(65536):
                    got += data
                connection.sendall(CONTENT)
            except ConnectionError:
                end = "broken"
            self.read.append(bytes(got))
            self.ended.append(end)
            self._done.release()

    def wait(self) -> None:
        """Waits until a connection has ended."""
        assert self._done.acquire(timeout=5)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def talk(proxy: FaultProxy, request: bytes = b"request") -> tuple[bytes, str]:
    """Sends a request through the proxy; returns what came back and how it ended."""
    got = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                got += data
    except OSError as error:
        # Whichever call is the first after a reset notices it, each in its own way.
        assert not isinstance(error, TimeoutError)
        return bytes(got), "reset"
    return bytes(got), "orderly"


def test_without_a_plan_nothing_changes(server: Server) -> None:
    with FaultProxy(server.address) as proxy:
        assert talk(proxy, b"x" * 300_000) == (CONTENT, "orderly")
        assert talk(proxy) == (CONTENT, "orderly")
        assert server.read == [b"x" * 300_000, b"request"]
        assert proxy.connections == 2
        assert (proxy.bytes_up, proxy.bytes_down) == (300_007, 2 * len(CONTENT))
        assert (proxy.traffic[1].up, proxy.traffic[1].down) == (7, len(CONTENT))
        assert proxy.url == f"http://127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_reset_on_the_way_back(server: Server, count: int) -> None:
    with FaultProxy(server.address, [ConnectionPlan(down=Flow(reset_after=count))]) as proxy:
        assert talk(proxy) == (CONTENT[:count], "reset")
        assert proxy.bytes_down == count
        assert talk(proxy) == (CONTENT, "orderly"), "the plan has only one entry"


def test_reset_on_the_way_up(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(up=Flow(reset_after=1000))]) as proxy:
        got, end = talk(proxy, b"x" * 5_000_000)
        assert (got, end) == (b"", "reset")
        server.wait()
        assert (server.read, server.ended) == ([b"x" * 1000], ["broken"])


@pytest.mark.parametrize("count", [0, 70_000])
def test_truncate_on_the_way_back(server: Server, count: int) -> None:
    with FaultProxy(server.address, [ConnectionPlan(down=Flow(truncate_after=count))]) as proxy:
        assert talk(proxy) == (CONTENT[:count], "orderly")
        assert proxy.bytes_down == count


def test_truncate_on_the_way_up(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(up=Flow(truncate_after=3))]) as proxy:
        assert talk(proxy)[0] == CONTENT
        assert (server.read, server.ended) == ([b"req"], ["orderly"])


def test_stall(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(down=Flow(stall=0.4, stall_after=1000))]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            connection.shutdown(socket.SHUT_WR)
            got = connection.recv(1000, socket.MSG_WAITALL)
            start = time.monotonic()
            while data := connection.recv(65536):
                got += data
                if len(got) == 1000 + len(data):
                    assert time.monotonic() - start > 0.3
        assert got == CONTENT


def test_throttle(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(up=Flow(throttle=100_000))]) as proxy:
        start = time.monotonic()
        assert talk(proxy, b"x" * 40_000)[0] == CONTENT
        assert time.monotonic() - start > 0.3
        assert server.read == [b"x" * 40_000]


def test_flip(server: Server) -> None:
    plan = ConnectionPlan(up=Flow(flip=[0, 6]), down=Flow(flip=[100_000]))
    with FaultProxy(server.address, [plan]) as proxy:
        got, end = talk(proxy)
    wanted = bytearray(CONTENT)
    wanted[100_000] ^= 1
    assert (got, end) == (bytes(wanted), "orderly")
    assert server.read == [bytes([ord("r") ^ 1]) + b"eques" + bytes([ord("t") ^ 1])]


def test_refuse(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(refuse=True), None]) as proxy:
        assert talk(proxy) == (b"", "reset")
        assert server.read == []
        assert talk(proxy) == (CONTENT, "orderly")


def test_the_plan_may_be_a_function(server: Server) -> None:
    asked: list[int] = []

    def plan(number: int) -> ConnectionPlan | None:
        asked.append(number)
        return ConnectionPlan(refuse=True) if number == 1 else None

    with FaultProxy(server.address, plan) as proxy:
        assert [talk(proxy)[1] for _ in range(3)] == ["orderly", "reset", "orderly"]
        assert asked == [0, 1, 2]
        proxy.plan = [None, None, None, ConnectionPlan(refuse=True)]
        assert talk(proxy)[1] == "reset"


def test_cut_and_stop_break_what_is_open(server: Server) -> None:
    before = threading.active_count()
    proxy = FaultProxy(server.address, lambda _: ConnectionPlan(down=Flow(stall=60)))
    for end in (proxy.cut, proxy.stop):
        if end == proxy.cut:
            proxy.start()
        with closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=5)) as connection:
            connection.sendall(b"x")
            while proxy.bytes_up < 1 + (end == proxy.stop):
                time.sleep(0.01)
            end()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    proxy.stop()
    server.wait()
    server.wait()
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_target_that_is_not_there(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with FaultProxy(("127.0.0.1", port)) as proxy:
        assert talk(proxy) == (b"", "reset")


def test_it_starts_again_on_the_same_port(server: Server) -> None:
    proxy = FaultProxy(server.address)
    with proxy:
        port = proxy.port
        with pytest.raises(RuntimeError, match="running"):
            proxy.start()
    with proxy:
        assert proxy.port == port
        assert talk(proxy) == (CONTENT, "orderly")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_works_beside_any_event_loop(server: Server, backend: str) -> None:
    async def work() -> bytes:
        async with FaultProxy(server.address) as proxy:
            return (await anyio.to_thread.run_sync(talk, proxy))[0]

    assert anyio.run(work, backend=backend) == CONTENT


def slow(address: tuple[str, int]) -> socket.socket:
    """Connects with so little room for what comes that a sender has to wait for the reader."""
    connection = socket.socket()
    connection.settimeout(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    return connection


def test_a_slow_reader_gets_all_that_comes_before_a_reset(server: Server) -> None:
    count = 900_000
    with FaultProxy(server.address, [ConnectionPlan(down=Flow(reset_after=count))]) as proxy:
        with closing(slow(("127.0.0.1", proxy.port))) as connection:
            connection.shutdown(socket.SHUT_WR)
            time.sleep(0.3)
            got = 0
            with pytest.raises(ConnectionResetError):
                while data := connection.recv(20_000):
                    got += len(data)
                    time.sleep(0.002)
        assert (got, proxy.bytes_down) == (count, count)


def test_a_reset_does_not_wait_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resetting, "PATIENCE", 0.2)
    plan = [ConnectionPlan(down=Flow(reset_after=900_000))]
    with FaultProxy(server.address, plan) as proxy, closing(slow(("127.0.0.1", proxy.port))) as connection:
        connection.shutdown(socket.SHUT_WR)
        time.sleep(1.5)
        with pytest.raises(ConnectionResetError):
            while connection.recv(1_000_000):
                pass


def test_an_error_of_the_plan_comes_out_in_the_end(server: Server) -> None:
    def plan(number: int) -> ConnectionPlan | None:
        if number == 1:
            raise LookupError("a mistake in the plan")
        return None

    proxy = FaultProxy(server.address, plan).start()
    assert [talk(proxy)[1] for _ in range(3)] == ["orderly", "reset", "orderly"]
    assert proxy.connections == 3
    with pytest.raises(LookupError, match="a mistake in the plan"):
        proxy.stop()
    proxy.stop()
    with pytest.raises(LookupError), FaultProxy(server.address, lambda _: plan(1)) as failing:
        talk(failing)


def test_a_client_that_leaves_during_a_stall_is_noticed(server: Server) -> None:
    with FaultProxy(server.address, [ConnectionPlan(down=Flow(stall=60))]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            connection.sendall(b"x")
            while proxy.bytes_up < 1:
                time.sleep(0.01)
            assert len(proxy._open) == 1
        for _ in range(200):
            if not proxy._open:
                break
            time.sleep(0.01)
        assert not proxy._open


@pytest.mark.parametrize(
    "wrong",
    [
        {"throttle": 0},
        {"throttle": -1.0},
        {"throttle": math.inf},
        {"reset_after": -1},
        {"truncate_after": -1},
        {"stall": -0.1},
        {"stall": math.nan},
        {"stall_after": -1},
    ],
)
def test_flows_that_cannot_be(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ArgumentError, match=name):
        Flow(**wrong)  # type: ignore[arg-type]


def test_it_listens_on_ipv6_too(server: Server) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with FaultProxy(server.address, host="::1") as proxy:
        assert proxy.url == f"http://[::1]:{proxy.port}"
        with socket.create_connection(("::1", proxy.port)) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == CONTENT[:1]
