"""Made-up values for the types of the model table."""

from __future__ import annotations

from itertools import count
from typing import Any

from flywheel_async.raw.schemas import Kind, Schemas, parse_kind

_DEEPEST = 3


def sample(table: Schemas, kind: str) -> Any:
    """A decoded JSON value of a type of the table, every member given, no two the same.

    Args:
        table: The model table.
        kind: The type in the table's notation.
    """
    numbers = count(1)

    def make(kind: Kind, depth: int) -> Any:
        if kind.name == "list":
            return [make(kind.args[0], depth), make(kind.args[0], depth)]
        if kind.name == "dict":
            return {f"key{next(numbers)}": make(kind.args[0], depth)}
        if kind.name == "union":
            return make(kind.args[0], depth)
        number = next(numbers)
        plain = {
            "str": f"text {number}",
            "int": number,
            "integer": number,
            "float": number + 0.5,
            "bool": bool(number % 2),
            "datetime": f"2026-01-02T03:04:05.{number:06}Z",
            "date": f"2026-01-{number % 28 + 1:02}",
            "object": {"x": number},
            "bytes": f"bytes {number}",
        }
        if kind.name in plain:
            return plain[kind.name]
        name = table.aliases.get(kind.name, kind.name)
        if name in table.enums:
            return list(table.enums[name].values())[number % len(table.enums[name])]
        if depth > _DEEPEST:
            return {}
        return {field.wire: make(parse_kind(field.type), depth + 1) for field in table.fields(name)}

    return make(parse_kind(kind), 0)
