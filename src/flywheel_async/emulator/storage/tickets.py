"""Tickets of uploads by signed address: what is to be listed where once the bytes are in the store."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.storage.objects import Pending
from flywheel_async.emulator.uploads import Destination


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that is to come: its checked name, its metadata, and the object its bytes go to."""

    name: str
    given: FileInput
    pending: Pending


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """What an upload ticket stands for.

    Attributes:
        destination: The container, and who uploads.
        files: The files that were announced.
        ends: When it stops working, on the monotonic clock.
    """

    destination: Destination
    files: Sequence[Announced]
    ends: float


class UploadTickets:
    """The upload tickets of a running site; a restart forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, UploadTicket] = {}

    def issue(self, destination: Destination, files: Sequence[Announced], seconds: float) -> str:
        """Makes a ticket; see `UploadTicket`."""
        name = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            self._known = {key: old for key, old in self._known.items() if old.ends > now}
            self._known[name] = UploadTicket(destination, files, now + seconds)
        return name

    def take(self, name: str, destination: Destination) -> UploadTicket:
        """Takes a ticket out; `put_back` returns it when the upload could not be completed.

        Raises:
            Problem: 404 unknown or too old, 403 somebody else's, 400 for another container.
        """
        with self._lock:
            ticket = self._known.get(name)
            if ticket is None or ticket.ends <= time.monotonic():
                raise not_found("upload ticket", "given")
            if ticket.destination.caller.user_id != destination.caller.user_id:
                raise Problem(403, "the upload ticket was given to somebody else")
            if ticket.destination.container_id != destination.container_id:
                raise Problem(400, "the upload ticket is for another container")
            return self._known.pop(name)

    def put_back(self, name: str, ticket: UploadTicket) -> None:
        """Makes a ticket valid again."""
        with self._lock:
            self._known[name] = ticket

    def discard(self, name: str, user_id: str) -> UploadTicket | None:
        """Takes a user's ticket out for good; None when there is no such ticket of this user."""
        with self._lock:
            ticket = self._known.get(name)
            if ticket is None or ticket.destination.caller.user_id != user_id:
                return None
            return self._known.pop(name)
