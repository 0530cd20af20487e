"""Which kind of store a signed URL leads to, and how bytes go there; no I/O.

Hosts say little: stores that speak S3's language stand behind any name. What counts is how the URL is signed, then
which headers the ticket asks for, then how the store answers; the host's name is the last hint.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

Kind: TypeAlias = Literal["s3", "gcs", "azure"]
"""The store's language: that of S3, of Google Cloud Storage, or of Azure."""

Way: TypeAlias = Literal["whole", "parts", "session"]
"""How bytes go to it: in one request; in parts of their own, in any order; in chunks, one after the other."""

_AZURE_SIGNED = {"sv", "se", "sp", "sr"}
_HOSTS: Sequence[tuple[re.Pattern[str], Kind]] = (
    (re.compile(r"\.(?:s3|amazonaws)[.-]"), "s3"),
    (re.compile(r"\.googleapis\."), "gcs"),
    (re.compile(r"\.blob\.(?:core\.|storage\.)"), "azure"),
)
_PREFIXES: Sequence[tuple[str, Kind]] = (("x-amz-", "s3"), ("x-goog-", "gcs"), ("x-ms-", "azure"))


@dataclass(frozen=True, slots=True)
class Storage:
    """A store, as far as its signed URLs tell.

    Attributes:
        kind: Its language, or None when nothing tells it.
        way: How bytes go to it.
        upload_id: What S3 calls an upload in parts; the site wants it back with the ETags of the parts. Or None.
    """

    kind: Kind | None
    way: Way
    upload_id: str | None


def storage_of(urls: Sequence[str], headers: Mapping[str, str]) -> Storage:
    """Decides how an upload goes on.

    Args:
        urls: The signed URLs of one file, at least one.
        headers: The headers that go with them.
    """
    queries = [_query(url) for url in urls]
    first = queries[0]
    kind = _signed_by(first) or _by_names(headers) or _by_host(urlsplit(urls[0]).hostname or "")
    upload_id = first.get("uploadid")
    # GCS has parts in S3's way as well, so what the addresses are for counts, not who signed them.
    if upload_id is not None and all("partnumber" in query for query in queries):
        return Storage(kind or "s3", "parts", upload_id)
    if kind == "gcs" and (len(urls) > 1 or "upload_id" in first):
        return Storage(kind, "session", None)
    return Storage(kind, "parts" if len(urls) > 1 else "whole", upload_id)


def kind_of_answer(headers: Iterable[str]) -> Kind | None:
    """The language in which a store answers, by the names of its answer's headers; None when they do not tell."""
    return _by_names(headers)


def _signed_by(query: Mapping[str, str]) -> Kind | None:
    if found := _by_names(query):
        return found
    if "uploadid" in query or "awsaccesskeyid" in query:
        return "s3"
    if "googleaccessid" in query or "upload_id" in query:
        return "gcs"
    if "sig" in query and _AZURE_SIGNED & query.keys():
        return "azure"
    return None


def _by_names(names: Iterable[str]) -> Kind | None:
    for name in names:
        for prefix, kind in _PREFIXES:
            if name.lower().startswith(prefix):
                return kind
    return None


def _by_host(host: str) -> Kind | None:
    for pattern, kind in _HOSTS:
        if pattern.search(f".{host}."):
            return kind
    return None


def _query(url: str) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)}


def persisted(headers: Mapping[str, str]) -> int:
    """How many bytes of an upload in chunks a store says it has.

    Args:
        headers: Headers of its 308 answer, names in lower case. Without `Range` it has none.
    """
    match = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,18})", headers.get("range", "").strip())
    return int(match.group(1)) + 1 if match else 0


def chunk_range(start: int, end: int, total: int) -> str:
    """The `Content-Range` of a chunk; of an empty one it asks how far the upload has come.

    Args:
        start: Offset of its first byte.
        end: Offset behind its last byte.
        total: Bytes in all.
    """
    return f"bytes {start}-{end - 1}/{total}" if end > start else f"bytes */{total}"


def told_md5(kind: Kind | None, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """The MD5 that a store gives for what it has received.

    Args:
        kind: The store's language.
        headers: Headers of its answer, names in lower case.

    Returns:
        Hexadecimal digits, or None; and whether it must be an MD5. An ETag of S3 is one only as long as the store does
        not encrypt with keys of its own.
    """
    match = re.search(r"md5=([^,\s]*)", headers.get("x-goog-hash", ""))
    if match and (md5 := _hexadecimal(match.group(1))):
        return md5, True
    if kind == "azure" and (md5 := _hexadecimal(headers.get("content-md5", ""))):
        return md5, True
    etag = etag_of(headers) or ""
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    own_keys = encryption != "AES256" or "x-amz-server-side-encryption-customer-algorithm" in headers
    if kind == "s3" and not own_keys and re.fullmatch(r"[0-9a-f]{32}", etag):
        return etag, False
    return None, False


def _hexadecimal(text: str) -> str | None:
    """The digits of an MD5 that is told in base64; None when it is no MD5."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return found.hex() if len(found) == 16 else None


def etag_of(headers: Mapping[str, str]) -> str | None:
    """The ETag of an answer without its quotes, or None."""
    etag = headers.get("etag")
    return None if etag is None else etag.strip().removeprefix("W/").strip('"')
