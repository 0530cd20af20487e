"""Receiving files: a multipart body is parsed and hashed while it arrives, and never held in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from flywheel_async.emulator import access, files, nodes
from flywheel_async.emulator.access import FILES_CREATE, Caller
from flywheel_async.emulator.blobs import BlobStore, IncomingBlob
from flywheel_async.emulator.call import validate
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.exchange import Exchange, Streamed, json_reply
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.metadata import clean_doc
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.receiving import receive
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import BadJson, Json, loads

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

    from flywheel_async.emulator.site import Site

MAX_METADATA = 4 * 1024 * 1024
MAX_PARTS = 1000
# How quotes and control characters are written in the header of a part; a name may hold this text as it is, too.
_ENCODED = re.compile(r"%(?:[01][0-9A-F]|22|7F)", re.IGNORECASE)
_ESCAPED_NAME = re.compile(rb';[ \t]*filename="((?:[^"\\]|\\["\\])*)"[ \t]*(?:;|$)', re.IGNORECASE)
_PLAIN_NAME = re.compile(rb';[ \t]*filename="([^"]*)"[ \t]*(?:;|$)', re.IGNORECASE)
_ESCAPE = re.compile(rb'\\(["\\])')


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file part.

    Attributes:
        filename: The name it came with.
        content: Its bytes.
        unclear: Whether the header may have meant another name.
    """

    filename: str
    content: Content
    unclear: bool


class FormReceiver:
    """Takes a multipart body piece by piece.

    Args:
        blobs: Where file parts go.
        boundary: The boundary of the body.

    Attributes:
        files: The file parts so far, in order.
        metadata: The bytes of the `metadata` part.
    """

    def __init__(self, blobs: BlobStore, boundary: bytes) -> None:
        self.files: list[ReceivedFile] = []
        self.metadata = b""
        self._blobs = blobs
        self._parts = 0
        self._ended = False
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._filename = ""
        self._unclear = False
        self._keep_text = False
        self._blob: IncomingBlob | None = None
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, cast("MultipartCallbacks", callbacks))

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the body.

        Raises:
            Problem: 400 malformed, 413 the metadata is too large.
        """
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise Problem(400, f"the multipart body is malformed: {error}") from None

    def finish(self) -> None:
        """Checks that the body came to its end.

        Raises:
            Problem: 400, it did not.
        """
        if not self._ended:
            raise Problem(400, "the multipart body ends before its last boundary")

    def drop(self) -> None:
        """Throws away what has come, but for files that were listed meanwhile."""
        if self._blob is not None:
            self._blob.drop()
            self._blob = None
        for part in self.files:
            part.content.discard()

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Problem(413, f"the body has more than {MAX_PARTS} parts")
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        header = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(header)
        filename = options.get(b"filename")
        self._filename, self._unclear = "", False
        self._keep_text = False
        if filename is not None:
            self._filename, self._unclear = _spelled(header, filename)
            self._blob = self._blobs.receive()
        elif options.get(b"name") == b"metadata":
            self._keep_text = True
        elif options.get(b"name") in (b"file", b"files"):
            self._blob = self._blobs.receive()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._blob is not None:
            self._blob.write(data[start:end])
        elif self._keep_text:
            self.metadata += data[start:end]
            if len(self.metadata) > MAX_METADATA:
                raise Problem(413, f"the metadata part is larger than {MAX_METADATA} bytes")

    def _part_end(self) -> None:
        if self._blob is not None:
            self.files.append(ReceivedFile(self._filename, self._blob.finish(), self._unclear))
            self._blob = None

    def _end(self) -> None:
        self._ended = True


def _spelled(header: bytes, parsed: bytes) -> tuple[str, bool]:
    """Returns the file name in the header of a part, and whether it may have been another name.

    Some callers, the official client among them, put a backslash before every backslash and quote, others send
    backslashes as they are. The parser knows the first way only, and takes some names for paths. What is not UTF-8 has
    no spelling of its own.

    Args:
        header: The header.
        parsed: The name as the parser reads it.
    """
    unclear = False
    if b"\\" in header:
        if escaped := _ESCAPED_NAME.search(header):
            parsed = _ESCAPE.sub(rb"\1", escaped[1])
        elif plain := _PLAIN_NAME.search(header):
            parsed = plain[1]
        else:
            unclear = True
    name = parsed.decode("utf-8", "replace")
    return name, unclear or name.encode() != parsed


def header_name(part: ReceivedFile) -> str:
    """Returns the name that came in the header of a part, which cannot carry every name.

    Raises:
        Problem: 422, it may have been another name: a path, or one that the caller had to encode for the header.
    """
    if part.unclear or "/" in part.filename or _ENCODED.search(part.filename):
        raise _unclear_name(part)
    return part.filename


def placed_name(part: ReceivedFile) -> str:
    """Returns the name that came in the header of a part, by which the metadata says where the file goes.

    Raises:
        Problem: 422, it may have been another name.
    """
    if part.unclear:
        raise _unclear_name(part)
    return part.filename


def _unclear_name(part: ReceivedFile) -> Problem:
    return invalid(f"{part.filename!r} is unclear as a file name; send it as name in the metadata", "body", "file")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that has come in completely: its checked name, its bytes, and the metadata sent with it."""

    name: str
    content: Content
    given: FileInput


@dataclass(frozen=True, slots=True)
class Destination:
    """The container that files go to.

    Attributes:
        site: The site.
        caller: Who uploads; the permission has been checked.
        kind: The container's kind.
        container_id: The container.
        keep_metadata: Whether a new version keeps the metadata of the one before.
    """

    site: Site
    caller: Caller
    kind: str
    container_id: str
    keep_metadata: bool

    def store(self, tx: Tx, arrived: Sequence[Arrived]) -> list[Json]:
        """Lists the files in the container and returns their entries.

        Raises:
            Problem: 403, 404, the caller may no longer do that, or the container is gone.
        """
        tx.origin = self.caller.origin
        # Looked at again: much may have happened since the first byte arrived.
        node = nodes.get(tx, self.kind, self.container_id)
        access.require(tx, self.caller, node, FILES_CREATE)
        shaper = Shaper(tx, self.caller)
        for item in arrived:
            self.site.blobs.adopt(item.content)
        return [
            shaper.file(
                files.add(
                    tx,
                    node,
                    item.name,
                    item.content,
                    item.given,
                    self.caller.origin,
                    self.site.new_id(),
                    keep_metadata=self.keep_metadata,
                )
            )
            for item in arrived
        ]


@dataclass(frozen=True, slots=True)
class Upload(Streamed):
    """An upload to a container by the direct form, ready to receive."""

    site: Site
    destination: Destination

    async def run(self, exchange: Exchange) -> None:
        """Receives the files, then lists them in one transaction."""
        received = await receive_form(self.site, exchange)
        try:
            given = _metadata(received)
            arrived = [
                Arrived(files.check_name(item.name if item.name is not None else header_name(part)), part.content, item)
                for part, item in zip(received.files, given, strict=True)
            ]
            entries = await self.site.db.write(lambda tx: self.destination.store(tx, arrived))
        finally:
            received.drop()
        await exchange.reply(json_reply(entries))


async def receive_form(site: Site, exchange: Exchange) -> FormReceiver:
    """Receives a multipart body; the caller drops in the end what was not listed.

    Raises:
        Problem: 400 something else came or it is malformed, 413 it has too many parts or too much metadata.
    """
    kind, options = parse_options_header(exchange.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem(400, "an upload is multipart/form-data")
    receiver = FormReceiver(site.blobs, boundary)
    try:
        await receive(exchange, site.disk, receiver.feed)
        receiver.finish()
    except BaseException:
        receiver.drop()
        raise
    return receiver


def _metadata(received: FormReceiver) -> list[FileInput]:
    """Returns the metadata of each file.

    Raises:
        Problem: 400 no JSON, 422 it does not fit the files or a field is wrong.
    """
    if not received.files:
        raise invalid("there is no file part", "body", "file")
    value: Json
    if received.metadata.strip():
        value = read_json(received.metadata)
    else:
        value = [{} for _ in received.files]
    found = check_metadata(value, len(received.files))
    for number, (item, part) in enumerate(zip(found, received.files, strict=True)):
        check_size(item, part.content.size, number)
    return found


def read_json(metadata: bytes) -> Json:
    """Decodes the `metadata` part.

    Raises:
        Problem: 400, it is no JSON.
    """
    try:
        return loads(metadata)
    except BadJson as error:
        raise Problem(400, f"the metadata is not acceptable JSON: {error}") from None


def check_metadata(value: Json, count: int) -> list[FileInput]:
    """Checks the metadata of several files: an array, or an object for a single one.

    Raises:
        Problem: 422, their number is another one or a field is wrong.
    """
    entries = value if isinstance(value, list) else [value]
    if len(entries) != count:
        raise invalid(f"{count} files but {len(entries)} metadata objects", "body", "metadata")
    found: list[FileInput] = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise invalid("each metadata entry is an object", "body", "metadata", number)
        item = validate(FileInput, entry, "body", "metadata", number)
        if item.info is not None:
            item.info = clean_doc(item.info)
        found.append(item)
    return found


def check_size(given: FileInput, size: int, number: int) -> None:
    """Compares the size that was announced with the one that came.

    Raises:
        Problem: 422, they differ.
    """
    if given.size is not None and given.size != size:
        raise invalid(f"{size} bytes came, not {given.size}", "body", "metadata", number, "size")
