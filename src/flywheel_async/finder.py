"""Finders: look for objects in one list of the site, at once or page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar, Unpack, cast

from flywheel_async.errors import ArgumentError, NoMatch, NotUnique
from flywheel_async.fields.base import Model
from flywheel_async.filters import join_filters
from flywheel_async.pagination import DEFAULT_PAGE, AsyncPager, Page, Query

if TYPE_CHECKING:
    from flywheel_async.client import AsyncClient

M = TypeVar("M", bound=Model)


class FindOptions(TypedDict, total=False):
    """What every list accepts besides filters; a list refuses those it does not know, before sending.

    Attributes:
        filter: One more filter.
        sort: `key[:asc|desc]`, several separated by commas.
        skip: Objects to leave out at the start.
        page: Page number from 1; needs a limit.
        after_id: Only objects with a greater id, in the order of ids.
        exhaustive: Everything on the site, not only what the user has permissions on (site admins).
        include_all_info: Whole `info` instead of a trimmed one.
        join: `origin` fills `join_origin`.
        join_avatars: Adds names and pictures to permissions and notes.
        counts: Adds counts of children (projects).
        stats: Adds statistics (projects, collections).
        collection_id: Only members of this collection (acquisitions).
        user_id: Only what this user has permissions on (sessions, collections).
        x_accept_feature: Further features to ask for.
    """

    filter: str | None
    sort: str | None
    skip: int | None
    page: int | None
    after_id: str | None
    exhaustive: bool | None
    include_all_info: bool | None
    join: str | None
    join_avatars: bool | None
    counts: bool | None
    stats: bool | None
    collection_id: str | None
    user_id: str | None
    x_accept_feature: list[str] | None


class AsyncFinder(Generic[M]):
    """Looks for objects in one list of the site.

    Filters are strings such as `label=anx_s1`, `created>2024-01-31`, `label=~rest.*` or `tags=|[a,b]`; several are all
    to hold. Quote a value that looks like a number but is a text: `label="0042"`.

    Example:
        >>> project = await fw.projects.find_one("label=My Study")
        >>> async for session in project.sessions.iter_find("label=~rest.*"):
        ...     print(session.label)

    Args:
        core: The client.
        operation: The list's operation id.
        model: Name of the class of its objects.
        path: Values of the path's parameters, in order.
    """

    def __init__(self, core: AsyncClient, operation: str, model: str, path: tuple[str, ...] = ()) -> None:
        self._core = core
        self._operation = operation
        self._model = model
        self._path = path

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._operation}>"

    async def __call__(self, *, limit: int | str | None = None, **options: Unpack[FindOptions]) -> list[M]:
        """Asks once, with the arguments as given.

        Args:
            limit: Objects to return at most; None leaves it to the site.
            **options: See `FindOptions`.

        Returns:
            The objects of the answer.

        Raises:
            ArgumentError: An argument is unknown to this list or malformed.
            APIError: The site refused.
        """
        query = _query((), options)
        query["limit"] = _limit(limit)
        return (await self._fetch(query)).results

    async def find(self, *filters: str, limit: int | str | None = None, **options: Unpack[FindOptions]) -> list[M]:
        """Returns the matching objects as a list.

        Args:
            *filters: Filters that all have to hold.
            limit: Objects to return at most, in one request; None or 0 returns all, page by page.
            **options: See `FindOptions`.

        Returns:
            The matching objects.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.

        Example:
            >>> await fw.subjects.find("sex=male", "age<946728000", limit=10)
        """
        query = _query(filters, options)
        most = _limit(limit)
        if most or query.get("page") is not None:
            query["limit"] = most
            return (await self._fetch(query)).results
        found: list[M] = []
        pager = AsyncPager(self._fetch, query)
        while (page := await pager.next_page()) is not None:
            found += page
        return found

    async def find_first(self, *filters: str, **options: Unpack[FindOptions]) -> M | None:
        """Returns the first matching object, or None; one request.

        Args:
            *filters: Filters that all have to hold.
            **options: See `FindOptions`.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.
        """
        found = (await self._fetch({**_query(filters, options), "limit": 1})).results
        return found[0] if found else None

    async def find_one(self, *filters: str, **options: Unpack[FindOptions]) -> M:
        """Returns the only matching object; one request.

        Args:
            *filters: Filters that all have to hold.
            **options: See `FindOptions`.

        Raises:
            NoMatch: Nothing matches; also a `ValueError`.
            NotUnique: More than one object matches; also a `ValueError`.
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.
        """
        query = _query(filters, options)
        found = (await self._fetch({**query, "limit": 2})).results
        wanted = f"{self._model.lower()} matching {query.get('filter') or 'no filter'}"
        if not found:
            raise NoMatch(f"there is no {wanted}")
        if len(found) > 1:
            raise NotUnique(f"there is more than one {wanted}; first ids: {found[0].get('id')}, {found[1].get('id')}")
        return found[0]

    def iter(self, limit: int = DEFAULT_PAGE, **options: Unpack[FindOptions]) -> AsyncPager[M]:
        """Goes through all objects of the list.

        Args:
            limit: Objects per request.
            **options: See `FindOptions`.

        Returns:
            An async iterator that asks for a page when it is needed.
        """
        return self.iter_find(limit=limit, **options)

    def iter_find(self, *filters: str, limit: int = DEFAULT_PAGE, **options: Unpack[FindOptions]) -> AsyncPager[M]:
        """Goes through all matching objects.

        Without `sort` the walk is in the order of ids: objects that exist during the whole walk are returned exactly
        once, whatever is added or deleted meanwhile. With `sort` it goes on by the number of objects seen.

        Args:
            *filters: Filters that all have to hold.
            limit: Objects per request.
            **options: See `FindOptions`.

        Returns:
            An async iterator that asks for a page when it is needed; leaving it early needs no clean-up.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.

        Example:
            >>> async for acquisition in session.acquisitions.iter_find("label=~T1.*"):
            ...     print(acquisition.label)
        """
        size = _limit(limit)
        return AsyncPager(self._fetch, _query(filters, options), size or DEFAULT_PAGE)

    async def _fetch(self, query: Query) -> Page[M]:
        return cast("Page[M]", await self._core._page(self._operation, self._path, query, self._model))


def _query(filters: tuple[str, ...], options: FindOptions) -> dict[str, object]:
    query: dict[str, object] = dict(options)
    query["filter"] = join_filters(filters, query.get("filter"))
    if query.get("skip") is not None:
        query["skip"] = _limit(query["skip"], "skip")
    return query


def _limit(value: object, argument: str = "limit") -> int | None:
    """Reads a count that may be a numeric text, as old scripts pass it."""
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ArgumentError(f"{argument} must be a whole number, 0 or more, not {value!r}")
    return value
