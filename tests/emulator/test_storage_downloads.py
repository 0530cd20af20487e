"""Contents fetched from the store: redirects to it, ranges, another origin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, EmulatorProcess

CONTENT = bytes(range(256)) * 40
SAFE = {"x-accept-feature": "Safe-Redirect"}


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator(redirects=True, signed_urls="azure", storage_port=0) as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def path(http: httpx.Client, tree: Any) -> str:
    where = f"/acquisitions/{tree.acquisition}/files"
    metadata = json.dumps({"name": "ü.csv", "size": len(CONTENT)})
    assert http.post(where, files=[("file", ("x", CONTENT))], data={"metadata": metadata}).status_code == 200
    return f"{where}/%C3%BC.csv"


def location(http: httpx.Client, path: str, **params: str) -> httpx.URL:
    response = http.get(path, headers=SAFE, params=params)
    assert response.status_code == 302, response.text
    assert response.content == b""
    return httpx.URL(response.headers["location"])


def test_only_who_asks_for_it_is_redirected(site: Emulator, http: httpx.Client, store: httpx.Client, path: str) -> None:
    assert http.get(path).content == CONTENT
    url = location(http, path)
    assert (url.scheme, url.host) == ("http", "localhost")
    assert url.port not in (None, site.port)
    answer = store.get(url)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "filename*=UTF-8''%C3%BC.csv" in answer.headers["content-disposition"]
    shown = store.get(location(http, path, view="true"))
    assert shown.headers["content-type"] == "text/csv"
    assert "content-disposition" not in shown.headers


def test_zip_members_and_lists_of_them_are_not_redirected(http: httpx.Client, path: str) -> None:
    assert http.get(path, headers=SAFE, params={"info": "true"}).status_code == 400, "no zip, and looked at here"
    assert http.get(path, headers=SAFE, params={"member": "x"}).status_code == 400


def test_versions_and_tickets_lead_to_their_own_content(http: httpx.Client, store: httpx.Client, path: str) -> None:
    metadata = json.dumps({"name": "ü.csv"})
    where = path.rpartition("/")[0]
    http.post(where, files=[("file", ("x", b"new"))], data={"metadata": metadata})
    assert store.get(location(http, path)).content == b"new"
    assert store.get(location(http, path, version="1")).content == CONTENT
    ticket = http.get(path, params={"ticket": "", "version": "1"}).json()["ticket"]
    bare = httpx.Client(base_url=http.base_url, trust_env=False)
    with bare:
        assert store.get(location(bare, path, ticket=ticket)).content == CONTENT
        assert bare.get(path, params={"ticket": ticket}).content == CONTENT
        assert bare.get(where + "/a.txt", params={"ticket": ticket}).status_code == 400
        assert bare.get(path, headers=SAFE).status_code == 401


def test_ranges(http: httpx.Client, store: httpx.Client, path: str) -> None:
    url = location(http, path)
    part = store.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    assert store.get(url, headers={"range": "bytes=-5"}).content == CONTENT[-5:]
    several = store.get(url, headers={"range": "bytes=0-1,5-6"})
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert several.content.count(b"Content-Range: bytes ") == 2
    beyond = store.get(url, headers={"range": f"bytes={len(CONTENT)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    assert "<Code>InvalidRange</Code>" in beyond.text
    assert store.get(url, headers={"range": "lines=1-2"}).content == CONTENT


def test_a_range_can_be_bound_to_the_content(http: httpx.Client, store: httpx.Client, path: str) -> None:
    url = location(http, path)
    etag = store.get(url).headers["etag"]
    wanted = {"range": "bytes=0-0"}
    assert store.get(url, headers={**wanted, "if-match": etag}).status_code == 206
    assert store.get(url, headers={**wanted, "if-match": '"other"'}).status_code == 412
    assert store.get(url, headers={**wanted, "if-range": etag}).status_code == 206
    assert store.get(url, headers={**wanted, "if-range": '"other"'}).status_code == 200


def test_a_head_request_tells_the_size(http: httpx.Client, store: httpx.Client, path: str) -> None:
    answer = store.head(location(http, path))
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(CONTENT)), b"")


def test_what_the_store_refuses(site: Emulator, http: httpx.Client, store: httpx.Client, path: str) -> None:
    url = location(http, path)
    leaked = store.get(url, headers={"authorization": http.headers["authorization"]})
    assert (leaked.status_code, CONTENT in leaked.content) == (400, False)
    assert store.put(url, content=b"x").status_code == 403
    assert store.get(url.copy_with(path=url.path[:-1] + "0")).status_code == 403
    assert store.get(f"{site.storage_url}/storage/s3/other/x").status_code == 404
    assert store.get(f"{site.storage_url}/storage/x").status_code == 404


def test_the_address_can_be_that_of_a_proxy(site: Emulator, http: httpx.Client, path: str) -> None:
    before = site.storage_url
    try:
        site.storage_url = "http://proxy.example:1234"
        assert location(http, path).netloc == b"proxy.example:1234"
        site.restart()
        assert site.storage_url == "http://proxy.example:1234"
    finally:
        site.storage_url = before


def test_faults_strike_the_store_too(site: Emulator, http: httpx.Client, store: httpx.Client, path: str) -> None:
    url = location(http, path)
    fault = site.faults.add("GET /storage/*", calls={1}, status=503, retry_after=1)
    cut = site.faults.add("GET /storage/*", calls={2}, truncate=100)
    try:
        assert store.get(url).headers["retry-after"] == "1"
        with pytest.raises(httpx.RemoteProtocolError):
            store.get(url)
        assert store.get(url).content == CONTENT
    finally:
        site.faults.remove(fault)
        site.faults.remove(cut)


def test_the_command_line_has_the_options(tmp_path: Path, store: httpx.Client) -> None:
    options = ["--signed-urls", "s3", "--redirects", "--part-bytes", "10", "--storage-port", "0"]
    options += ["--storage-host", "127.0.0.1"]
    with EmulatorProcess(tmp_path, options=options) as running:
        key = {"authorization": f"scitran-user {running.api_key.rpartition(':')[2]}", **SAFE}
        with httpx.Client(base_url=running.url, headers=key, trust_env=False) as http:
            http.post("/groups", json={"_id": "g1", "label": "x"})
            project = f"/projects/{http.post('/projects', json={'group': 'g1', 'label': 'x'}).json()['_id']}"
            asked = {"metadata": {"name": "f", "size": 25}, "filenames": ["f"]}
            http.headers["x-accept-feature"] += ",multipart_signed_url"
            urls = http.post(f"{project}/files?ticket=", json=asked).json()["urls"]["f"]
            assert len(urls) == 3
            assert httpx.URL(urls[0]).host == "127.0.0.1"
            assert httpx.URL(urls[0]).port not in (None, running.port)
            http.post(f"{project}/files", files=[("file", ("f", b"abc"))])
            assert store.get(location(http, f"{project}/files/f")).content == b"abc"
