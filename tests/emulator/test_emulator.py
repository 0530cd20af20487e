"""The `Emulator` object, on both kinds of event loop and without one."""

from __future__ import annotations

import anyio
import httpx
import pytest

from flywheel_async.emulator import Emulator


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_with(backend: str) -> None:
    async def use() -> int:
        async with Emulator() as site, httpx.AsyncClient(trust_env=False) as http:
            response = await http.get(f"{site.url}/version")
            return response.status_code

    assert anyio.run(use, backend=backend) == 200


def test_two_sites_at_once() -> None:
    with Emulator() as one, Emulator() as two:
        assert one.port != two.port
        key = one.api_key.rpartition(":")[2]
        headers = {"authorization": f"scitran-user {key}"}
        assert httpx.get(f"{one.url}/auth/status", headers=headers, trust_env=False).status_code == 200
        assert httpx.get(f"{two.url}/auth/status", headers=headers, trust_env=False).status_code == 401


def test_an_idle_connection_is_closed_after_the_time_given() -> None:
    with Emulator(keep_alive=0.2) as site, httpx.Client(trust_env=False) as http:
        response = http.get(f"{site.url}/version")
        stream = response.extensions["network_stream"]
        connection = stream.get_extra_info("socket")
        connection.settimeout(5)
        assert connection.recv(1) == b""


def test_it_must_be_running() -> None:
    site = Emulator()
    with pytest.raises(RuntimeError, match="not running"):
        _ = site.api_key
    with site, pytest.raises(RuntimeError, match="running already"):
        site.start()
    site.stop()


def test_a_restart_keeps_port_and_faults() -> None:
    with Emulator() as site:
        port = site.port
        site.faults.add("get_version", status=503)
        site.restart()
        assert site.port == port
        assert httpx.get(f"{site.url}/version", trust_env=False).status_code == 503


def test_the_demo_is_planted_once(tmp_path: object) -> None:
    for _ in range(2):
        with Emulator(str(tmp_path), seed="demo") as site:
            headers = {"authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"}
            with httpx.Client(base_url=site.url, headers=headers, trust_env=False) as http:
                assert len(http.get("/sessions").json()) == 4
                assert len(http.get("/files").json()["results"]) == 9


def test_a_failure_of_the_emulator_is_a_500_and_logged_without_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Emulator() as site:
        key = site.api_key.rpartition(":")[2]

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError("on purpose")

        monkeypatch.setattr("flywheel_async.emulator.auth.identify", fail)
        headers = {"authorization": f"scitran-user {key}"}
        response = httpx.get(f"{site.url}/auth/status", headers=headers, trust_env=False)
        assert response.status_code == 500
        assert "on purpose" in caplog.text
        assert key not in caplog.text
