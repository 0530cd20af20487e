"""Packfiles: many small files that come one by one and become one zip in an acquisition."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from flywheel_async.emulator.archives import Entry, ZipPacker, packed
from flywheel_async.emulator.blobs import BlobStore
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.problems import Problem, not_found

LIFETIME = 24 * 3600.0
"""Seconds after which a packfile that was not completed may be cleaned away."""


@dataclass(slots=True)
class Packfile:
    """A packfile that is being filled.

    Attributes:
        project_id: Where it is to go.
        begun: When, on the monotonic clock.
        files: What has come, by name.
    """

    project_id: str
    begun: float
    files: dict[str, Content] = field(default_factory=lambda: dict[str, Content]())

    def discard(self) -> None:
        """Throws its files away."""
        for content in self.files.values():
            content.discard()


class Packfiles:
    """The packfiles of a running site; a restart forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Packfile] = {}

    def begin(self, project_id: str) -> str:
        """Starts a packfile and returns its token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._known[token] = Packfile(project_id, time.monotonic())
        return token

    def find(self, token: str, project_id: str) -> Packfile:
        """Returns a packfile of a project.

        Raises:
            Problem: 404, there is none.
        """
        with self._lock:
            return self._find(token, project_id)

    def _find(self, token: str, project_id: str) -> Packfile:
        found = self._known.get(token)
        if found is None or found.project_id != project_id:
            raise not_found("packfile", "of this token")
        return found

    def add(self, token: str, project_id: str, named: Mapping[str, Content]) -> None:
        """Puts files into a packfile, in place of those of the same names.

        Raises:
            Problem: 404, there is no such packfile any more.
        """
        with self._lock:
            found = self._find(token, project_id)
            replaced = [found.files[name] for name in named if name in found.files]
            found.files.update(named)
        for content in replaced:
            content.discard()

    @contextmanager
    def taken(self, token: str, project_id: str) -> Generator[Packfile]:
        """Gives a packfile, which nobody else has meanwhile; it is over when all goes well, and back after an error.

        Raises:
            Problem: 404, there is no such packfile, or somebody else is completing it.
        """
        with self._lock:
            found = self._find(token, project_id)
            del self._known[token]
        try:
            yield found
        except BaseException:
            with self._lock:
                self._known[token] = found
            raise
        found.discard()

    def clean(self) -> tuple[int, int]:
        """Forgets the packfiles that nobody completed; returns how many, and how many files they had."""
        limit = time.monotonic() - LIFETIME
        with self._lock:
            old = {token: packfile for token, packfile in self._known.items() if packfile.begun <= limit}
            for token in old:
                del self._known[token]
        for packfile in old.values():
            packfile.discard()
        return len(old), sum(len(packfile.files) for packfile in old.values())


def archive_name(label: str) -> str:
    """Returns a packfile's name without the ending: what a label has of ASCII letters, digits, spaces and `.-_`."""
    return re.sub(r"[^\w .-]", "", label, flags=re.ASCII).strip(". ") or "packfile"


def pack(blobs: BlobStore, folder: str, files: Sequence[tuple[str, Content]], now: int) -> Content:
    """Writes files that wait into a zip, below one folder, which then waits too; blocks while it does.

    Args:
        blobs: Where the zip goes.
        folder: The folder in the zip.
        files: Names and contents.
        now: The time that the zip gives them, in milliseconds.

    Raises:
        Problem: 400, there are no files.
    """
    if not files:
        raise Problem(400, "the packfile has no files")
    entries = [
        Entry(f"{folder}/{name}", content.path or blobs.path(content.hash), content.size, now)
        for name, content in files
    ]
    blob = blobs.receive()
    try:
        for piece in packed(ZipPacker(), entries):
            blob.write(piece)
        return blob.finish()
    except BaseException:
        blob.drop()
        raise
