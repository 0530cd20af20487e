"""Contents on their way into the store: whole, in numbered parts, or chunk after chunk."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flywheel_async.emulator.blobs import PREFIX, BlobStore
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.storage.options import Kind
from flywheel_async.emulator.storage.refusals import Refusal

WHOLE = 0
"""The number of a content that comes in one piece; parts are counted from 1."""
_COPY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that has come in completely.

    Attributes:
        path: Where its bytes are.
        size: How many.
        md5: Their MD5 in hexadecimal digits, which S3 gives as the ETag.
        sha384: Their hash in the form of the blob store; empty for a part.
    """

    path: Path
    size: int
    md5: str
    sha384: str


class PieceWriter:
    """Writes a piece to disk; `finish` or `drop` must end it.

    Args:
        path: A path that is free.
        whole: Whether this is the whole content, whose hash the blob store needs.
        limit: How many bytes it may have at most, or None.
    """

    def __init__(self, path: Path, *, whole: bool, limit: int | None = None) -> None:
        self._path = path
        self._limit = limit
        # Without a buffer: what it could not write later on would come to light when nobody can be told any more.
        self._file = path.open("xb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha384 = hashlib.sha384() if whole else None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Adds bytes: all of them or, after an error, none, so that a sender may go on where it was.

        Raises:
            Refusal: 400, there are more than announced.
            OSError: They cannot be written, for example because the disk is full.
        """
        if self._limit is not None and self.size + len(data) > self._limit:
            raise too_large()
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.seek(self.size)
            self._file.truncate()
            raise
        self._md5.update(data)
        if self._sha384 is not None:
            self._sha384.update(data)
        self.size += len(data)

    def finish(self) -> Piece:
        """Completes the piece."""
        self._file.close()
        sha384 = "" if self._sha384 is None else PREFIX + self._sha384.hexdigest()
        return Piece(self._path, self.size, self._md5.hexdigest(), sha384)

    def drop(self) -> None:
        """Throws the piece away."""
        self._file.close()
        self._path.unlink(missing_ok=True)


@dataclass(slots=True)
class Pending:
    """An object that is being uploaded.

    Attributes:
        name: Its name in the store, a UUID.
        kind: How its addresses are spelled.
        owner: Who asked for them.
        size: How many bytes were announced, or None.
        parts: How many parts its addresses are for; 0 for one that comes whole.
        upload_id: What S3 and GCS call an upload in parts; it is in signed addresses.
        token: What lets its bytes through the API itself, where there is no store for signed addresses.
        ends: When it is given up, on the monotonic clock.
        pieces: What has arrived, by part number.
        chunks: What has arrived of an upload in chunks, which GCS has in place of parts.
        busy: Whether a chunk is arriving.
        closing: Whether it is being put together or is complete, so that nothing more may arrive.
        dropped: Whether it was given up; whoever is at work on it throws away what there is.
        content: The complete content, which waits to be listed.
    """

    name: str
    kind: Kind
    owner: str
    size: int | None
    parts: int
    upload_id: str
    token: str
    ends: float
    pieces: dict[int, Piece] = field(default_factory=lambda: dict[int, Piece]())
    chunks: PieceWriter | None = None
    busy: bool = False
    closing: bool = False
    dropped: bool = False
    content: Content | None = None

    def room(self, number: int) -> int | None:
        """Returns how many bytes a piece may have at most, or None when no size was announced."""
        if self.size is None:
            return None
        return self.size - sum(piece.size for other, piece in list(self.pieces.items()) if other != number)

    def discard(self) -> None:
        """Throws away what has arrived and was not listed."""
        for piece in self.pieces.values():
            piece.path.unlink(missing_ok=True)
        if self.chunks is not None:
            self.chunks.drop()
        if self.content is not None:
            self.content.discard()


class Objects:
    """All objects that are being uploaded; a restart forgets them.

    Args:
        blobs: Where contents arrive.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._pending: dict[str, Pending] = {}
        self._timer: threading.Timer | None = None
        self._closed = False

    def begin(self, kind: Kind, owner: str, size: int | None, parts: int, seconds: float) -> Pending:
        """Starts an object, which is given up when its time is over."""
        ends = time.monotonic() + seconds
        pending = Pending(
            str(uuid.uuid4()), kind, owner, size, parts, secrets.token_urlsafe(24), secrets.token_urlsafe(24), ends
        )
        with self._lock:
            self._pending[pending.name] = pending
            self._set_timer()
        return pending

    def find(self, name: str) -> Pending | None:
        """Returns an object by name, or None."""
        with self._lock:
            pending = self._pending.get(name)
        return None if pending is None or pending.ends <= time.monotonic() else pending

    def drop(self, name: str) -> bool:
        """Forgets an object with everything that has arrived; tells whether it was there."""
        with self._lock:
            pending = self._pending.pop(name, None)
            if pending is None:
                return False
            self._give_up(pending)
        return True

    def _give_up(self, pending: Pending) -> None:
        pending.dropped = True
        # Whoever is at work on it does the same when he is done.
        if not pending.busy and (not pending.closing or pending.content is not None):
            pending.discard()

    def _set_timer(self) -> None:
        if self._timer is None and self._pending and not self._closed:
            first = min(pending.ends for pending in self._pending.values())
            self._timer = threading.Timer(max(first - time.monotonic(), 0.01), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _sweep(self) -> None:
        """Gives up the objects whose time is over."""
        now = time.monotonic()
        with self._lock:
            for name, pending in list(self._pending.items()):
                if pending.ends <= now:
                    del self._pending[name]
                    self._give_up(pending)
            self._timer = None
            self._set_timer()

    def close(self) -> None:
        """Drops everything; only for a site that is not served any more."""
        with self._lock:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join()
        for name in list(self._pending):
            self.drop(name)

    def writer(self, *, whole: bool, limit: int | None = None) -> PieceWriter:
        """Starts a piece, which may be the whole content.

        Args:
            whole: Whether it is.
            limit: How many bytes it may have at most.
        """
        return PieceWriter(self._blobs.scratch(), whole=whole, limit=limit)

    def begin_chunk(self, pending: Pending) -> PieceWriter:
        """Lets a chunk arrive; `end_chunk` must follow.

        Raises:
            Refusal: 404 the upload was given up, 503 another chunk is arriving or it is being put together.
        """
        with self._lock:
            if pending.dropped:
                raise Refusal(404, "NoSuchUpload", "there is no such upload")
            if pending.busy or pending.closing:
                raise Refusal(503, "ServiceUnavailable", "another chunk of this upload is arriving, or it has ended")
            if pending.chunks is None:
                pending.chunks = self.writer(whole=True)
            pending.busy = True
            return pending.chunks

    def end_chunk(self, pending: Pending) -> None:
        """Tells that a chunk has arrived, or broken off."""
        with self._lock:
            pending.busy = False
            if pending.dropped:
                pending.discard()

    def put(self, pending: Pending, number: int, piece: Piece) -> None:
        """Keeps a piece in place of an older one of the same number.

        Raises:
            Refusal: 404, the object has been completed or dropped meanwhile.
        """
        with self._lock:
            if pending.closing or pending.dropped:
                piece.path.unlink(missing_ok=True)
                raise Refusal(404, "NoSuchUpload", "the upload has ended")
            before = pending.pieces.get(number)
            pending.pieces[number] = piece
        if before is not None:
            before.path.unlink(missing_ok=True)

    def assemble(self, pending: Pending, etags: Sequence[str] | None) -> Content:
        """Puts the object together; the content waits to be listed. Blocks while it copies.

        Args:
            pending: The object.
            etags: The ETags of the parts in order, which an S3 upload in parts needs.

        Raises:
            Problem: 400 a part is missing or an ETag is wrong, 409 the upload goes on or was given up, 422 another size
                was announced.
        """
        with self._lock:
            if pending.content is not None:
                return pending.content
            if pending.kind == "s3" and pending.parts and etags is None:
                raise Problem(400, "an upload in parts is completed with the ETags of its parts")
            if pending.closing or pending.busy or pending.dropped:
                raise Problem(409, "the upload is still going on")
            pending.closing = True
        try:
            content = self._put_together(pending, self._in_order(pending, etags))
        except BaseException:
            # The parts that are missing may still come.
            self._assembled(pending, None)
            raise
        self._assembled(pending, content)
        if pending.dropped:
            raise Problem(409, "the upload was given up")
        return content

    def _assembled(self, pending: Pending, content: Content | None) -> None:
        with self._lock:
            pending.content, pending.closing = content, content is not None
            if pending.dropped:
                pending.discard()

    def _in_order(self, pending: Pending, etags: Sequence[str] | None) -> list[Piece]:
        pieces = pending.pieces
        if pending.chunks is not None:
            _check_size(pending, pending.chunks.size)
            found = [pending.chunks.finish()]
        elif pending.parts == 0:
            found = [piece for number, piece in pieces.items() if number == WHOLE]
        else:
            # An upload may need fewer parts than there are addresses.
            count = len(etags) if etags is not None else len(pieces)
            if any(number not in pieces for number in range(1, count + 1)):
                raise Problem(400, "a part was not uploaded")
            found = [pieces[number] for number in range(1, count + 1)]
        if not found:
            raise Problem(400, "nothing was uploaded to the signed address")
        if etags is not None and [piece.md5 for piece in found] != [etag.strip('"') for etag in etags]:
            raise Problem(400, "the ETags are not those of the parts in their order")
        _check_size(pending, sum(piece.size for piece in found))
        return found

    def _put_together(self, pending: Pending, pieces: Sequence[Piece]) -> Content:
        if len(pieces) == 1 and pieces[0].sha384:
            content = Content(pieces[0].sha384, pieces[0].size, pieces[0].path)
        else:
            content = self._joined(pieces)
        for piece in pending.pieces.values():
            if piece.path != content.path:
                piece.path.unlink(missing_ok=True)
        pending.pieces.clear()
        pending.chunks = None
        return content

    def _joined(self, pieces: Iterable[Piece]) -> Content:
        blob = self._blobs.receive()
        try:
            for piece in pieces:
                with piece.path.open("rb") as source:
                    while data := source.read(_COPY):
                        blob.write(data)
            return blob.finish()
        except BaseException:
            blob.drop()
            raise


def too_large() -> Refusal:
    """Returns the answer to more bytes than were announced."""
    return Refusal(400, "EntityTooLarge", "more bytes than were announced")


def _check_size(pending: Pending, size: int) -> None:
    if pending.size is not None and size != pending.size:
        raise Problem(422, f"{size} bytes were uploaded, not {pending.size}")
