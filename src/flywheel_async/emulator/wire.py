"""JSON as it travels: types, encoding, and decoding with limits."""

from __future__ import annotations

import json
from itertools import count
from typing import Never, TypeAlias, cast

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Doc = dict[str, Json]

MAX_DEPTH = 100
"""Deepest nesting of arrays and objects that a request body may have."""


class BadJson(ValueError):
    """The text is not JSON this server accepts; the message says why."""


def dumps(value: object) -> bytes:
    """Encodes a value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def text(value: object) -> str:
    """Encodes a value as compact JSON text, the form kept in the database."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def loads(data: bytes | str) -> Json:
    """Decodes JSON that came from outside.

    Args:
        data: The text.

    Returns:
        The value.

    Raises:
        BadJson: Malformed, too deep, holding NaN or infinity, or holding text that is no valid Unicode.
    """
    try:
        value = cast("Json", json.loads(data, parse_constant=_no_constant))
    except RecursionError:
        raise BadJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise BadJson(str(error)) from None
    _check(value)
    return value


def as_doc(value: str) -> Doc:
    """Decodes an object that this server wrote itself."""
    return cast("Doc", json.loads(value))


def _no_constant(name: str) -> Never:
    raise BadJson(f"{name} is not a JSON value")


def _check(value: Json) -> None:
    """Walks the value level by level, so that the check itself cannot overflow the stack."""
    level: list[Json] = [value]
    for depth in count():
        inner: list[Json] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict | list) and depth == MAX_DEPTH:
                raise BadJson(f"nested deeper than {MAX_DEPTH} levels")
            elif isinstance(item, dict):
                for key in item:
                    _check_text(key)
                    if "\0" in key:
                        raise BadJson("a key holds a NUL character")
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner


def _check_text(value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadJson("a text holds half of a surrogate pair") from None
