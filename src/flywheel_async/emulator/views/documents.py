"""The documents that columns are read from, one per container, analysis and file, with no look at other tables."""

from __future__ import annotations

from collections.abc import Mapping

from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.shapes import Shaper, own_fields, parents_of
from flywheel_async.emulator.times import iso_or_none
from flywheel_async.emulator.views.columns import LEVELS
from flywheel_async.emulator.wire import Doc

_OF_FILES = (
    *("_id", "file_id", "version", "name", "type", "size", "hash", "mimetype", "modality", "classification", "tags"),
    *("info", "origin", "parent_ref", "parents", "created", "modified", "replaced", "revision", "zip_member_count"),
    *("deid_log_id", "deid_log_skip_reason", "gear_info"),
)


def of_node(node: Node) -> Doc:
    """Returns the document of a container or analysis."""
    found = own_fields(node)
    found["parents"] = parents_of(node)
    if node.kind != "project":
        found["timestamp"] = iso_or_none(node.timestamp)
    if node.kind == "subject":
        found["code"] = node.label
    found["group"] = node.group_id
    return found


def of_file(tx: Tx, caller: Caller, row: FileRow) -> Doc:
    """Returns the document of a file."""
    return Shaper(tx, caller).file(row)


FIELDS: Mapping[str, frozenset[str]] = {
    **{kind: frozenset(of_node(Node(kind, "", None, 0, 0))) - {"inputs"} for kind in (*LEVELS, "analysis")},
    "file": frozenset(_OF_FILES),
}
"""The fields of each kind that a view may show."""
