"""Making users, for the API and for the program that runs the emulator."""

from __future__ import annotations

from flywheel_async.emulator import nodes
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.site_inputs import UserSync
from flywheel_async.emulator.wire import Doc


def create(tx: Tx, user_id: str, body: Doc) -> None:
    """Makes a user. One of that id who was deleted is forgotten, with all keys.

    Raises:
        Problem: 409, there is a user with this id.
    """
    gone = tx.run("DELETE FROM node WHERE kind = 'user' AND id = ? AND deleted IS NOT NULL", (user_id,))
    if gone:
        tx.run("DELETE FROM api_key WHERE user_id = ?", (user_id,))
    nodes.insert(tx, Node("user", user_id, user_id, tx.now, tx.now, body=body))


def sync(tx: Tx, central_id: str, given: UserSync) -> None:
    """Makes or changes the user that a central directory knows by an id; older news are passed over.

    Raises:
        Problem: 409, another user of the directory has the address.
    """
    row = tx.one(
        "SELECT id FROM node WHERE kind = 'user' AND json_extract(body, '$.central_user_id') = ? AND deleted IS NULL",
        (central_id,),
    )
    body: Doc = {
        "firstname": given.given_name,
        "lastname": given.family_name,
        "email": given.email,
        "disabled": given.disabled,
        "roles": [given.role],
        "central_user_id": central_id,
        "central_revision": given.revision,
    }
    node = nodes.find(tx, "user", given.email if row is None else row["id"])
    if node is None:
        create(tx, given.email, body)
        return
    if node.body.get("central_user_id") not in (None, central_id):
        raise Problem(409, f"user {node.id} belongs to another entry of the directory")
    known = node.body.get("central_revision")
    if isinstance(known, int) and known >= given.revision:
        return
    node.body.update(body)
    nodes.save(tx, node)
