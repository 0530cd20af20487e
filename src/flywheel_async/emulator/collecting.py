"""Collections: named sets of acquisitions from any project, shared by access levels as groups are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.emulator import access, metadata, nodes, permissions
from flywheel_async.emulator.inputs import CollectionChange, CollectionContents, CollectionInput
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.database import Tx


def add(call: Call, given: CollectionInput) -> str:
    """Makes a collection; its maker becomes its curator and admin."""
    node = Node("collection", call.site.new_id(), given.label, call.tx.now, call.tx.now)
    curator: Json = call.caller.user_id
    node.body.update(description=given.description or "", info=metadata.clean_doc(given.info or {}), curator=curator)
    nodes.insert(call.tx, node)
    if not call.caller.is_device:
        permissions.set_access(call.tx, node.id, call.caller.user_id, "admin")
    return node.id


def change(call: Call, node: Node, given: CollectionChange) -> None:
    """Changes a collection's fields and contents; metadata is merged leaf by leaf.

    Raises:
        Problem: 403 the caller may not see something to be added, 404 it is not there.
    """
    if given.label is not None:
        node.label = given.label
    if "description" in given.model_fields_set:
        node.body["description"] = given.description
    if given.info is not None:
        before = node.body.get("info")
        node.body["info"] = metadata.merged(before if isinstance(before, dict) else {}, metadata.clean_doc(given.info))
    if given.contents is not None:
        _change_contents(call, node, given.contents)
    nodes.save(call.tx, node)


def _change_contents(call: Call, node: Node, contents: CollectionContents) -> None:
    """Adds or removes acquisitions; what is above them stands for all acquisitions it has at this moment."""
    for entry in contents.nodes:
        found = nodes.get(call.tx, entry.level, entry.id)
        access.require(call.tx, call.caller, found, access.VIEW)
        below = f"SELECT id FROM node WHERE kind = 'acquisition' AND {COLUMN_OF[entry.level]} = ? AND deleted IS NULL"
        if contents.operation == "add":
            call.tx.run(f"INSERT OR IGNORE INTO member SELECT ?, id FROM ({below})", (node.id, entry.id))
        else:
            call.tx.run(
                f"DELETE FROM member WHERE collection_id = ? AND acquisition_id IN ({below})", (node.id, entry.id)
            )


def of_acquisition(tx: Tx, acquisition_id: str) -> list[str]:
    """Returns the ids of the collections an acquisition is in."""
    rows = tx.all(
        "SELECT m.collection_id FROM member m JOIN node n ON n.kind = 'collection' AND n.id = m.collection_id"
        " WHERE m.acquisition_id = ? AND n.deleted IS NULL ORDER BY m.collection_id",
        (acquisition_id,),
    )
    return [row["collection_id"] for row in rows]


def counts(tx: Tx, caller: Caller, collection_id: str) -> Doc:
    """Counts the sessions and subjects in a collection that the caller may see."""
    text, values = access.visible(caller, tx, "acquisition", "d")
    row = tx.one(
        "SELECT COUNT(DISTINCT d.session) AS sessions, COUNT(DISTINCT d.subject) AS subjects FROM node d"
        " WHERE d.kind = 'acquisition' AND d.deleted IS NULL"
        f" AND d.id IN (SELECT acquisition_id FROM member WHERE collection_id = ?) AND {text}",
        (collection_id, *values),
    )
    sessions, subjects = (row["sessions"], row["subjects"]) if row else (0, 0)
    return {"session_count": sessions, "subject_count": subjects, "noncompliant_session_count": 0}
