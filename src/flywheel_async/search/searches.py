"""Searches of one client: one answer, all hits page by page, complete objects, deletion of what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError, BadAnswer, NotFound, SearchTruncated
from flywheel_async.fields.base import Model
from flywheel_async.fields.load import load_python
from flywheel_async.pagination import AsyncPager
from flywheel_async.raw.decode import decode
from flywheel_async.raw.table import operation
from flywheel_async.resources.kinds import CLASS_NAMES
from flywheel_async.resources.reasons import checked_reason
from flywheel_async.resources.whole import WholePages, check_concurrency, in_order
from flywheel_async.search import hits
from flywheel_async.search.query import DEFAULT_SIZE, MOST_HITS, body, check_size, text
from flywheel_async.search.slices import Slice

if TYPE_CHECKING:
    from flywheel_async.core import Core

_MOST_CUTS = 10_000
"""Cuts in a row without a hit; a site that does not keep to the conditions would be asked for ever."""


@dataclass(frozen=True, slots=True)
class SearchDeletion:
    """What `delete_by_search` did, or would do.

    Attributes:
        matched: Objects that the search found.
        deleted: Objects that were deleted; 0 in a dry run.
        scheduled: Objects that the site will delete in the background.
        dry_run: Whether nothing was deleted.
    """

    matched: int
    deleted: int
    scheduled: int
    dry_run: bool


class Searches:
    """Searches, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def some(self, query: object, return_type: object, size: int | None, all_data: bool | None) -> list[Model]:
        """The first hits of a search, in the site's order."""
        made = self._body(query, return_type, all_data)
        wanted = made.pop("size", None) if size is None else size
        return await self.ask(made, check_size(DEFAULT_SIZE if wanted is None else wanted))

    def all(
        self,
        query: object,
        return_type: object,
        all_data: bool | None,
        full: bool,
        limit: int,
        concurrency: int,
    ) -> AsyncPager[Model]:
        """All hits of a search, or the complete objects found."""
        check_concurrency(concurrency)
        pages = self._pages(self._body(query, return_type, all_data), limit)
        if not full:
            return AsyncPager(pages)
        return AsyncPager(WholePages(pages, partial(self._whole, pages.return_type, concurrency)))

    async def parse(self, name: str, query: object) -> Model:
        """Has the site look at the text of a query, with one of the two operations that do so."""
        written = text(query, self._core._options.default_timezone)
        response = await self._core._call(name, body={"structured_query": written})
        answer = decode(self._core, operation(name), response)
        if not isinstance(answer, Model):
            raise response.unexpected("an object")
        return answer

    async def delete(
        self, query: object, return_type: object, dry_run: bool, reason: str | None, limit: int
    ) -> SearchDeletion:
        """Deletes what a search finds, or counts it."""
        reason = checked_reason(reason)
        made = self._body(query, return_type)
        named = cast("Mapping[str, object]", query) if isinstance(query, (Mapping, Model)) else dict[str, object]()
        if return_type is None and not named.get("return_type"):
            raise ArgumentError("return_type: say what is to be deleted, for example return_type='session'")
        if not any(made.get(name) for name in ("structured_query", "search_string", "filters")):
            raise ArgumentError("query: without a condition everything on the site would be deleted; give one")
        for name in ("size", "sort", "all_data"):
            made.pop(name, None)
        if dry_run:
            pages = self._pages(made, limit)
            matched = 0
            while (page := await pages.next_page()) is not None:
                matched += len(page)
            return SearchDeletion(matched, 0, 0, True)
        response = await self._core._call("delete_by_search", body=made, delete_reason=reason)
        answer = response.json()
        counts = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        deleted, scheduled = _count(counts.get("deleted")), _count(counts.get("delete_scheduled"))
        return SearchDeletion(deleted + scheduled, deleted, scheduled, False)

    async def ask(self, made: Mapping[str, object], size: int) -> list[Model]:
        """Asks once.

        Args:
            made: The body.
            size: Hits at most.

        Returns:
            The hits; there may be more.
        """
        response = await self._core._call("search", body={**made, "size": size}, simple=True)
        answer = decode(self._core, operation("search"), response)
        if not isinstance(answer, list):
            raise response.unexpected("a list of hits")
        found = cast("list[Model]", answer)
        for hit, members in zip(found, cast("list[object]", response.json()), strict=True):
            if isinstance(members, dict):
                self._enliven(hit, cast("dict[str, object]", members))
        return found

    def _enliven(self, hit: Model, members: Mapping[str, object]) -> None:
        """Makes the parts of a hit objects of the client, so that scripts may go on with `hit.session.reload()`."""
        for name, kind, told in hits.parts(members):
            part = load_python(self._core._registry[CLASS_NAMES[kind]], told)
            vars(hit)[name] = self._core._bind(part)

    def _body(self, query: object, return_type: object, all_data: bool | None = None) -> dict[str, object]:
        return body(query, return_type, all_data, self._core._options.default_timezone)

    def _pages(self, made: dict[str, object], limit: int) -> SearchPages:
        made.pop("size", None)
        if made.pop("sort", None) is not None:
            raise ArgumentError("query: the hits come slice by slice, so they cannot be sorted; leave sort out")
        return SearchPages(self, made, check_size(limit, "limit"))

    async def _whole(self, return_type: str, concurrency: int, page: Sequence[Model]) -> list[Model]:
        """Gets the complete objects of some hits; those deleted meanwhile are left out."""

        async def get(hit: Model) -> Model | None:
            try:
                if return_type == "file":
                    return await self._file(hit)
                known = hits.identifier(hits.found(hit, return_type))
                if known is None:
                    raise BadAnswer(f"a hit of the search does not say which {return_type} was found")
                return await self._core._containers.get(return_type, known)
            except NotFound:
                return None

        return [item for item in await in_order(page, get, concurrency) if item is not None]

    async def _file(self, hit: Model) -> Model:
        parent, name = hits.parent_of(hit), hits.name_of(hit)
        if parent is None or name is None:
            raise BadAnswer("a hit of the search does not say which file was found")
        return self._core._object("File", await self._core._call("get_container_file_info", parent, name))


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


class SearchPages:
    """The hits of a search, one slice after the other; holds nothing that runs between two calls.

    Args:
        searches: Where to ask.
        made: The body of the search.
        limit: Hits per request.
    """

    def __init__(self, searches: Searches, made: dict[str, object], limit: int) -> None:
        self._searches = searches
        self._made = made
        self._limit = limit
        self.return_type = str(made["return_type"])
        self._waiting = [Slice(self.return_type)]
        self._cuts = 0

    async def next_page(self) -> list[Model] | None:
        """Asks for the next slice that has hits; after an error the walk is where it was."""
        while self._waiting:
            part = self._waiting[-1]
            made = self._narrowed(part)
            page = await self._searches.ask(made, self._limit)
            spots = [hits.spot(hit, self.return_type) for hit in page]
            if not all(map(part.admits, spots)):
                raise BadAnswer(f"the search cannot be cut: the site gives hits that do not fit {part.condition()}")
            if len(page) >= self._limit:
                try:
                    smaller = part.divide(spots)
                except SearchTruncated:
                    page = await self._searches.ask(made, MOST_HITS)
                    if len(page) >= MOST_HITS:
                        raise
                else:
                    self._cuts += 1
                    if self._cuts > _MOST_CUTS:
                        raise SearchTruncated("the site answers with too many hits, however small the search is made")
                    self._waiting[-1:] = reversed(smaller)
                    continue
            self._waiting.pop()
            if distinct := self._distinct(page):
                self._cuts = 0
                return distinct
        return None

    def _narrowed(self, part: Slice) -> dict[str, object]:
        condition = part.condition()
        if not condition:
            return self._made
        wanted = self._made.get("structured_query")
        if wanted is None and (self._made.get("search_string") or self._made.get("filters")):
            raise SearchTruncated(
                "the search finds more than the site answers at once, and only a structured_query can be cut into "
                "smaller ones; write the conditions as one, or as an expression"
            )
        # The query has been asked by itself before, so it has no bracket too many or too few.
        return {**self._made, "structured_query": f"({wanted}) AND {condition}" if wanted else condition}

    def _distinct(self, page: Sequence[Model]) -> list[Model]:
        # One object may be behind several entries of a site's index; slices have no object in common.
        seen: set[object] = set()
        kept: list[Model] = []
        for hit in page:
            own = hits.key(hit, self.return_type)
            if own is None or own not in seen:
                seen.add(own)
                kept.append(hit)
        return kept
