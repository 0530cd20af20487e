"""Answers no site should give: each is one typed error, and no key leaves or shows."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

import anyio
import httpx
import pytest
from tests.client.hostile import Hostile, http, serving

from flywheel_async import Acquisition, AsyncClient
from flywheel_async.errors import (
    APIError,
    BadAnswer,
    ConfigError,
    ConnectionFailed,
    FlywheelError,
    RequestTimeout,
    ServerError,
    TransferError,
    UnsafeRedirect,
)
from flywheel_async.resources.bound import bind

pytestmark = pytest.mark.anyio

SECRET = "SECRETKEY12345678"


def client(server: Hostile, **options: object) -> AsyncClient:
    settings = {"disable_auth_check": True, "backoff_factor": 0.01, "total_retries": 2, **options}
    return AsyncClient(server.key, **settings)  # type: ignore[arg-type]


def shown(error: BaseException) -> str:
    """Everything a report of an error may show, variables of its frames included."""
    texts = [str(error), repr(error), repr(vars(error)), *getattr(error, "__notes__", [])]
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if "flywheel_async" in trace.tb_frame.f_code.co_filename and "tests" not in trace.tb_frame.f_code.co_filename:
            texts += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    return "\n".join(texts)


def echo(request: bytes) -> bytes:
    return http(b"<html>" + request.replace(b"\r\n", b" ") + b"</html>")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(b"<html>maintenance</html>"), BadAnswer),
        (http(b""), BadAnswer),
        (http(b"[]"), BadAnswer),
        (http(b"null"), BadAnswer),
        (http(b"[" * 100_000), BadAnswer),
        (http(b'{"a":' * 5000), BadAnswer),
        (http(b"not gzip", "200 OK", "Content-Encoding: gzip"), BadAnswer),
        (http(b"not gzip", "500 Oops", "Content-Encoding: gzip"), ServerError),
        (http(b"x", "200 OK", "Content-Encoding: br"), BadAnswer),
        (http(b"\xff\xfe"), BadAnswer),
        (echo, BadAnswer),
        (http(b"", "302 Found", "Location: http://xn--/"), UnsafeRedirect),
        (http(b"", "302 Found", "Location: gopher://x/"), UnsafeRedirect),
        (http(b"", "302 Found"), BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", ConnectionFailed),
        (b"nonsense\r\n\r\n", ConnectionFailed),
        (b"", ConnectionFailed),
        (http(b"{}", "503 Busy", "Retry-After: Mon, 01 Jan 99999999999999999999 00:00:00 GMT"), ServerError),
        (http(json.dumps({"message": SECRET, "detail": [{"loc": [SECRET]}]}).encode(), "400 Bad"), APIError),
        (http(b'{"message": "\\u0053ECRETKEY12345678"}', "418 Teapot"), APIError),
        (lambda request: http(request, "500 Oops", f"X-Echo: {SECRET}"), ServerError),
    ],
)
async def test_one_typed_error_without_the_key(answer: bytes, kind: type[FlywheelError]) -> None:
    with serving(answer) as server:
        fw = client(server)
        with pytest.raises(kind) as caught:
            await fw.get_current_user()
        await fw.aclose()
    assert SECRET not in shown(caught.value)


async def test_lists_with_odd_members(tmp_path: Path) -> None:
    page = [{"_id": "1", "label": 5, "info": "text", "files": None, "created": "never"}, {"_id": "2", "tags": {}}]
    with serving(http(json.dumps(page).encode()), http(b"[]")) as server:
        fw = client(server)
        first, second = await fw.projects.find()
        await fw.aclose()
    assert (first.id, first.label, first.info, first["created"], second.tags) == ("1", 5, "text", "never", {})


@pytest.mark.parametrize("body", [b"[null]", b"[5]", b'{"results": {}}', b'{"results": [{"_id": {"a": 1}}]}'])
async def test_lists_that_are_none(body: bytes) -> None:
    with serving(http(body)) as server:
        fw = client(server)
        with pytest.raises(BadAnswer):
            _ = [p async for p in fw.projects.iter_find()]
        await fw.aclose()


async def test_a_walk_that_turns_in_circles_ends() -> None:
    pages = [http(json.dumps([{"_id": name}]).encode()) for name in "abab"]
    with serving(*pages) as server:
        fw = client(server)
        with pytest.raises(BadAnswer, match="repeats"):
            _ = [p async for p in fw.projects.iter_find()]
        assert len(server.requests) == 3
        await fw.aclose()


async def test_a_walk_goes_on_after_an_error() -> None:
    pages = [http(b'[{"_id": "a"}]'), http(b"{}", "500 Oops"), http(b'[{"_id": "b"}]'), http(b"[]")]
    with serving(*pages) as server:
        fw = client(server)
        pager, seen = fw.projects.iter_find(), list[str]()
        with pytest.raises(ServerError):
            async for project in pager:
                seen.append(project.id)
        async for project in pager:
            seen.append(project.id)
        assert seen == ["a", "b"]
        await fw.aclose()


async def test_a_bomb_does_not_fill_the_memory() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with serving(http(bomb, "500 Oops", "Content-Encoding: gzip")) as server:
        fw = client(server)
        with pytest.raises(ServerError) as caught:
            await fw.get_current_user()
        assert len(caught.value.body) <= 64 * 1024
        await fw.aclose()


async def test_nothing_travels_to_another_host() -> None:
    with serving(http(b'{"_id": "x"}')) as other:
        away = http(b"", "307 Away", f"Location: http://user:pw@127.0.0.1:{other.port}/elsewhere")
        with serving(away) as server:
            own = httpx.AsyncClient(headers={"X-Mine": "private"}, cookies={"c": "private"})
            for fw in (client(server), client(server, http_client=own)):
                await fw.get_current_user()
                await fw.aclose()
            await own.aclose()
            assert b"X-Mine" in server.requests[1]
        for request in other.requests:
            for word in (
                b"private",
                b"scitran",
                b"authorization",
                b"x-accept-feature",
                b"cookie",
                SECRET.encode().lower(),
            ):
                assert word not in request.lower()
        assert len(other.requests) == 2


async def test_redirect_loops_end() -> None:
    with serving(http(b"", "302 Found", "Location: /api/again")) as server:
        fw = client(server)
        with pytest.raises(UnsafeRedirect, match="more than 5"):
            await fw.get_current_user()
        assert len(server.requests) == 6
        await fw.aclose()


def acquisition(fw: AsyncClient) -> Acquisition:
    found = Acquisition(id="5" * 24)
    bind(found, fw)
    return found


async def once() -> AsyncIterator[bytes]:
    yield b"precious"


async def test_a_redirected_upload_is_whole_or_refused() -> None:
    away = http(b"", "307 Away", "Location: /elsewhere")
    stored = http(json.dumps([{"name": "x", "size": 8}]).encode())
    with serving(away, stored, away, stored) as server:
        fw = client(server)
        with pytest.raises(UnsafeRedirect, match="only once"):
            await acquisition(fw).upload_file(once(), name="x")
        server.requests.append(b"")  # the refused one was not followed
        (entry,) = await acquisition(fw).upload_file(b"precious", name="x")
        assert entry.size == 8
        assert b"precious" in server.requests[-1]
        await fw.aclose()


@pytest.mark.parametrize("body", [b"[]", b'[{"name": "other"}]', b'{"_id": 5}'])
async def test_an_upload_that_is_not_confirmed(body: bytes) -> None:
    with serving(http(body)) as server:
        fw = client(server)
        with pytest.raises(BadAnswer):
            await acquisition(fw).upload_file(b"x", name="x")
        await fw.aclose()


@pytest.mark.parametrize(
    "content",
    [
        http(b"", "204 Nothing"),
        http(b"a", "206 Part"),
        http(gzip.compress(b"abc"), "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    ],
)
async def test_downloads_that_are_not_the_file(tmp_path: Path, content: bytes) -> None:
    with serving(http(b'{"name": "x", "version": 1}'), content) as server:
        fw = client(server)
        with pytest.raises((BadAnswer, TransferError, ConnectionFailed)):
            await acquisition(fw).download_file("x", tmp_path / "x")
        tries = len(server.requests)
        await fw.aclose()
    assert list(tmp_path.iterdir()) == []
    assert tries == (4 if content.endswith(b"\r\n\r\n") and b"200" in content else 2)


async def test_a_post_that_may_have_arrived_is_not_sent_again() -> None:
    with serving(b"") as server:
        fw = client(server)
        with pytest.raises(ConnectionFailed):
            await fw.add_group(id="once")
        assert len(server.requests) == 1
        with pytest.raises(ConnectionFailed):
            await fw.get_current_user()
        assert len(server.requests) == 4
        await fw.aclose()


async def test_the_right_host_is_blamed() -> None:
    away = http(b"", "302 Found", "Location: http://no-such-store.invalid/x")
    with serving(away) as server:
        fw = client(server)
        with pytest.raises(ConnectionFailed, match=r"no-such-store\.invalid"):
            await fw.get_current_user()
        await fw.aclose()
    nobody = AsyncClient(server.key, backoff_factor=0.01)
    with pytest.raises(ConnectionFailed, match="refused"):
        await nobody.get_current_user()
    await nobody.aclose()


async def test_the_error_of_a_source_is_its_own() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise httpx.ReadError("another server died")

    with serving(http(b"[]")) as server:
        fw = client(server)
        with pytest.raises(httpx.ReadError, match="another server"):
            await acquisition(fw).upload_file(failing(), name="x")
        await fw.aclose()


def slow(request: bytes) -> bytes:
    time.sleep(3)
    return http(b'{"_id": "x"}')


async def test_the_deadline_covers_everything(tmp_path: Path) -> None:
    with serving(slow) as server:
        fw = client(server, deadline=0.5, max_connections=1)
        for call in (fw.get_current_user, lambda: acquisition(fw).read_file("x")):
            start = anyio.current_time()
            with pytest.raises(RequestTimeout, match="deadline"):
                await call()
            assert anyio.current_time() - start < 2.5
        assert fw._transport._budget.free == 1
        await fw.aclose()


async def test_waiting_for_a_retry_does_not_hold_others_up() -> None:
    busy = http(b"{}", "503 Busy", "Retry-After: 1")
    with serving(busy, http(b'{"_id": "other"}'), http(b'{"_id": "first"}')) as server:
        fw = client(server, max_connections=1)
        done: list[str] = []

        async def ask() -> None:
            done.append((await fw.get_current_user()).id)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(0.3)
            tasks.start_soon(ask)
        assert done == ["other", "first"]
        await fw.aclose()


@pytest.mark.parametrize("part", [{"http_client": httpx.Client()}, {"transport": 5}])
async def test_parts_of_the_wrong_kind(part: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(part))):
        AsyncClient("localhost:1:__force_insecure:key12345", **part)  # type: ignore[arg-type]
