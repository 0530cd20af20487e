"""Analyses made by hand: their inputs are file versions by reference, their outputs are files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.emulator import access, files, metadata, nodes
from flywheel_async.emulator.inputs import AnalysisInput, FileReference
from flywheel_async.emulator.nodes import COLUMN_OF, LEVELS, Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.database import Tx
    from flywheel_async.emulator.files import FileRow


def add(call: Call, parent: Node, given: AnalysisInput) -> str:
    """Makes an analysis; nothing is made when one of its inputs is not there.

    Raises:
        Problem: 403 the caller may not see an input, 404 there is no such input, 422 the parent has no analyses.
    """
    if parent.kind not in nodes.CONTAINERS or parent.kind == "group":
        raise invalid(f"a {parent.kind} has no analyses", "path")
    node = Node("analysis", call.site.new_id(), given.label, call.tx.now, call.tx.now)
    for column in LEVELS:
        setattr(node, column, getattr(parent, column))
    node.body["description"] = given.description or ""
    node.body["info"] = metadata.clean_doc(given.info or {})
    rows = [_input(call, reference) for reference in given.inputs or []]
    node.body["inputs"] = [{"file_id": row.file_id, "version": row.version} for row in rows]
    nodes.insert(call.tx, node)
    return node.id


def _input(call: Call, reference: FileReference) -> FileRow:
    if reference.type not in nodes.OWNERS:
        raise invalid(f"a {reference.type!r} has no files", "body", "inputs")
    owner = nodes.get(call.tx, reference.type, reference.id)
    row = files.get_named(call.tx, owner, reference.name)
    access.require_file(call.tx, call.caller, row, access.FILES_VIEW)
    return row


def refuse_job(body: Doc) -> None:
    """Refuses an analysis that a gear is to run.

    Raises:
        Problem: 501.
    """
    if "job" in body:
        raise Problem(501, "the emulator does not run gears yet: an analysis cannot have a job")


def inputs_of(tx: Tx, node: Node) -> list[FileRow]:
    """Returns the file versions an analysis was made from, whether or not they are still listed elsewhere."""
    listed = node.body.get("inputs")
    found: list[FileRow] = []
    for reference in listed if isinstance(listed, list) else []:
        if isinstance(reference, dict):
            key = (str(reference["file_id"]), reference["version"])
            row = files.any_version(tx, key[0], key[1] if isinstance(key[1], int) else 0)
            found.extend([] if row is None else [row])
    return found


def of_container(tx: Tx, parent: Node) -> list[Node]:
    """Returns the analyses of a container itself, without those further below, oldest first."""
    text, values = within(parent)
    rows = tx.all(
        f"SELECT * FROM node d WHERE d.kind = 'analysis' AND d.deleted IS NULL AND {text} ORDER BY d.id", values
    )
    return [Node.from_row(row) for row in rows]


def within(parent: Node) -> tuple[str, tuple[str, ...]]:
    """Returns the SQL condition, with its values, for the analyses of a container itself."""
    below = LEVELS[LEVELS.index(COLUMN_OF[parent.kind]) + 1 :]
    return " AND ".join([f"d.{COLUMN_OF[parent.kind]} = ?", *(f"d.{column} IS NULL" for column in below[:1])]), (
        parent.id,
    )
