"""Complete objects in place of the trimmed ones of lists: one request per object, several at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import anyio

from flywheel_async.errors import ArgumentError, NotFound
from flywheel_async.fields.base import Model
from flywheel_async.pagination import CONCURRENCY, Pages
from flywheel_async.raw.table import operation
from flywheel_async.resources.bound import id_of
from flywheel_async.resources.kinds import CLASS_NAMES
from flywheel_async.transfer.together import kept, ungrouped

if TYPE_CHECKING:
    from flywheel_async.core import Core

M = TypeVar("M", bound=Model)
T = TypeVar("T")
R = TypeVar("R")

_KINDS = {name: kind for kind, name in CLASS_NAMES.items()}


async def in_order(items: Iterable[T], work: Callable[[T], Awaitable[R]], concurrency: int = CONCURRENCY) -> list[R]:
    """Does something with each of some items, a few at a time.

    Args:
        items: The items.
        work: What to do with one.
        concurrency: Items in work at once at most.

    Returns:
        The results, in the order of the items.

    Raises:
        ArgumentError: The concurrency is no whole number from 1.
        Exception: The first error of `work`; what was still running is cancelled.
    """
    check_concurrency(concurrency)
    found: dict[int, R] = {}
    errors: list[BaseException] = []
    listed = list(items)
    if len(listed) == 1:
        return [await work(listed[0])]
    queue = iter(enumerate(listed))

    async def worker() -> None:
        with kept(errors):
            for place, item in queue:
                found[place] = await work(item)
        if errors:
            tasks.cancel_scope.cancel()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            for _ in range(min(concurrency, len(listed))):
                tasks.start_soon(worker)
    if errors:
        try:
            raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
        finally:
            errors.clear()  # the error's traceback refers to this frame
    return [found[place] for place in sorted(found)]


def check_concurrency(concurrency: object) -> None:
    """Refuses a number of simultaneous requests that makes no sense."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ArgumentError(f"concurrency must be a whole number from 1, not {concurrency!r}")


class Whole:
    """Gets complete objects, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def objects(self, items: Sequence[M], options: Mapping[str, object], concurrency: int) -> list[M]:
        """Gets the complete object for each object of a list; those deleted meanwhile are left out.

        Args:
            items: The trimmed objects.
            options: Options of the list; those that getting one object knows too are passed on.
            concurrency: Requests at once at most.
        """

        async def get(item: M) -> M | None:
            kind = kind_of(item)
            known = {param.python_name for param in operation(f"get_{kind}").query_params}
            passed = {name: value for name, value in options.items() if name in known}
            try:
                response = await self._core._call(f"get_{kind}", _own_id(item), **{**passed, **_version(item)})
            except NotFound:
                return None
            return cast("M", self._core._object(CLASS_NAMES[kind], response))

        return [item for item in await in_order(items, get, concurrency) if item is not None]

    async def reload_all(self, items: Iterable[M], concurrency: int) -> list[M]:
        """Reloads objects in place; each is asked for once, however often it is in the list."""
        listed = list(items)
        for item in listed:
            if not isinstance(cast("object", item), Model):
                raise ArgumentError(f"reload_all takes objects of the site, not a {type(item).__name__}")
            kind_of(item)
        distinct = {id(item): item for item in listed}

        async def reload(item: M) -> None:
            await self._core._containers.reload(item, kind_of(item), _own_id(item), **_version(item))

        await in_order(distinct.values(), reload, concurrency)
        return listed


class WholePages(Generic[M]):
    """Pages whose objects are complete.

    Args:
        source: Pages of trimmed objects.
        whole: Makes the objects of one page complete.
    """

    def __init__(self, source: Pages[M], whole: Callable[[Sequence[M]], Awaitable[list[M]]]) -> None:
        self._source = source
        self._whole = whole
        self._waiting: Sequence[M] | None = None

    async def next_page(self) -> list[M] | None:
        """Gets the next page and then its objects; a page whose objects failed is kept for the next try."""
        if self._waiting is None:
            self._waiting = await self._source.next_page()
        if self._waiting is None:
            return None
        page = await self._whole(self._waiting)
        self._waiting = None
        return page


def kind_of(item: Model) -> str:
    """The kind of an object, as it stands in operation ids.

    Raises:
        ArgumentError: Objects of this class cannot be got by their id.
    """
    for cls in type(item).__mro__:
        if cls.__name__ in _KINDS:
            return _KINDS[cls.__name__]
    raise ArgumentError(f"a {type(item).__name__} cannot be got by its id: lists give it complete")


def _own_id(item: Model) -> str:
    return str(item.get("file_id") or id_of(item)) if kind_of(item) == "file" else id_of(item)


def _version(item: Model) -> dict[str, object]:
    """A file stays the version it is."""
    return {"version": item.get("version")} if kind_of(item) == "file" else {}
