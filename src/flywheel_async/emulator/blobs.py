"""File contents on disk, each under the hash of its bytes."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Container
from pathlib import Path
from typing import BinaryIO

from flywheel_async.emulator.files import Content

PREFIX = "v0-sha384-"
_DIGEST = re.compile(r"[0-9a-f]{96}")


class BlobStore:
    """A folder of contents.

    A content is written to a temporary file, and renamed to its final name by the transaction that lists it, before
    the database mentions it. What a crash leaves behind is therefore never listed, and `clean` removes it.

    Args:
        folder: The folder; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, content_hash: str) -> Path:
        """Returns where the content with this hash is, or would be."""
        digest = content_hash.removeprefix(PREFIX)
        return self._folder / digest[:2] / digest

    def receive(self) -> IncomingBlob:
        """Starts a new content."""
        return IncomingBlob(self.scratch())

    def scratch(self) -> Path:
        """Returns the path of a new unfinished content, which the next start removes."""
        return self._incoming / secrets.token_hex(16)

    def adopt(self, content: Content) -> None:
        """Moves a content that waits to its final place; does nothing when it is there."""
        if content.path is None:
            return
        final = self.path(content.hash)
        final.parent.mkdir(exist_ok=True)
        try:
            content.path.replace(final)
        except FileNotFoundError:
            # An earlier transaction, which failed later on, or another entry of the same bytes has moved it.
            if not final.exists():
                raise

    def clean(self, known: Container[str]) -> None:
        """Removes unfinished contents and those whose hash is not known.

        Args:
            known: The hashes the database mentions.
        """
        for leftover in self._incoming.iterdir():
            if leftover.is_file():
                leftover.unlink()
        for blob in self._folder.glob("*/*"):
            # Whatever is no content of ours, such as what file managers leave behind, is left alone.
            if _DIGEST.fullmatch(blob.name) and PREFIX + blob.name not in known:
                blob.unlink()


class IncomingBlob:
    """A content being received; `finish` or `drop` must end it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("xb")
        self._digest = hashlib.sha384()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def finish(self) -> Content:
        """Completes the content, which then waits to be adopted or discarded."""
        self._file.close()
        return Content(PREFIX + self._digest.hexdigest(), self._size, self._path)

    def drop(self) -> None:
        """Throws an unfinished content away."""
        self._file.close()
        self._path.unlink(missing_ok=True)
