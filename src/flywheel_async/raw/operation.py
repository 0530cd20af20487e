"""One operation of the table as something to call: its name, signature and route, for `help()` and notebooks."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from flywheel_async.raw.table import Operation, operations

if TYPE_CHECKING:
    from flywheel_async.core import Core


class BoundOperation:
    """One operation, bound to a client; subclasses say what calling it does.

    Args:
        core: The client.
        op: The operation.
        name: The name it is called by, where that is not its own.
    """

    def __init__(self, core: Core, op: Operation, name: str | None = None) -> None:
        self._core = core
        self._op = op
        self.__name__ = self.__qualname__ = name or op.id
        self.__doc__ = route(op)

    def __repr__(self) -> str:
        return f"<operation {self.__name__}: {route(self._op)}>"

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self._op)


def route(op: Operation) -> str:
    """The method and path of an operation."""
    return f"{op.method} {op.path}"


def signature(op: Operation) -> inspect.Signature:
    """What an operation takes, with the types in the table's notation."""
    return inspect.Signature(sorted(_parameters(op), key=lambda one: one.kind))


def _parameters(op: Operation) -> Iterator[inspect.Parameter]:
    params = [*op.path_params, *op.query_params, *op.form_params, *op.header_params]
    known = {param.python_name: (param.type, param.required) for param in params if param.name != "content-type"}
    if op.body is not None:
        known["body"] = (op.body.type, op.body.required)
    for name in (*op.positional, *(name for name in known if name not in op.positional)):
        kind, required = known[name]
        yield inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if name in op.positional else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if required else None,
            annotation=kind,
        )


def unknown(owner: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuses an attribute that is no operation.

    Raises:
        AttributeError: Always; the message names the nearest name.
    """
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"{owner} has no attribute {name!r}{hint}")


def find(owner: object, name: str) -> Operation:
    """The operation of a name asked for as an attribute.

    Raises:
        AttributeError: There is none; the message names the nearest one.
    """
    found = operations().get(name)
    return unknown(type(owner).__name__, name, operations()) if found is None else found
