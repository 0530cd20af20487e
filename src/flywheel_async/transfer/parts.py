"""How a file is cut into the parts of a signed upload; no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass

ALIGNMENT = 262144
"""Parts are larger than an even share, up to the next multiple of this many bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of a file.

    Attributes:
        number: Which part it is, from 1; also which URL it goes to.
        offset: Where it starts, in bytes.
        length: How many bytes it has.
    """

    number: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Offset behind its last byte."""
        return self.offset + self.length


def part_size(size: int, count: int) -> int:
    """The size of all parts but the last one.

    Args:
        size: Bytes in all.
        count: How many URLs there are.

    Returns:
        Bytes. The site reckons with this very size: an even share, rounded up to the next multiple of 256 KiB, and by
        a whole one where it is such a multiple already.
    """
    share = math.ceil(size / count)
    return share + (ALIGNMENT - share % ALIGNMENT)


def plan(size: int, count: int) -> list[Part]:
    """Cuts a file into parts.

    Args:
        size: Bytes in all.
        count: How many URLs there are, at least 1.

    Returns:
        The parts in order, at most `count`; the last URLs may be left without one. An empty file is one empty part.
    """
    if count == 1 or size == 0:
        return [Part(1, 0, size)]
    each = part_size(size, count)
    return [
        Part(number, offset, min(each, size - offset)) for number, offset in enumerate(range(0, size, each), start=1)
    ]
