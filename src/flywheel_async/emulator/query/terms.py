"""What a finder filter or sort means: plain values without any I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Path: TypeAlias = tuple[str, ...]
"""A key such as `info.age`, split at its dots."""

Comparison: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Text:
    """A text; quoted values, ids and words that are nothing else."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Instant:
    """A date or date-time, as milliseconds since 1970 UTC."""

    ms: int


@dataclass(frozen=True, slots=True)
class Bool:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Null:
    """`null`: the key is missing or holds null."""


Operand: TypeAlias = Text | Number | Instant | Bool | Null


@dataclass(frozen=True, slots=True)
class Compare:
    """`key OP value`."""

    path: Path
    op: Comparison
    operand: Operand


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`key=|[a,b]`: equal to one of the values."""

    path: Path
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """`key=~pattern`: the pattern is found somewhere in the text."""

    path: Path
    pattern: str


Condition: TypeAlias = Compare | AnyOf | Search


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of a sort order."""

    path: Path
    descending: bool = False
