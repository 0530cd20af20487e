"""Removing a metadata key everywhere."""

from __future__ import annotations

from flywheel_async.emulator import files, metadata, nodes
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.inputs import InfoChange
from flywheel_async.emulator.nodes import OWNERS, Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import SiteAdmin
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route

_KINDS: dict[str, tuple[str, ...]] = {"analyses" if kind == "analysis" else f"{kind}s": (kind,) for kind in OWNERS[1:]}
_KINDS["containers"] = OWNERS[1:]


@route("cleanup_info", rule=SiteAdmin())
def cleanup_info(call: Call) -> Doc:
    """Removes a key, dotted to reach inside, from the metadata of all containers of a kind, or of all files."""
    change = InfoChange(delete=[call.params["path"]])
    name = call.params["container_type"]
    if name == "files":
        return {"modified": _clean_files(call, change)}
    if name not in _KINDS:
        raise Problem(404, "there is nothing at this path")
    modified = 0
    for kind in _KINDS[name]:
        rows = call.tx.all(
            "SELECT * FROM node WHERE kind = ? AND deleted IS NULL AND json_extract(body, '$.info') NOT IN ('{}')",
            (kind,),
        )
        for row in rows:
            node = Node.from_row(row)
            if _changed(node.body, change):
                nodes.save(call.tx, node)
                modified += 1
    return {"modified": modified}


def _clean_files(call: Call, change: InfoChange) -> int:
    modified = 0
    for row in call.tx.all("SELECT * FROM file WHERE current = 1 AND json_extract(body, '$.info') NOT IN ('{}')"):
        entry = FileRow.from_row(row)
        if _changed(entry.body, change):
            files.save(call.tx, entry)
            modified += 1
    return modified


def _changed(body: dict[str, Json], change: InfoChange) -> bool:
    before = body.get("info")
    old = before if isinstance(before, dict) else {}
    body["info"] = metadata.change_info(old, change)
    return body["info"] != old
