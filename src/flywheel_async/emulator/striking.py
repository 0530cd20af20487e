"""Makes faults happen on the connection of one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast

from flywheel_async.emulator.exchange import ClientGone, Exchange, Message, Reply, Send
from flywheel_async.emulator.faults import Fault
from flywheel_async.emulator.problems import Problem
from flywheel_async.testing import resetting


class _Transport(resetting.Transport, Protocol):
    def close(self) -> None: ...


class Striker:
    """Stands between the application and the server and lets the faults of one request strike.

    Args:
        send: The server's ASGI send channel.

    Attributes:
        faults: What strikes this request.
        started: Whether the answer has begun.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.faults: Sequence[Fault] = ()
        self.started = False
        self._sent = 0

    @property
    def page_cap(self) -> int | None:
        """The smallest page cap of the faults, or None."""
        return min((fault.page_cap for fault in self.faults if fault.page_cap is not None), default=None)

    async def before(self, exchange: Exchange) -> Reply | None:
        """Lets the faults strike that come before the request is looked at.

        Returns:
            The answer to give instead of serving the request, or None.

        Raises:
            ClientGone: The connection was reset.
        """
        for fault in self.faults:
            if fault.latency:
                await asyncio.sleep(fault.latency)
            if fault.reset == "before":
                await self.cut(hard=True)
            if fault.status is not None:
                headers = () if fault.retry_after is None else (("retry-after", str(fault.retry_after)),)
                problem = Problem(fault.status, "a fault of the emulator's plan")
                return Reply(problem.body(), fault.status, headers=headers)
        return None

    async def send(self, message: Message) -> None:
        """Passes a message of the answer on, as far as the faults let it.

        Raises:
            ClientGone: The connection was cut.
        """
        if not self.faults:
            self.started = True
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            if any(fault.reset == "after" for fault in self.faults):
                await self.cut(hard=True)
            self.started = True
            await self._send(message)
            return
        await self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body", False)))

    async def _send_body(self, body: bytes, more: bool) -> None:
        for fault in self.faults:
            if fault.stall and self._sent <= fault.stall_after <= self._sent + len(body):
                body = await self._part(body, fault.stall_after)
                await asyncio.sleep(fault.stall)
                self.faults = [other for other in self.faults if other is not fault]
        for fault in self.faults:
            cut = fault.truncate if fault.truncate is not None else fault.reset
            if isinstance(cut, int) and self._sent + len(body) >= cut:
                await self._part(body, cut)
                await self.cut(hard=fault.truncate is None)
        self._sent += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _part(self, body: bytes, until: int) -> bytes:
        """Sends the body up to an offset of the whole answer and returns the rest."""
        count = max(until - self._sent, 0)
        self._sent += count
        await self._send({"type": "http.response.body", "body": body[:count], "more_body": True})
        return body[count:]

    async def reply(self, reply: Reply) -> None:
        """Sends an answer to a request that could not even be read."""
        headers = [(b"content-type", reply.content_type.encode()), (b"connection", b"close")]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await self.send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def cut(self, *, hard: bool = False) -> None:
        """Closes the connection in the middle of whatever it is doing.

        Args:
            hard: Whether the peer gets a reset instead of an orderly end.

        Raises:
            ClientGone: Always, so that nothing more is done for this request.
        """
        # ASGI has no way to do this, but the server's send channel is a method of the object that has the transport.
        transport = cast("_Transport | None", getattr(getattr(self._send, "__self__", None), "transport", None))
        if transport is not None:
            if hard:
                await resetting.arrived(transport)
                resetting.reset(transport)
            else:
                transport.close()
            # The server notices on the next turn of the loop; until then it would complain about a missing answer.
            await asyncio.sleep(0)
        raise ClientGone
