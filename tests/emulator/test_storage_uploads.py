"""Uploads by signed URL: ticket, bytes to the store, completion; for each kind of store."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.emulator.blobs import IncomingBlob
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.storage.objects import Pending, Piece, PieceWriter
from flywheel_async.emulator.uploads import Destination

PART = 512 * 1024
CONTENT = hashlib.shake_256(b"seed").digest(3 * PART + 17)
FEATURE = {"x-accept-feature": "Safe-Redirect,Multipart_Signed_Url"}


@pytest.fixture(scope="module", params=["s3", "gcs", "azure"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(kind: Any) -> Iterator[Emulator]:
    with Emulator(signed_urls=kind, part_bytes=PART) as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[httpx.Client]:
    """A client without any credential."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


@dataclass
class Ticket:
    """An upload ticket of one file."""

    name: str
    urls: list[str]
    headers: dict[str, str]


def ask(http: httpx.Client, path: str, content: bytes, *, parts: bool = True, **metadata: Any) -> Ticket:
    body = {"metadata": {"name": "f.bin", "size": len(content), **metadata}, "filenames": ["local"]}
    response = http.post(f"{path}/files?ticket=", json=body, headers=FEATURE if parts else {})
    assert response.status_code == 200, response.text
    answer = response.json()
    urls = answer["urls"]["local"]
    return Ticket(answer["ticket"], urls if isinstance(urls, list) else [urls], answer["headers"])


def split(content: bytes, count: int) -> list[bytes]:
    """Cuts a content as the official client does."""
    even = math.ceil(len(content) / count)
    size = even + (262144 - even % 262144)
    return [content[at * size : (at + 1) * size] for at in range(count)]


def put(store: httpx.Client, kind: str, ticket: Ticket, content: bytes) -> list[httpx.Response]:
    answers: list[httpx.Response] = []
    at = 0
    for url, part in zip(ticket.urls, split(content, len(ticket.urls)), strict=True):
        headers = dict(ticket.headers)
        if kind == "gcs" and len(ticket.urls) > 1:
            headers["content-range"] = f"bytes {at}-{at + len(part) - 1}/{len(content)}"
        answers.append(store.put(url, content=part, headers=headers))
        at += len(part)
    return answers


def complete(
    http: httpx.Client, path: str, ticket: Ticket, answers: list[httpx.Response] | None = None, **params: str
) -> httpx.Response:
    where = f"{path}/files"
    params["ticket"] = ticket.name
    if answers and "uploadId" in ticket.urls[0]:
        tags = [answer.headers["etag"].strip('"') for answer in answers]
        multipart = {"e_tags": tags, "upload_id": httpx.URL(ticket.urls[0]).params["uploadId"]}
        return http.post(where, params=params, json={"multipart": multipart})
    return http.post(where, params=params, headers={"content-type": "application/json"})


@pytest.fixture
def scan(tree: Any) -> str:
    return f"/acquisitions/{tree.acquisition}"


@pytest.mark.parametrize("size", [0, 1, PART, len(CONTENT)])
def test_a_file_goes_in_and_comes_out(
    site: Emulator, http: httpx.Client, store: httpx.Client, kind: str, scan: str, size: int
) -> None:
    content = CONTENT[:size]
    incoming = site.data / "blobs" / "incoming"
    before = set(incoming.iterdir())
    ticket = ask(http, scan, content, info={"a": 1}, tags=["t"])
    assert len(ticket.urls) == max(math.ceil(size / PART), 1)
    answers = put(store, kind, ticket, content)
    wanted = {"s3": 200, "azure": 201, "gcs": 308}[kind]
    assert [answer.status_code for answer in answers[:-1]] == [wanted] * (len(answers) - 1)
    assert answers[-1].status_code == (201 if kind == "azure" else 200)
    assert [item["name"] for item in http.get(scan).json()["files"]] == ["a.txt"], "not listed before the end"
    (entry,) = complete(http, scan, ticket, answers).json()
    assert (entry["name"], entry["size"], entry["info"], entry["tags"]) == ("f.bin", size, {"a": 1}, ["t"])
    assert entry["hash"] == "v0-sha384-" + hashlib.sha384(content).hexdigest()
    assert http.get(f"{scan}/files/f.bin").content == content
    assert complete(http, scan, ticket, answers).status_code == 404, "a ticket is good for one file"
    assert set(incoming.iterdir()) == before


def test_a_client_that_cannot_deal_with_parts_gets_one_address(
    http: httpx.Client, store: httpx.Client, kind: str, scan: str
) -> None:
    ticket = ask(http, scan, CONTENT, parts=False)
    (answer,) = put(store, kind, ticket, CONTENT)
    assert answer.is_success
    assert complete(http, scan, ticket).json()[0]["hash"].endswith(hashlib.sha384(CONTENT).hexdigest())


def test_several_files_of_one_ticket(http: httpx.Client, store: httpx.Client, scan: str) -> None:
    body = {"metadata": [{"name": "one"}, {"name": "two", "size": 2}], "filenames": ["1", "2"]}
    answer = http.post(f"{scan}/files?ticket=", json=body, headers=FEATURE).json()
    for name, content in (("1", b"x"), ("2", b"yy")):
        assert store.put(answer["urls"][name], content=content, headers=answer["headers"]).is_success
    entries = http.post(f"{scan}/files", params={"ticket": answer["ticket"]}).json()
    assert [(entry["name"], entry["size"]) for entry in entries] == [("one", 1), ("two", 2)]


def test_analyses_take_outputs_by_signed_url(http: httpx.Client, store: httpx.Client, kind: str, tree: Any) -> None:
    made = http.post(f"/sessions/{tree.session}/analyses", json={"label": "x"}).json()["_id"]
    body = {"metadata": [{"name": "out", "size": 3}], "filenames": ["out"]}
    answer = http.post(f"/analyses/{made}/files?ticket=", json=body).json()
    assert store.put(answer["urls"]["out"], content=b"abc", headers=answer["headers"]).is_success
    assert complete(http, f"/analyses/{made}", Ticket(answer["ticket"], [""], {})).status_code == 200
    assert http.get(f"/analyses/{made}/files/out").content == b"abc"


def test_a_new_version_keeps_metadata_when_asked(http: httpx.Client, store: httpx.Client, kind: str, scan: str) -> None:
    for params in ({}, {"preserve_metadata": "true"}):
        ticket = ask(http, scan, b"x", **({} if params else {"tags": ["old"]}))
        answers = put(store, kind, ticket, b"x")
        (entry,) = complete(http, scan, ticket, answers, **params).json()
    assert (entry["version"], entry["tags"]) == (2, ["old"])


def test_what_completes_nothing(
    site: Emulator, api: Callable[[str], httpx.Client], http: httpx.Client, store: httpx.Client, kind: str, scan: str
) -> None:
    ticket = ask(http, scan, CONTENT)
    assert complete(http, scan, ticket).status_code == 400, "nothing has come"
    answers = put(store, kind, ticket, CONTENT[:-1])
    short = complete(http, scan, ticket, answers)
    assert short.status_code == 422
    assert "not" in short.json()["message"]
    assert complete(http, scan, Ticket("unknown", [""], {})).status_code == 404
    project = http.get(scan).json()["parents"]["project"]
    assert complete(http, f"/projects/{project}", ticket).status_code == 400, "for another container"
    other = api(site.add_user("other@example.com"))
    assert complete(other, scan, ticket).status_code == 403
    http.post(f"/projects/{project}/permissions", json={"_id": "other@example.com", "role_ids": [site.roles["rw"]]})
    assert complete(other, scan, ticket).status_code == 403, "somebody else's ticket"
    assert len(http.get(scan).json()["files"]) == 1
    again = ask(http, scan, CONTENT)
    assert complete(http, scan, again, put(store, kind, again, CONTENT)).status_code == 200


def test_requests_for_tickets_that_are_refused(http: httpx.Client, scan: str) -> None:
    def status(**body: Any) -> int:
        return http.post(f"{scan}/files?ticket=", json=body).status_code

    assert status() == 422
    assert status(metadata={}, filenames=[]) == 422
    assert status(metadata={}, filenames=["a", "b"]) == 422
    assert status(metadata=[{"name": "x"}, {"name": "y"}], filenames=["a", "a"]) == 422
    assert status(metadata={"name": ".."}, filenames=["a"]) == 422
    assert status(metadata={"colour": 1}, filenames=["a"]) == 422
    assert http.post(f"{scan}/files?ticket=", content=b"{").status_code == 400
    assert http.post(f"{scan}/files?ticket=x", json=[]).status_code == 422


def test_the_config_tells_of_it(http: httpx.Client) -> None:
    config = http.get("/config").json()
    assert (
        config["signed_url"] is config["features"]["signed_url"] is config["features"]["multipart_signed_url"] is True
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"authorization": "scitran-user x"},
        {"cookie": "a=b"},
        {"x-scitran-auth": "secret"},
        {"X-SciTran-Name": "x"},
    ],
)
def test_a_second_credential_is_refused(http: httpx.Client, store: httpx.Client, scan: str, extra: Any) -> None:
    ticket = ask(http, scan, b"abc")
    answer = store.put(ticket.urls[0], content=b"abc", headers={**ticket.headers, **extra})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/xml"
    assert "<Code>InvalidArgument</Code>" in answer.text
    assert complete(http, scan, ticket).status_code == 400


def test_wrong_signatures_are_refused(http: httpx.Client, store: httpx.Client, kind: str, scan: str) -> None:
    ticket = ask(http, scan, b"abc")
    url = httpx.URL(ticket.urls[0])
    signature = {"s3": "X-Amz-Signature", "gcs": "X-Goog-Signature", "azure": "sig"}[kind]
    later = {
        "s3": ("X-Amz-Expires", "99999"),
        "gcs": ("X-Goog-Expires", "99999"),
        "azure": ("se", "2099-01-01T00:00:00Z"),
    }
    wrong = [
        url.copy_remove_param(signature),
        url.copy_set_param(signature, "0" * 64),
        url.copy_set_param(*later[kind]),
        url.copy_add_param("partNumber", "2"),
        url.copy_add_param(signature, "0"),
        url.copy_with(path=url.path[:-1] + "x"),
        url.copy_with(host="127.0.0.1"),
    ]
    for changed in wrong:
        answer = store.put(changed, content=b"abc", headers=ticket.headers)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True), changed
    assert store.get(url).status_code == 403, "signed for another method"
    if kind == "gcs":
        assert store.put(url, content=b"abc", headers={"content-type": "text/plain"}).status_code == 403
    assert store.put(url, content=b"abc", headers=ticket.headers).is_success


def test_an_address_ends(store: httpx.Client, kind: Any) -> None:
    with Emulator(signed_urls=kind, signed_seconds=0) as short:
        http = httpx.Client(
            base_url=short.url,
            headers={"authorization": f"scitran-user {short.api_key.rpartition(':')[2]}"},
            trust_env=False,
        )
        with http:
            http.post("/groups", json={"_id": "g1", "label": "x"})
            project = http.post("/projects", json={"group": "g1", "label": "x"}).json()["_id"]
            ticket = ask(http, f"/projects/{project}", b"abc")
            answer = store.put(ticket.urls[0], content=b"abc", headers=ticket.headers)
            assert (answer.status_code, "has expired" in answer.text) == (403, True)
            assert complete(http, f"/projects/{project}", ticket).status_code == 404


def test_a_body_of_unknown_length_is_refused(http: httpx.Client, store: httpx.Client, scan: str) -> None:
    ticket = ask(http, scan, b"abc")
    answer = store.put(ticket.urls[0], content=iter([b"abc"]), headers=ticket.headers)
    assert (answer.status_code, "MissingContentLength" in answer.text) == (411, True)


def test_flipped_bytes_are_found_by_their_md5(http: httpx.Client, store: httpx.Client, scan: str) -> None:
    ticket = ask(http, scan, b"abc")
    headers = {**ticket.headers, "content-md5": "kAFQmDzST7DWlj99KOF/cg=="}
    assert store.put(ticket.urls[0], content=b"abd", headers=headers).status_code == 400
    assert store.put(ticket.urls[0], content=b"abc", headers={**headers, "content-md5": "?"}).status_code == 400
    assert store.put(ticket.urls[0], content=b"abc", headers=headers).is_success


def test_a_part_that_breaks_off_leaves_nothing(site: Emulator, http: httpx.Client, scan: str) -> None:
    incoming = site.data / "blobs" / "incoming"
    before = set(incoming.iterdir())
    ticket = ask(http, scan, b"x" * 9_000_000, parts=False)
    url = httpx.URL(ticket.urls[0])
    with socket.create_connection((url.host, url.port or 80)) as raw:
        lines = [f"PUT {url.raw_path.decode()} HTTP/1.1", f"Host: {url.netloc.decode()}", "Content-Length: 9000000"]
        lines += [f"{name}: {value}" for name, value in ticket.headers.items()]
        raw.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * 3_000_000)
    assert complete(http, scan, ticket).status_code == 400
    for _ in range(200):
        if set(incoming.iterdir()) == before:
            break
        http.get("/config")
    assert set(incoming.iterdir()) == before


def test_an_upload_can_be_given_up(
    site: Emulator, http: httpx.Client, store: httpx.Client, kind: str, scan: str
) -> None:
    incoming = site.data / "blobs" / "incoming"
    before = set(incoming.iterdir())
    ticket = ask(http, scan, CONTENT)
    put(store, kind, ticket, CONTENT)
    assert set(incoming.iterdir()) > before
    provider = http.get(f"/projects/{http.get(scan).json()['parents']['project']}").json()["providers"]["storage"]
    cleanup = {"provider_id": provider, "uuid": ticket.name}
    assert http.post("/upload/signed-url/cleanup", json=cleanup).status_code == 200
    assert set(incoming.iterdir()) == before
    assert complete(http, scan, ticket).status_code == 404
    assert store.put(ticket.urls[0], content=b"abc", headers=ticket.headers).status_code == 404
    assert http.post("/upload/signed-url/cleanup", json=cleanup).status_code == 404


def test_what_came_for_a_ticket_goes_when_the_ticket_ends(kind: Any, store: httpx.Client) -> None:
    with Emulator(signed_urls=kind, part_bytes=PART, signed_seconds=2) as site:
        key = {"authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"}
        with httpx.Client(base_url=site.url, headers=key, trust_env=False) as http:
            http.post("/groups", json={"_id": "g1", "label": "x"})
            project = http.post("/projects", json={"group": "g1", "label": "x"}).json()["_id"]
            ticket = ask(http, f"/projects/{project}", CONTENT)
        put(store, kind, ticket, CONTENT)
        assert list((site.data / "blobs" / "incoming").iterdir()) != []
        for _ in range(500):
            time.sleep(0.01)
            if not list((site.data / "blobs" / "incoming").iterdir()):
                break
        assert list((site.data / "blobs" / "incoming").iterdir()) == []


@pytest.mark.parametrize("parts", [True, False])
def test_more_than_was_announced_is_refused(
    http: httpx.Client, store: httpx.Client, kind: str, scan: str, parts: bool
) -> None:
    for content in (b"0123456789", CONTENT):
        ticket = ask(http, scan, content, parts=parts)
        headers = dict(ticket.headers)
        longer = content + b"x"
        if kind == "gcs" and "upload_id" in ticket.urls[0]:
            headers["content-range"] = f"bytes 0-{len(longer) - 1}/{len(longer)}"
        answer = store.put(ticket.urls[0], content=longer, headers=headers)
        assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)
        answers = put(store, kind, ticket, content)
        if kind != "gcs" and len(ticket.urls) > 1:
            assert store.put(ticket.urls[-1], content=longer[-PART:], headers=headers).status_code == 400, "in all"
        assert complete(http, scan, ticket, answers).status_code == 200


def test_a_signed_address_opens_no_other_way_in(
    site: Emulator, http: httpx.Client, store: httpx.Client, scan: str
) -> None:
    ticket = ask(http, scan, CONTENT)
    url = httpx.URL(ticket.urls[0])
    secret = url.params.get("uploadId") or url.params.get("upload_id") or ""
    token = f"{url.path.rpartition('/')[2]}.{secret}"
    assert store.put(f"{site.url}/upload/fs-file", params={"token": token}, content=b"x").status_code == 401


def test_an_upload_that_is_given_up_while_it_is_put_together(
    site: Emulator, http: httpx.Client, store: httpx.Client, kind: str, scan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = site.data / "blobs" / "incoming"
    before = set(incoming.iterdir())
    ticket = ask(http, scan, CONTENT)
    answers = put(store, kind, ticket, CONTENT)
    objects = site.server.site.storage.objects
    together = objects._put_together

    def given_up(pending: Pending, pieces: Sequence[Piece]) -> Content:
        assert objects.drop(pending.name)
        return together(pending, pieces)

    monkeypatch.setattr(objects, "_put_together", given_up)
    assert complete(http, scan, ticket, answers).status_code == 409
    assert set(incoming.iterdir()) == before


def test_an_upload_that_could_not_be_listed_can_be_completed_again(
    site: Emulator, http: httpx.Client, store: httpx.Client, kind: str, scan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set((site.data / "blobs").rglob("*"))
    content = CONTENT + b"for this test only"
    ticket = ask(http, scan, content)
    answers = put(store, kind, ticket, content)

    def refuse(*_: Any) -> Any:
        raise Problem(409, "not now")

    with monkeypatch.context() as patch:
        patch.setattr(Destination, "store", refuse)
        assert complete(http, scan, ticket, answers).status_code == 409
    waiting = set((site.data / "blobs").rglob("*")) - before
    assert [path.parent.name for path in waiting] == ["incoming"]
    assert complete(http, scan, ticket, answers).status_code == 200
    assert not any(path.exists() for path in waiting)
    assert http.get(f"{scan}/files/f.bin").content == content


@pytest.mark.parametrize("kind", ["s3"], indirect=True)
def test_s3_wants_the_etags_in_order(http: httpx.Client, store: httpx.Client, kind: str, scan: str) -> None:
    ticket = ask(http, scan, CONTENT)
    answers = put(store, kind, ticket, CONTENT)
    assert [answer.headers["etag"] for answer in answers] == [
        f'"{hashlib.md5(part).hexdigest()}"' for part in split(CONTENT, 4)
    ]
    assert complete(http, scan, ticket).status_code == 400, "no ETags"
    assert complete(http, scan, ticket, answers[::-1]).status_code == 400
    assert complete(http, scan, ticket, answers[:-1]).status_code == 422, "bytes are missing"
    other = {"multipart": {"e_tags": [answer.headers["etag"] for answer in answers], "upload_id": "other"}}
    assert http.post(f"{scan}/files", params={"ticket": ticket.name}, json=other).status_code == 400
    assert store.put(ticket.urls[1], content=split(CONTENT, 4)[1]).is_success, "a part may come again"
    assert complete(http, scan, ticket, answers).status_code == 200


@pytest.mark.parametrize("kind", ["gcs"], indirect=True)
def test_gcs_takes_chunks_one_after_the_other(http: httpx.Client, store: httpx.Client, kind: str, scan: str) -> None:
    ticket = ask(http, scan, CONTENT)
    assert len(set(ticket.urls)) == 1
    total, chunk = len(CONTENT), 256 * 1024

    def send(given: str, content: bytes = b"") -> httpx.Response:
        return store.put(ticket.urls[0], content=content, headers={**ticket.headers, "content-range": given})

    assert send(f"bytes */{total}").status_code == 308
    assert "range" not in send(f"bytes */{total}").headers
    first = send(f"bytes 0-{chunk - 1}/{total}", CONTENT[:chunk])
    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{chunk - 1}")
    assert send(f"bytes {2 * chunk}-{3 * chunk - 1}/{total}", CONTENT[2 * chunk : 3 * chunk]).status_code == 400, (
        "a gap"
    )
    assert send(f"bytes {chunk}-{chunk + 9}/{total}", CONTENT[chunk : chunk + 10]).status_code == 400, "not a multiple"
    assert send(f"bytes 0-9/{total}", b"x").status_code == 400, "another length"
    assert send("items 0-9/9", b"x").status_code == 400
    both = send(f"bytes 0-{2 * chunk - 1}/{total}", CONTENT[: 2 * chunk])
    assert both.headers["range"] == f"bytes=0-{2 * chunk - 1}", "what has come before is passed over"
    assert send(f"bytes */{total}").headers["range"] == f"bytes=0-{2 * chunk - 1}"
    assert complete(http, scan, ticket).status_code == 422
    assert send(f"bytes {2 * chunk}-{total - 1}/{total}", CONTENT[2 * chunk :]).status_code == 200
    assert complete(http, scan, ticket).json()[0]["hash"].endswith(hashlib.sha384(CONTENT).hexdigest())


@pytest.mark.parametrize("kind", ["gcs"], indirect=True)
@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited there")
def test_a_chunk_that_cannot_be_written_is_not_half_there(
    http: httpx.Client, store: httpx.Client, kind: str, scan: str
) -> None:
    import resource

    content = CONTENT + CONTENT
    ticket = ask(http, scan, content)
    url = ticket.urls[0]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * PART, before[1]))  # as if the disk were full
    try:
        assert store.put(url, content=content, headers=ticket.headers).status_code == 500
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    asked = store.put(url, headers={**ticket.headers, "content-range": f"bytes */{len(content)}"})
    at = int(asked.headers["range"].removeprefix("bytes=0-")) + 1
    assert 0 < at < 3 * PART
    headers = {**ticket.headers, "content-range": f"bytes {at}-{len(content) - 1}/{len(content)}"}
    assert store.put(url, content=content[at:], headers=headers).status_code == 200
    (entry,) = http.post(f"{scan}/files", params={"ticket": ticket.name}).json()
    assert entry["hash"] == f"v0-sha384-{hashlib.sha384(content).hexdigest()}"
    assert http.get(f"{scan}/files/f.bin").content == content


def test_a_full_disk_is_told(
    http: httpx.Client, store: httpx.Client, kind: str, scan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    ticket = ask(http, scan, b"abc", parts=False)
    with monkeypatch.context() as patch:
        patch.setattr(PieceWriter, "write", full)
        patch.setattr(IncomingBlob, "write", full)
        answer = store.put(ticket.urls[0], content=b"abc", headers=ticket.headers)
        assert (answer.status_code, "<Code>InsufficientStorage</Code>" in answer.text) == (507, True)
        direct = http.post(f"{scan}/files", files={"file": ("x", b"abc")})
        assert (direct.status_code, "full" in direct.json()["message"]) == (507, True)
    assert store.put(ticket.urls[0], content=b"abc", headers=ticket.headers).is_success


@pytest.mark.parametrize("kind", ["azure"], indirect=True)
def test_azure_wants_the_kind_of_blob(http: httpx.Client, store: httpx.Client, kind: str, scan: str) -> None:
    ticket = ask(http, scan, b"abc")
    assert ticket.headers == {"x-ms-blob-type": "BlockBlob"}
    answer = store.put(ticket.urls[0], content=b"abc")
    assert (answer.status_code, "MissingRequiredHeader" in answer.text) == (400, True)


def test_the_storage_routes_make_a_file_of_an_object(
    http: httpx.Client, store: httpx.Client, tree: Any, kind: str
) -> None:
    provider = http.get(f"/projects/{tree.project}").json()["providers"]["storage"]
    asked = {"provider_id": provider, "size": len(CONTENT)}
    made = http.post("/upload/signed-url", json=asked, headers=FEATURE).json()
    ticket = Ticket("", made["upload_urls"], made["upload_headers"])
    answers = put(store, kind, ticket, CONTENT)
    reference = {"type": "acquisition", "id": tree.acquisition}
    wanted: dict[str, Any] = {"provider_id": provider, "uuid": made["uuid"], "size": len(CONTENT), "name": "up.bin"}
    wanted.update(parent_ref=reference, origin={"type": "user"})
    if kind == "s3":
        assert http.post("/files", json=wanted).status_code == 400, "the parts are not put together yet"
        tags = {"upload_id": made["s3_multipart_upload_id"], "etags": [answer.headers["etag"] for answer in answers]}
        done = http.post("/upload/complete-s3-multipart", json={"provider_id": provider, "uuid": made["uuid"], **tags})
        assert done.json() == {"provider_id": provider, "uuid": made["uuid"]}
    entry = http.post("/files", json=wanted).json()
    assert (entry["upsert_result"], entry["size"]) == ("created", len(CONTENT))
    assert http.get(f"/acquisitions/{tree.acquisition}/files/up.bin").content == CONTENT
    assert http.post("/files", json=wanted).status_code == 404, "an object becomes one file"
    for force, result in (("false", "ignored"), ("true", "updated")):
        same = http.post("/upload/signed-url", json=asked).json()
        assert store.put(same["upload_urls"][0], content=CONTENT, headers=same["upload_headers"]).is_success
        again = http.post("/files", params={"force_update": force}, json={**wanted, "uuid": same["uuid"]}).json()
        assert again["upsert_result"] == result
    assert http.post("/files", json={**wanted, "reference": True}).status_code == 422
    assert http.post("/upload/signed-url", json={"provider_id": "other"}).status_code == 404


def test_local_storage_takes_bytes_through_the_api(tree: Any, http: httpx.Client) -> None:
    with Emulator() as local:
        key = {"authorization": f"scitran-user {local.api_key.rpartition(':')[2]}"}
        with httpx.Client(base_url=local.url, headers=key, trust_env=False) as client:
            client.post("/groups", json={"_id": "g1", "label": "x"})
            project = client.post("/projects", json={"group": "g1", "label": "x"}).json()["_id"]
            provider = client.get(f"/projects/{project}").json()["providers"]["storage"]
            made = client.post("/upload/signed-url", json={"provider_id": provider}).json()
            (url,) = made["upload_urls"]
            assert httpx.put(url + "x", content=b"abc", trust_env=False).status_code == 401
            sized = client.post("/upload/signed-url", json={"provider_id": provider, "size": 2}).json()
            for content in (b"abc", iter([b"ab", b"c"])):
                longer = httpx.put(sized["upload_urls"][0], content=content, trust_env=False)
                assert longer.status_code == 400
            put_ = httpx.put(url, content=b"abc", trust_env=False)
            assert put_.json() == {"provider_id": provider, "uuid": made["uuid"]}
            body = {"provider_id": provider, "uuid": made["uuid"], "name": "n", "origin": {"type": "user"}}
            body["parent_ref"] = {"type": "project", "id": project}
            assert client.post("/files", json=body).json()["upsert_result"] == "created"
            assert client.get(f"/projects/{project}/files/n").content == b"abc"
            answer = client.post(f"/projects/{project}/files?ticket=", json={"metadata": {}, "filenames": ["x"]})
            assert answer.status_code == 400
            assert "signed_url" in json.loads(answer.content)["message"]
