"""Faults strike on a real socket, on exactly the calls they are planned for."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, FaultPlan
from flywheel_async.errors import ArgumentError


@pytest.fixture(autouse=True)
def _no_faults_left(site: Emulator) -> Iterator[None]:
    yield
    site.faults.clear()


def statuses(http: httpx.Client, path: str, count: int) -> list[int]:
    return [http.get(path).status_code for _ in range(count)]


def test_a_status_on_chosen_calls(site: Emulator, http: httpx.Client) -> None:
    site.faults.add("get_auth_status", calls={2, 3}, status=503, retry_after=7)
    assert statuses(http, "/auth/status", 4) == [200, 503, 503, 200]
    site.faults.clear()
    site.faults.add("GET /auth/*", calls={1}, status=429, retry_after="Wed, 21 Oct 2065 07:28:00 GMT")
    response = http.get("/auth/status")
    assert response.headers["retry-after"] == "Wed, 21 Oct 2065 07:28:00 GMT"
    assert response.json()["status_code"] == 429


def test_other_routes_are_not_hit(site: Emulator, http: httpx.Client) -> None:
    fault = site.faults.add("get_version", status=500)
    assert statuses(http, "/auth/status", 1) == [200]
    assert statuses(http, "/version", 1) == [500]
    site.faults.remove(fault)
    assert statuses(http, "/version", 1) == [200]


def test_latency_does_not_hold_up_others(site: Emulator, http: httpx.Client) -> None:
    site.faults.add("get_version", calls={1}, latency=1.5)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(http.get, "/version")
        while site.faults.listed()[0][1] == 0:
            time.sleep(0.01)
        http.get("/version")
        assert not slow.done()
    assert slow.result().status_code == 200
    assert time.monotonic() - began >= 1.5


def test_a_page_cap_shortens_lists_but_not_their_total(site: Emulator, http: httpx.Client, plant: Any) -> None:
    for _ in range(3):
        plant()
    site.faults.add("get_all_groups", page_cap=2)
    assert len(http.get("/groups").json()) == 2
    assert len(http.get("/groups", params={"limit": 1}).json()) == 1
    page = http.get("/groups", params={"limit": 100}, headers={"x-accept-feature": "Safe-Redirect,pagination"}).json()
    assert (page["count"], len(page["results"])) == (2, 2)
    assert page["total"] >= 3


@pytest.mark.parametrize("when", ["before", "after", 0, 10])
def test_resets(site: Emulator, http: httpx.Client, when: Any) -> None:
    site.faults.add("get_config", calls={1}, reset=when)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http.get("/config")
    assert http.get("/config").status_code == 200


def test_a_reset_after_serving_keeps_the_change(site: Emulator, http: httpx.Client) -> None:
    site.faults.add("add_group", calls={1}, reset="after")
    with pytest.raises(httpx.TransportError):
        http.post("/groups", json={"_id": "lost-answer", "label": "x"})
    assert http.get("/groups/lost-answer").status_code == 200
    site.faults.add("add_group", calls={1}, reset="before")
    with pytest.raises(httpx.TransportError):
        http.post("/groups", json={"_id": "never-served", "label": "x"})
    assert http.get("/groups/never-served").status_code == 404


def test_truncation_promises_more_than_it_sends(site: Emulator, http: httpx.Client, tree: Any) -> None:
    path = f"/acquisitions/{tree.acquisition}/files/a.txt"
    site.faults.add("download_file_from_acquisition", calls={1}, truncate=3)
    got = b""
    with (
        pytest.raises(httpx.RemoteProtocolError, match="3 bytes"),
        http.stream("GET", path) as response,
    ):
        assert response.headers["content-length"] == "7"
        for part in response.iter_raw():
            got += part
    assert got == b"con"
    assert http.get(path).content == b"content"


def test_a_stall_in_the_middle_of_an_answer(site: Emulator, http: httpx.Client, tree: Any) -> None:
    path = f"/acquisitions/{tree.acquisition}/files/a.txt"
    site.faults.add("download_file_from_acquisition", calls={1, 2}, stall=0.4, stall_after=3)
    began = time.monotonic()
    assert http.get(path).content == b"content"
    assert time.monotonic() - began >= 0.4
    with pytest.raises(httpx.ReadTimeout):
        http.get(path, timeout=0.1)


def test_a_stalled_answer_does_not_keep_the_site_from_stopping() -> None:
    with Emulator() as site:
        site.faults.add("get_version", stall=600)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{site.url}/version", timeout=0.2, trust_env=False)
        began = time.monotonic()
    assert time.monotonic() - began < 5


def test_the_plan_over_http(site: Emulator, http: httpx.Client) -> None:
    assert http.post("/_faults", json={"route": "get_version", "calls": [1], "status": 502}).status_code == 200
    assert statuses(http, "/version", 2) == [502, 200]
    listed = http.get("/_faults").json()
    assert (listed[0]["route"], listed[0]["matched"]) == ("get_version", 2)
    assert http.post("/_faults", json={"route": "x", "status": 99}).status_code == 422
    assert http.request("DELETE", "/_faults").json() == {"deleted": 1}
    with Emulator() as plain:
        assert httpx.get(f"{plain.url}/_faults", trust_env=False).status_code == 404


def test_wild_cards() -> None:
    plan = FaultPlan()
    plan.add("* /projects/*", status=500)
    plan.add("*", latency=1)
    assert len(plan.hit(("get_project",), "GET", "/projects/5")) == 2
    assert len(plan.hit(("get_group",), "GET", "/groups/5")) == 1


def test_a_slow_caller_gets_all_that_comes_before_a_reset(site: Emulator, http: httpx.Client, tree: Any) -> None:
    path, count = f"/acquisitions/{tree.acquisition}/files", 900_000
    http.post(path, files=[("file", ("big", bytes(2_000_000)))])
    site.faults.add("download_file_from_acquisition", reset=count)
    with socket.socket() as raw:
        raw.settimeout(10)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", site.port))
        lines = [f"GET /api{path}/big HTTP/1.1", "Host: x", f"Authorization: {http.headers['authorization']}", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        time.sleep(0.3)
        got = b""
        with pytest.raises(ConnectionResetError):
            while data := raw.recv(20_000):
                got += data
                time.sleep(0.002)
    assert len(got.partition(b"\r\n\r\n")[2]) == count


@pytest.mark.parametrize(
    ("route", "hint"),
    [
        ("get_projct", "did you mean 'get_project'"),
        ("nonsense", "GET /projects/\\*"),
        ("", "no operation"),
        ("GET  /projects", "one space"),
        ("FETCH /projects", "no HTTP method"),
        ("GET projects", "begins with /"),
        ("GET /api/projects", "without /api"),
    ],
)
def test_routes_that_no_request_matches_are_refused(site: Emulator, http: httpx.Client, route: str, hint: str) -> None:
    with pytest.raises(ArgumentError, match=hint):
        site.faults.add(route, latency=0.1)
    assert http.post("/_faults", json={"route": route}).status_code == 422
    assert site.faults.listed() == []


@pytest.mark.parametrize("route", ["*", "get /projects*", "* /storage/*", "P* *", "[GP]ET /version", "get_project"])
def test_routes_that_are_taken(site: Emulator, route: str) -> None:
    site.faults.remove(site.faults.add(route, latency=0.1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 9999},
        {"status": 0},
        {"latency": -1},
        {"latency": math.nan},
        {"page_cap": 0},
        {"reset": -1},
        {"reset": "during"},
        {"truncate": -1},
        {"stall": -1},
        {"stall_after": -1},
        {"retry_after": -1},
        {"calls": {0}},
    ],
)
def test_faults_that_cannot_be(site: Emulator, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ArgumentError, match=name):
        site.faults.add("*", **wrong)
