"""Finders: look for objects in one list of the site, at once or page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar, Unpack, cast

from flywheel_async.errors import ArgumentError, NoMatch, NotUnique
from flywheel_async.expressions import Filter
from flywheel_async.fields.base import Model
from flywheel_async.filter_doubts import FilterWarning
from flywheel_async.filter_writing import plan
from flywheel_async.notices import warn
from flywheel_async.pagination import CONCURRENCY, DEFAULT_PAGE, AsyncPager, Page, Pages, Query, Walk
from flywheel_async.resources.merging import Merged
from flywheel_async.resources.whole import Whole, WholePages, check_concurrency

if TYPE_CHECKING:
    from flywheel_async.core import Core

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

    filter: Filter | None
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

    Filters are strings such as `label=anx_s1`, `created>2024-01-31`, `label=~rest.*` or `tags=|[a,b]`, or expressions
    such as `f.label == "0042"` with `from flywheel_async import f`; several are all to hold. In a string, quote a value
    that looks like a number but is a text: `label="0042"`.

    A list of values that is too long for one request, as in `f.id.in_(ids)`, is sent in several, and their answers are
    merged: each object comes once, in the order of `sort`, or else of the ids.

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

    def __init__(self, core: Core, operation: str, model: str, path: tuple[str, ...] = ()) -> None:
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
        return await self._some(self._queries((), options), _limit(limit))

    async def find(
        self,
        *filters: Filter,
        limit: int | str | None = None,
        full: bool = False,
        concurrency: int = CONCURRENCY,
        **options: Unpack[FindOptions],
    ) -> list[M]:
        """Returns the matching objects as a list.

        Args:
            *filters: Filters that all have to hold.
            limit: Objects to return at most, in one request; None or 0 returns all, page by page.
            full: Get each object complete, with one more request per object; lists trim `info` and analyses.
            concurrency: Requests at once for complete objects.
            **options: See `FindOptions`.

        Returns:
            The matching objects.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.

        Example:
            >>> await fw.subjects.find("sex=male", "age<946728000", limit=10)
            >>> await fw.sessions.find(f.timestamp >= when, f.tags.has("checked"), full=True)
        """
        check_concurrency(concurrency)
        queries = self._queries(filters, options)
        most = _limit(limit)
        if most or options.get("page") is not None:
            found = await self._some(queries, most)
        else:
            found = await self._all(self._source(queries, DEFAULT_PAGE))
        return await self._whole(found, options, concurrency) if full else found

    async def find_first(self, *filters: Filter, full: bool = False, **options: Unpack[FindOptions]) -> M | None:
        """Returns the first matching object, or None; one request.

        Args:
            *filters: Filters that all have to hold.
            full: Get the object complete, with one more request.
            **options: See `FindOptions`.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.
        """
        found = await self._some(self._queries(filters, options), 1)
        if full:
            found = await self._whole(found, options, 1)
        return found[0] if found else None

    async def find_one(self, *filters: Filter, full: bool = False, **options: Unpack[FindOptions]) -> M:
        """Returns the only matching object; one request.

        Args:
            *filters: Filters that all have to hold.
            full: Get the object complete, with one more request.
            **options: See `FindOptions`.

        Raises:
            NoMatch: Nothing matches; also a `ValueError`.
            NotUnique: More than one object matches; also a `ValueError`.
            ArgumentError: A filter or argument is malformed; nothing was sent.
            APIError: The site refused.
        """
        queries = self._queries(filters, options)
        found = await self._some(queries, 2)
        text = queries[0].get("filter") or "no filter" if queries else "an empty list of values"
        wanted = f"{self._model.lower()} matching {text}"
        if len(found) > 1:
            raise NotUnique(f"there is more than one {wanted}; first ids: {found[0].get('id')}, {found[1].get('id')}")
        if full:
            found = await self._whole(found, options, 1)
        if not found:
            raise NoMatch(f"there is no {wanted}")
        return found[0]

    def iter(
        self,
        limit: int = DEFAULT_PAGE,
        *,
        full: bool = False,
        concurrency: int = CONCURRENCY,
        **options: Unpack[FindOptions],
    ) -> AsyncPager[M]:
        """Goes through all objects of the list.

        Args:
            limit: Objects per request.
            full: Get each object complete, with one more request per object.
            concurrency: Requests at once for complete objects.
            **options: See `FindOptions`.

        Returns:
            An async iterator that asks for a page when it is needed.
        """
        return self.iter_find(limit=limit, full=full, concurrency=concurrency, **options)

    def iter_find(
        self,
        *filters: Filter,
        limit: int = DEFAULT_PAGE,
        full: bool = False,
        concurrency: int = CONCURRENCY,
        **options: Unpack[FindOptions],
    ) -> AsyncPager[M]:
        """Goes through all matching objects.

        Without `sort` the walk is in the order of ids: objects that exist during the whole walk are returned exactly
        once, whatever is added or deleted meanwhile. With `sort` it goes on by the number of objects seen.

        Args:
            *filters: Filters that all have to hold.
            limit: Objects per request.
            full: Get each object complete, with one more request per object; lists trim `info` and analyses. An
                object that is deleted between the two requests is left out.
            concurrency: Requests at once for complete objects.
            **options: See `FindOptions`.

        Returns:
            An async iterator that asks for a page when it is needed; leaving it early needs no clean-up.

        Raises:
            ArgumentError: A filter or argument is malformed; nothing was sent.

        Example:
            >>> async for acquisition in session.acquisitions.iter_find("label=~T1.*"):
            ...     print(acquisition.label)
            >>> async for session in fw.sessions.iter_find(f.label.matches("rest.*"), full=True):
            ...     print(session.info)
        """
        check_concurrency(concurrency)
        source = self._source(self._queries(filters, options), _limit(limit) or DEFAULT_PAGE)
        if full:
            source = WholePages(source, lambda items: self._whole(items, options, concurrency))
        return AsyncPager(source)

    async def get_or_create(self, label: str, **members: object) -> M:
        """Gets the object with a label, or creates it; for the projects of a group and so on down to acquisitions.

        However many tasks and threads of one client ask for a label at once, one object is created. Should another
        client create one at the same moment, the oldest is returned, with a warning. A creation whose outcome is
        unknown, because the connection broke, is looked up before it is tried again. The list's own route, and
        `POST /{containers}`, `GET /{containers}/{id}`.

        Args:
            label: The label, matched exactly.
            **members: What a new object gets besides; an object that is there already stays as it is. A session
                of a project needs `subject`: an id, a mapping such as `{"label": "0042"}` or a `Subject`.

        Returns:
            The object, complete.

        Raises:
            ArgumentError: Nothing can be created in this list, or the label is empty; nothing was sent.
            APIError: The site refused.

        Example:
            >>> subject = await project.subjects.get_or_create(label="0042", sex="female")
        """
        return cast("M", await self._core._ensure.child(self._operation, self._path, label, members))

    def _queries(self, filters: tuple[Filter, ...], options: FindOptions) -> list[dict[str, object]]:
        """One query per request that the filters need; warns about filters that cannot mean what was wanted."""
        query: dict[str, object] = dict(options)
        planned = plan(filters, query.pop("filter", None), self._core._options.default_timezone)
        for doubt in planned.doubts:
            warn(doubt, FilterWarning)
        if query.get("skip") is not None:
            query["skip"] = _limit(query["skip"], "skip")
        return [{**query, "filter": text} for text in planned.texts]

    async def _some(self, queries: Sequence[Query], most: int | None) -> list[M]:
        """Up to a number of objects: one request, unless a list of values needs several."""
        if len(queries) == 1:
            return (await self._fetch({**queries[0], "limit": most})).results
        page = queries[0].get("page") if queries else None
        if isinstance(page, int):
            if not most:
                raise ArgumentError("page needs a limit")
            queries = [{**query, "page": None, "skip": most * (page - 1)} for query in queries]
        found: list[M] = []
        source = self._source(queries, min(most or DEFAULT_PAGE, DEFAULT_PAGE))
        while (not most or len(found) < most) and (batch := await source.next_page()) is not None:
            found += batch
        return found[: most or None]

    async def _all(self, source: Pages[M]) -> list[M]:
        found: list[M] = []
        while (page := await source.next_page()) is not None:
            found += page
        return found

    def _source(self, queries: Sequence[Query], size: int) -> Pages[M]:
        if len(queries) == 1:
            return Walk(self._fetch, queries[0], size)
        shared: Query = queries[0] if queries else {}
        sort, skip = cast("str | None", shared.get("sort")), cast("int | None", shared.get("skip"))
        extra: dict[str, object] = {"skip": None}
        if sort and any(key.strip().startswith("info") for key in sort.split(",")):
            extra["include_all_info"] = True  # the merge needs to see what the site sorts by
        return Merged([Walk(self._fetch, {**query, **extra}, size) for query in queries], sort, skip or 0)

    async def _fetch(self, query: Query) -> Page[M]:
        return cast("Page[M]", await self._core._page(self._operation, self._path, query, self._model))

    async def _whole(self, items: Sequence[M], options: FindOptions, concurrency: int) -> list[M]:
        return await Whole(self._core).objects(items, cast("dict[str, object]", options), concurrency)


def _limit(value: object, argument: str = "limit") -> int | None:
    """Reads a count that may be a numeric text, as old scripts pass it."""
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ArgumentError(f"{argument} must be a whole number, 0 or more, not {value!r}")
    return value
