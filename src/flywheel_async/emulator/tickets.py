"""Download tickets: short-lived names for one file that work without a key."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.problems import Problem, not_found

LIFETIME = 300.0
"""Seconds for which a ticket can be used, as often as wanted."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket stands for.

    Attributes:
        caller: Who asked for it; downloads happen in this user's or device's name.
        client: The address it was given to, the only one it works for.
        file_id: The file.
        version: The version of the file.
        member: The zip member, or None for the file itself.
        ends: When it stops working, on the monotonic clock.
    """

    caller: Caller
    client: str
    file_id: str
    version: int
    member: str | None
    ends: float


class Tickets:
    """The tickets of a running site; a restart forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Ticket] = {}

    def issue(self, caller: Caller, client: str, file_id: str, version: int, member: str | None) -> str:
        """Makes a ticket; see `Ticket` for the arguments."""
        name = secrets.token_urlsafe(24)
        now = time.monotonic()
        ticket = Ticket(caller, client, file_id, version, member, now + LIFETIME)
        with self._lock:
            self._known = {key: old for key, old in self._known.items() if old.ends > now}
            self._known[name] = ticket
        return name

    def redeem(self, name: str, client: str) -> Ticket:
        """Returns what a ticket stands for.

        Args:
            name: The ticket.
            client: The address it is used from.

        Raises:
            Problem: 404 unknown or too old, 400 used from another address.
        """
        with self._lock:
            ticket = self._known.get(name)
        if ticket is None or ticket.ends <= time.monotonic():
            raise not_found("ticket", "given")
        if ticket.client != client:
            raise Problem(400, "the ticket was given to another address")
        return ticket
