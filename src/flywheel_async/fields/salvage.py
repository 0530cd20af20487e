"""Reads an object some of whose members have another type than declared."""

from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from .annotations import alternatives
from .base import Model

M = TypeVar("M", bound=Model)


def salvage(cls: type[M], raw: object) -> M:
    """Makes an object out of decoded JSON; a member that does not fit keeps its raw value.

    Only the innermost misfit stays raw: of a list with one odd item, all other items are read as declared.

    Args:
        cls: The class to make.
        raw: Decoded JSON.

    Returns:
        The object, not bound to a client.

    Raises:
        ValueError: `raw` is not a dictionary with text keys.
    """
    if not isinstance(raw, dict):
        raise ValueError(f"expected a JSON object for {cls.__name__}, got {type(raw).__name__}")
    # Pydantic refuses names that are not valid Unicode; they can only belong to unknown members.
    fitting: dict[str, object] = {}
    unknown: dict[str, object] = {}
    for key, value in cast("dict[object, object]", raw).items():
        if not isinstance(key, str):
            raise ValueError(f"expected text keys for {cls.__name__}, got {type(key).__name__}")
        (fitting if _is_unicode(key) else unknown)[key] = value
    odd: dict[str, object] = {}
    try:
        model = cls.model_validate(fitting)
    except ValidationError as error:
        for key in _failing_keys(error):
            name = cls._wire.get(key, key)
            for spelling in (name, key):
                if spelling in fitting:
                    odd[name] = fitting.pop(spelling)
        model = cls.model_validate(fitting)
    for name, value in odd.items():
        setattr(model, name, _member(cls.__pydantic_fields__[name].annotation, value))
    if unknown:
        model.__pydantic_extra__ = {**(model.__pydantic_extra__ or {}), **unknown}
    return model


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _failing_keys(error: ValidationError) -> set[str]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return {str(detail["loc"][0]) for detail in details if detail["loc"]}


def _member(declared: Any, raw: object) -> object:
    value = raw
    for kind in alternatives(declared):
        if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            if isinstance(kind, type) and issubclass(kind, Model):
                return salvage(kind, entries)
            if get_origin(kind) is dict:
                return {key: _member(get_args(kind)[1], entry) for key, entry in entries.items()}
        if isinstance(value, list) and get_origin(kind) is list:
            return [_member(get_args(kind)[0], item) for item in cast("list[object]", value)]
    try:
        return cast("object", TypeAdapter(declared).validate_python(raw))
    except ValidationError:
        return raw
