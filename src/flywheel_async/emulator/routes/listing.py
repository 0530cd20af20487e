"""Lists of containers and files."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel_async.emulator import access, nodes
from flywheel_async.emulator.access import VIEW, visible
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.joining import JoiningShaper
from flywheel_async.emulator.listing import list_files, list_nodes
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routes.collections import in_collection
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, On
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route

_SHOWN = LoggedIn("lists what the user may see")


def _containers(call: Call, kind: str, within: Sql | None = None) -> object:
    shaper = JoiningShaper(call, trimmed=not call.flag("include_all_info"))
    return list_nodes(call, kind, shaper.containers, within=within)


def _declare_all(kind: str) -> None:
    @route(f"get_all_{kind}s", rule=_SHOWN)
    def list_all(call: Call) -> object:
        collection = call.text("collection_id") if kind == "acquisition" else None
        if collection is None:
            return _containers(call, kind)
        access.require(call.tx, call.caller, nodes.get(call.tx, "collection", collection), VIEW)
        return _containers(call, kind, in_collection(collection))


def _declare_children(parent: str, child: str) -> None:
    """Declares the list of all containers of a kind below another one."""
    within = f"d.{COLUMN_OF[parent]} = ?"

    @route(f"get_{parent}_{child}s", rule=On(parent, f"{parent}_id", VIEW))
    def list_children(call: Call) -> object:
        return _containers(call, child, Sql(within, (call.target.id,)))


for _kind in ("group", "project", "subject", "session", "acquisition"):
    _declare_all(_kind)
for _parent, _child in (
    ("group", "project"),
    ("project", "subject"),
    ("project", "session"),
    ("project", "acquisition"),
    ("subject", "session"),
    ("session", "acquisition"),
):
    _declare_children(_parent, _child)


@route("get_all_projects_groups", rule=_SHOWN)
def get_all_projects_groups(call: Call) -> list[Json]:
    """Lists the groups of all projects that the user may see."""
    text, values = visible(call.caller, call.tx, "project", "p")
    rows = call.tx.all(
        "SELECT * FROM node d WHERE d.kind = 'group' AND d.id IN (SELECT p.group_id FROM node p"
        f" WHERE p.kind = 'project' AND p.deleted IS NULL AND {text}) ORDER BY d.id",
        values,
    )
    return Shaper(call.tx, call.caller, trimmed=True).containers(Node.from_row(row) for row in rows)


@route("get_all_files", rule=_SHOWN)
def get_all_files(call: Call) -> Doc:
    """Lists the latest versions of all files."""
    shaper = Shaper(call.tx, call.caller)

    def build(found: Sequence[FileRow]) -> list[Json]:
        return [shaper.file(row) for row in found]

    return list_files(call, build)
