"""Walking a tree: everything below a container, level by level, in as many requests as there are pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.expressions import Comparison
from flywheel_async.fields.base import Model
from flywheel_async.pagination import DEFAULT_PAGE, AsyncPager, Pages
from flywheel_async.resources.bound import id_of
from flywheel_async.resources.kinds import CLASS_NAMES
from flywheel_async.resources.whole import Whole, WholePages, check_concurrency, in_order, kind_of

if TYPE_CHECKING:
    from flywheel_async.core import Core

Level: TypeAlias = Literal["project", "subject", "session", "acquisition", "analysis", "file"]
"""A level of the tree."""

_CONTAINERS = ("group", "project", "subject", "session", "acquisition")
_LEVELS = (*_CONTAINERS[1:], "analysis", "file")
_PLURALS = {"analysis": "analyses"}
_AHEAD = 4
"""Pages of lower levels that are asked for before their turn, at most."""


class Levels:
    """The pages of several lists one after the other; the later ones are asked for ahead, at the same time.

    Args:
        sources: The lists.
        concurrency: Requests at once at most.
    """

    def __init__(self, sources: Sequence[Pages[Model]], concurrency: int) -> None:
        self._concurrency = concurrency
        self._lists = [(source, deque[list[Model]]()) for source in sources]
        self._ended: set[int] = set()
        self._at = 0

    async def next_page(self) -> list[Model] | None:
        """Gives the next page of the present list, or the first one of the next."""
        while self._at < len(self._lists):
            _, waiting = self._lists[self._at]
            if not waiting and self._at not in self._ended:
                await in_order(self._wanted(), self._ask, self._concurrency)
            if waiting:
                return waiting.popleft()
            if self._at in self._ended:
                self._at += 1
        return None

    def _wanted(self) -> list[int]:
        """The lists to ask: the present one, and those further on that have not got ahead far enough."""
        return [
            place
            for place, (_, waiting) in enumerate(self._lists)
            if place >= self._at and place not in self._ended and len(waiting) < _AHEAD
        ]

    async def _ask(self, place: int) -> None:
        source, waiting = self._lists[place]
        page = await source.next_page()
        if page is None:
            self._ended.add(place)
        else:
            waiting.append(list(page))


def walk(
    core: Core,
    container: Model,
    levels: Sequence[str] | None,
    *,
    full: bool,
    limit: int,
    concurrency: int,
) -> AsyncPager[Model]:
    """Goes through everything below a container; see `AsyncClient.walk`."""
    check_concurrency(concurrency)
    kind, identifier = kind_of(container), id_of(container)
    if kind not in _CONTAINERS[:-1] and kind != "acquisition":
        raise ArgumentError(f"walk goes below a group, project, subject, session or acquisition, not a {kind}")
    chosen = _below(kind) if levels is None else _chosen(kind, levels)
    mine = Comparison(("parents", kind), "=", identifier)
    finders = [core._finder(f"get_all_{_PLURALS.get(level, f'{level}s')}", CLASS_NAMES[level]) for level in chosen]
    pages: Pages[Model] = Levels(
        [finder.iter_find(mine, limit=limit or DEFAULT_PAGE) for finder in finders], concurrency
    )
    if full:
        pages = WholePages(pages, lambda items: Whole(core).objects(items, {}, concurrency))
    return AsyncPager(pages)


def _below(kind: str) -> list[str]:
    below = [*_CONTAINERS[_CONTAINERS.index(kind) + 1 :]]
    return below or ["file"]


def _chosen(kind: str, levels: Sequence[object]) -> list[str]:
    if isinstance(cast("object", levels), str):
        raise ArgumentError(f"levels is a list such as ['session', 'acquisition'], not the text {levels!r}")
    possible = [level for level in _LEVELS if level not in _CONTAINERS or level in _below(kind)]
    wanted: set[str] = set()
    for level in levels:
        name = next((name for name in possible if level in (name, _PLURALS.get(name, f"{name}s"))), None)
        if name is None:
            raise ArgumentError(f"levels: there is no {level!r} below a {kind}; there are {', '.join(possible)}")
        wanted.add(name)
    return [level for level in possible if level in wanted]
