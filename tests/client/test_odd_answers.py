"""Signed uploads to sites whose answers are not what they should be, or get lost."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
from tests.client.storesite import CONTAINER, PARTS, StoreSite, entry, hash_of, reply

from flywheel_async import FileSpec
from flywheel_async.errors import (
    ArgumentError,
    BadAnswer,
    ChecksumMismatch,
    Conflict,
    ConnectionFailed,
    RequestTimeout,
    ServerError,
)
from flywheel_async.transfer import outgoing
from flywheel_async.transfer import signed as signed_module

pytestmark = pytest.mark.anyio

DATA = b"some bytes"
WRONG = hash_of(b"other bytes")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_SETTLING_SECONDS", 0.01)


async def upload(
    site: StoreSite, signed: bool | None = None, data: bytes = DATA, *, seconds: float = 60.0, **options: Any
) -> Any:
    with anyio.fail_after(10):
        async with site.client(request_timeout=seconds) as fw:
            (made,) = await fw.upload_file_to_container(CONTAINER, data, signed, **{"name": "x", **options})
            return made


@pytest.mark.parametrize(
    "members",
    [
        {"name": "thesis.docx", "version": 3},
        {"version": None, "hash": WRONG},
        {"file_id": None, "hash": WRONG},
        {"file_id": "..", "hash": WRONG},
    ],
)
async def test_what_is_not_surely_ours_is_not_deleted(members: dict[str, object]) -> None:
    site = StoreSite(complete=lambda request, body: reply([entry(DATA, **members)]))
    with pytest.raises((BadAnswer, ChecksumMismatch), match="is still there"):
        await upload(site)
    assert site.deleted == []


async def test_only_the_wrong_version_is_deleted() -> None:
    entries = [entry(DATA, hash=WRONG, version=4), entry(DATA, name="y", version=9)]
    site = StoreSite(complete=lambda request, body: reply(entries))
    with pytest.raises(ChecksumMismatch, match="version 4 of 'x' was deleted again"):
        await upload(site)
    assert site.deleted == ["/api/files/F?version=4"] * 3


async def test_names_in_another_form_are_ours() -> None:
    composed, apart = "\u00e9", "e\u0301"
    made = entry(DATA, name=composed)

    def other(request: httpx.Request, body: bytes) -> httpx.Response:
        return reply(made) if composed in request.url.path else reply({}, 404)

    ticket = {"ticket": "T", "urls": {composed: "http://store/x?X-Amz-Signature=SECRET"}}
    site = StoreSite(complete=lambda request, body: reply([made]), other=other, ticket=ticket)
    assert unicodedata.normalize("NFC", apart) == composed
    assert (await upload(site, name=apart, wait=True)).name == composed
    assert (await upload(site, name=apart, overwrite="skip-same")).name == composed
    assert len(site.puts) == 1


SHORT = {"ticket": "TICKET", "urls": {"x": "http://s/?sig=SECRET"}}


@pytest.mark.parametrize(
    ("answer", "back"),
    [
        ({**SHORT, "ticket": ""}, False),
        ({**SHORT, "ticket": 5}, False),
        ({**SHORT, "urls": {"y": "http://s/?sig=SECRET"}}, True),
        ({**SHORT, "urls": {"x": []}}, True),
        ({**SHORT, "urls": {"x": ["http://s/?sig=SECRET", 5]}}, True),
        ({**SHORT, "urls": {"x": ["ftp://s/?sig=SECRET"]}}, True),
        ({**SHORT, "urls": {"x": ["http://[::1/?sig=SECRET"]}}, True),
        ({**SHORT, "headers": {"Authorization": "SECRET"}}, True),
    ],
)
async def test_no_error_shows_a_ticket(answer: dict[str, object], back: bool) -> None:
    site = StoreSite(ticket=answer)
    with pytest.raises(BadAnswer) as caught:
        await upload(site)
    assert "SECRET" not in str(caught.value)
    assert "TICKET" not in str(caught.value)
    assert site.handed_back == (["TICKET"] if back else [])
    assert site.puts == []


async def test_an_answer_that_is_cut_off_shows_no_ticket() -> None:
    class Cut(StoreSite):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if request.url.query != b"ticket=":
                return response
            return httpx.Response(200, stream=httpx.ByteStream((await response.aread())[:-1]))

    with pytest.raises(BadAnswer) as caught:
        await upload(Cut())
    assert "SECRET" not in str(caught.value)


async def test_a_ticket_that_is_not_taken_back_is_logged_without_its_name(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(StoreSite):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/cleanup"):
                return reply({"message": "no object TICKET"}, 404)
            return await super().handle_async_request(request)

    caplog.set_level(logging.INFO, "flywheel_async.transfer")
    with pytest.raises(ServerError):
        await upload(Refusing(complete=lambda request, body: reply({}, 500)))
    assert "did not take the upload ticket back (status 404)" in caplog.text
    assert "TICKET" not in caplog.text


SENT = {
    "info": {"run": 2, "deep": {"a": [1]}},
    "tags": ["b"],
    "type": "nifti",
    "modality": "MR",
    "classification": {"Intent": ["Structural"]},
}


@pytest.mark.parametrize("signed", [None, False])
@pytest.mark.parametrize(
    ("says", "taken"),
    [
        ({**SENT, "info": {**SENT["info"], "more": 1}, "tags": ["a", "b"], "mimetype": "a/b"}, True),  # type: ignore[dict-item]
        ({**SENT, "mimetype": "a/b", "info": {"run": 1, "deep": {"a": [1]}}}, False),
        ({**SENT, "mimetype": "a/b", "info": {"run": 2, "deep": {}}}, False),
        ({**SENT, "mimetype": "a/b", "tags": ["a"]}, False),
        ({**SENT, "mimetype": "a/b", "type": "dicom"}, False),
        ({**SENT, "mimetype": "a/b", "modality": None}, False),
        ({**SENT, "mimetype": "a/b", "classification": {}}, False),
        ({**SENT, "mimetype": "a/c"}, False),
    ],
)
async def test_an_answer_that_got_lost(signed: bool | None, says: dict[str, object], taken: bool) -> None:
    """What is listed may be an older version with the same bytes."""
    posts = 0

    class Losing(StoreSite):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal posts
            form = request.headers.get("content-type", "").startswith("multipart/")
            if request.method == "POST" and (form or request.url.query == b"ticket=TICKET"):
                await request.aread()
                posts += 1
                if posts == 1:
                    raise httpx.ReadError("reset")
                if posts == 2 and signed is None:
                    return reply({}, 400)  # the ticket is gone
                return reply([entry(DATA, version=2)])
            return await super().handle_async_request(request)

    site = Losing(other=lambda request, body: reply(entry(DATA, **says)))
    options = {"metadata": SENT, "content_type": "a/b"}
    assert (await upload(site, signed, **options)).version == (1 if taken else 2)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ReadTimeout("slow"), RequestTimeout),
        (httpx.ReadError("reset after long"), ConnectionFailed),
        (504, ServerError),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
async def test_a_site_that_is_slow_to_list_gets_the_file_once(
    monkeypatch: pytest.MonkeyPatch, listed: bool, failure: Exception | int, kind: type[Exception]
) -> None:
    """The ticket is in use, so it is good no more, and the file is not listed yet."""
    monkeypatch.setattr(signed_module, "_LONG_SECONDS", 0.0)
    completed = looks = 0

    def slow(request: httpx.Request, body: bytes) -> httpx.Response:
        nonlocal completed
        completed += 1
        if completed > 1:
            return reply({"message": "no such ticket"}, 404)
        if isinstance(failure, int):
            return reply({}, failure)
        raise failure

    def look(request: httpx.Request, body: bytes) -> httpx.Response:
        nonlocal looks
        looks += 1
        return reply(entry(DATA)) if listed and looks > 1 else reply({}, 404)

    site = StoreSite(complete=slow, other=look)
    if listed:
        assert (await upload(site, seconds=3.0)).version == 1
    else:
        with pytest.raises(kind) as caught:
            await upload(site, seconds=0.1)
        assert "in use or gone (404): look for 'x' later" in caught.value.__notes__[0]
    assert len(site.puts) == 1


@pytest.mark.parametrize("listed", [True, False])
async def test_the_answer_to_the_last_try_got_lost(listed: bool) -> None:
    def lost(request: httpx.Request, body: bytes) -> httpx.Response:
        raise httpx.ReadError("reset")

    site = StoreSite(complete=lost, other=lambda request, body: reply(entry(DATA)) if listed else reply({}, 404))
    if listed:
        assert (await upload(site)).version == 1
    else:
        with pytest.raises(ConnectionFailed):
            await upload(site)
    assert site.handed_back == ([] if listed else ["TICKET"])


async def test_a_refusal_to_list_does_not_hide_what_went_wrong() -> None:
    site = StoreSite(
        complete=lambda request, body: reply({"message": "broken"}, 500), other=lambda request, body: reply({}, 403)
    )
    with pytest.raises(ServerError, match="broken"):
        await upload(site)


@pytest.mark.parametrize("prompt", [True, False])
async def test_cancelling_while_the_ticket_is_asked_for(prompt: bool) -> None:
    class Slow(StoreSite):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if request.url.query == b"ticket=":
                await anyio.sleep(0.3 if prompt else 30)
            return response

    site = Slow()
    start = anyio.current_time()
    with anyio.move_on_after(0.1) as scope:
        await upload(site)
    assert scope.cancelled_caught
    assert anyio.current_time() - start < (1 if prompt else 3)
    assert site.handed_back == (["TICKET"] if prompt else [])
    assert site.puts == []


async def test_the_size_is_that_of_the_bytes() -> None:
    for data in (DATA, b""):
        site = StoreSite()
        await upload(site, data=data, metadata={"size": 999})
        (asked,) = site.tickets
        assert asked["metadata"].get("size") == (len(data) or None)


async def test_which_file_of_a_list_failed() -> None:
    def complete(request: httpx.Request, body: bytes) -> httpx.Response:
        return reply({}, 409)

    site = StoreSite(complete=complete)
    async with site.client() as fw:
        with pytest.raises(Conflict) as caught:
            await fw.upload_file_to_container(CONTAINER, [FileSpec(name, DATA) for name in "abcd"])
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"'[abcd]' failed; 0 of 4 files were uploaded before", note)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FileSpec("x", b"12345", size="5"),  # type: ignore[arg-type]
        lambda: FileSpec("x", b"12345", size=True),
        lambda: FileSpec("x", b"12345", size=5.0),  # type: ignore[arg-type]
        lambda: FileSpec("a\0b"),
        lambda: FileSpec("a\0b", b""),
    ],
)
async def test_specs_that_make_no_sense(make: Callable[[], FileSpec]) -> None:
    site = StoreSite(PARTS)
    async with site.client() as fw:
        with pytest.raises(ArgumentError):
            await fw.upload_file_to_container(CONTAINER, make())
    assert site.tickets == []
