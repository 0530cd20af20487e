"""The checksums that tell whether bytes are the right ones."""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from flywheel_async.files import hash_name

_CRC = "crc32-"


class Checksum(Protocol):
    """A checksum that is worked out piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Adds bytes."""
        ...

    def text(self) -> str:
        """What it is so far, written as what it is compared with."""
        ...


class _Sha384:
    def __init__(self) -> None:
        self._sha = hashlib.sha384()

    def update(self, data: bytes, /) -> None:
        self._sha.update(data)

    def text(self) -> str:
        return hash_name(self._sha)


class _Crc32:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: bytes, /) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def text(self) -> str:
        return crc_name(self._crc)


def crc_name(crc: int) -> str:
    """A CRC-32, all that zip files tell of their members, as it stands in place of a hash."""
    return f"{_CRC}{crc:08x}"


def checksum_for(wanted: str | None) -> Checksum:
    """Starts the checksum that can be compared with this one: of a member of a zip, or else of a file."""
    return _Crc32() if wanted is not None and wanted.startswith(_CRC) else _Sha384()
