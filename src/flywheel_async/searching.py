"""Searching the whole site with the query language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast, overload

from flywheel_async.core import Core
from flywheel_async.pagination import CONCURRENCY

if TYPE_CHECKING:
    from flywheel_async import types
    from flywheel_async.models import Acquisition, Analysis, File, Project, Session, Subject
    from flywheel_async.pagination import AsyncPager
    from flywheel_async.search.query import SearchQuery
    from flywheel_async.search.searches import SearchDeletion, Searches

    Found = File | Acquisition | Session | Analysis | Project | Subject

LIMIT = 1000
"""Hits per request, unless the caller asks for another number."""

ReturnType = Literal["file", "acquisition", "session", "analysis", "project", "subject"]


class AsyncSearching(Core):
    """The part of a client that searches."""

    @property
    def _searches(self) -> Searches:
        from flywheel_async.search.searches import Searches

        return Searches(self)

    async def search(
        self,
        query: SearchQuery,
        *,
        return_type: ReturnType | None = None,
        size: int | None = None,
        all_data: bool | None = None,
    ) -> list[types.SearchResponse]:
        """Gets the first hits of a search; route `POST /dataexplorer/search`.

        Args:
            query: What to find: a text in the query language, an expression such as `q.session.label == "x"`, or a
                mapping with `structured_query` and `return_type`; also a saved search.
            return_type: What is found: `file`, `acquisition`, `session`, `analysis`, `project` or `subject`. None
                takes that of the query, else `file`.
            size: Hits at most, up to 10,000. None takes that of the query, else 100.
            all_data: Search also what the user has no permissions on (site admins).

        Returns:
            Hits, which name what was found and where it is; `fw.get(hit.session.id)` gets the whole object. They do
            not tell whether there are more: `iter_search` gives all.

        Raises:
            ArgumentError: The query or an option makes no sense; nothing was sent.
            APIError: The site refused the query; `parse_search_query` says what is wrong in it.

        Example:
            >>> hits = await fw.search({"structured_query": "file.type = dicom", "return_type": "session"}, size=500)
            >>> labels = [hit.session.label for hit in hits]
        """
        return cast("list[types.SearchResponse]", await self._searches.some(query, return_type, size, all_data))

    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: ReturnType | None = None,
        full: Literal[False] = False,
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[types.SearchResponse]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["file"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[File]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["acquisition"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Acquisition]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["session"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Session]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["analysis"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Analysis]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["project"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Project]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: Literal["subject"],
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Subject]: ...
    @overload
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: None = None,
        full: Literal[True],
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Found]: ...
    def iter_search(
        self,
        query: SearchQuery,
        *,
        return_type: ReturnType | None = None,
        full: bool = False,
        all_data: bool | None = None,
        limit: int = LIMIT,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Any]:
        """Goes through all hits of a search, however many; route `POST /dataexplorer/search`, several requests.

        A site gives at most 10,000 hits and cannot go on behind them, so the search is cut into slices by when the
        objects were created, and where that does not help by what they are in.

        What is there and fits the query from the first request to the last is found exactly once. What is added,
        deleted or changed meanwhile may be found or not; what gets a new time of creation, such as a file that was
        deleted and uploaded again, may come twice. The order is by time of creation from slice to slice, and the
        site's within a slice.

        Args:
            query: As for `search`; it cannot be sorted.
            return_type: What is found, as for `search`.
            full: Get each object complete, with one more request per object, in place of hits. Those deleted
                meanwhile are left out.
            all_data: Search also what the user has no permissions on (site admins).
            limit: Hits per request, up to 10,000.
            concurrency: Requests at once for complete objects.

        Returns:
            An async iterator that asks when hits are needed. It holds the hits of one request.

        Raises:
            ArgumentError: The query or an option makes no sense; nothing was sent.
            SearchTruncated: While iterating: over 10,000 objects of one container were created at the same instant,
                or a search with `search_string` or `filters` has more hits than `limit`. Hits are missing.

        Example:
            >>> async for file in fw.iter_search(q.file.type == "nifti", return_type="file", full=True):
            ...     print(file.name)
        """
        return self._searches.all(query, return_type, all_data, full, limit, concurrency)

    async def parse_search_query(self, query: SearchQuery) -> types.ParsedQueryResponse:
        """Tells whether a query is right; route `POST /dataexplorer/search/parse`.

        Args:
            query: As for `search`.

        Returns:
            `valid`, and `errors` with line and position (both from 1), offset (from 0) and message.

        Raises:
            ArgumentError: There is no text in it; nothing was sent.

        Example:
            >>> for error in (await fw.parse_search_query("file.type = ")).errors:
            ...     print(error.line, error.pos, error.message)
        """
        return cast("types.ParsedQueryResponse", await self._searches.parse("parse_search_query", query))

    async def get_search_query_suggestions(self, query: SearchQuery) -> types.StructuredQuerySuggestions:
        """Gets how the text of a query may go on; route `POST /dataexplorer/search/suggest`.

        Args:
            query: The text so far.

        Returns:
            `suggestions` with `display` and `value`, and `from_`: where in the text the value belongs.

        Raises:
            ArgumentError: There is no text in it; nothing was sent.

        Example:
            >>> found = await fw.get_search_query_suggestions("file.ty")
            >>> names = [suggestion.value for suggestion in found.suggestions]
        """
        answer = await self._searches.parse("get_search_query_suggestions", query)
        return cast("types.StructuredQuerySuggestions", answer)

    async def delete_by_search(
        self,
        query: SearchQuery,
        *,
        return_type: ReturnType | None = None,
        dry_run: bool = True,
        delete_reason: str | None = None,
        limit: int = LIMIT,
    ) -> SearchDeletion:
        """Deletes what a search finds, or by default only counts it; route `DELETE /dataexplorer/search`.

        Args:
            query: As for `search`; there must be a condition in it.
            return_type: What is deleted, with everything below it; must be said here or in the query.
            dry_run: Count the hits as `iter_search` finds them, and delete nothing. The site deletes what it finds at
                the time of the call, which may differ.
            delete_reason: Why, where the project asks for a reason.
            limit: Hits per request of a dry run.

        Returns:
            How many objects were found and deleted.

        Raises:
            ArgumentError: Something is missing or makes no sense; nothing was sent.
            Forbidden: The user may not delete all of it; nothing was deleted.

        Example:
            >>> found = await fw.delete_by_search('file.name LIKE "*.tmp"', return_type="file")
            >>> if found.matched < 100:
            ...     await fw.delete_by_search('file.name LIKE "*.tmp"', return_type="file", dry_run=False)
        """
        return await self._searches.delete(query, return_type, dry_run, delete_reason, limit)
