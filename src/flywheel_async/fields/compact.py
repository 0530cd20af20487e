"""Saves memory on loaded objects.

Pydantic keeps, per object, the set of the members that were given. For an object that a site sent this tells
nothing, yet takes a third of its memory.
"""

from collections.abc import Iterable
from types import NoneType
from typing import Any, cast, get_args, get_origin

from .annotations import alternatives
from .base import Model

# A set of up to four entries needs no more memory than an empty one.
_SMALL = 4

_large_parts: dict[type[Model], list[str]] = {}


def compact(models: Iterable[Model]) -> None:
    """Empties the sets of given members, in objects and in the large ones among their parts."""
    pending = list(models)
    for model in pending:
        model.__pydantic_fields_set__.clear()
        data = model.__dict__
        for name in _names_of_large_parts(type(model)):
            value = data[name]
            if isinstance(value, list):
                pending += cast("list[Model]", value)
            elif value is not None:
                pending.append(value)


def _names_of_large_parts(cls: type[Model]) -> list[str]:
    names = _large_parts.get(cls)
    if names is None:
        names = [name for name, field in cls.__pydantic_fields__.items() if _is_large(field.annotation)]
        _large_parts[cls] = names
    return names


def _is_large(declared: Any) -> bool:
    large = False
    for kind in alternatives(declared):
        item: Any = get_args(kind)[0] if get_origin(kind) is list else kind
        if item is NoneType:
            continue
        if not (isinstance(item, type) and issubclass(item, Model)):
            return False  # the value may be no object at all
        large = large or len(item.__pydantic_fields__) > _SMALL
    return large
