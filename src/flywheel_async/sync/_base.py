"""What every generated class inherits: the one-line ways into the async core."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, TypeVar, cast

from flywheel_async.sync._runner import run
from flywheel_async.sync._signatures import FlatNames

if TYPE_CHECKING:
    from flywheel_async.client import AsyncClient
    from flywheel_async.sync._raw import FlatCall

T = TypeVar("T")


class SyncBase:
    """Base of the generated classes.

    The core makes objects of the caller's flavour, which its own annotations cannot say. The declared return
    type of the generated method therefore decides the result type here, and nothing else does.
    """

    __slots__ = ()

    def _run(self, fn: Callable[..., Coroutine[object, object, object]], /, *args: object, **kwargs: object) -> T:  # type: ignore[type-var]
        """Run an async function of the core and wait for its result."""
        return cast(T, run(fn, *args, **kwargs))

    def _call(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> T:  # type: ignore[type-var]
        """Call a plain function of the core."""
        return cast(T, fn(*args, **kwargs))

    def _get(self, owner: type[object], name: str) -> T:  # type: ignore[type-var]
        """Read a property that a class of the core defines, on this object."""
        return cast(T, getattr(owner, name).__get__(self))

    def _get_awaited(self, owner: type[object], name: str) -> T:  # type: ignore[type-var]
        """Read a property that a class of the core defines, on this object, and wait for it."""
        return cast(T, run(getattr(owner, name).__get__, self))


class Wrapper(SyncBase):
    """Base of the generated classes that stand in front of one object of the core."""

    def __repr__(self) -> str:
        return repr(vars(self)["_inner"]).replace("Async", "", 1)


class PartBase(Wrapper):
    """Base of the generated classes that the client is made of."""

    if TYPE_CHECKING:
        _inner: AsyncClient


class ClientBase(Wrapper, FlatNames):
    """Base of the generated client: finds the operations that are offered by name."""

    if not TYPE_CHECKING:
        # Hidden from type checkers, which know the names from FlatNames and shall refuse all others.
        def __getattr__(self, name: str) -> FlatCall:
            from flywheel_async.raw import flat
            from flywheel_async.sync._raw import FlatCall

            if name.startswith("_") or name not in flat.names():
                flat.unknown(type(self).__name__, name, dir(type(self)))
            return FlatCall(flat.FlatOperation(vars(self)["_inner"], name))

    def __dir__(self) -> Iterable[str]:
        from flywheel_async.raw import flat

        return sorted({*super().__dir__(), *flat.names()})
