"""What differs between the async client and the sync facade, as data for the one core below both."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

from flywheel_async.fields.base import Model

Registry = Mapping[str, type[Model]]
"""Class name → class, for example `"Project"` → `models.Project`."""

AtClose = Callable[[Callable[[], Coroutine[object, object, object]]], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Flavour:
    """One way to use the core.

    Attributes:
        registry: Gives the classes of the objects handed out.
        inline: Whether the user's file objects are read in the calling thread. The sync facade does, so that they
            may use the client themselves; the async client reads them in a worker thread to keep its loop free.
        nested: Tells whether the current call was made by user code that runs inside another call. Such a call must
            not wait for the request budget that the outer one holds.
        at_close: Has a function called when the running event loop is closed by those who run it; gives a function
            that takes this back. The async client's loops are the user's own, so there it does nothing.
    """

    registry: Callable[[], Registry]
    inline: bool = False
    nested: Callable[[], bool] = lambda: False
    at_close: AtClose = lambda closer: lambda: None


def _async_registry() -> Registry:
    from flywheel_async.models import registry

    return registry()


ASYNC = Flavour(_async_registry)
