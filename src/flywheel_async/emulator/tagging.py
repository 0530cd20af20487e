"""Tags of groups reach what is below the group: a renamed or removed one is renamed or removed there too."""

from __future__ import annotations

from flywheel_async.emulator import nodes
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.files import FileRow, save
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.wire import Doc, Json

_TAGGED = "EXISTS (SELECT 1 FROM json_each(body, '$.tags') t WHERE t.value = ?)"


def replace_below(tx: Tx, group_id: str, old: str, new: str | None) -> None:
    """Renames a tag on every container, analysis and file of a group, or with None removes it there."""
    rows = tx.all(
        f"SELECT * FROM node WHERE group_id = ? AND kind != 'group' AND deleted IS NULL AND {_TAGGED}", (group_id, old)
    )
    for row in rows:
        node = Node.from_row(row)
        _replace(node.body, old, new)
        nodes.save(tx, node)
    for row in tx.all(f"SELECT * FROM file WHERE group_id = ? AND current = 1 AND {_TAGGED}", (group_id, old)):
        entry = FileRow.from_row(row)
        _replace(entry.body, old, new)
        save(tx, entry)


def _replace(body: Doc, old: str, new: str | None) -> None:
    tags = body.get("tags")
    kept: list[Json] = [new if tag == old else tag for tag in tags] if isinstance(tags, list) else []
    body["tags"] = [*dict.fromkeys(str(tag) for tag in kept if tag is not None)]
