"""Which store a signed URL leads to, by how it is signed and not by its host."""

from __future__ import annotations

import base64
import hashlib

import pytest

from flywheel_async.transfer.storage import (
    chunk_range,
    etag_of,
    kind_of_answer,
    persisted,
    storage_of,
    told_md5,
)

S3 = "https://data.hospital.example/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc"
GCS = "https://data.hospital.example/bucket/key?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature=abc"
AZURE = "https://data.hospital.example/box/key?sv=2024-11-04&se=2030-01-01&sr=b&sp=cw&sig=abc%3D"
MD5 = hashlib.md5(b"abc")
BASE64 = base64.b64encode(MD5.digest()).decode()


@pytest.mark.parametrize(
    ("urls", "headers", "kind", "way", "upload_id"),
    [
        ([f"{S3}&partNumber=1&uploadId=U"], {}, "s3", "parts", "U"),
        ([f"{S3}&partNumber=1&uploadId=U", f"{S3}&partNumber=2&uploadId=U"], {}, "s3", "parts", "U"),
        (["http://10.0.0.5:9000/b/k?uploadId=U%2F1&partNumber=1"], {}, "s3", "parts", "U/1"),
        ([S3], {}, "s3", "whole", None),
        (["https://minio/b/k?AWSAccessKeyId=A&Signature=S&Expires=1"], {}, "s3", "whole", None),
        ([GCS], {}, "gcs", "whole", None),
        ([f"{GCS}&upload_id=X"], {}, "gcs", "session", None),
        ([GCS, GCS], {}, "gcs", "session", None),
        ([f"{GCS}&partNumber=1&uploadId=U", f"{GCS}&partNumber=2&uploadId=U"], {}, "gcs", "parts", "U"),
        (["https://storage.googleapis.com/upload?uploadType=resumable&upload_id=X"], {}, "gcs", "session", None),
        (["https://h/b/k?GoogleAccessId=A&Signature=S&Expires=1"], {}, "gcs", "whole", None),
        ([AZURE], {}, "azure", "whole", None),
        ([f"{AZURE}&comp=block&blockid=MQ", f"{AZURE}&comp=block&blockid=Mg"], {}, "azure", "parts", None),
        (["https://h/x?token=1"], {"X-MS-Blob-Type": "BlockBlob"}, "azure", "whole", None),
        (["https://h/x?token=1"], {"x-goog-if-generation-match": "0"}, "gcs", "whole", None),
        (["https://bucket.s3.eu-west-1.amazonaws.com/x?token=1"], {}, "s3", "whole", None),
        (["https://storage.googleapis.com/x?token=1"], {}, "gcs", "whole", None),
        (["https://acc.blob.core.windows.net/x?token=1"], {}, "azure", "whole", None),
        (["https://h/x?token=1"], {}, None, "whole", None),
        (["https://h/x?sig=1"], {}, None, "whole", None),
        # Hosts count least: one that is named after a store may hold another one's.
        ([AZURE.replace("data.hospital.example", "x.s3.example")], {}, "azure", "whole", None),
        ([S3.replace("data.hospital.example", "storage.googleapis.com")], {}, "s3", "whole", None),
    ],
)
def test_kinds(urls: list[str], headers: dict[str, str], kind: str | None, way: str, upload_id: str | None) -> None:
    found = storage_of(urls, headers)
    assert (found.kind, found.way, found.upload_id) == (kind, way, upload_id)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["date", "x-amz-request-id"], "s3"),
        (["x-goog-hash"], "gcs"),
        (["X-Ms-Version"], "azure"),
        (["date"], None),
    ],
)
def test_answers_tell_the_kind(names: list[str], kind: str | None) -> None:
    assert kind_of_answer(names) == kind


def test_how_far_an_upload_in_chunks_is() -> None:
    assert persisted({"range": "bytes=0-262143"}) == 262144
    assert persisted({"range": "0-9"}) == 10
    assert persisted({}) == 0
    assert persisted({"range": "bytes=5-9"}) == 0
    assert chunk_range(0, 10, 20) == "bytes 0-9/20"
    assert chunk_range(0, 0, 20) == "bytes */20"


def test_what_stores_tell_of_the_bytes() -> None:
    assert told_md5("gcs", {"x-goog-hash": f"crc32c=AAAAAA==,md5={BASE64}"}) == (MD5.hexdigest(), True)
    assert told_md5("azure", {"content-md5": BASE64}) == (MD5.hexdigest(), True)
    assert told_md5("s3", {"etag": f'"{MD5.hexdigest()}"'}) == (MD5.hexdigest(), False)
    assert told_md5(None, {"etag": f'"{MD5.hexdigest()}"'}) == (None, False)
    assert told_md5("s3", {"etag": '"abc-2"'}) == (None, False)
    for header in ("x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-algorithm"):
        assert told_md5("s3", {"etag": MD5.hexdigest(), header: "aws:kms"}) == (None, False)


def test_etags() -> None:
    assert etag_of({"etag": '"abc"'}) == "abc"
    assert etag_of({"etag": 'W/"abc"'}) == "abc"
    assert etag_of({}) is None
