"""A TCP proxy that breaks connections as planned. It knows nothing of HTTP and sees only bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import anyio.to_thread

from flywheel_async.testing import resetting
from flywheel_async.testing.plans import ConnectionPlan, Flow, Plan, Traffic

_CHUNK = 64 * 1024
_STEP_SECONDS = 0.05
"""How often a throttled connection sends something."""


class _Reset(Exception):
    """The plan resets the connection here."""


class _Direction:
    """One direction of a connection.

    Args:
        reader: Where bytes come from.
        writer: Where they go.
        flow: What happens to them.
        count: Told how many have passed.
        ended: Set when their source ends, or None.
        left: Set when whoever they go to has no more to say, or None.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flow: Flow,
        count: Callable[[int], None],
        *,
        ended: asyncio.Event | None = None,
        left: asyncio.Event | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._flow = flow
        self._count = count
        self._ended = ended
        self._left = left
        self._at = 0
        self._stalled = not flow.stall
        self.truncated = False

    async def run(self) -> None:
        """Passes bytes on until their source ends.

        Raises:
            _Reset: The plan says so.
            OSError: One of the sides broke off.
        """
        while True:
            await self._strike()
            data = await self._reader.read(self._most())
            if not data:
                break
            if self.truncated:
                continue
            data = self._flipped(data)
            self._writer.write(data)
            await self._writer.drain()
            self._at += len(data)
            self._count(len(data))
            if self._flow.throttle:
                await asyncio.sleep(len(data) / self._flow.throttle)
        if self._ended is not None:
            self._ended.set()
        self._end()

    async def _strike(self) -> None:
        """Lets strike what is planned for the present offset."""
        flow = self._flow
        if not self._stalled and self._at >= flow.stall_after:
            self._stalled = True
            await self._stall()
        if flow.reset_after is not None and self._at >= flow.reset_after:
            await resetting.arrived(self._writer.transport)
            raise _Reset
        if flow.truncate_after is not None and self._at >= flow.truncate_after and not self.truncated:
            # The source may go on sending: what comes is read and thrown away, or closing would turn into a reset.
            self._end()
            self.truncated = True

    async def _stall(self) -> None:
        if self._left is None or self._left.is_set():
            await asyncio.sleep(self._flow.stall)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._flow.stall):
                await self._left.wait()
                raise ConnectionResetError("the peer left during a stall")

    def _most(self) -> int:
        """Returns how many bytes may be passed at once, so that the next fault strikes at its offset."""
        flow = self._flow
        ends = [_CHUNK]
        if flow.throttle:
            ends.append(max(int(flow.throttle * _STEP_SECONDS), 1))
        if not self._stalled:
            ends.append(flow.stall_after - self._at)
        ends += [
            end - self._at for end in (flow.reset_after, flow.truncate_after) if end is not None and end > self._at
        ]
        return min(ends)

    def _flipped(self, data: bytes) -> bytes:
        inside = [offset - self._at for offset in self._flow.flip if self._at <= offset < self._at + len(data)]
        if not inside:
            return data
        changed = bytearray(data)
        for offset in inside:
            changed[offset] ^= 1
        return bytes(changed)

    def _end(self) -> None:
        if not self.truncated:
            with suppress(OSError):
                self._writer.write_eof()


class _Connection:
    """A connection that was taken, with the one to the target.

    Args:
        reader: What the client sends.
        writer: What goes to the client.
        task: The task that serves it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        self.task = task
        self._reader = reader
        self._writers = [writer]

    async def pass_on(self, target: tuple[str, int], plan: ConnectionPlan, traffic: Traffic) -> None:
        """Passes bytes on both ways until both sides have ended or the plan breaks the connection.

        Raises:
            OSError: One of the sides broke off.
        """
        reader, writer = await asyncio.open_connection(*target, limit=_CHUNK)
        self._writers.append(writer)

        def up(count: int) -> None:
            traffic.up += count

        def down(count: int) -> None:
            traffic.down += count

        for open_ in self._writers:
            # What was passed on is in the hands of the system, so that faults strike where they are planned.
            open_.transport.set_write_buffer_limits(0)
        silent = asyncio.Event()
        directions = (
            _Direction(self._reader, writer, plan.up, up, ended=silent),
            _Direction(reader, self._writers[0], plan.down, down, left=silent),
        )
        running = {asyncio.ensure_future(direction.run()): direction for direction in directions}
        pending = set(running)
        try:
            # A direction that was truncated ends with the other one, whatever its source still sends.
            while not all(running[task].truncated for task in pending):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await task
            for open_ in self._writers:
                open_.close()
            self._writers = []
        except _Reset:
            pass
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def reset(self) -> None:
        """Resets what is still open."""
        for writer in self._writers:
            resetting.reset(writer.transport)
        self._writers = []


class FaultProxy:
    """Listens on a free port of this machine and passes connections on to a target, with faults.

    It runs in a thread of its own with its own event loop, so it works beside any kind of caller. The plan is asked
    once for each connection; a connection that is kept open for several requests has one plan for all of them.

    Args:
        target: Host and port to connect to.
        plan: A list with one entry for each connection in the order they come, `None` for one without faults; what
            comes after its end has no faults. Or a function that takes the number of the connection, from 0, and
            returns its plan or `None`; it is called in the proxy's thread. When it raises, the connection is reset, and
            `stop` raises its error.
        host: The address to listen on.

    Attributes:
        plan: The plan; may be replaced at any time, for the connections that come then.
        traffic: The bytes that have passed, by connection in the order they came.

    Example:
        >>> with FaultProxy(("127.0.0.1", 8080), [ConnectionPlan(down=Flow(reset_after=500))]) as proxy:
        ...     address = f"127.0.0.1:{proxy.port}"
    """

    def __init__(self, target: tuple[str, int], plan: Plan = (), *, host: str = "127.0.0.1") -> None:
        self.plan: Plan = plan
        self.traffic: list[Traffic] = []
        self._target = target
        self._host = host
        self._port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._open: set[_Connection] = set()
        self._failure: Exception | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once it was started."""
        return self._port

    @property
    def url(self) -> str:
        """Scheme, host and port, for plain HTTP."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def bytes_up(self) -> int:
        """Bytes that have passed to the target in all connections."""
        return sum(traffic.up for traffic in self.traffic)

    @property
    def bytes_down(self) -> int:
        """Bytes that have passed back in all connections."""
        return sum(traffic.down for traffic in self.traffic)

    @property
    def connections(self) -> int:
        """How many connections have come."""
        return len(self.traffic)

    def start(self) -> FaultProxy:
        """Starts listening.

        Raises:
            RuntimeError: It is running already.
            OSError: The address cannot be bound.
        """
        if self._thread is not None:
            raise RuntimeError("the proxy is running already")
        # A restarted proxy keeps its port.
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.create_server((self._host, self._port), family=family)
        self._port = int(listening.getsockname()[1])
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(listening, ready)), name="fault-proxy", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Stops listening and resets all connections; does nothing when it is not running.

        Raises:
            Exception: What the plan raised when it was asked for the first time without success.
        """
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def cut(self) -> None:
        """Resets all connections that are open now; new ones are taken as before."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for connection in self._open:
            connection.task.cancel()

    async def _run(self, listening: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, sock=listening, limit=_CHUNK)
        ready.set()
        try:
            await self._stop.wait()
        finally:
            server.close()
            self._cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.traffic)
        traffic = Traffic()
        self.traffic.append(traffic)
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(reader, writer, task)
        self._open.add(connection)
        try:
            plan = self._next_plan(number)
            if plan is not None and not plan.refuse:
                await connection.pass_on(self._target, plan, traffic)
        except (OSError, asyncio.CancelledError):
            # Either side may break off at any time, or the proxy itself; who is left is to see it.
            pass
        finally:
            connection.reset()
            self._open.discard(connection)

    def _next_plan(self, number: int) -> ConnectionPlan | None:
        """Returns the plan of a connection, or None when it could not be asked for."""
        plan = self.plan
        if not callable(plan):
            return (plan[number] if number < len(plan) else None) or ConnectionPlan()
        try:
            return plan(number) or ConnectionPlan()
        except Exception as error:
            self._failure = self._failure or error
            return None

    def __enter__(self) -> FaultProxy:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> FaultProxy:
        return await anyio.to_thread.run_sync(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)
