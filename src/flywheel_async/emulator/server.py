"""Runs a site on uvicorn: in a thread with its own event loop, or in the foreground."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from flywheel_async.emulator.app import MAX_JSON_BYTES, App
from flywheel_async.emulator.site import Site
from flywheel_async.emulator.storage.options import StorageOptions

BACKLOG = 1024
SHUTDOWN_SECONDS = 1
"""How long running requests may take to end when the server stops."""


class Server:
    """A site with the socket it is served on.

    Args:
        folder: The data folder.
        host: The address to bind.
        port: The port to bind; 0 takes a free one.
        admin_routes: Whether the fault plan can be changed over HTTP.
        keep_alive: Seconds after which an idle connection is closed.
        max_json_bytes: Largest JSON body that is accepted.
        storage: How the site uses its object store.
        storage_host: The host in the store's addresses; by default another name of this machine, so that the store
            is another origin than the API.
        storage_port: A port of its own for the store, 0 for a free one; by default it has the one of the API.

    Raises:
        DataFolderInUse: Another emulator has the folder open.
        OSError: The address cannot be bound.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        *,
        admin_routes: bool = False,
        keep_alive: float = 60.0,
        max_json_bytes: int = MAX_JSON_BYTES,
        storage: StorageOptions | None = None,
        storage_host: str | None = None,
        storage_port: int | None = None,
    ) -> None:
        self._sockets = [_listen(host, port)]
        try:
            if storage_port is not None:
                self._sockets.append(_listen(host, storage_port))
            self.site = Site(folder, admin_routes=admin_routes, storage=storage)
        except BaseException:
            self._close_sockets()
            raise
        self.port: int = self._sockets[0].getsockname()[1]
        self.storage_port: int = self._sockets[-1].getsockname()[1]
        self.site.storage.url = f"http://{storage_host or _other_name(host)}:{self.storage_port}"
        shown = f"[{host}]" if ":" in host else host
        self.site.url = f"http://{shown}:{self.port}/api"
        self.app = App(self.site, max_json_bytes=max_json_bytes)
        config = uvicorn.Config(
            self.app,
            loop="asyncio",
            ws="none",
            lifespan="off",
            # Logging belongs to whoever runs this, and an access log could hold tickets.
            log_config=None,
            access_log=False,
            server_header=False,
            # Nobody is believed who says he speaks for another address, not even on this machine.
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        config.timeout_keep_alive = keep_alive  # type: ignore[assignment]  # uvicorn only adds it to a clock
        self._uvicorn = _QuietServer(config)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Serves until `request_stop`."""
        try:
            asyncio.run(self._uvicorn.serve(sockets=self._sockets))
        finally:
            self.close()

    def close(self) -> None:
        """Gives port and data folder free; only for a server that is not running."""
        self._close_sockets()
        self.site.close()

    def _close_sockets(self) -> None:
        for listening in self._sockets:
            listening.close()

    def request_stop(self) -> None:
        """Asks the server to end; may be called from any thread."""
        self._uvicorn.should_exit = True

    def start(self) -> None:
        """Serves in a new thread; returns when requests are answered."""

        def work() -> None:
            try:
                self.run()
            except BaseException as error:
                self._failure = error
                logging.getLogger("flywheel_async.emulator").exception("the server ended")
            finally:
                self._uvicorn.ready.set()

        self._thread = threading.Thread(target=work, name="emulator", daemon=True)
        self._thread.start()
        self._uvicorn.ready.wait()
        if self._failure is not None:
            raise RuntimeError("the emulator did not start") from self._failure

    def stop(self) -> None:
        """Ends the thread started by `start` and gives port and data folder free."""
        self.request_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def _other_name(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else "localhost"


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches delayed sending off only for sockets that say they are TCP.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except BaseException:
        found.close()
        raise
    return found


class _QuietServer(uvicorn.Server):
    """Tells when it is up, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
