"""Malformed and oversized requests get a clear 4xx and do not disturb others."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from flywheel_async.emulator import Emulator


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator(max_json_bytes=100_000) as running:
        yield running


def post(http: httpx.Client, content: bytes) -> httpx.Response:
    return http.post("/groups", content=content)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"_id": NaN}', 400),
        (b'{"_id": "\xff"}', 400),
        (b'{"_id": "\\ud800"}', 400),
        (b'{"label": ' + b"9" * 5000 + b"}", 400),
        (b"[" * 101 + b"]" * 101, 400),
        (b"[" * 40_000, 400),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b'"' + b"x" * 100_000 + b'"', 413),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"_id": "UPPER", "label": "x"}', 422),
        (b'{"_id": "a\\u0000b", "label": "x"}', 422),
        (b'{"_id": "good", "label": "x\\u0000"}', 422),
        (b'{"_id": "good", "label": "x", "unknown": 1}', 422),
        (b'{"_id": "good", "label": 5}', 422),
    ],
)
def test_bad_bodies(http: httpx.Client, content: bytes, status: int) -> None:
    response = post(http, content)
    assert response.status_code == status
    problem = response.json()
    assert problem["status_code"] == status
    assert problem["message"]
    assert problem["request_id"]
    assert http.get("/groups/good").status_code == 404


def test_a_depth_within_the_limit_is_kept(http: httpx.Client) -> None:
    deep: object = 1
    for _ in range(98):
        deep = {"a": deep}
    assert post(http, json.dumps({"_id": "deep", "label": "x"}).encode()).status_code == 200
    project = http.post("/projects", json={"group": "deep", "label": "x", "info": {"deep": deep}}).json()["_id"]
    assert http.get(f"/projects/{project}").json()["info"] == {"deep": deep}


def test_validation_errors_say_where(http: httpx.Client) -> None:
    problem = http.post("/groups", json={"_id": "a b", "label": 5}).json()
    assert {tuple(item["loc"]) for item in problem["detail"]} == {("body", "_id"), ("body", "label")}


def test_a_chunked_body_is_limited_too(http: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 10_000

    assert http.post("/groups", content=chunks()).status_code == 413


def test_large_headers(http: httpx.Client) -> None:
    response = http.get("/version", headers={"x-large": "x" * 70_000})
    assert response.status_code == 400


@pytest.mark.parametrize("query", ["filter=%ff", "filter=%zz%ff", "&".join(f"a{n}=1" for n in range(1001))])
def test_bad_queries(site: Emulator, http: httpx.Client, query: str) -> None:
    assert http.get(f"{site.url}/groups?{query}").status_code == 400


def test_many_values_in_one_filter(http: httpx.Client) -> None:
    values = ",".join(f"v{number}" for number in range(5000))
    for key in ("label", "info.x"):
        assert http.get("/projects", params={"filter": f"{key}=|[{values}]"}).status_code == 200


def test_a_slow_regex_ends_with_422_and_holds_nobody_up(http: httpx.Client) -> None:
    post(http, b'{"_id": "slow", "label": "' + b"a" * 60 + b'!"}')
    with ThreadPoolExecutor(6) as pool:
        query = {"filter": "label=~^(a|a|aa)+$"}
        slow = [pool.submit(http.get, "/groups", params=query) for _ in range(6)]
        time.sleep(0.1)
        began = time.monotonic()
        assert http.get("/auth/status").status_code == 200
        assert http.get("/groups").status_code == 200
        assert time.monotonic() - began < 2
        assert {response.result().status_code for response in slow} == {422}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/groups/", 404),
        ("GET", "/groups//projects", 404),
        ("PATCH", "/groups", 405),
        ("HEAD", "/version", 405),
        ("OPTIONS", "/groups/x", 405),
        ("GET", "/jobs/next", 501),
        ("GET", "/gears/x", 501),
        ("GET", "/projects/%ff", 400),
        ("GET", "/projects/a%00b", 400),
    ],
)
def test_paths_that_are_not_served(http: httpx.Client, method: str, path: str, status: int) -> None:
    assert http.request(method, path).status_code == status


def test_405_names_the_methods_and_501_the_operation(http: httpx.Client) -> None:
    assert http.patch("/groups").headers["allow"] == "DELETE, GET, POST"
    assert "get_next_job" in http.get("/jobs/next").json()["message"]


def test_garbage_on_the_wire_does_not_hurt(site: Emulator, http: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as raw:
        raw.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")
        raw.settimeout(5)
        raw.recv(1000)
    assert http.get("/version").status_code == 200


def test_everything_outside_api_is_404(site: Emulator, http: httpx.Client) -> None:
    root = site.url.removesuffix("/api")
    for path in ("/", "/other", "/apix/version"):
        assert http.get(root + path).status_code == 404
