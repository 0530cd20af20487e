"""The link between an object and the client that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError, NotBound
from flywheel_async.fields.base import Model
from flywheel_async.fields.common import ContainerReference

if TYPE_CHECKING:
    from flywheel_async.core import Core

_set = object.__setattr__
_NESTED = ("files", "analyses", "inputs", "subject")


def bind(item: Model, core: Core) -> None:
    """Links an object, and the files, analyses and subject inside it, to a client."""
    _set(item, "_core", core)
    data = vars(item)
    for name in _NESTED:
        inner = data.get(name)
        if not inner:
            continue
        for part in cast("list[object]", inner) if isinstance(inner, list) else [inner]:
            if isinstance(part, Model):
                bind(part, core)
                if name == "files":
                    _name_parent(part, item)


def _name_parent(file: Model, container: Model) -> None:
    """Tells an embedded file which container holds it, where the site did not."""
    kind = getattr(type(container), "container_type", None)
    data = vars(file)
    if data.get("parent_ref") is None and isinstance(kind, str):
        data["parent_ref"] = ContainerReference(id=container.get("id"), type=kind)


def core_of(item: Model) -> Core:
    """The client an object belongs to.

    Raises:
        NotBound: It was made by hand, copied or unpickled.
    """
    core = item._core
    if core is None:
        raise NotBound(
            f"this {type(item).__name__} belongs to no client (it was made by hand, copied or unpickled); "
            "get it from the client by its id"
        )
    return core


def id_of(item: Model) -> str:
    """The id of an object.

    Raises:
        ArgumentError: It has none.
    """
    identifier = item.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise ArgumentError(f"this {type(item).__name__} has no id")
    return identifier
