"""PooledTransport over TLS."""

import socket
import ssl
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme
from tests.transport.site import Site, client_on, settled, tls_site, trusting

from flywheel_async.transport.pool import PooledTransport


@pytest.mark.anyio
async def test_tls(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with tls_site(authority) as site:
        for verify in (trusting(authority), str(tmp_path / "ca.pem"), False):
            transport = PooledTransport(verify=verify)
            async with client_on(transport, site.url) as client:
                first, second = await client.get("/"), await client.get("/")
                assert first.json() == second.json()
                await anyio.to_thread.run_sync(site.hang_up)
                assert (await client.post("/", content=b"12")).json()["size"] == 2
                await settled(transport, site)
        async with client_on(PooledTransport(), site.url) as client:
            with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
                await client.get("/")


@pytest.mark.anyio
async def test_client_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("somebody").private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    with tls_site(authority, wants_certificate=True) as site:
        transport = PooledTransport(verify=str(tmp_path / "ca.pem"), cert=str(tmp_path / "me.pem"))
        async with client_on(transport, site.url) as client:
            assert (await client.get("/")).status_code == 200
        async with client_on(PooledTransport(verify=trusting(authority)), site.url) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/")


@pytest.mark.anyio
async def test_the_usual_context_is_made_late_and_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []
    original = httpx.create_ssl_context

    def counted(**options: Any) -> ssl.SSLContext:
        made.append(True)
        return original(**options)

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    # A path of its own, so that no other test made this context before.
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"https://127.0.0.1:{closed.getsockname()[1]}"
    async with client_on(PooledTransport()) as one, client_on(PooledTransport()) as other:
        await one.get(site.url)
        assert made == []
        for client in (one, other):
            with pytest.raises(httpx.ConnectError):
                await client.get(nobody)
    assert made == [True]
