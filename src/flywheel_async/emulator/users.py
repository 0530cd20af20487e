"""Making users, for the API and for the program that runs the emulator."""

from __future__ import annotations

from flywheel_async.emulator import nodes
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
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
