"""Signed uploads to stores that do what a store should not."""

from __future__ import annotations

import hashlib
import logging
import os
from base64 import b64encode
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from tests.client.storesite import CONTAINER, PARTS, SESSION, WHOLE, StoreSite, entry, hash_of, reply, stored

from flywheel_async.errors import (
    BadAnswer,
    ChecksumMismatch,
    ConnectionFailed,
    IncompleteTransfer,
    NotFound,
    StoreRefused,
)
from flywheel_async.events import Event, Progress
from flywheel_async.transfer import outgoing
from flywheel_async.transfer.upload_state import Ticket
from flywheel_async.transport.stores import Put

pytestmark = pytest.mark.anyio

DATA = os.urandom(600_000)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_HASH_SECONDS", 0.3)
    monkeypatch.setattr(outgoing, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(outgoing, "_SETTLING_SECONDS", 0.01)


async def upload(site: StoreSite, **options: object) -> object:
    with anyio.fail_after(10):
        async with site.client(**options) as fw:
            (made,) = await fw.upload_file_to_container(CONTAINER, DATA, name="x")
            return made


async def test_a_store_that_has_all_and_does_not_say_so_is_given_up() -> None:
    full = {"range": f"bytes=0-{len(DATA) - 1}"}
    site = StoreSite(SESSION, put=lambda request, data: reply(status=308, headers=full))
    with pytest.raises(IncompleteTransfer):
        await upload(site)
    assert len(site.puts) == 3
    assert site.handed_back == ["TICKET"]


async def test_a_store_that_loses_what_it_had_is_given_up() -> None:
    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        chunk = request.headers["content-range"]
        if chunk.startswith("bytes */"):
            return reply(status=308)
        return reply(status=308, headers={"range": "bytes=0-9"}) if chunk.startswith("bytes 0-") else reply(status=503)

    site = StoreSite(SESSION, put=put)
    with pytest.raises(StoreRefused):
        await upload(site)
    assert len(site.puts) < 12


async def test_a_store_that_loses_what_it_had_once_gets_it_again() -> None:
    at = 0
    lost = False

    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        nonlocal at, lost
        if at and not lost:
            at, lost = 0, True
            return reply(status=503)
        at = min(at + 100_000, len(DATA)) if data else at
        if at == len(DATA):
            return reply()
        return reply(status=308, headers={"range": f"bytes=0-{at - 1}"} if at else {})

    site = StoreSite(SESSION, put=put, complete=lambda request, body: reply([entry(DATA)]))
    await upload(site)
    assert lost


@pytest.mark.parametrize("urls", [WHOLE, PARTS])
async def test_308_is_no_part_that_is_in(urls: tuple[str, ...]) -> None:
    site = StoreSite(urls, put=lambda request, data: reply(status=308))
    with pytest.raises(IncompleteTransfer, match="whole part"):
        await upload(site)
    assert site.handed_back == ["TICKET"]


@pytest.mark.parametrize("urls", [WHOLE, PARTS])
async def test_an_answer_before_the_bytes_were_read_is_none(urls: tuple[str, ...]) -> None:
    site = StoreSite(urls, put=lambda request, data: reply(headers={"etag": "a"}))
    site.reads = False
    with pytest.raises(IncompleteTransfer, match="whole part"):
        await upload(site)


async def test_a_part_without_an_etag() -> None:
    site = StoreSite(PARTS, put=lambda request, data: reply())
    with pytest.raises(BadAnswer, match="ETag"):
        await upload(site)
    assert site.handed_back == ["TICKET"]


@pytest.mark.parametrize("value", ["é", "AAAA", "no base64", "x" * 24])
async def test_an_md5_that_is_none_is_not_compared(value: str) -> None:
    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        return httpx.Response(200, headers=[(b"content-md5", value.encode())], stream=httpx.ByteStream(b""))

    await upload(StoreSite(("http://store/x?sv=1&sig=SECRET&se=1",), put=put))


def changed(request: httpx.Request, data: bytes) -> httpx.Response:
    """What changes bytes on the way in the same manner each time."""
    return stored(request, data.replace(b"\0", b"\1"))


@pytest.mark.parametrize("later", [None, "right", "wrong"])
async def test_etags_that_are_no_hashes_need_a_hash_of_the_site(later: str | None) -> None:
    """None: it never tells one."""
    looked = 0
    other = {"right": hash_of(DATA), "wrong": hash_of(b""), None: None}[later]

    def listed(request: httpx.Request, body: bytes) -> httpx.Response:
        nonlocal looked
        looked += 1
        return reply(entry(DATA, hash=other if looked > 3 else None))

    site = StoreSite(PARTS, put=changed, complete=lambda request, body: reply([entry(DATA, hash=None)]), other=listed)
    if later == "right":
        await upload(site)
        assert site.deleted == []
    else:
        with pytest.raises(ChecksumMismatch, match="was deleted again"):
            await upload(site)
        assert site.deleted == ["/api/files/F?version=1"]
        assert len(site.tickets) == 1
    assert looked > 3


async def test_etags_that_are_no_hashes_do_not_matter_where_the_site_tells_one() -> None:
    site = StoreSite(PARTS, put=changed, complete=lambda request, body: reply([entry(DATA)]))
    await upload(site)


@pytest.mark.parametrize("right", [True, False])
async def test_the_md5_of_a_whole_session(right: bool) -> None:
    md5 = b64encode(hashlib.md5(DATA if right else b"").digest()).decode()

    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        return reply(headers={"x-goog-hash": f"crc32c=AAAAAA==,md5={md5}"})

    site = StoreSite(SESSION, put=put, complete=lambda request, body: reply([entry(DATA, hash=None)]))
    if right:
        await upload(site)
    else:
        with pytest.raises(ChecksumMismatch):
            await upload(site)
        assert len(site.handed_back) == 3


async def test_what_a_ticket_wants_does_not_travel_to_another_store() -> None:
    headers = {"X-Amz-Security-Token": "SECRET", "Content-Type": "a/b", "x-ms-blob-type": "BlockBlob"}

    def put(request: httpx.Request, data: bytes) -> httpx.Response:
        place = {"store": "http://store/y", "other": None}[request.url.host]
        if request.url.path == "/y":
            place = "http://other:81/z"
        return reply(status=307, headers={"location": place}) if place else reply()

    site = StoreSite(put=put, headers=headers)
    await upload(site)
    assert [(request.url.host, "x-amz-security-token" in request.headers) for request, _ in site.puts] == [
        ("store", True),
        ("store", True),
        ("other", False),
    ]
    last = site.puts[-1][0].headers
    assert last.keys() == {"host", "content-length", "content-type", "x-ms-blob-type"}
    assert site.puts[-1][1] == DATA


@pytest.mark.parametrize("name", ["Upgrade", "Keep-Alive", "Proxy-Connection", "X-SciTran-Auth"])
async def test_headers_that_no_ticket_may_ask_for(name: str) -> None:
    site = StoreSite(headers={name: "x"})
    with pytest.raises(BadAnswer, match="refused"):
        await upload(site)
    assert site.puts == []
    assert site.handed_back == ["TICKET"]


async def test_messages_of_stores_show_no_signature() -> None:
    said = (
        b"<Error><Code>AccessDenied</Code><Message>see http://s/x?X-Amz-Signature=SECRET\x1b[31m now</Message></Error>"
    )
    site = StoreSite(put=lambda request, data: httpx.Response(403, stream=httpx.ByteStream(said)))
    with pytest.raises(StoreRefused, match="AccessDenied") as caught:
        await upload(site)
    assert "SECRET" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.code == "AccessDenied"


async def test_a_store_that_waited_too_long_for_bytes_is_asked_again() -> None:
    said = b"<Error><Code>RequestTimeout</Code></Error>"
    site = StoreSite(put=lambda request, data: httpx.Response(400, stream=httpx.ByteStream(said)))
    with pytest.raises(StoreRefused, match="400"):
        await upload(site)
    assert len(site.puts) == 3


class Endless(httpx.AsyncByteStream, AsyncIterator[bytes]):
    """A body without an end."""

    def __init__(self) -> None:
        self.given = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.given += 65536
        return bytes(65536)

    async def aclose(self) -> None:
        pass


async def test_the_body_of_a_store_that_has_understood_does_not_matter() -> None:
    body = Endless()
    await upload(StoreSite(put=lambda request, data: httpx.Response(200, stream=body)))
    assert body.given <= 3 * 65536
    for encoding in ("br", "gzip"):
        given = {"content-encoding": encoding}
        await upload(StoreSite(put=lambda request, data, given=given: reply("zzz", headers=given)))  # type: ignore[misc]


async def test_a_client_of_the_users_own_neither_logs_urls_nor_keeps_cookies(caplog: pytest.LogCaptureFixture) -> None:
    site = StoreSite(put=lambda request, data: reply(headers={"set-cookie": "a=b; path=/"}))
    hooked: list[str] = []

    async def hook(request: httpx.Request) -> None:
        hooked.append(request.url.host)

    caplog.set_level(logging.DEBUG)
    async with httpx.AsyncClient(transport=site, event_hooks={"request": [hook]}) as client:
        await upload(site, transport=None, http_client=client)
        assert dict(client.cookies) == {}
    assert "HTTP Request" in caplog.text
    assert "SECRET" not in caplog.text
    assert set(hooked) == {"127.0.0.1"}


async def test_mounts_of_a_client_of_the_users_own_are_used() -> None:
    site, store = StoreSite(), StoreSite()
    async with httpx.AsyncClient(transport=site, mounts={"http://store": store}) as client:
        site._complete = lambda request, body: reply([entry(DATA)])
        await upload(site, transport=None, http_client=client)
    assert site.puts == []
    assert store.puts[0][1] == DATA


@pytest.mark.parametrize("urls", [WHOLE, PARTS, SESSION])
@pytest.mark.parametrize("error", [NotFound("x"), ConnectionFailed("x"), ChecksumMismatch("x"), StoreRefused("x")])
async def test_an_error_of_on_progress_is_no_reason_to_try_again(urls: tuple[str, ...], error: Exception) -> None:
    def told(event: Event) -> None:
        if isinstance(event, Progress):
            raise error

    site = StoreSite(urls)
    async with site.client() as fw:
        with pytest.raises(type(error)) as caught:
            await fw.upload_file_to_container(CONTAINER, DATA, name="x", on_progress=told)
    assert caught.value is error
    assert len(site.puts) <= len(urls)
    assert len(site.tickets) == 1
    assert site.handed_back == ["TICKET"]


@pytest.mark.parametrize("urls", [WHOLE, PARTS, SESSION])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_a_program_comes_out_as_it_is(
    anyio_backend: str, urls: tuple[str, ...], error: type[BaseException]
) -> None:
    def told(event: Event) -> None:
        if isinstance(event, Progress):
            raise error

    site = StoreSite(urls)
    async with site.client() as fw:
        with pytest.raises(error):
            await fw.upload_file_to_container(CONTAINER, DATA, name="x", on_progress=told)
    assert site.handed_back == ["TICKET"]


def test_no_repr_shows_where_bytes_go() -> None:
    ticket = Ticket("SECRET", ("http://store/x?sig=SECRET",), {"x-key": "SECRET"})
    put = Put("http://store/x?sig=SECRET", {"x-key": "SECRET"}, lambda: None, 1)  # type: ignore[arg-type, return-value]
    assert "SECRET" not in repr(ticket)
    assert "SECRET" not in repr(put)
