"""Ctrl-C in the main thread while it drives a call or waits for one."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import cast


class Interrupt:
    """SIGINT handler during a call: cancels it, then cancels its clean-up, then breaks out of the loop.

    It takes the place of Python's own handler only; a handler of the user's stays in charge.
    """

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.count = 0
        self._task = task

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt
        self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    @staticmethod
    def is_wanted() -> bool:
        return signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def install(self) -> None:
        signal.signal(signal.SIGINT, self)

    def remove(self) -> None:
        if signal.getsignal(signal.SIGINT) is self:  # user code may have set its own meanwhile
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @staticmethod
    def forsake() -> None:
        """In a forked child: do not go on cancelling a call of the parent."""
        handler = signal.getsignal(signal.SIGINT)
        if isinstance(handler, Interrupt):
            handler.remove()


@contextmanager
def breakable_wait() -> Generator[None]:
    """Let Ctrl-C break a wait of the main thread where its own loop has taken the signal for itself."""
    handler = cast("Callable[[int, FrameType | None], object]", signal.getsignal(signal.SIGINT))
    # asyncio.Runner installs a partial of its method
    owner: object = getattr(getattr(handler, "func", None), "__self__", handler)
    main = threading.get_ident() == threading.main_thread().ident
    if not main or not isinstance(owner, Interrupt | asyncio.Runner):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, handler)
