"""Signed addresses in the three spellings that real stores have: S3, Google Cloud Storage, Azure.

The spelling is theirs; the signature itself is an HMAC of our own over method, host, path, query and signed headers.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from flywheel_async.emulator.storage.options import Kind
from flywheel_async.emulator.storage.refusals import Refusal

_SIGNATURE: Final[Mapping[Kind, str]] = {"s3": "X-Amz-Signature", "gcs": "X-Goog-Signature", "azure": "sig"}
_STAMP = "%Y%m%dT%H%M%SZ"
_AZURE_STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Order:
    """What an address is signed for.

    Attributes:
        kind: The spelling.
        method: The HTTP method.
        path: The path, percent-encoded.
        seconds: How long it is good for.
        query: Further parameters, such as the number of a part.
        headers: Headers that the request must carry exactly so; Azure signs none.
    """

    kind: Kind
    method: str
    path: str
    seconds: float
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Signer:
    """Signs addresses and checks them.

    Args:
        secret: The key of the signatures.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, base: str, order: Order, now: datetime | None = None) -> str:
        """Returns a signed URL.

        Args:
            base: Scheme, host and port of the store.
            order: What it is for.
            now: The present instant; the clock's by default.
        """
        query = {**_claims(order, now or datetime.now(UTC)), **order.query}
        headers: Mapping[str, str] = order.headers if order.kind != "azure" else dict[str, str]()
        signature = self._signature(order.kind, order.method, urlsplit(base).netloc, order.path, query, headers)
        query[_SIGNATURE[order.kind]] = signature
        return f"{base}{order.path}?{urlencode(query, quote_via=quote)}"

    def check(
        self,
        kind: Kind,
        method: str,
        host: str,
        path: str,
        query: Mapping[str, Sequence[str]],
        headers: Mapping[str, str],
        now: datetime | None = None,
    ) -> None:
        """Checks the signature of a request.

        Args:
            kind: The spelling.
            method: Its HTTP method.
            host: Its `Host` header.
            path: Its path, percent-encoded.
            query: Its query.
            headers: Its headers by lower-case name.
            now: The present instant; the clock's by default.

        Raises:
            Refusal: 403, the signature is missing, wrong, for something else, or too old.
        """
        sent = {name: values[-1] for name, values in query.items()}
        signature = sent.pop(_SIGNATURE[kind], "")
        signed = {name: headers.get(name, "") for name in _signed_headers(kind, sent)}
        wanted = self._signature(kind, method, host, path, sent, signed)
        repeated = any(len(values) > 1 for values in query.values())
        if repeated or not hmac.compare_digest(signature.encode(), wanted.encode()):
            raise Refusal(403, "SignatureDoesNotMatch", "the signature is not the one of this request")
        if (now or datetime.now(UTC)) > _expiry(kind, sent):
            raise Refusal(403, "AccessDenied", "the signed address has expired")

    def _signature(
        self, kind: Kind, method: str, host: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> str:
        lines = [kind, method, host, path, urlencode(sorted(query.items()), quote_via=quote)]
        lines += [f"{name}:{value}" for name, value in sorted(headers.items())]
        return hmac.new(self._secret, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def _claims(order: Order, now: datetime) -> dict[str, str]:
    if order.kind == "azure":
        return {
            "sv": "2024-11-04",
            "st": now.strftime(_AZURE_STAMP),
            "se": (now + timedelta(seconds=order.seconds)).strftime(_AZURE_STAMP),
            "sr": "b",
            "sp": "cw" if order.method == "PUT" else "r",
        }
    maker, scheme, service = {"s3": ("Amz", "AWS4", "s3/aws4"), "gcs": ("Goog", "GOOG4", "storage/goog4")}[order.kind]
    return {
        f"X-{maker}-Algorithm": f"{scheme}-HMAC-SHA256",
        f"X-{maker}-Credential": f"emulator/{now:%Y%m%d}/local/{service}_request",
        f"X-{maker}-Date": now.strftime(_STAMP),
        f"X-{maker}-Expires": str(max(int(order.seconds), 0)),
        f"X-{maker}-SignedHeaders": ";".join(sorted({*order.headers, "host"})),
    }


def _signed_headers(kind: Kind, query: Mapping[str, str]) -> list[str]:
    if kind == "azure":
        return []
    listed = query.get("X-Amz-SignedHeaders" if kind == "s3" else "X-Goog-SignedHeaders", "")
    return [name for name in listed.split(";") if name not in ("", "host")]


def _expiry(kind: Kind, query: Mapping[str, str]) -> datetime:
    """Returns when an address ends; its signature has been checked, so what it says is ours."""
    if kind == "azure":
        return datetime.strptime(query["se"], _AZURE_STAMP).replace(tzinfo=UTC)
    maker = "Amz" if kind == "s3" else "Goog"
    made = datetime.strptime(query[f"X-{maker}-Date"], _STAMP).replace(tzinfo=UTC)
    return made + timedelta(seconds=int(query[f"X-{maker}-Expires"]))
