"""What client and resources are built on: the connection to one site, and how its answers become objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from flywheel_async.pagination import Page, Query
from flywheel_async.raw.caller import build, with_totals
from flywheel_async.transport.client import Transport
from flywheel_async.transport.limits import Budget, Turns

if TYPE_CHECKING:
    import httpx

    from flywheel_async.config import Options, Site
    from flywheel_async.fields.base import Model
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.flavour import Flavour, Registry
    from flywheel_async.resources.containers import Containers
    from flywheel_async.resources.downloads import Downloads
    from flywheel_async.resources.ensure import Ensure
    from flywheel_async.resources.files import Files
    from flywheel_async.resources.paths import Paths
    from flywheel_async.transfer.zip_directory import ZipMember
    from flywheel_async.transport.request import Request
    from flywheel_async.transport.response import Response

M = TypeVar("M", bound="Model")


class Core:
    """The connection of one client to its site.

    Args:
        site: Where to and with which key.
        options: Timeouts, retries, limits.
        checked: Whether the key need not be checked before the first call.
        transport: An httpx transport to use in place of the default one.
        http_client: An httpx client to use in place of the default transport.
    """

    def __init__(
        self,
        site: Site,
        options: Options,
        *,
        checked: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        from flywheel_async.flavour import ASYNC

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
        self._checked = checked
        self._check_turn = Budget(1)  # anyio's own lock would belong to one event loop
        self._turns = Turns()
        self._signed_uploads: bool | None = None  # whether the site wants them, once it was asked
        self._classes: Registry | None = None
        self._zips: dict[tuple[object, object], dict[str, ZipMember]] = {}  # members of zips that were read last

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._transport.site.base_url}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client cannot be pickled or copied: its connections belong to this process; make one in each"
        )

    @property
    def _containers(self) -> Containers:
        from flywheel_async.resources.containers import Containers

        return Containers(self)

    @property
    def _downloads(self) -> Downloads:
        from flywheel_async.resources.downloads import Downloads

        return Downloads(self)

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
        return await self._send(build(operation, values, keywords, zone=self._options.default_timezone))

    async def _send(self, request: Request) -> Response:
        await self._check()
        return await self._transport.request(request)

    async def _page(self, operation: str, path: tuple[str, ...], query: Query, model: str) -> Page[Model]:
        from flywheel_async.fields.load import load_page
        from flywheel_async.raw.table import operation as find

        response = await self._call(operation, *path, **with_totals(find(operation), query))
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
        from flywheel_async.resources.bound import bind

        bind(item, self)
        return item
