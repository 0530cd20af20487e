"""Reads type annotations of members."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin


def alternatives(declared: Any) -> Iterator[Any]:
    """Yields what a type may be: each side of a union, without the wrapping of `Annotated`."""
    origin = get_origin(declared)
    if origin is Annotated:
        yield from alternatives(get_args(declared)[0])
    elif origin is Union or origin is UnionType:
        for side in get_args(declared):
            yield from alternatives(side)
    else:
        yield declared
