"""Uploads in parts to an S3 implementation that is not ours: moto's server, with URLs signed by boto3."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from flywheel_async import AsyncClient, FileSpec
from flywheel_async.errors import StoreRefused
from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
from flywheel_async.transport.pool import PooledTransport

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("default")]  # moto and boto3 have warnings of their own

PART = 5 * 1024 * 1024
"""S3 takes no smaller ones, but for the last."""
PARTS = 3
BIG = os.urandom(PARTS * PART - 1000)
SITE = "127.0.0.1:9:__force_insecure:abcdefghijklmnop"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with the bucket `data`."""
    moto = ThreadedMotoServer("127.0.0.1", 0)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    store = s3(url)
    store.create_bucket(Bucket="data")
    yield url
    moto.stop()


def s3(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )


class Site(httpx.AsyncBaseTransport):
    """Plays a site whose files are in S3, as far as uploads go; all else goes to the network.

    Args:
        store: The address that stands in signed URLs.
        direct: The server's own.

    Attributes:
        puts: The requests to the store.
        completions: The bodies with which tickets were completed.
    """

    def __init__(self, store: str, direct: str) -> None:
        self._signer, self._direct = s3(store), s3(direct)
        self._inner = PooledTransport()
        self._uploads: dict[str, tuple[str, str]] = {}
        self.puts: list[httpx.Request] = []
        self.completions: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            self.puts.append(request)
            return await self._inner.handle_async_request(request)
        url = urlsplit(str(request.url))
        body = b"".join([chunk async for chunk in request.stream])  # type: ignore[union-attr]
        if url.path == "/api/config":
            return answer({"features": {"signed_url": True}})
        if url.path == "/api/upload/signed-url/cleanup":
            name, upload_id = self._uploads.pop(json.loads(body)["uuid"])
            self._direct.abort_multipart_upload(Bucket="data", Key=name, UploadId=upload_id)
            return answer({})
        ticket = parse_qs(url.query, keep_blank_values=True)["ticket"][0]
        return answer(self._ticket(json.loads(body)) if not ticket else self._complete(ticket, json.loads(body)))

    def _ticket(self, asked: dict[str, Any]) -> dict[str, Any]:
        (name,) = asked["filenames"]
        upload = self._direct.create_multipart_upload(Bucket="data", Key=name)["UploadId"]
        self._uploads["T"] = name, upload
        urls = [
            self._signer.generate_presigned_url(
                "upload_part", {"Bucket": "data", "Key": name, "UploadId": upload, "PartNumber": number}
            )
            for number in range(1, PARTS + 1)
        ]
        return {"ticket": "T", "urls": {name: urls}, "headers": {}}

    def _complete(self, ticket: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        self.completions.append(given)
        name, upload = self._uploads.pop(ticket)
        assert given["multipart"]["upload_id"] == upload
        parts = [
            {"PartNumber": number, "ETag": etag} for number, etag in enumerate(given["multipart"]["e_tags"], start=1)
        ]
        self._direct.complete_multipart_upload(
            Bucket="data", Key=name, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        stored = self._direct.get_object(Bucket="data", Key=name)["Body"].read()
        digest = hashlib.sha384(stored).hexdigest()
        return [{"name": name, "file_id": "1", "version": 1, "size": len(stored), "hash": f"v0-sha384-{digest}"}]

    def pending(self) -> list[object]:
        """Uploads that the store still waits for."""
        return list(self._direct.list_multipart_uploads(Bucket="data").get("Uploads", []))

    async def aclose(self) -> None:
        await self._inner.aclose()


def answer(value: object) -> httpx.Response:
    return httpx.Response(200, stream=httpx.ByteStream(json.dumps(value).encode()))


@pytest.mark.parametrize("name", ["scan.nii.gz", "a folder/ü + 100%.bin"])
async def test_parts_arrive(server: str, name: str) -> None:
    site = Site(server, server)
    async with AsyncClient(SITE, transport=site, disable_auth_check=True) as fw:
        (entry,) = await fw.upload_file_to_container("5d2761383289d60037e8f5e5", FileSpec(name, BIG))
    assert entry.hash == f"v0-sha384-{hashlib.sha384(BIG).hexdigest()}"
    assert len(site.puts) == PARTS
    (completion,) = site.completions
    etags = completion["multipart"]["e_tags"]
    assert [len(etag) for etag in etags] == [32] * PARTS
    assert all(put.headers.keys() == {"host", "content-length"} for put in site.puts)
    assert s3(server).get_object(Bucket="data", Key=name)["Body"].read() == BIG
    assert site.pending() == []
    await site.aclose()


async def test_a_broken_part_is_sent_again(server: str) -> None:
    host, port = server.removeprefix("http://").rsplit(":", 1)
    plan = [ConnectionPlan(up=Flow(reset_after=2_000_000)), ConnectionPlan(up=Flow(flip=[1_000_000]))]
    with FaultProxy((host, int(port)), plan) as proxy:
        site = Site(proxy.url, server)
        async with AsyncClient(SITE, transport=site, disable_auth_check=True, backoff_factor=0.02) as fw:
            (entry,) = await fw.upload_file_to_container("5d2761383289d60037e8f5e5", BIG, name="again")
        await site.aclose()
    assert entry.hash == f"v0-sha384-{hashlib.sha384(BIG).hexdigest()}"
    assert len(site.puts) == PARTS + 2


async def test_a_refused_part_completes_nothing(server: str) -> None:
    site = Site(server, server)
    create = site._ticket

    def elsewhere(asked: dict[str, Any]) -> dict[str, Any]:
        ticket = create(asked)
        urls = [url.replace("/data/", "/no-such-bucket/") for url in ticket["urls"]["x"]]
        return {**ticket, "urls": {"x": urls}}

    site._ticket = elsewhere  # type: ignore[method-assign]
    async with AsyncClient(SITE, transport=site, disable_auth_check=True) as fw:
        with pytest.raises(StoreRefused, match="NoSuchBucket"):
            await fw.upload_file_to_container("5d2761383289d60037e8f5e5", BIG, name="x")
    assert site.completions == []
    assert site.pending() == []
    await site.aclose()
