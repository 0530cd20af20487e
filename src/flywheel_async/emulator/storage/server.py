"""Serves the signed addresses: contents are put to some of them and fetched from others."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from flywheel_async.emulator import downloads
from flywheel_async.emulator.blobs import PREFIX
from flywheel_async.emulator.exchange import Exchange, Reply
from flywheel_async.emulator.problems import Problem, is_full
from flywheel_async.emulator.receiving import receive
from flywheel_async.emulator.storage.objects import WHOLE, Pending, Piece, PieceWriter, too_large
from flywheel_async.emulator.storage.options import KINDS, Kind
from flywheel_async.emulator.storage.refusals import Refusal

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

ROOT = "/storage"
CHUNK = 256 * 1024
"""GCS takes chunks of multiples of this size, but for the last one."""
_DIGEST = re.compile(r"[0-9a-f]{96}")
_CHUNK_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})", re.ASCII)
# Real stores refuse a second credential beside the signature; ours does so for every kind that may leak to it.
_CREDENTIALS = ("authorization", "cookie")


async def serve(site: Site, exchange: Exchange) -> None:
    """Answers a request to the store."""
    try:
        answer = await _answer(site, exchange)
    except Refusal as refusal:
        answer = refusal.reply()
    except OSError as error:
        if not is_full(error):
            raise
        answer = Refusal(507, "InsufficientStorage", "the disk that holds the emulator's data is full").reply()
    if isinstance(answer, Reply):
        await exchange.reply(answer)
    elif exchange.method == "HEAD":
        length = sum(piece.size for piece in answer.pieces)
        await exchange.start(answer.status, [*answer.headers, ("content-length", str(length))])
        await exchange.push(b"", more=False)
    else:
        await answer.run(exchange)


async def _answer(site: Site, exchange: Exchange) -> Reply | downloads.Download:
    path = exchange.raw_path.decode("latin-1")
    parts = path.removeprefix(ROOT).split("/")
    kind: Kind | None = next((known for known in KINDS if len(parts) == 4 and parts[1] == known), None)
    if kind is None or parts[2] not in ("uploads", "contents"):
        raise Refusal(404, "NoSuchBucket", "there is nothing at this path")
    for name in exchange.headers:
        if name in _CREDENTIALS or name.startswith("x-scitran-"):
            raise Refusal(
                400, "InvalidArgument", f"only one way to log in is allowed, but {name} came beside a signature"
            )
    # Azure signs for reading; the others sign for one method.
    method = "GET" if kind == "azure" and exchange.method == "HEAD" else exchange.method
    site.storage.signer.check(kind, method, exchange.headers.get("host", ""), path, exchange.query, exchange.headers)
    if parts[2] == "contents":
        return _fetch(site, exchange, parts[3])
    return await _put(site, exchange, kind, parts[3])


def _fetch(site: Site, exchange: Exchange, digest: str) -> Reply | downloads.Download:
    path = site.blobs.path(PREFIX + digest)
    if not _DIGEST.fullmatch(digest) or not path.is_file():
        raise Refusal(404, "NoSuchKey", "there is no such object")
    query = {name: values[-1] for name, values in exchange.query.items()}
    media_type = query.get("response-content-type", "application/octet-stream")
    etag = f'"{digest[:32]}"'
    wanted = exchange.headers.get("if-match")
    if wanted is not None and wanted != etag:
        raise Refusal(412, "PreconditionFailed", "the object is another one")
    ranges = exchange.headers.get("range")
    if exchange.headers.get("if-range", etag) != etag:
        ranges = None
    size = path.stat().st_size
    extra = [("etag", etag)]
    if "response-content-disposition" in query:
        extra.append(("content-disposition", query["response-content-disposition"]))
    try:
        found = downloads.viewed(site.disk, path, size, media_type, ranges)
    except Problem as problem:
        raise Refusal(416, "InvalidRange", problem.message, problem.headers) from None
    return replace(found, headers=[*found.headers, *extra])


async def _put(site: Site, exchange: Exchange, kind: Kind, name: str) -> Reply:
    pending = site.storage.objects.find(name)
    if pending is None or pending.kind != kind:
        raise Refusal(404, "NoSuchUpload", "there is no such upload")
    length = exchange.headers.get("content-length")
    if length is None:
        raise Refusal(411, "MissingContentLength", "the length must be told beforehand; chunked bodies are not taken")
    if kind == "gcs" and "upload_id" in exchange.query:
        return await _put_chunk(site, exchange, pending, int(length))
    number = _number(exchange, pending)
    if kind == "azure" and number == WHOLE and exchange.headers.get("x-ms-blob-type") != "BlockBlob":
        raise Refusal(400, "MissingRequiredHeader", "x-ms-blob-type must be BlockBlob")
    room = pending.room(number)
    if room is not None and int(length) > room:
        raise too_large()
    piece = await _receive_piece(site, exchange, whole=pending.parts <= 1)
    site.storage.objects.put(pending, number, piece)
    md5 = base64.b64encode(bytes.fromhex(piece.md5)).decode()
    if kind == "azure":
        etag = () if number else (("etag", f'"0x8{piece.md5[:14].upper()}"'),)
        return Reply(b"", 201, "application/octet-stream", (("content-md5", md5), *etag))
    extra = (("x-goog-hash", f"md5={md5}"),) if kind == "gcs" else ()
    return Reply(b"", 200, "application/octet-stream", (("etag", f'"{piece.md5}"'), *extra))


def _number(exchange: Exchange, pending: Pending) -> int:
    """Returns which part an address is for; its signature has been checked, so what it says is ours."""
    query = {name: values[-1] for name, values in exchange.query.items()}
    if "partNumber" in query:
        return int(query["partNumber"])
    if "blockid" in query:
        return int(base64.b64decode(query["blockid"]))
    return WHOLE


async def _receive_piece(site: Site, exchange: Exchange, *, whole: bool) -> Piece:
    writer = site.storage.objects.writer(whole=whole)
    try:
        await receive(exchange, site.disk, writer.write)
        piece = writer.finish()
        _check_md5(exchange, piece.md5)
    except BaseException:
        writer.drop()
        raise
    return piece


def _check_md5(exchange: Exchange, md5: str) -> None:
    announced = exchange.headers.get("content-md5")
    if announced is None:
        return
    try:
        wanted = base64.b64decode(announced, validate=True).hex()
    except binascii.Error:
        wanted = ""
    if wanted != md5:
        raise Refusal(400, "BadDigest", "the Content-MD5 is not the one of the bytes that came")


async def _put_chunk(site: Site, exchange: Exchange, pending: Pending, length: int) -> Reply:
    """Takes the next chunk of a resumable upload, or tells how far it has come."""
    given = exchange.headers.get("content-range", f"bytes 0-{length - 1}/{length}" if length else "bytes */0")
    match = _CHUNK_RANGE.fullmatch(given)
    if match is None:
        raise Refusal(400, "InvalidArgument", f"{given!r} is no range of an upload in chunks")
    first, last, total = (None if text is None else int(text) for text in match.groups())
    if pending.size is not None and (total or 0) > pending.size:
        raise too_large()
    chunks = site.storage.objects.begin_chunk(pending)
    try:
        if first is not None and last is not None:
            _check_chunk(given, (first, last, total or 0), length, chunks.size)
            await receive(exchange, site.disk, _Skipping(chunks, chunks.size - first).feed)
    finally:
        site.storage.objects.end_chunk(pending)
    if total is not None and chunks.size >= total:
        return Reply(b"", 200, "application/octet-stream", (("etag", f'"{pending.name}"'),))
    come = () if chunks.size == 0 else (("range", f"bytes=0-{chunks.size - 1}"),)
    return Reply(b"", 308, "application/octet-stream", come)


def _check_chunk(given: str, place: tuple[int, int, int], length: int, at: int) -> None:
    """Compares what a chunk says of itself with its length and what has come before."""
    first, last, total = place
    if last - first + 1 != length or last >= total:
        raise Refusal(400, "InvalidArgument", f"{given!r} does not fit {length} bytes")
    if first > at:
        raise Refusal(400, "InvalidArgument", f"the next byte is {at}, not {first}")
    if last + 1 != total and (last + 1) % CHUNK:
        raise Refusal(400, "InvalidArgument", f"a chunk that is not the last one ends at a multiple of {CHUNK}")


class _Skipping:
    """Leaves out the bytes of a chunk that have come before."""

    def __init__(self, writer: PieceWriter, skip: int) -> None:
        self._writer = writer
        self._skip = skip

    def feed(self, data: bytes) -> None:
        """Writes what is new."""
        new = data[self._skip :]
        self._skip = max(self._skip - len(data), 0)
        if new:
            self._writer.write(new)


def content_key(content_hash: str) -> str:
    """Returns the name of a stored content in the store."""
    return content_hash.removeprefix(PREFIX)
