"""Who sent a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flywheel_async.emulator import devices, keys, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import Problem

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

NOBODY = Caller("", ())
"""The caller of a public route."""

_KINDS = ("scitran-user", "bearer")


def is_drone(headers: Mapping[str, str]) -> bool:
    """Tells whether a request carries the secret of the drones, whose first contact makes a device."""
    return "x-scitran-auth" in headers


def identify(tx: Tx, site: Site, headers: Mapping[str, str], *, exhaustive: bool) -> Caller:
    """Returns the user or device whose key a request carries.

    Args:
        tx: The transaction.
        site: The site.
        headers: The request headers by lower-case name.
        exhaustive: Whether the request asks to look past permissions.

    Raises:
        Problem: 400 a drone without a name; 401 no key, an unknown one or an unknown kind; 402 the user or device is
            disabled or deleted; 403 somebody who is no site admin asked for `exhaustive`.
    """
    if is_drone(headers):
        return devices.contact(tx, site, headers)
    kind, _, value = headers.get("authorization", "").strip().partition(" ")
    # A full key string is as good as its last part.
    key = value.strip().rpartition(":")[2]
    if not key:
        raise Problem(401, "the request carries no API key")
    owner = keys.owner_of(tx, key)
    if owner is None or kind.lower() not in _KINDS:
        raise Problem(401, "the API key is not valid here")
    if owner.is_device:
        return devices.caller(tx, owner.id)
    return caller(tx, owner.id, exhaustive=exhaustive)


def again(tx: Tx, known: Caller) -> Caller:
    """Returns the caller of an earlier request as he is now, for what was given to him then.

    Raises:
        Problem: 402 the user or device was disabled or deleted since; 403 he is no site admin any more.
    """
    if known.is_device:
        return devices.caller(tx, known.user_id)
    return caller(tx, known.user_id, exhaustive=known.exhaustive)


def caller(tx: Tx, user_id: str, *, exhaustive: bool) -> Caller:
    """Returns a user as a caller.

    Args:
        tx: The transaction.
        user_id: The user.
        exhaustive: Whether the request asks to look past permissions.

    Raises:
        Problem: 402 the user is disabled or deleted; 403 somebody who is no site admin asked for `exhaustive`.
    """
    user = nodes.find(tx, "user", user_id)
    if user is None or user.body.get("disabled"):
        raise Problem(402, f"user {user_id} is disabled or deleted")
    roles = user.body.get("roles")
    granted = tuple(str(role) for role in roles) if isinstance(roles, list) else ()
    found = Caller(user.id, granted, exhaustive=exhaustive)
    if exhaustive and not found.is_admin:
        raise Problem(403, "only a site admin may use exhaustive")
    return found
