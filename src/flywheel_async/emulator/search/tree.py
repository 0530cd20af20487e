"""What a search asks for, as plain values: conditions on the fields of one flat document, combined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from flywheel_async.emulator.query.terms import Bool, Number, Path, Text

Order: TypeAlias = Literal["=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or date-time, as microseconds since 1970 UTC."""

    microseconds: int


Value: TypeAlias = Text | Number | Bool | Moment


@dataclass(frozen=True, slots=True)
class Is:
    """`field OP value`; values of different types never compare."""

    field: Path
    op: Order
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """`field IN [value, …]`: equal to one of the values."""

    field: Path
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """`field =~ pattern`: a regular expression fits the whole text."""

    field: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Like:
    """`field LIKE pattern`: the whole text fits a pattern with `_` or `?` for one character and `%` or `*` for any."""

    field: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Contains:
    """`field CONTAINS text`: the text holds a piece of text, whatever the case of its letters."""

    field: Path
    text: str


@dataclass(frozen=True, slots=True)
class Exists:
    """`field EXISTS`: there is a value that is neither null nor empty."""

    field: Path


Term: TypeAlias = Is | OneOf | Matches | Like | Contains | Exists


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold; `a != b` is the same as `NOT a = b`."""

    part: Query


@dataclass(frozen=True, slots=True)
class And:
    """What holds when all parts hold; none of them is an `And`."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """What holds when one of the parts holds; none of them is an `Or`."""

    parts: tuple[Query, ...]


Query: TypeAlias = Term | Not | And | Or


def both(parts: Iterable[Query]) -> Query:
    """Joins queries that must all hold; inner conjunctions become part of the outer one."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,)))
    return flat[0] if len(flat) == 1 else And(flat)


def either(parts: Iterable[Query]) -> Query:
    """Joins queries of which one must hold; inner alternatives become part of the outer ones."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,)))
    return flat[0] if len(flat) == 1 else Or(flat)


def depth(query: Query) -> int:
    """Returns how many combinations are inside each other; 0 for a term."""
    if isinstance(query, Not):
        return depth(query.part)
    return 1 + max(map(depth, query.parts)) if isinstance(query, And | Or) else 0


def terms(query: Query) -> Iterator[Term]:
    """Yields the terms of a query from left to right."""
    if isinstance(query, Not):
        yield from terms(query.part)
    elif isinstance(query, And | Or):
        for part in query.parts:
            yield from terms(part)
    else:
        yield query
