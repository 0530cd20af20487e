"""Paths such as `group/project/subject/session/acquisition/files/name`: finding each step, listing what is below."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flywheel_async.emulator import access, analyses, files
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.nodes import COLUMN_OF, CONTAINERS, Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

Step = Node | FileRow


def walk(call: Call, path: Sequence[str]) -> list[Step]:
    """Returns what each element of a path names.

    Raises:
        Problem: 404 nothing there, 403 the caller may not see it, 422 the path ends in the middle of a file name.
    """
    steps: list[Step] = []
    rest = list(path)
    while rest:
        element = rest.pop(0)
        parent = steps[-1] if steps else None
        if isinstance(parent, FileRow):
            raise Problem(404, f"there is nothing below the file {parent.name}")
        if element == "files" and parent is not None and parent.kind != "group":
            if not rest:
                break
            steps.append(_file(call, parent, rest.pop(0)))
        elif element == "analyses" and parent is not None and parent.kind in CONTAINERS[1:]:
            if not rest:
                break
            steps.append(_analysis(call, parent, rest.pop(0)))
        else:
            steps.append(_container(call, parent, element))
    _check(call, steps)
    return steps


def _check(call: Call, steps: Sequence[Step]) -> None:
    """Whoever may see the last step may see the way to it; a group alone needs a permission of its own."""
    if not steps:
        return
    last = steps[-1]
    if isinstance(last, FileRow):
        access.require_file(call.tx, call.caller, last, access.FILES_VIEW)
        return
    access.require(call.tx, call.caller, last, access.VIEW)


def _container(call: Call, parent: Node | None, element: str) -> Node:
    level = 0 if parent is None else _level(parent) + 1
    if parent is not None and level >= len(CONTAINERS):
        raise Problem(404, f"an {parent.kind} has no {element!r}; a file is files/{element}")
    kind = CONTAINERS[level]
    wanted = _id_of(element)
    row = None
    if wanted is not None:
        row = _row(call, kind, parent, "id", wanted)
    if row is None:
        row = _row(call, kind, parent, "id" if kind == "group" else "label", element)
    if row is None:
        hint = f"; a file is files/{element}" if "." in element and parent is not None else ""
        raise Problem(404, f"no {kind} {element!r} here{hint}")
    return Node.from_row(row)


def _row(call: Call, kind: str, parent: Node | None, column: str, value: str) -> sqlite3.Row | None:
    within, values = ("1", ()) if parent is None else (f"{COLUMN_OF[parent.kind]} = ?", (parent.id,))
    return call.tx.one(
        f"SELECT * FROM node WHERE kind = ? AND deleted IS NULL AND {column} = ? AND {within}"
        " ORDER BY created, id LIMIT 1",
        (kind, value, *values),
    )


def _level(node: Node) -> int:
    """Returns how deep a container is; below an analysis there are only files."""
    return CONTAINERS.index(node.kind) if node.kind in CONTAINERS else len(CONTAINERS)


def _analysis(call: Call, parent: Node, element: str) -> Node:
    wanted = _id_of(element)
    text, values = analyses.within(parent)
    row = call.tx.one(
        f"SELECT * FROM node d WHERE d.kind = 'analysis' AND d.deleted IS NULL AND {text}"
        " AND (d.id = ? OR d.label = ?) ORDER BY d.id = ? DESC, d.created, d.id LIMIT 1",
        (*values, wanted, element, wanted),
    )
    if row is None:
        raise Problem(404, f"no analysis {element!r} here")
    return Node.from_row(row)


def _file(call: Call, parent: Node, element: str) -> FileRow:
    wanted = _id_of(element)
    found = None if wanted is None else files.find_version(call.tx, wanted, None)
    if found is None or found.parent_id != parent.id:
        return files.get_named(call.tx, parent, element)
    return found


def _id_of(element: str) -> str | None:
    return element[4:-1] if element.startswith("<id:") and element.endswith(">") else None


def below(call: Call, steps: Sequence[Step]) -> list[Step]:
    """Returns the children of a path's end that the caller may see: containers by label, analyses, files by name."""
    last = steps[-1] if steps else None
    if isinstance(last, FileRow):
        return []
    level = 0 if last is None else _level(last) + 1
    found: list[Step] = []
    if level < len(CONTAINERS):
        kind = CONTAINERS[level]
        text, values = access.visible(call.caller, call.tx, kind, "d")
        within = Sql("1") if last is None else Sql(f"d.{COLUMN_OF[last.kind]} = ?", (last.id,))
        rows = call.tx.all(
            f"SELECT * FROM node d WHERE d.kind = ? AND d.deleted IS NULL AND {text} AND {within.text}"
            " ORDER BY d.label, d.id",
            (kind, *values, *within.values),
        )
        found.extend(Node.from_row(row) for row in rows)
    if last is not None and last.kind != "group":
        if last.kind in CONTAINERS and access.may(call.tx, call.caller, last, access.ANALYSES_VIEW):
            found.extend(analyses.of_container(call.tx, last))
        own = files.of_container(call.tx, last.id)
        own.sort(key=_by_name)
        found.extend(own)
    return found


def _by_name(row: FileRow) -> str:
    return row.name


def document(shaper: Shaper, step: Step) -> Doc:
    """Returns the node of a step, which says what it is."""
    if isinstance(step, FileRow):
        return {"container_type": "file", "node_type": "file", **shaper.file(step)}
    return {"container_type": step.kind, "node_type": step.kind, **shaper.container(step)}


def documents(shaper: Shaper, steps: Sequence[Step]) -> list[Json]:
    """Returns the nodes of several steps."""
    return [document(shaper, step) for step in steps]
