"""The object store of a site: what it is told to do, its addresses, and the tickets of uploads through it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping

from flywheel_async.emulator.blobs import BlobStore
from flywheel_async.emulator.storage.objects import Objects, Pending
from flywheel_async.emulator.storage.options import Kind, StorageOptions
from flywheel_async.emulator.storage.server import ROOT, content_key
from flywheel_async.emulator.storage.signing import Order, Signer
from flywheel_async.emulator.storage.tickets import UploadTickets

MAX_PARTS = 1000


class Store:
    """The object store of a site.

    Args:
        blobs: The file contents.
        secret: What the key of the signatures is made from.
        options: How it is used.

    Attributes:
        options: How it is used.
        url: Scheme, host and port of the signed addresses.
        signer: Makes and checks signatures.
        objects: The objects that are being uploaded.
        tickets: The uploads to containers that go through it.
    """

    def __init__(self, blobs: BlobStore, secret: str, options: StorageOptions) -> None:
        self.options = options
        self.url = "http://127.0.0.1"
        self.signer = Signer(hmac.new(secret.encode(), b"object store", hashlib.sha256).digest())
        self.objects = Objects(blobs)
        self.tickets = UploadTickets()

    @property
    def upload_headers(self) -> Mapping[str, str]:
        """The headers that an upload to a signed address must carry."""
        kinds: dict[Kind, dict[str, str]] = {
            "s3": {},
            "gcs": {"content-type": "application/octet-stream"},
            "azure": {"x-ms-blob-type": "BlockBlob"},
        }
        return {} if self.options.signed_urls is None else kinds[self.options.signed_urls]

    def begin(self, kind: Kind, owner: str, size: int | None, *, in_parts: bool) -> Pending:
        """Starts an object.

        Args:
            kind: How its addresses are spelled.
            owner: Who asks.
            size: How large it will be, in bytes, or None.
            in_parts: Whether it may have several addresses.
        """
        parts = 0
        if in_parts and (kind == "s3" or (size or 0) > self.options.part_bytes):
            # Clients that can deal with parts expect S3 to have them always.
            parts = min(max(math.ceil((size or 0) / self.options.part_bytes), 1), MAX_PARTS)
        return self.objects.begin(kind, owner, size, parts, self.options.seconds)

    def upload_urls(self, pending: Pending) -> list[str]:
        """Returns the addresses of an object: one for each part, or a single one."""
        return [self._upload_url(pending, number) for number in range(1, max(pending.parts, 1) + 1)]

    def _upload_url(self, pending: Pending, number: int) -> str:
        query: dict[str, str] = {}
        if pending.parts and pending.kind == "s3":
            query = {"partNumber": str(number), "uploadId": pending.upload_id}
        elif pending.parts and pending.kind == "azure":
            query = {"comp": "block", "blockid": base64.b64encode(f"{number:06d}".encode()).decode()}
        elif pending.parts:
            # One address for the whole upload: chunks follow one another.
            query = {"upload_id": pending.upload_id}
        path = f"{ROOT}/{pending.kind}/uploads/{pending.name}"
        headers = self.upload_headers
        return self.signer.sign(self.url, Order(pending.kind, "PUT", path, self.options.seconds, query, headers))

    def download_url(self, content_hash: str, media_type: str, disposition: str | None) -> str:
        """Returns the address of a stored content.

        Args:
            content_hash: Its hash.
            media_type: The `Content-Type` of the answer.
            disposition: The `Content-Disposition` of the answer, or None.
        """
        kind = self.options.signed_urls or "s3"
        query = {"response-content-type": media_type}
        if disposition is not None:
            query["response-content-disposition"] = disposition
        path = f"{ROOT}/{kind}/contents/{content_key(content_hash)}"
        return self.signer.sign(self.url, Order(kind, "GET", path, self.options.seconds, query, {}))
