"""Fixtures: one emulator per module, the official client and ours on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

import flywheel
import httpx2
import pytest
from tests.interop.clients import Ours
from tests.interop.flavours import FLAVOURS, Flavour, Trio, Witness, flavour

from flywheel_async.emulator import Emulator


@pytest.fixture(scope="module", autouse=True)
def _no_settings() -> Iterator[None]:
    """Keeps the caller's proxies and certificates out of both clients, which honour the same variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FW_SSL_CERT_FILE"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        yield


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    """A site that the tests of one module share."""
    with Emulator() as running:
        yield running


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough where the same requests have been compared on both already."""
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def _closed_connections() -> Iterator[None]:
    """Closes what the official client leaves open, which Python reports as unclosed sockets at any later moment."""
    made: list[httpx2.Client] = []
    build = httpx2.Client.__init__

    def build_and_keep(client: httpx2.Client, *args: object, **kwargs: object) -> None:
        build(client, *args, **kwargs)
        made.append(client)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx2.Client, "__init__", build_and_keep)
        yield
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def official(site: Emulator) -> flywheel.Client:
    """The official client of the site admin."""
    return flywheel.Client(site.api_key)


@pytest.fixture
def ours(site: Emulator, anyio_backend: str) -> Ours:
    """Our async client of the site admin."""
    return Ours(site.api_key, anyio_backend)


@pytest.fixture(scope="module")
def witness(site: Emulator) -> Iterator[Witness]:
    """Looks at the site without any of the clients."""
    found = Witness(site)
    yield found
    found.close()


@pytest.fixture(scope="module", params=FLAVOURS)
def client(site: Emulator, request: pytest.FixtureRequest) -> Iterator[Flavour]:
    """The site admin's client, each of the three in turn."""
    with flavour(request.param, site.api_key) as found:
        yield found


@pytest.fixture(scope="module")
def trio(site: Emulator) -> Iterator[Trio]:
    """The site admin's three clients."""
    with ExitStack() as stack:
        opened = {name: stack.enter_context(flavour(name, site.api_key)) for name in FLAVOURS}
        yield Trio(opened.pop("official"), tuple(opened.values()))


@dataclass(frozen=True)
class Tree:
    """One group with a container of each kind below it, as objects of the official client."""

    group: flywheel.GroupOutput
    project: flywheel.ProjectOutput
    subject: flywheel.SubjectOutput
    session: flywheel.SessionOutput
    acquisition: flywheel.AcquisitionOutput


_numbers = count(1)


@pytest.fixture(scope="module")
def plant(official: flywheel.Client) -> Callable[[], Tree]:
    """Makes a new tree on every call, through the official client."""

    def make() -> Tree:
        group = official.get(official.add_group(flywheel.Group(f"group{next(_numbers)}", "A group")))
        project = group.add_project(label="Study")
        subject = project.add_subject(label="0042")
        session = subject.add_session(label="visit 1")
        return Tree(group, project, subject, session, session.add_acquisition(label="T1w"))

    return make


@pytest.fixture
def tree(plant: Callable[[], Tree]) -> Tree:
    """A fresh tree."""
    return plant()
