"""What is remembered of a signed upload in parts, so that the next run of the program takes it up again.

One small file per upload, in a folder of the user's own: the ticket with its URLs, then a line for each part that is
in. It is locked while its upload runs and removed when that ends, well or not; only a program that is killed leaves
it behind. What goes in one request is not remembered. Its URLs let write the file to the store for as long as the
ticket is good, so nobody else may read it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import anyio

from flywheel_async.files import in_thread, made_in_thread

try:
    import fcntl
except ImportError:  # without it two programs could use one ticket, so nothing is taken up again
    fcntl = None  # type: ignore[assignment]

_OLDEST = 7 * 24 * 3600
"""Seconds after which no ticket is good any more."""
_MOST = 16 * 1024 * 1024
_tidied: set[Path] = set()
"""Folders in which this program has looked for files that are too old."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to send one file to a store.

    Attributes:
        name: The ticket.
        urls: Where its bytes go, one URL per part.
        headers: What each request to the store must carry.
    """

    name: str = field(repr=False)
    urls: tuple[str, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """A part that is in.

    Attributes:
        number: Which one, from 1.
        etag: What the store called it, or None.
        md5: The MD5 of its bytes.
        doubted: Whether the store has told another MD5, which some stores do that mean something else by it.
    """

    number: int
    etag: str | None
    md5: str
    doubted: bool = False


def state_folder() -> Path:
    """The folder of the user in which unfinished uploads are remembered.

    Raises:
        RuntimeError: Nobody knows where the user is at home.
    """
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "flywheel_async" / "uploads"


class UploadState:
    """What is remembered of one upload.

    Args:
        path: Where it is kept, or None where nothing can be.
        file: That file, locked, or None.
        identity: What the upload is of, what is said about it, by whom, and where it goes.

    Attributes:
        ticket: The ticket in use; that of an interrupted upload, or None.
        stale: The ticket of an interrupted upload from the same path to the same place, but of another file, with other
            metadata or with another key; or None.
        sent: The parts that are in, by number.
        resumed: Whether the ticket is that of an interrupted upload.
    """

    def __init__(self, path: Path | None, file: io.FileIO | None, identity: Mapping[str, object]) -> None:
        self.ticket: Ticket | None = None
        self.stale: Ticket | None = None
        self.sent: dict[int, Sent] = {}
        self.resumed = False
        self._path = path
        self._file = file
        self._remembered = False
        self._identity = dict(identity)

    @classmethod
    async def open(cls, identity: Mapping[str, object] | None) -> UploadState:
        """Looks for what an interrupted upload of the same bytes to the same place has left.

        Args:
            identity: What the upload is of, what is said about it, by whom, and where it goes; None remembers nothing.
        """
        if identity is None or fcntl is None:
            return cls(None, None, {})
        return await made_in_thread(lambda: cls._open(identity), lambda made: made._close())

    @classmethod
    def _open(cls, identity: Mapping[str, object]) -> UploadState:
        # All else is left out: a file that was changed replaces what is remembered of the one before.
        key = json.dumps([identity.get(name) for name in ("site", "container", "name", "path")])
        try:
            folder = state_folder()
            path = folder / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:40]}.json"
            if folder not in _tidied:
                _tidied.add(folder)
                _remove_old(folder)
            file = _open_locked(path) if path.exists() else None
        except (OSError, RuntimeError):  # no folder, or one that cannot be read, is no reason not to upload
            return cls(None, None, {})
        made = cls(path, file, identity)
        made._load()
        return made

    def _load(self) -> None:
        if self._file is None:
            return
        lines = self._file.read(_MOST).decode("utf-8", "replace").splitlines()
        try:
            head = cast("dict[str, object]", json.loads(lines[0]))
            ticket = cast("dict[str, object]", head["ticket"])
            urls, headers = cast("list[str]", ticket["urls"]), cast("dict[str, str]", ticket["headers"])
            found = Ticket(str(ticket["name"]), tuple(map(str, urls)), {str(k): str(v) for k, v in headers.items()})
            if not urls or head["identity"] != json.loads(json.dumps(self._identity)):
                self.stale = found
                return
            for line in lines[1:]:
                with suppress(ValueError):  # the last line may have been cut off
                    part = Sent(**json.loads(line))
                    self.sent[int(part.number)] = part
            self.ticket, self.resumed, self._remembered = found, True, True
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            self.sent.clear()

    def begin(self, ticket: Ticket) -> None:
        """Takes a new ticket in place of the one before."""
        self.ticket, self.resumed, self._remembered = ticket, False, False
        self.sent.clear()

    async def remember(self) -> None:
        """Keeps the ticket, and from now on each part that is in, for the case that the program is killed."""
        path = self._path
        if path is not None and self._file is None:
            self._file = await made_in_thread(lambda: _created(path), lambda file: _undo(path, file))
        self._remembered = True
        assert self.ticket is not None
        await self._write(json.dumps({"identity": self._identity, "ticket": asdict(self.ticket)}), fresh=True)

    async def add(self, part: Sent) -> None:
        """Remembers that a part is in."""
        self.sent[part.number] = part
        await self._write(json.dumps(asdict(part)), fresh=False)

    async def _write(self, line: str, *, fresh: bool) -> None:
        file = self._file
        if file is None or not self._remembered:
            return

        def work() -> None:
            with suppress(OSError):  # what is not remembered is sent again
                if fresh:
                    file.seek(0)
                    file.truncate()
                file.write(f"{line}\n".encode())

        await in_thread(work)

    async def end(self) -> None:
        """Forgets everything, since the upload has ended."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._end)

    def _end(self) -> None:
        if self._path is not None and self._file is not None:
            with suppress(OSError):
                self._path.unlink()
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _created(path: Path) -> io.FileIO | None:
    """Makes the file of a new upload; None where that cannot be."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _open_locked(path)
    except OSError:
        return None


def _undo(path: Path, file: io.FileIO | None) -> None:
    if file is not None:
        with suppress(OSError):
            path.unlink()
        file.close()


def _open_locked(path: Path) -> io.FileIO | None:
    """Opens a file that is only ours; None while another upload uses it."""
    assert fcntl is not None
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    for _ in range(3):
        file = io.FileIO(os.open(path, flags, 0o600), "r+b")
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file.fileno())
            ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
            if not ours:
                file.close()
                return None
            with suppress(FileNotFoundError):
                if os.path.samestat(found, path.lstat()):
                    return file
        except OSError:
            file.close()
            return None
        file.close()  # it was removed between opening and locking
    return None


def _remove_old(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _OLDEST:
                path.unlink()
