"""Reads answers of a site into data objects, fast when they are as expected, leniently when they are not.

The expected answer is parsed and validated in one call. If some member has another type than declared, which
a newer or a hostile site may send, every other member is still read and that one keeps its raw value.
"""

import gc
import json
from collections.abc import Generator
from contextlib import contextmanager
from types import GenericAlias
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError, create_model
from pydantic_core import from_json

from .base import Model
from .compact import compact
from .salvage import salvage

M = TypeVar("M", bound=Model)

_adapters: dict[tuple[type[Model], bool], TypeAdapter[Any]] = {}


def load_one(cls: type[M], data: bytes) -> M:
    """Reads one object.

    Args:
        cls: The class to make.
        data: JSON text.

    Returns:
        The object, not bound to a client.

    Raises:
        ValueError: The text is not a JSON object.

    Example:
        >>> load_one(GroupFields, b'{"_id": "my_group", "label": "My Test Group"}').label
        'My Test Group'
    """
    try:
        with _no_collection():
            model = cls.model_validate_json(data)
    except ValidationError:
        return salvage(cls, _parsed(data))
    compact([model])
    return model


def load_page(cls: type[M], data: bytes) -> tuple[list[M], int | None]:
    """Reads a page of objects: a bare array, or an object with `results` and perhaps `total`.

    Args:
        cls: The class of the items.
        data: JSON text.

    Returns:
        The items, and the number of items on all pages together if the site states it.

    Raises:
        ValueError: The text is neither an array nor a page, or an item is not an object.

    Example:
        >>> load_page(GroupFields, b'{"total": 7, "results": [{"_id": "my_group"}]}')
        ([GroupFields(id='my_group')], 7)
    """
    bare = data.lstrip()[:1] == b"["
    adapter = _adapter(cls, bare)
    try:
        with _no_collection():
            answer = adapter.validate_json(data)
    except ValidationError:
        return _salvaged_page(cls, _parsed(data))
    models: list[M] = answer if bare else answer.results
    compact(models)
    return models, None if bare else _count(answer.total)


def load_python(cls: type[M], obj: object) -> M:
    """Reads one object from decoded JSON, as `load_one` does from text.

    Args:
        cls: The class to make.
        obj: Decoded JSON.

    Returns:
        The object, not bound to a client.

    Raises:
        ValueError: `obj` is not a dictionary.
    """
    try:
        model = cls.model_validate(obj)
    except ValidationError:
        return salvage(cls, obj)
    compact([model])
    return model


def _adapter(cls: type[Model], bare: bool) -> TypeAdapter[Any]:
    adapter = _adapters.get((cls, bare))
    if adapter is None:
        shape: Any = GenericAlias(list, (cls,))
        if not bare:
            shape = create_model(f"{cls.__name__}Page", results=(shape, ...), total=(object, None))
        adapter = _adapters[cls, bare] = TypeAdapter(shape)
    return adapter


def _salvaged_page(cls: type[M], raw: object) -> tuple[list[M], int | None]:
    total: object = None
    if isinstance(raw, dict):
        page = cast("dict[str, object]", raw)
        raw, total = page.get("results"), page.get("total")
    if not isinstance(raw, list):
        raise ValueError(f"expected a JSON array or a page with results, got {type(raw).__name__}")
    return [load_python(cls, item) for item in cast("list[object]", raw)], _count(total)


def _parsed(data: bytes) -> object:
    try:
        return from_json(data)
    except ValueError as error:
        # The standard parser also takes unpaired surrogates, which people do manage to put into labels.
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise ValueError(f"not valid JSON ({len(data)} bytes): {str(error)[:200]}") from None


def _count(total: object) -> int | None:
    return total if isinstance(total, int) and not isinstance(total, bool) else None


@contextmanager
def _no_collection() -> Generator[None, None, None]:
    """Holds the cyclic garbage collector off: thousands of new objects, none of them garbage, set it off."""
    was_on = gc.isenabled()
    if was_on:
        gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
