"""Devices: machines that log in with the site's shared secret and then with a key of their own."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flywheel_async.emulator import keys, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.keys import Owner
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.times import iso, iso_or_none
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

MISSED = 2
"""How many intervals a device may be silent before its status is `missing`."""


def contact(tx: Tx, site: Site, headers: Mapping[str, str]) -> Caller:
    """Returns the device that a drone's headers name; it is made when it is new.

    Raises:
        Problem: 400 without method or name, 401 the secret is wrong, 402 the device is disabled.
    """
    if not hmac.compare_digest(headers["x-scitran-auth"].encode(), site.drone_secret.encode()):
        raise Problem(401, "the drone secret is not valid here")
    method, name = headers.get("x-scitran-method", ""), headers.get("x-scitran-name", "")
    if not method or not name:
        raise Problem(400, "a drone sends X-SciTran-Method and X-SciTran-Name")
    label = f"{method}_{name}".replace(" ", "_")
    node = _labelled(tx, label)
    if node is None:
        node = create(tx, site, label, {"name": name, "method": method, "type": method})
    node.body["last_seen"] = tx.now
    _store(tx, node)
    return caller(tx, node.id)


def caller(tx: Tx, device_id: str) -> Caller:
    """Returns a device as a caller.

    Raises:
        Problem: 402, it is disabled or deleted.
    """
    node = nodes.find(tx, "device", device_id)
    if node is None or node.body.get("disabled"):
        raise Problem(402, f"device {device_id} is disabled or deleted")
    return Caller(node.id, ("drone",), is_device=True)


def create(tx: Tx, site: Site, label: str, body: Doc) -> Node:
    """Makes a device with a key.

    Raises:
        Problem: 409, the label is in use.
    """
    if _labelled(tx, label) is not None:
        raise Problem(409, f"there is a device {label!r} already")
    node = Node("device", site.new_id(), label, tx.now, tx.now, body=body)
    nodes.insert(tx, node)
    keys.register(tx, key_of(site, node.id), Owner(node.id, is_device=True), "device", site.new_id())
    return node


def key_of(site: Site, device_id: str) -> str:
    """Returns a device's own key. It follows from the secret, so that it need not be stored to be told again."""
    return hmac.new(site.drone_secret.encode(), device_id.encode(), hashlib.sha256).hexdigest()[:40]


def _labelled(tx: Tx, label: str) -> Node | None:
    row = tx.one("SELECT * FROM node WHERE kind = 'device' AND label = ? AND deleted IS NULL", (label,))
    return None if row is None else Node.from_row(row)


def _store(tx: Tx, node: Node) -> None:
    """Stores when a device was seen, which is no change of the device itself."""
    tx.run(
        "UPDATE node SET body = json_set(body, '$.last_seen', ?) WHERE kind = 'device' AND id = ?", (tx.now, node.id)
    )


def _seen(node: Node) -> int | None:
    seen = node.body.get("last_seen")
    return seen if isinstance(seen, int) else None


def document(tx: Tx, node: Node, *, with_keys: bool, key: str | None = None) -> Doc:
    """Returns the document of a device.

    Args:
        tx: The transaction.
        node: The device.
        with_keys: Whether its keys are listed, without secrets.
        key: The secret key to show, or None.
    """
    return {
        "_id": node.id,
        "label": node.label,
        "name": node.body.get("name"),
        "method": node.body.get("method"),
        "api_keys": keys.listed(tx, Owner(node.id, is_device=True)) if with_keys else None,
        "api_key": None,
        "key": key,
        "type": node.body.get("type"),
        "version": node.body.get("version"),
        "errors": node.body.get("errors") or [],
        "info": node.body.get("info") or {},
        "interval": node.body.get("interval"),
        "last_seen": iso_or_none(_seen(node)),
        "disabled": bool(node.body.get("disabled")),
        "deleted": None,
        "storage_config": node.body.get("storage_config") or {"storage_strategy": "site", "provider": None},
        "modified": iso(node.modified),
    }


def status(tx: Tx, node: Node) -> Doc:
    """Returns how a device is: `error`, `missing` when it was silent for too long, `ok`, or `unknown`."""
    seen, interval = _seen(node), node.body.get("interval")
    errors = node.body.get("errors")
    if errors:
        found = "error"
    elif seen is None or not isinstance(interval, int):
        found = "unknown"
    else:
        found = "missing" if tx.now - seen > MISSED * interval * 1000 else "ok"
    return {"errors": errors or [], "last_seen": iso_or_none(seen), "status": found}
