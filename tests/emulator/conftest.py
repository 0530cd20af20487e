"""Fixtures: a running emulator, a plain HTTP client per user, and a small tree of containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from tests.emulator.forest import MEMBERS, Forest, user_id

from flywheel_async.emulator import Emulator

Api = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    """A site that the tests of one module share."""
    with Emulator(faults=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(site: Emulator) -> Iterator[Api]:
    """Makes HTTP clients: `api(key_string)`."""
    opened: list[httpx.Client] = []

    def connect(key: str) -> httpx.Client:
        headers = {"authorization": f"scitran-user {key.rpartition(':')[2]}"} if key else {}
        client = httpx.Client(base_url=site.url, headers=headers, trust_env=False, timeout=20)
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.close()


@pytest.fixture(scope="module")
def http(site: Emulator, api: Api) -> httpx.Client:
    """The site admin's client."""
    return api(site.api_key)


@dataclass(frozen=True)
class Tree:
    """Ids of one group with a container of each kind below it and a file in the acquisition."""

    group: str
    project: str
    subject: str
    session: str
    acquisition: str
    file_id: str


def ok(response: httpx.Response) -> httpx.Response:
    """Returns a response that must be a success."""
    assert response.status_code == 200, f"{response.request.method} {response.request.url}: {response.text}"
    return response


_made = 0


@pytest.fixture(scope="module")
def plant(http: httpx.Client) -> Callable[[], Tree]:
    """Makes a new tree on every call."""

    def make() -> Tree:
        global _made
        _made += 1
        group = f"group{_made}"
        ok(http.post("/groups", json={"_id": group, "label": f"Group {_made}"}))
        project = ok(http.post("/projects", json={"group": group, "label": "project"})).json()["_id"]
        subject = ok(http.post("/subjects", json={"project": project, "label": "subject"})).json()["_id"]
        body = {"project": project, "subject": subject, "label": "session"}
        session = ok(http.post("/sessions", json=body)).json()["_id"]
        acquisition = ok(http.post("/acquisitions", json={"session": session, "label": "scan"})).json()["_id"]
        files = [("file", ("x", b"content"))]
        sent = http.post(
            f"/acquisitions/{acquisition}/files", files=files, data={"metadata": json.dumps({"name": "a.txt"})}
        )
        return Tree(group, project, subject, session, acquisition, ok(sent).json()[0]["file_id"])

    return make


@pytest.fixture
def tree(plant: Callable[[], Tree]) -> Tree:
    """A new tree."""
    return plant()


@pytest.fixture(scope="module")
def forest(site: Emulator, api: Api) -> Iterator[Forest]:
    """A site with a user of every kind and a container of every kind."""
    keys = {"owner": site.api_key, "wrong_key": "x:WRONG", "no_key": ""}
    for user in (*MEMBERS, "none"):
        keys[user] = site.add_user(user_id(user))
    keys["site_admin"] = keys["site_admin_exhaustive"] = site.add_user(user_id("site"), roles=["site_admin"])
    keys["disabled"] = site.add_user(user_id("disabled"), disabled=True)
    clients = {user: api(key) for user, key in keys.items()}
    clients["drone"] = api("")
    clients["drone"].headers.update(
        {"x-scitran-auth": site.drone_secret, "x-scitran-method": "reaper", "x-scitran-name": "one"}
    )
    # Nothing goes on after an answer while the database is put back.
    with site.background.held():
        planted = Forest(site, clients)
        yield planted
        planted.close()
