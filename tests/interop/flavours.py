"""One way to call three clients: our async one, our sync one and the official one; one at a time, or all the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import flywheel
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from tests.interop.compare import differences

import flywheel_async
import flywheel_async.sync
from flywheel_async.emulator import Emulator

FLAVOURS = ("async", "sync", "official")

Item = Any
"""An object of any of the three clients; the cases use what they have in common."""


@dataclass(frozen=True)
class Flavour:
    """A client, and a plain way to use it.

    Example:
        >>> do = flavour.do
        >>> session = do(flavour.fw.get(session_id))
        >>> do(session.add_tag("one"))
    """

    name: str
    fw: Any
    files: ModuleType
    """The module with its `FileSpec`."""
    _portal: BlockingPortal | None = None

    def do(self, value: Any) -> Any:
        """The result of a call: what the async client promises is waited for, the rest is there already."""
        if self._portal is None or not inspect.isawaitable(value):
            return value

        async def wait() -> Any:
            return await value

        return self._portal.call(wait)

    def call(self, operation: str, *values: object, **keywords: object) -> Any:
        """What an operation gives."""
        return self.do(getattr(self.fw, operation)(*values, **keywords))

    def each(self, values: Any) -> list[Any]:
        """Everything an iterator gives."""
        if self._portal is None or not hasattr(values, "__aiter__"):
            return list(values)

        async def collect() -> list[Any]:
            return [value async for value in values]

        return self._portal.call(collect)

    def close(self, fw: Any) -> None:
        """Closes another client of the same flavour; the official one cannot be closed."""
        if self.name != "official":
            self.do(fw.close() if self.name == "sync" else fw.aclose())

    def spec(self, name: str, data: bytes) -> Any:
        """Content for an upload, with its name."""
        return self.files.FileSpec(name, data)


@contextmanager
def flavour(name: str, key: str) -> Iterator[Flavour]:
    """Opens a client by the name of its flavour."""
    if name == "official":
        yield Flavour(name, flywheel.Client(key), flywheel)
    elif name == "sync":
        with flywheel_async.sync.Client(key) as fw:
            yield Flavour(name, fw, flywheel_async)
    else:
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(flywheel_async.AsyncClient(key)) as fw,
        ):
            yield Flavour(name, fw, flywheel_async, portal)


@dataclass(frozen=True)
class Trio:
    """All three clients on one site, to be asked the same."""

    official: Flavour
    ours: tuple[Flavour, ...]

    def same(self, work: Callable[[Flavour], Any]) -> Any:
        """What the official client finds, which ours must find too."""
        found = work(self.official)
        for client in self.ours:
            assert not (differing := differences(found, work(client))), f"{client.name}: {differing}"
        return found

    def get(self, operation: str, *values: object, **keywords: object) -> Any:
        """What an operation that only reads gives to all three."""
        return self.same(lambda client: client.call(operation, *values, **keywords))


class Witness:
    """What the site says over plain HTTP, without any of the clients."""

    def __init__(self, site: Emulator) -> None:
        self._http = httpx.Client(
            base_url=f"{site.url}/",
            headers={"Authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"},
            trust_env=False,
        )
        self._keyless = httpx.Client(trust_env=False)

    def close(self) -> None:
        self._http.close()
        self._keyless.close()

    def get(self, path: str) -> Any:
        """The answer of a route, or None when there is no such thing."""
        answer = self._http.get(path)
        return None if answer.status_code == 404 else self._read(answer)

    def post(self, path: str, body: object) -> Any:
        return self._read(self._http.post(path, json=body))

    def put(self, path: str, body: object) -> Any:
        return self._read(self._http.put(path, json=body))

    def patch(self, path: str, body: object) -> Any:
        return self._read(self._http.patch(path, json=body))

    def upload(self, container: str, name: str, data: bytes, metadata: str) -> Any:
        """Uploads one file to a container, named by its route, and returns the entry."""
        parts = {"file": (name, data)}
        return self._read(self._http.post(f"{container}/files", files=parts, data={"metadata": metadata}))[0]

    def fetch(self, url: str) -> bytes:
        """What an address serves without a key."""
        answer = self._keyless.get(url)
        answer.raise_for_status()
        return answer.content

    def _read(self, answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
        return answer.json()
