"""The bytes of a stream around the place where it is read; no I/O happens here."""

from __future__ import annotations

import io
import os
from collections import deque

KEPT = 1024 * 1024
"""Bytes that were read already and can be read again."""


class Window:
    """Cuts what arrives into pieces, and keeps a little of what was read.

    Attributes:
        at: The place of the next byte in the stream.
        has_ended: Whether all has arrived.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._start = 0
        self._stop = 0
        self.has_ended = False
        self.at = 0

    def feed(self, chunk: bytes | None) -> None:
        """Adds what has arrived; None at the end."""
        if chunk is None:
            self.has_ended = True
            return
        self._chunks.append(chunk)
        self._stop += len(chunk)
        self._forget()

    def rest(self) -> bytes:
        """What has arrived and was not read; empty for nothing."""
        return self._take(max(self._stop - self.at, 0))

    def piece(self, size: int) -> bytes | None:
        """So many bytes, all for a negative size, fewer at the end; None when more must be fed first."""
        there = max(self._stop - self.at, 0)
        if not self.has_ended and (size < 0 or there < size):
            return None
        return self._take(there if size < 0 else min(size, there))

    def seek(self, offset: int, whence: int) -> int:
        """Goes to a place, which may be one that has not arrived yet.

        Returns:
            The place.

        Raises:
            UnsupportedOperation: It cannot be had any more.
        """
        if whence not in (os.SEEK_SET, os.SEEK_CUR):
            raise io.UnsupportedOperation("a stream has no end before it was read; seek from its start or place")
        place = offset if whence == os.SEEK_SET else self.at + offset
        if not self._start <= place:
            raise io.UnsupportedOperation(f"a stream goes back at most {KEPT} bytes; download the file to move freely")
        self.at = place
        return place

    def clear(self) -> None:
        """Forgets everything."""
        self._chunks.clear()
        self._start = self._stop = self.at

    def _take(self, size: int) -> bytes:
        parts: list[bytes] = []
        start, stop = self._start, self.at + size
        for chunk in self._chunks:
            if start >= stop:
                break
            if start + len(chunk) > self.at:
                parts.append(chunk[max(self.at - start, 0) : stop - start])
            start += len(chunk)
        self.at = stop
        self._forget()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _forget(self) -> None:
        while self._chunks and self._start + len(self._chunks[0]) < self.at - KEPT:
            self._start += len(self._chunks.popleft())
