"""The async client: where everything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import anyio

from flywheel_async.config import resolve_options, resolve_site
from flywheel_async.pagination import CONCURRENCY, DEFAULT_PAGE
from flywheel_async.raw.caller import build
from flywheel_async.raw.flat_names import AsyncFlatNames
from flywheel_async.transport.client import Transport
from flywheel_async.transport.limits import Budget, Turns

if TYPE_CHECKING:
    import httpx

    from flywheel_async.events import OnProgress
    from flywheel_async.fields.access import AuthStatus
    from flywheel_async.fields.base import Model
    from flywheel_async.fields.site import SiteConfig, Version
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.flavour import Flavour, Registry
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
    from flywheel_async.pagination import AsyncPager, Page, Query
    from flywheel_async.raw.flat import FlatOperation
    from flywheel_async.resources.containers import Containers
    from flywheel_async.resources.ensure import Ensure
    from flywheel_async.resources.files import Files
    from flywheel_async.resources.paths import PathLike, Paths, Resolved
    from flywheel_async.resources.walk import Level
    from flywheel_async.transfer.sources import Upload
    from flywheel_async.transport.response import Response

    Container = Group | Project | Subject | Session | Acquisition | Analysis | Collection
    Node = Container | File

M = TypeVar("M", bound="Model")

_PAGED = "pagination"


class AsyncClient(AsyncFlatNames):
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
        deadline: Seconds one request, or one whole download, may take, retries and waits included; no limit by
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
        from flywheel_async.flavour import ASYNC

        site = resolve_site(api_key)
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
        self._options = options
        self._flavour: Flavour = ASYNC
        self._transport = Transport(
            site,
            options,
            transport=transport,
            http_client=http_client,
            unlimited=lambda: self._flavour.nested(),
            at_close=lambda closer: self._flavour.at_close(closer),
        )
        self._checked = disable_auth_check
        self._check_turn = Budget(1)  # anyio's own lock would belong to one event loop
        self._turns = Turns()
        self._classes: Registry | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._transport.site.base_url}>"

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

    # Whole objects

    async def get_current_user(self) -> User:
        """Gets the user the key belongs to; route `GET /users/self`.

        Raises:
            APIError: The site refused.
        """
        return cast("User", self._object("User", await self._call("get_current_user")))

    async def get_auth_status(self) -> AuthStatus:
        """Gets who the site takes the caller for; route `GET /auth/status`.

        Raises:
            APIError: The site refused, `Unauthorized` for a wrong key.
        """
        from flywheel_async.fields.access import AuthStatus

        return self._plain(AuthStatus, await self._call("get_auth_status"))

    async def get_version(self) -> Version:
        """Gets the site's release and database version; route `GET /version`.

        Raises:
            APIError: The site refused.
        """
        from flywheel_async.fields.site import Version

        return self._plain(Version, await self._call("get_version"))

    async def get_config(self) -> SiteConfig:
        """Gets the site's public configuration; route `GET /config`.

        Raises:
            APIError: The site refused.
        """
        from flywheel_async.fields.site import SiteConfig

        return self._plain(SiteConfig, await self._call("get_config"))

    async def get(self, id: str) -> Container:
        """Gets a container of any kind by its id; route `GET /containers/{id}`.

        Args:
            id: The id of a project, subject, session, acquisition, analysis or collection, or a group's id.

        Returns:
            The object, complete.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such container.

        Example:
            >>> session = await fw.get("5d2761383289d60037e8f5e5")
        """
        return cast("Container", await self._containers.get_any(id))

    async def get_user(self, user_id: str) -> User:
        """Gets a user by its id; route `GET /users/{id}`.

        Args:
            user_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such user.
        """
        return cast("User", await self._containers.get("user", user_id))

    async def get_group(self, group_id: str) -> Group:
        """Gets a group by its id; route `GET /groups/{id}`.

        Args:
            group_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such group.
        """
        return cast("Group", await self._containers.get("group", group_id))

    async def get_project(self, project_id: str) -> Project:
        """Gets a project by its id; route `GET /projects/{id}`.

        Args:
            project_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such project.
        """
        return cast("Project", await self._containers.get("project", project_id))

    async def get_subject(self, subject_id: str) -> Subject:
        """Gets a subject by its id; route `GET /subjects/{id}`.

        Args:
            subject_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such subject.
        """
        return cast("Subject", await self._containers.get("subject", subject_id))

    async def get_session(self, session_id: str) -> Session:
        """Gets a session by its id; route `GET /sessions/{id}`.

        Args:
            session_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such session.
        """
        return cast("Session", await self._containers.get("session", session_id))

    async def get_acquisition(self, acquisition_id: str) -> Acquisition:
        """Gets an acquisition by its id; route `GET /acquisitions/{id}`.

        Args:
            acquisition_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such acquisition.
        """
        return cast("Acquisition", await self._containers.get("acquisition", acquisition_id))

    async def get_file(self, file_id: str) -> File:
        """Gets the newest version of a file by its id; route `GET /files/{id}`.

        Args:
            file_id: The id that all its versions share (`file_id`).

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such file.
        """
        return cast("File", await self._containers.get("file", file_id))

    async def lookup(self, path: PathLike) -> Node:
        """Gets what a path leads to; route `POST /lookup`.

        Args:
            path: `group/project/subject/session/acquisition/files/name`, cut at any level; a list of elements where
                a label holds a slash. `<id:ID>` stands for an element by its id.

        Returns:
            The object at the end of the path.

        Raises:
            ArgumentError: The path is empty or malformed; nothing was sent.
            NotFound: Nothing is there.

        Example:
            >>> file = await fw.lookup("my_group/My Study/0042/visit 1/T1/files/T1.nii.gz")
        """
        return cast("Node", await self._paths.lookup(path))

    async def resolve(self, path: PathLike) -> Resolved[Node]:
        """Gets every object on a path and what lies below it; route `POST /resolve`.

        Args:
            path: As for `lookup`; an empty path gives all groups as children.

        Returns:
            The objects on the path, and the children of the last one.

        Raises:
            ArgumentError: The path is malformed; nothing was sent.
            NotFound: Nothing is there.
        """
        return cast("Resolved[Node]", await self._paths.resolve(path))

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

    # Files by container id

    async def upload_file_to_container(
        self,
        container_id: str,
        file: Upload | Sequence[Upload],
        signed: bool | None = None,
        *,
        name: str | None = None,
        metadata: Mapping[str, object] | str | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[File]:
        """Uploads a file into any container; route `POST /containers/{id}/files`.

        Args:
            container_id: The container's id.
            file: A path, `FileSpec`, bytes, file object or iterator of bytes, or a list of those.
            signed: Accepted for scripts of the official client; the site decides how files travel.
            name: The file's name on the site.
            metadata: Members of the new entry, such as `type`, `info` or `tags`; a mapping or JSON text.
            on_progress: Told about each chunk, in bytes.

        Returns:
            The entries the site has made.

        Raises:
            ArgumentError: The source is missing or not a file; nothing was sent.
            TransferError: The source changed while it was read, or the site stored other bytes.
        """
        entries = await self._files.upload(
            "container", container_id, file, name=name, metadata=metadata, on_progress=on_progress
        )
        return cast("list[File]", entries)

    async def download_file_from_container(
        self,
        container_id: str,
        file_name: str,
        dest_file: str | Path,
        *,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """Downloads a file from any container to a path; route `GET /containers/{id}/files/{name}`.

        Args:
            container_id: The container's id.
            file_name: The file's name.
            dest_file: Path of the file to write; replaced only when the download is complete and verified.
            on_progress: Told about each chunk, in bytes.

        Returns:
            The path written.

        Raises:
            ArgumentError: The destination cannot be written, or the name cannot stand in a path; nothing was sent.
            TransferError: Other bytes arrived than the site has; nothing is left at the destination.
        """
        return await self._files.download("container", container_id, file_name, dest_file, on_progress)

    # What the resources are built on

    @property
    def _containers(self) -> Containers:
        from flywheel_async.resources.containers import Containers

        return Containers(self)

    @property
    def _ensure(self) -> Ensure:
        from flywheel_async.resources.ensure import Ensure

        return Ensure(self)

    @property
    def _files(self) -> Files:
        from flywheel_async.resources.files import Files

        return Files(self)

    @property
    def _paths(self) -> Paths:
        from flywheel_async.resources.paths import Paths

        return Paths(self)

    def _finder(self, operation: str, model: str, *path: str) -> AsyncFinder[Any]:
        """Makes a finder; the caller declares its type, since the class is looked up by name when it is needed."""
        from flywheel_async.finder import AsyncFinder

        return AsyncFinder(self, operation, model, path)

    async def _check(self) -> None:
        """Checks the key once."""
        if self._checked:
            return
        async with self._check_turn.slot():
            if not self._checked:
                await self._transport.request(build("get_auth_status", (), {}))
                self._checked = True

    async def _call(self, operation: str, *values: object, **keywords: object) -> Response:
        request = build(operation, values, keywords, zone=self._options.default_timezone)
        await self._check()
        return await self._transport.request(request)

    async def _page(self, operation: str, path: tuple[str, ...], query: Query, model: str) -> Page[Model]:
        from flywheel_async.fields.load import load_page
        from flywheel_async.pagination import Page
        from flywheel_async.raw.table import operation as find

        arguments = dict(query)
        if any(param.name == "x-accept-feature" for param in find(operation).header_params):
            extra = cast("list[str] | None", arguments.get("x_accept_feature")) or []
            arguments["x_accept_feature"] = [*extra, _PAGED]
        response = await self._call(operation, *path, **arguments)
        try:
            results, total = load_page(self._registry[model], response.content)
        except ValueError as exc:
            raise response.unexpected(f"a list ({exc})") from None
        for item in results:
            self._bind(item)
        return Page(results, total)

    @property
    def _registry(self) -> Registry:
        if self._classes is None:
            self._classes = self._flavour.registry()
        return self._classes

    def _object(self, model: str, response: Response) -> Model:
        return self._bind(self._plain(self._registry[model], response))

    def _objects(self, model: str, response: Response) -> list[Model]:
        from flywheel_async.fields.load import load_page

        try:
            found, _ = load_page(self._registry[model], response.content)
        except ValueError as exc:
            raise response.unexpected(f"a list ({exc})") from None
        return [self._bind(item) for item in found]

    def _plain(self, cls: type[M], response: Response) -> M:
        from flywheel_async.fields.load import load_one

        try:
            return load_one(cls, response.content)
        except ValueError as exc:
            raise response.unexpected(f"an object ({exc})") from None

    def _node(self, answer: object, response: Response) -> Model:
        """Builds an object whose kind the answer itself names."""
        from flywheel_async.fields.load import load_python
        from flywheel_async.resources.kinds import CLASS_NAMES

        members = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        kind = str(members.get("container_type") or members.get("node_type") or "").lower()
        if kind not in CLASS_NAMES:
            raise response.unexpected("an object that names its container_type")
        # These two only say what the object is, which its class does; other answers do not have them.
        data = {name: value for name, value in members.items() if name not in ("container_type", "node_type")}
        return self._bind(load_python(self._registry[CLASS_NAMES[kind]], data))

    def _bind(self, item: Model) -> Model:
        from flywheel_async.models.bound import bind

        bind(item, self)
        return item
