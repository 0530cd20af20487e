"""File contents on disk, each under the hash of its bytes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Container
from pathlib import Path
from typing import BinaryIO

from flywheel_async.emulator.files import Content

PREFIX = "v0-sha384-"


class BlobStore:
    """A folder of contents.

    A content is written to a temporary file, then renamed to its final name; only after that may the database
    mention it. What a crash leaves behind is therefore never listed, and `clean` removes it.

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
        return IncomingBlob(self, self.scratch())

    def scratch(self) -> Path:
        """Returns the path of a new unfinished content, which the next start removes."""
        return self._incoming / secrets.token_hex(16)

    def adopt(self, path: Path, content: Content) -> None:
        """Moves an unfinished content, all of which is on disk, to its final place."""
        final = self.path(content.hash)
        final.parent.mkdir(exist_ok=True)
        path.replace(final)

    def clean(self, known: Container[str]) -> None:
        """Removes unfinished contents and those whose hash is not known.

        Args:
            known: The hashes the database mentions.
        """
        for leftover in self._incoming.iterdir():
            leftover.unlink()
        for shelf in self._folder.iterdir():
            if shelf == self._incoming:
                continue
            for blob in shelf.iterdir():
                if PREFIX + blob.name not in known:
                    blob.unlink()


class IncomingBlob:
    """A content being received; `finish` or `drop` must end it."""

    def __init__(self, store: BlobStore, path: Path) -> None:
        self._store = store
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
        """Moves the content to its final place."""
        self._file.close()
        content = Content(PREFIX + self._digest.hexdigest(), self._size)
        self._store.adopt(self._path, content)
        return content

    def drop(self) -> None:
        """Throws an unfinished content away; does nothing to a finished one."""
        self._file.close()
        self._path.unlink(missing_ok=True)
