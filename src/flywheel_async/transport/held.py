"""Streams that users hold: how many there may be, and the event loop each of them belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import current_token

if TYPE_CHECKING:
    from flywheel_async.transport.client import Transport
    from flywheel_async.transport.limits import Budget

# The streams that this task, or one that has started it, has opened and not closed.
_held: ContextVar[tuple[Held, ...]] = ContextVar("flywheel_async.held", default=())


class Held:
    """The place of one stream that a user holds.

    Its holder may do anything while it is open, also wait for other tasks that use the client. So it takes no part
    of the budget of requests; it counts among the streams that the client's users hold. One that is opened by a task
    which holds a counted one already, or by a child of it, is not counted: it could wait for itself.

    Attributes:
        is_broken: Whether a read of the stream did not end well, so that bytes may be lost.
    """

    def __init__(self) -> None:
        self._loop: Any = None
        self._counted_in: Budget | None = None
        self.is_broken = False

    async def take(self, transport: Transport) -> None:
        """Waits until the stream may be opened; it belongs to the running event loop from now on.

        Args:
            transport: The client's transport.
        """
        self._loop = current_token().native_token
        streams = transport.streams
        if transport.is_unlimited or any(other._counted_in is streams for other in _held.get()):
            return
        await streams.acquire()
        self._counted_in = streams
        self.note()

    def note(self) -> None:
        """Tells the task that runs here that it holds this stream."""
        if self._counted_in is not None:
            others = (other for other in _held.get() if other._counted_in is not None and other is not self)
            _held.set((*others, self))

    def release(self) -> None:
        """The stream is closed."""
        streams, self._counted_in = self._counted_in, None
        if streams is not None:
            streams.release()

    @property
    def is_orphaned(self) -> bool:
        """Whether the event loop that the stream belongs to has ended, so that nothing can be sent or closed on it."""
        if self._loop is None:
            return False
        if hasattr(self._loop, "is_closed"):  # asyncio
            return bool(self._loop.is_closed())
        try:
            self._loop.run_sync_soon(lambda: None)
        except RuntimeError:
            return True
        return False

    def check(self) -> None:
        """Refuses a use of the stream that cannot go well.

        Raises:
            RuntimeError: It is used where it does not belong, or a read was broken off.
        """
        if self.is_broken:
            raise RuntimeError("a read of this stream was broken off; open it again")
        self.check_loop()

    def check_loop(self) -> None:
        """Refuses to touch the stream outside of its event loop.

        Raises:
            RuntimeError: Another one runs here.
        """
        if current_token().native_token is not self._loop:
            raise RuntimeError("this stream belongs to the thread and event loop it was opened in; use it there only")
