"""PooledTransport through proxies, and the choice of the proxy."""

import socket
import threading

import anyio
import httpx
import pytest
import trustme
from tests.transport.site import Site, client_on, pump, running, tls_site, trusting, wait_for

from flywheel_async.transport.pool import PooledTransport
from flywheel_async.transport.proxies import ProxyRules


@pytest.mark.anyio
async def test_http_through_a_proxy(site: Site) -> None:
    with running() as proxy:
        proxy.password = "ann:secret"
        address = proxy.url.replace("://", "://ann:secret@")
        async with client_on(PooledTransport(proxy=address)) as client:
            assert (await client.post(site.url + "/", content=b"123")).json()["size"] == 3
            await client.get(site.url + "/")
        assert proxy.seen == [f"POST {site.url}/", f"GET {site.url}/"]
        assert proxy.accepted == 1
        assert site.accepted == 0


@pytest.mark.anyio
async def test_https_through_a_proxy(authority: trustme.CA, site: Site) -> None:
    with tls_site(authority) as target, running() as proxy:
        proxy.password = "ann:secret"
        given = httpx.Proxy(proxy.url, auth=("ann", "secret"))
        transport = PooledTransport(verify=trusting(authority), proxy=given)
        async with client_on(transport, target.url) as client:
            assert (await client.get("/")).json()["connection"] == 1
            assert (await client.get("/")).json()["connection"] == 1
            await anyio.to_thread.run_sync(target.hang_up)
            await anyio.to_thread.run_sync(wait_for, lambda: not proxy.live)
            assert (await client.post("/", content=b"123")).json()["size"] == 3
        assert proxy.seen == [f"CONNECT 127.0.0.1:{target.server_port}"] * 2
        async with client_on(PooledTransport(verify=trusting(authority), proxy=proxy.url), target.url) as client:
            with pytest.raises(httpx.ProxyError, match="407"):
                await client.get("/")


@pytest.mark.anyio
async def test_proxy_of_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with client_on(PooledTransport(trust_env=False)) as client:
            await client.get(site.url)
        assert proxy.accepted == 0
        async with client_on(PooledTransport()) as client:
            await client.get(site.url)
            assert proxy.accepted == 0  # this machine is never asked of a proxy of the environment
            await client.get("http://elsewhere.example/")
        assert proxy.accepted == 1
        monkeypatch.setenv("NO_PROXY", "elsewhere.example")
        async with client_on(PooledTransport()) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("http://elsewhere.example/")
        assert proxy.accepted == 1
        # A proxy given by hand goes before NO_PROXY.
        async with client_on(PooledTransport(proxy=proxy.url)) as client:
            await client.get(site.url)
        assert proxy.accepted == 2


def serve_socks(listener: socket.socket, user: bytes) -> None:
    """Serve one SOCKS5 client that logs in as ``user`` with the password ``secret``."""
    near, _ = listener.accept()
    with near:
        near.recv(64)
        near.sendall(b"\x05\x02")
        assert near.recv(64) == bytes([1, len(user)]) + user + b"\x06secret"
        near.sendall(b"\x01\x00")
        asked = near.recv(64)
        assert asked[:4] == b"\x05\x01\x00\x01"
        host, port = socket.inet_ntoa(asked[4:8]), int.from_bytes(asked[8:10], "big")
        with socket.create_connection((host, port)) as far:
            near.sendall(b"\x05\x00\x00\x01" + bytes(6))
            pump(near, far)


@pytest.mark.anyio
async def test_socks_proxy(site: Site) -> None:
    pytest.importorskip("socksio")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_socks, args=(listener, b"ann"))
        thread.start()
        address = f"socks5://ann:secret@127.0.0.1:{listener.getsockname()[1]}"
        async with client_on(PooledTransport(proxy=address), site.url) as client:
            assert (await client.post("/", content=b"123")).json()["size"] == 3
        await anyio.to_thread.run_sync(thread.join)


PROXIES = {"HTTP_PROXY": "plain.example:1", "HTTPS_PROXY": "http://secure.example:2"}


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        (PROXIES, "http://a.example/", "http://plain.example:1"),
        (PROXIES, "https://a.example/", "http://secure.example:2"),
        ({"ALL_PROXY": "http://all.example:3"}, "https://a.example/", "http://all.example:3"),
        ({**PROXIES, "ALL_PROXY": "http://all.example:3"}, "http://a.example/", "http://plain.example:1"),
        ({"https_proxy": "http://small.example:4"}, "https://a.example/", "http://small.example:4"),
        ({"HTTPS_PROXY": "http://secure.example:2"}, "http://a.example/", None),
        ({**PROXIES, "NO_PROXY": "*"}, "http://a.example/", None),
        ({**PROXIES, "NO_PROXY": "a.example"}, "http://a.example/", None),
        ({**PROXIES, "NO_PROXY": "x.org, A.Example"}, "http://www.a.example/", None),
        ({**PROXIES, "NO_PROXY": ".a.example"}, "http://www.a.example/", None),
        ({**PROXIES, "NO_PROXY": ".a.example"}, "http://a.example/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "a.example"}, "http://ba.example/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "a.example:8080"}, "http://a.example:8080/", None),
        ({**PROXIES, "NO_PROXY": "a.example:443"}, "https://a.example/", None),
        ({**PROXIES, "NO_PROXY": "a.example:8080"}, "http://a.example/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "https://a.example"}, "https://a.example/", None),
        ({**PROXIES, "NO_PROXY": "https://a.example"}, "http://a.example/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "localhost"}, "http://localhost:8080/", None),
        ({**PROXIES, "NO_PROXY": "localhost"}, "http://x.localhost/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:8080/", None),
        ({**PROXIES, "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3/", None),
        ({**PROXIES, "NO_PROXY": "10.0.0.0/8"}, "http://11.1.2.3/", "http://plain.example:1"),
        ({**PROXIES, "NO_PROXY": "::1"}, "http://[::1]:8080/", None),
    ],
)
def test_which_proxy(
    environment: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = ProxyRules().choose(httpx.URL(url))
    assert (str(chosen.url) if chosen else None) == expected


def no_spec(name: str) -> None:
    """Stand for importlib's search: no package is there."""


def test_a_proxy_that_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="scheme"):
        PooledTransport(proxy="gopher://proxy.example")
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", no_spec)
        with pytest.raises(ImportError, match="socksio"):
            PooledTransport(proxy="socks5://proxy.example")
