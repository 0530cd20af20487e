"""What a killed program leaves of a signed upload, and who may take it up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.client.storesite import CONTAINER, KEY, PARTS, SESSION, WHOLE, StoreSite, entry, reply, stored

from flywheel_async.events import Event, Started
from flywheel_async.files import in_thread
from flywheel_async.transfer import signed as signed_module
from flywheel_async.transfer import upload_state
from flywheel_async.transfer.upload_state import UploadState

pytestmark = pytest.mark.anyio

DATA = os.urandom(600_000)
FIRST = 512 * 1024
"""Bytes of the first of two parts."""


@pytest.fixture(autouse=True)
def states(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    yield folder
    assert found(folder) == []


def found(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(DATA)
    return tmp_path / "x"


def complete(request: httpx.Request, body: bytes) -> httpx.Response:
    return reply([entry(DATA)])


def only_the_first(request: httpx.Request, data: bytes) -> httpx.Response:
    if request.url.params.get("partNumber") == "2":
        return reply(status=403)
    if "content-range" in request.headers:
        return reply(status=308 if len(data) == FIRST else 403, headers={"range": f"bytes=0-{FIRST - 1}"})
    return stored(request, data)


async def killed(path: Path, urls: tuple[str, ...] = PARTS, **options: Any) -> None:
    """Leaves what a program leaves that is killed before the second part."""

    async def nothing(*values: object) -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UploadState, "end", lambda state: in_thread(state._close))
        patch.setattr(signed_module, "hand_back", nothing)
        patch.setattr(signed_module, "_RESTARTS", 0)
        with pytest.raises(Exception, match="403"):
            # One after the other, so that the first one is in.
            await upload(StoreSite(urls, put=only_the_first), path, connections=1, **options)


async def upload(site: StoreSite, path: Path, key: str = KEY, connections: int = 64, **options: Any) -> list[Event]:
    events: list[Event] = []
    with anyio.fail_after(10):
        async with site.client(key, max_connections=connections) as fw:
            await fw.upload_file_to_container(CONTAINER, path, on_progress=events.append, **options)
    return events


SAID: dict[str, Any] = {"metadata": {"info": {"run": 1}, "tags": ["a"]}, "content_type": "a/b"}


async def test_the_same_upload_goes_on(path: Path, states: Path) -> None:
    await killed(path, **SAID)
    assert len(found(states)) == 1
    site = StoreSite(PARTS, complete=complete)
    events = await upload(site, path, **SAID)
    assert events[0] == Started("x", FIRST, len(DATA))
    assert [len(data) for _, data in site.puts] == [len(DATA) - FIRST]
    assert site.tickets == []
    assert site.handed_back == []


async def test_a_session_goes_on(path: Path) -> None:
    urls = SESSION * 2
    await killed(path, urls)

    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        return reply(headers={"range": f"bytes=0-{FIRST - 1}"}, status=200 if data else 308)

    site = StoreSite(urls, put=put, complete=complete)
    events = await upload(site, path)
    assert events[0] == Started("x", FIRST, len(DATA))
    assert [len(data) for _, data in site.puts] == [0, len(DATA) - FIRST]


@pytest.mark.parametrize(
    "other",
    [
        {**SAID, "metadata": {"info": {"run": 2}, "tags": ["a"]}},
        {**SAID, "metadata": {"info": {"run": 1}, "tags": ["b"]}},
        {**SAID, "metadata": {**SAID["metadata"], "modality": "MR"}},
        {**SAID, "content_type": "c/d"},
        {**SAID, "preserve_metadata": True},
        {**SAID, "key": "127.0.0.1:9:__force_insecure:another-key"},
    ],
)
async def test_another_upload_starts_again_and_hands_the_old_ticket_back(path: Path, other: dict[str, Any]) -> None:
    await killed(path, **SAID)
    site = StoreSite(PARTS, complete=complete)
    events = await upload(site, path, **other)
    assert events[0] == Started("x", 0, len(DATA))
    assert sum(len(data) for _, data in site.puts) == len(DATA)
    assert site.handed_back == ["TICKET"]
    assert len(site.tickets) == 1


async def test_a_file_that_changed_hands_the_old_ticket_back(path: Path) -> None:
    await killed(path)
    path.write_bytes(DATA)
    os.utime(path, (1, 1))
    site = StoreSite(PARTS, complete=complete)
    await upload(site, path)
    assert site.handed_back == ["TICKET"]


async def test_a_stale_ticket_that_is_refused_is_no_error(path: Path) -> None:
    class Refusing(StoreSite):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/cleanup"):
                return reply({}, 403)
            return await super().handle_async_request(request)

    await killed(path)
    await upload(Refusing(WHOLE), path, content_type="c/d")


async def test_no_key_and_no_metadata_is_kept(path: Path, states: Path) -> None:
    await killed(path, **{**SAID, "metadata": {"info": {"name": "somebody"}}})
    (kept,) = found(states)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "somebody" not in kept.read_text()
    assert "abcdefghijklmnop" not in kept.read_text()
    kept.unlink()


@pytest.mark.parametrize("urls", [WHOLE, PARTS, SESSION])
async def test_what_goes_in_one_request_is_not_remembered(path: Path, states: Path, urls: tuple[str, ...]) -> None:
    there: list[int] = []

    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        there.append(len(found(states)))
        return stored(request, data)

    await upload(StoreSite(urls, put=put, complete=complete), path)
    assert set(there) == {0 if urls == WHOLE else 1}


async def test_old_files_are_looked_for_once(path: Path, states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = states / "flywheel_async" / "uploads" / "old.json"
    old.parent.mkdir(parents=True)
    old.touch()
    os.utime(old, (1, time.time() - 8 * 24 * 3600))
    looked: list[Path] = []
    remove_old = upload_state._remove_old
    monkeypatch.setattr(upload_state, "_remove_old", lambda folder: (looked.append(folder), remove_old(folder)))
    for _ in range(3):
        await upload(StoreSite(PARTS, complete=complete), path)
    assert looked == [old.parent]


async def test_a_user_without_a_home(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    with monkeypatch.context() as patch:
        patch.delenv("XDG_STATE_HOME")
        patch.setattr(Path, "home", no_home)
        await upload(StoreSite(PARTS, complete=complete), path)


async def test_a_file_that_names_no_urls_is_not_taken_up(path: Path, states: Path) -> None:
    await killed(path)
    (kept,) = found(states)
    head, *rest = kept.read_text().splitlines()
    told = json.loads(head)
    told["ticket"]["urls"] = []
    kept.write_text("\n".join([json.dumps(told), *rest]))
    site = StoreSite(PARTS, complete=complete)
    await upload(site, path)
    assert site.handed_back == ["TICKET"]
    assert len(site.tickets) == 1
