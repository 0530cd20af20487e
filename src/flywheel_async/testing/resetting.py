"""Ends TCP connections with a reset, after what was written before it has got through as far as can be told."""

from __future__ import annotations

import array
import asyncio
import socket
import struct
import sys
import time
from contextlib import suppress
from typing import Protocol, cast

PATIENCE = 5.0
"""Seconds for which a peer may take nothing before it is given up."""
_STEP_SECONDS = 0.005
_SO_NWRITE = 0x1024
"""What asks macOS how much of a socket's data is on its way."""


class Transport(Protocol):
    """What is needed of the transports of asyncio and of servers."""

    def get_extra_info(self, name: str) -> object:
        """Returns the socket, under the name `socket`."""
        ...

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes wait to be given to the system."""
        ...

    def is_closing(self) -> bool:
        """Tells whether the connection is closing or closed."""
        ...

    def abort(self) -> None:
        """Closes the connection at once."""
        ...


async def arrived(transport: Transport) -> None:
    """Waits until the peer's machine has everything that was written, or has taken nothing for a while.

    A reset overtakes data that is still on its way, and a peer that reads slowly would get far less than was written.

    Args:
        transport: The connection.
    """
    left = _left(transport)
    end = time.monotonic() + PATIENCE
    while left and not transport.is_closing() and time.monotonic() < end:
        await asyncio.sleep(_STEP_SECONDS)
        now = _left(transport)
        if now < left:
            left, end = now, time.monotonic() + PATIENCE


def reset(transport: Transport) -> None:
    """Resets a connection at once."""
    connection = transport.get_extra_info("socket")
    if hasattr(connection, "setsockopt"):
        with suppress(OSError):
            cast("socket.socket", connection).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _left(transport: Transport) -> int:
    connection = transport.get_extra_info("socket")
    held = transport.get_write_buffer_size()
    return held + (_unacknowledged(cast("socket.socket", connection)) if hasattr(connection, "fileno") else 0)


def _unacknowledged(connection: socket.socket) -> int:
    """Returns how many bytes the system has that the peer's system has not; 0 where it does not tell."""
    try:
        if sys.platform == "linux":
            import fcntl
            import termios

            count = array.array("i", [0])
            fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, count)
            return count[0]
        if sys.platform == "darwin":
            return connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    except (OSError, ValueError):
        # The socket is closed.
        return 0
    return 0
