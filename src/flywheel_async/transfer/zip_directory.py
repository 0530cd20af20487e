"""The list of members that a zip file ends with, read from its last bytes alone; no I/O.

It tells the checksum of each member, which sites do not.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass

TAIL = 64 * 1024 + 22 + 76
"""Bytes at the end of a zip in which its end record stands: a comment of 64 KiB at most comes after it."""

MOST = 64 * 1024 * 1024
"""Bytes of a list at most; one that is longer is not read."""

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member of a zip.

    Attributes:
        size: Its size in bytes, unpacked.
        crc: The CRC-32 of its bytes.
    """

    size: int
    crc: int


def directory_start(tail: bytes, size: int) -> int | None:
    """Finds where the list begins.

    Args:
        tail: The last bytes of the file, `TAIL` or all there are.
        size: The size of the file.

    Returns:
        Its offset in the file; None when this is no zip, or one that cannot be.
    """
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        return None
    length, before = _END.unpack_from(tail, at)[5], size - len(tail) + at
    locator = at - _LOCATOR.size
    if locator >= _END64.size and tail[locator : locator + 4] == b"PK\6\7":
        at = locator - _END64.size
        if tail[at : at + 4] != b"PK\6\6":
            return None
        length, before = _END64.unpack_from(tail, at)[8], size - len(tail) + at
    start = int(before - length)
    return start if start >= 0 and size - start <= MOST else None


def read_directory(data: bytes, size: int) -> dict[str, ZipMember] | None:
    """Reads the list.

    Args:
        data: The last bytes of the file, from where the list begins.
        size: The size of the file.

    Returns:
        The members by their paths, of those with the same path the last one; None when it is damaged.
    """
    try:
        with zipfile.ZipFile(_End(data, size)) as archive:
            return {one.filename: ZipMember(one.file_size, one.CRC) for one in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, struct.error):
        return None


class _End(io.RawIOBase):
    """A file of which only the last bytes are there; where the library looks before them, it finds zeros."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the start")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        stop = self._size if size < 0 else min(self._at + size, self._size)
        start = self._size - len(self._data)
        zeros = bytes(min(max(min(stop, start) - self._at, 0), TAIL))
        found = zeros + self._data[max(self._at - start, 0) : max(stop - start, 0)]
        self._at += len(found)
        return found
