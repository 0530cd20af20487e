"""The async client: where everything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack, cast, overload

import anyio

from flywheel_async.config import resolve_options, resolve_site
from flywheel_async.downloading import AsyncDownloading
from flywheel_async.getting import AsyncGetting
from flywheel_async.long_running import AsyncLongRunning
from flywheel_async.pagination import CONCURRENCY, DEFAULT_PAGE
from flywheel_async.raw.signatures import AsyncFlatNames
from flywheel_async.searching import AsyncSearching
from flywheel_async.viewing import AsyncViewing

if TYPE_CHECKING:
    import httpx

    from flywheel_async.fields.base import Model
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models import (
        Acquisition,
        Analysis,
        Collection,
        File,
        Group,
        Project,
        Session,
        Subject,
        User,
    )
    from flywheel_async.pagination import AsyncPager
    from flywheel_async.raw.api import AsyncRaw
    from flywheel_async.raw.flat import FlatOperation
    from flywheel_async.raw.response import RawResponse
    from flywheel_async.resources.downloads import DownloadKeywords
    from flywheel_async.resources.paths import PathLike
    from flywheel_async.resources.uploads import UploadKeywords
    from flywheel_async.resources.walk import Level
    from flywheel_async.transfer.download import Writable
    from flywheel_async.transfer.sources import Upload

    Node = Group | Project | Subject | Session | Acquisition | Analysis | Collection | File

M = TypeVar("M", bound="Model")


class AsyncClient(AsyncGetting, AsyncDownloading, AsyncLongRunning, AsyncSearching, AsyncViewing, AsyncFlatNames):
    """A client for one Flywheel site.

    Use it as an async context manager, which logs in and closes the connections, or make one and call `aclose`
    yourself. It may be shared by any number of tasks, event loops and threads.

    Example:
        >>> async with AsyncClient() as fw:
        ...     project = await fw.lookup("my_group/My Study")
        ...     async for session in project.sessions.iter_find("label=~rest.*"):
        ...         print(session.label)

    Args:
        api_key: `HOST:KEY` or `HOST:PORT:KEY` as shown on your Flywheel profile page. None takes the environment
            variable `FLYWHEEL_API_KEY`, else the login file of the Flywheel command line; `""` takes the login file.
        request_timeout: Seconds to wait for each read or write; 60 by default.
        connect_timeout: Seconds to wait for a connection; 10 by default.
        exhaustive: Ask for everything on the site, not only what the user has permissions on (site admins).
        disable_auth_check: Do not check the key before the first call (needed for device keys).
        deadline: Seconds one request, or one whole transfer, may take, retries and waits included; no limit by
            default.
        total_retries: How often a request is sent again at most; 7 by default.
        backoff_factor: Seconds; the n-th wait is random between 0 and `backoff_factor / 2 * 2**n`.
        backoff_max: Longest wait between two tries, in seconds; also caps `Retry-After`.
        max_connections: Requests in flight at once; 64 by default.
        ca_file: Path of a file with the certificate authorities to trust.
        default_timezone: Time zone assumed for date-times without one; None refuses them.
        user_agent_suffix: Text added to the `User-Agent` header.
        transport: An httpx transport to use in place of the default one.
        http_client: An httpx client to use in place of the default transport.

    Raises:
        ConfigError: No key was found, or it or an option is malformed. The message never contains the key.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        request_timeout: float | None = None,
        connect_timeout: float | None = None,
        exhaustive: bool = False,
        disable_auth_check: bool = False,
        deadline: float | None = None,
        total_retries: int | None = None,
        backoff_factor: float | None = None,
        backoff_max: float | None = None,
        max_connections: int | None = None,
        ca_file: str | None = None,
        default_timezone: tzinfo | None = None,
        user_agent_suffix: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        options = resolve_options(
            {
                "request_timeout": request_timeout,
                "connect_timeout": connect_timeout,
                "exhaustive": exhaustive,
                "deadline": deadline,
                "total_retries": total_retries,
                "backoff_factor": backoff_factor,
                "backoff_max": backoff_max,
                "max_connections": max_connections,
                "ca_file": ca_file,
                "default_timezone": default_timezone,
                "user_agent_suffix": user_agent_suffix,
            }
        )
        super().__init__(
            resolve_site(api_key), options, checked=disable_auth_check, transport=transport, http_client=http_client
        )

    if not TYPE_CHECKING:
        # Hidden from type checkers, which know the names from AsyncFlatNames and shall refuse all others.
        def __getattr__(self, name: str) -> FlatOperation:
            from flywheel_async.raw import flat

            if name.startswith("_") or name not in flat.names():
                flat.unknown(type(self).__name__, name, dir(type(self)))
            return flat.FlatOperation(self, name)

        def __dir__(self) -> Iterable[str]:
            from flywheel_async.raw import flat

            return sorted({*super().__dir__(), *flat.names()})

    async def __aenter__(self) -> Self:
        try:
            await self._check()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()  # nobody else will, since a failed `async with` is never left
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; the client may be used again afterwards."""
        await self._transport.aclose()

    # Finders

    @property
    def users(self) -> AsyncFinder[User]:
        """All users; route `GET /users`."""
        return self._finder("get_all_users", "User")

    @property
    def groups(self) -> AsyncFinder[Group]:
        """All groups; route `GET /groups`."""
        return self._finder("get_all_groups", "Group")

    @property
    def projects(self) -> AsyncFinder[Project]:
        """All projects; route `GET /projects`."""
        return self._finder("get_all_projects", "Project")

    @property
    def subjects(self) -> AsyncFinder[Subject]:
        """All subjects; route `GET /subjects`."""
        return self._finder("get_all_subjects", "Subject")

    @property
    def sessions(self) -> AsyncFinder[Session]:
        """All sessions; route `GET /sessions`."""
        return self._finder("get_all_sessions", "Session")

    @property
    def acquisitions(self) -> AsyncFinder[Acquisition]:
        """All acquisitions; route `GET /acquisitions`."""
        return self._finder("get_all_acquisitions", "Acquisition")

    @property
    def analyses(self) -> AsyncFinder[Analysis]:
        """All analyses; route `GET /analyses`."""
        return self._finder("get_all_analyses", "Analysis")

    @property
    def collections(self) -> AsyncFinder[Collection]:
        """All collections; route `GET /collections`."""
        return self._finder("get_all_collections", "Collection")

    @property
    def files(self) -> AsyncFinder[File]:
        """All files; route `GET /files`."""
        return self._finder("get_all_files", "File")

    # Creating

    async def add_group(self, body: Group | Mapping[str, object] | None = None, **members: object) -> str:
        """Creates a group; route `POST /groups`.

        Args:
            body: A `Group`, or a mapping with at least `_id`.
            **members: The same as keywords; `id` is taken for `_id`.

        Returns:
            The new group's id.

        Raises:
            ArgumentError: Nothing was given.
            Conflict: A group with this id exists.

        Example:
            >>> await fw.add_group(Group("my_group", "My Test Group"))
        """
        if "id" in members:
            members["_id"] = members.pop("id")
        return await self._containers.add("group", body, members)

    async def ensure_path(self, path: PathLike) -> Group | Project | Subject | Session | Acquisition:
        """Gets what a path leads to, and creates what is missing on the way.

        As with `get_or_create`, however many tasks and threads of this client ask for a path at once, each container
        on it is created once. Routes `GET|POST /groups`, and per level the list of the parent and `POST`.

        Args:
            path: `group/project/subject/session/acquisition`, cut at any level; a list of elements where a label
                holds a slash. The group is named by its id; creating one takes a site admin. `<id:ID>` stands for
                an element that exists already.

        Returns:
            The object at the end of the path, complete.

        Raises:
            ArgumentError: The path is malformed, too long, or its group id cannot be one; nothing was sent.
            Forbidden: Something is missing that the user may not create.

        Example:
            >>> session = await fw.ensure_path("my_group/My Study/0042/visit 1")
        """
        return cast("Group | Project | Subject | Session | Acquisition", await self._ensure.path(path))

    # Many objects at once

    async def reload_all(self, objects: Iterable[M], *, concurrency: int = CONCURRENCY) -> list[M]:
        """Gets the current state of many objects from the site; one request each, several at once.

        Args:
            objects: Objects of any kind. An object that is in it twice is asked for once.
            concurrency: Requests at once.

        Returns:
            The same objects in the same order, which now hold the current data.

        Raises:
            NotFound: One of them was deleted meanwhile; others may have been reloaded.
            ArgumentError: Something in it is no object of the site; nothing was sent.

        Example:
            >>> sessions = await fw.reload_all(await project.sessions.find())
        """
        from flywheel_async.resources.whole import Whole

        return await Whole(self).reload_all(objects, concurrency)

    def walk(
        self,
        container: Group | Project | Subject | Session | Acquisition,
        levels: Sequence[Level] | None = None,
        *,
        full: bool = False,
        limit: int = DEFAULT_PAGE,
        concurrency: int = CONCURRENCY,
    ) -> AsyncPager[Node]:
        """Goes through everything below a container; routes `GET /{containers}`, one request per page and level.

        The order is level by level from the top (projects, subjects, sessions, acquisitions, analyses, files), each
        level in the order of ids, so a parent always comes before its children. The first pages of all levels are
        asked for at the same time.

        Args:
            container: Where to start; it is not part of the result itself.
            levels: The levels to go through, such as `["session", "acquisition"]`; all levels of containers by
                default, and the files of an acquisition. Analyses and files are those of the whole tree.
            full: Get each object complete, with one more request per object.
            limit: Objects per request.
            concurrency: Requests at once.

        Returns:
            An async iterator that asks for pages when they are needed.

        Raises:
            ArgumentError: There is no such level below the container; nothing was sent.

        Example:
            >>> async for node in fw.walk(project, levels=["session", "acquisition"]):
            ...     print(node.container_type, node.label)
        """
        from flywheel_async.resources.walk import walk

        pager = walk(self, container, levels, full=full, limit=limit, concurrency=concurrency)
        return cast("AsyncPager[Node]", pager)

    # Operations

    @property
    def raw(self) -> AsyncRaw:
        """Every operation of the API by its id, with the whole answer; see `AsyncRaw`.

        Example:
            >>> response = await fw.raw.get_project(project_id)
            >>> print(response.status, response.parse().label)
        """
        from flywheel_async.raw.api import AsyncRaw

        return AsyncRaw(self)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        json: object = None,
        content: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | tuple[float, float] | None = None,
    ) -> RawResponse[object]:
        """Sends one request to any path of the site, for what this version does not know.

        Login, retries (a `POST` is never sent twice), redirects, limits and errors are those of all other calls.

        Args:
            method: `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
            path: The path below `/api`, for example `/projects/5d27…/rules`; special characters as `%XX`.
            params: The query: texts, numbers, booleans, dates, or lists of those; None is left out.
            json: The body, to be sent as JSON: models, mappings, lists and plain values.
            content: The body as it is, in place of `json`.
            headers: Further headers, such as `Content-Type`; not those of the login and of the connection. They are
                not sent on to another host that the site redirects to, except those about the content wanted.
            timeout: Seconds for the connection and for each read or write, or a pair of both.

        Returns:
            The answer; its `parse()` gives decoded JSON.

        Raises:
            ArgumentError: An argument cannot be sent; nothing was sent.
            APIError: The site refused.
            TransportError: There was no usable answer.

        Example:
            >>> response = await fw.request("GET", "/version")
            >>> print(response.json()["release"])
        """
        from flywheel_async.raw.direct import request

        return await request(self, method, path, params, json, content, headers, timeout)

    # Files by container id

    async def upload_file_to_container(
        self,
        container_id: str,
        file: Upload | Sequence[Upload],
        signed: bool | None = None,
        **options: Unpack[UploadKeywords],
    ) -> list[File]:
        """Uploads a file into any container; route `POST /containers/{id}/files`.

        Args:
            container_id: The container's id.
            file: A path, `FileSpec`, bytes, file object or iterator of bytes, or a list of those.
            signed: False takes the direct form even where the site wants files uploaded by signed URLs.
            **options: `name`, `metadata`, `on_progress`, `content_type`, `overwrite`, `wait` and `preserve_metadata`;
                see `UploadKeywords`.

        Returns:
            The entries the site has made.

        Raises:
            ArgumentError: A source is missing or not a file, or an option is unknown; nothing was sent.
            FileExists: A file of this name is there, and `overwrite` is `"error"`; it was not sent.
            TransferError: The source changed while it was read, or the site stored other bytes.
        """
        from flywheel_async.resources.uploads import upload

        entries = await upload(self, "container", container_id, file, {**options, "signed": signed})
        return cast("list[File]", entries)

    @overload
    async def download_file_from_container(
        self,
        container_id: str,
        file_name: str,
        dest_file: str | Path,
        *,
        member: str | None = None,
        version: int | None = None,
        **options: Unpack[DownloadKeywords],
    ) -> Path: ...
    @overload
    async def download_file_from_container(
        self,
        container_id: str,
        file_name: str,
        dest_file: Writable,
        *,
        member: str | None = None,
        version: int | None = None,
        **options: Unpack[DownloadKeywords],
    ) -> None: ...
    async def download_file_from_container(
        self,
        container_id: str,
        file_name: str,
        dest_file: str | Path | Writable,
        *,
        member: str | None = None,
        version: int | None = None,
        **options: Unpack[DownloadKeywords],
    ) -> Path | None:
        """Downloads a file from any container; route `GET /containers/{id}/files/{name}`.

        Args:
            container_id: The container's id.
            file_name: The file's name.
            dest_file: Path of the file to write, or a folder that exists; replaced only when the download is complete
                and verified. Or a file object open for writing bytes, which gets them as they arrive.
            member: The path of one member, if the file is a zip archive; None takes the file itself.
            version: Its version; the newest by default.
            **options: `on_progress`, `resume`, `fsync`, `set_mtime`, `deadline`, `stall_timeout` and `parallel`; see
                `DownloadKeywords`.

        Returns:
            The path written; None for a file object.

        Raises:
            ArgumentError: The destination cannot be written, or the name cannot stand in a path; nothing was sent.
            TransferError: Other bytes arrived than the site has; nothing is left at the destination.
        """
        return await self._downloads.to(
            "container", container_id, file_name, dest_file, options, member=member, version=version
        )
