"""The emulator as an object: start it, use its keys, plan faults, restart it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal

import anyio.to_thread

from flywheel_async.emulator.app import MAX_JSON_BYTES
from flywheel_async.emulator.background import Background
from flywheel_async.emulator.faults import FaultPlan
from flywheel_async.emulator.seed import seed_demo
from flywheel_async.emulator.server import Server
from flywheel_async.emulator.site import ADMIN_USER


class Emulator:
    """A Flywheel-compatible site on this machine, served by a thread with its own event loop.

    Args:
        data: The data folder, kept afterwards; without one a temporary folder is used and removed at the end.
        port: The port; 0 takes a free one.
        host: The address to listen on. Anything but a loopback address opens the site to the network.
        seed: `demo` fills an empty site with a small example.
        faults: Whether the fault plan can also be changed over HTTP (`/api/_faults`).
        keep_alive: Seconds after which an idle connection is closed.
        max_json_bytes: Largest JSON body that is accepted.

    Example:
        >>> with Emulator() as site:
        ...     key = site.api_key
    """

    def __init__(
        self,
        data: str | Path | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        seed: Literal["demo"] | None = None,
        faults: bool = False,
        keep_alive: float = 60.0,
        max_json_bytes: int = MAX_JSON_BYTES,
    ) -> None:
        self._data = None if data is None else Path(data)
        self._port = port
        self._host = host
        self._seed = seed
        self._fault_routes = faults
        self._keep_alive = keep_alive
        self._max_json = max_json_bytes
        self._temporary: Path | None = None
        self._server: Server | None = None
        self._plan: FaultPlan | None = None

    def start(self) -> Emulator:
        """Starts serving; returns when requests are answered.

        Raises:
            DataFolderInUse: Another emulator has the data folder open.
            OSError: The address cannot be bound.
        """
        if self._server is not None:
            raise RuntimeError("the emulator is running already")
        folder = self._data
        if folder is None:
            if self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="flywheel-emulator-"))
            folder = self._temporary
        server = Server(
            folder,
            self._host,
            self._port,
            admin_routes=self._fault_routes,
            keep_alive=self._keep_alive,
            max_json_bytes=self._max_json,
        )
        if self._plan is not None:
            server.site.faults = self._plan
        self._plan = server.site.faults
        self._port = server.port
        try:
            if self._seed == "demo":
                seed_demo(server.site)
        except BaseException:
            server.close()
            raise
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Stops serving; a temporary data folder is removed. Does nothing when it is not running."""
        self._halt()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def restart(self) -> None:
        """Stops and starts again on the same port with the same data, keys and fault plan."""
        self._halt()
        self.start()

    def _halt(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def server(self) -> Server:
        """The running server.

        Raises:
            RuntimeError: It is not running.
        """
        if self._server is None:
            raise RuntimeError("the emulator is not running; use `with Emulator() as site:`")
        return self._server

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server.port

    @property
    def url(self) -> str:
        """The address of the API, for example `http://127.0.0.1:8080/api`."""
        return self.server.site.url

    @property
    def api_key(self) -> str:
        """The full API key string of the site admin."""
        return self.server.site.key_string(self.server.site.admin_key)

    @property
    def drone_secret(self) -> str:
        """The secret that drones send as `X-SciTran-Auth`; it is kept in the data folder."""
        return self.server.site.drone_secret

    @property
    def admin_user(self) -> str:
        """The user id of the site admin."""
        return ADMIN_USER

    @property
    def faults(self) -> FaultPlan:
        """The fault plan; it survives a restart."""
        return self.server.site.faults

    @property
    def background(self) -> Background:
        """Work that goes on after an answer, such as the copy of a project; `held()` keeps it waiting in a test."""
        return self.server.site.background

    @property
    def roles(self) -> dict[str, str]:
        """The ids of the default roles by access level: `ro`, `rw`, `admin`."""
        return dict(self.server.site.roles)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.server.site.folder

    def add_user(
        self,
        user_id: str,
        *,
        roles: Iterable[str] = ("user",),
        disabled: bool = False,
        firstname: str = "Test",
        lastname: str = "User",
    ) -> str:
        """Makes a user; one that exists is left as it is.

        Args:
            user_id: The id, which looks like an e-mail address.
            roles: Site roles: `user`, `site_admin`, ...
            disabled: Whether the user's key is refused with 402.
            firstname: First name.
            lastname: Last name.

        Returns:
            The user's full API key string.
        """
        site = self.server.site
        key = site.add_user(user_id, roles=roles, disabled=disabled, firstname=firstname, lastname=lastname)
        return site.key_string(key)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Emulator:
        return await anyio.to_thread.run_sync(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)
