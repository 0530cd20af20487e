"""Trees, branches, known uids, the change log, filters kept under a name."""

from __future__ import annotations

from flywheel_async.emulator import access, changes, importing, nodes, tree
from flywheel_async.emulator.access import CREATE
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.listing import list_page
from flywheel_async.emulator.move_inputs import Hierarchy
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, On, OnLogged, OwnDocument
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.site_inputs import CustomFilterInput, TreeInput, UidCheck
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.wire import Doc, Json, text

ROUTES = Routes()
route = ROUTES.route


@route("check_uids_exist", rule=LoggedIn("looks at what the user may see"), writes=False)
def check_uids_exist(call: Call) -> Doc:
    """Tells which of some uids sessions and acquisitions have."""
    given = call.input(UidCheck)
    if given.sessions is None and given.acquisitions is None:
        raise invalid("sessions or acquisitions is needed", "body")
    projects = [*(given.project_ids or []), *([] if given.project_id is None else [given.project_id])]
    return {
        "sessions": _known(call, "session", given.sessions or [], projects),
        "acquisitions": _known(call, "acquisition", given.acquisitions or [], projects),
    }


def _known(call: Call, kind: str, uids: list[str], projects: list[str]) -> list[Json]:
    seen, values = access.visible(call.caller, call.tx, kind, "d")
    within = "d.project IN (SELECT value FROM json_each(?))" if projects else "? = '[]'"
    rows = call.tx.all(
        "SELECT DISTINCT json_extract(d.body, '$.uid') AS uid FROM node d WHERE d.kind = ? AND d.deleted IS NULL"
        f" AND {seen} AND {within} AND uid IN (SELECT value FROM json_each(?)) ORDER BY uid",
        (kind, *values, text(projects), text(uids)),
    )
    return [row["uid"] for row in rows]


@route("fetch_tree", rule=LoggedIn("shows what the user may see"), writes=False)
def fetch_tree(call: Call) -> list[Json]:
    """Returns several levels of containers, one in the other."""
    given = call.input(TreeInput)
    if given.jobs is not None:
        raise Problem(501, "the emulator has no jobs yet")
    return tree.below(call, Shaper(call.tx, call.caller), tree.levels_of(given), None)


@route("get_tree_graph", rule=LoggedIn())
def get_tree_graph(call: Call) -> Doc:
    """Tells how the levels of a tree hang together."""
    names = list(tree.KINDS)
    return {
        name: {
            "connections": {
                other: {"local": "_id", "foreign": f"parents.{tree.KINDS[name]}", "collection": other, "order": "asc"}
                for other in names[number + 1 :]
            }
        }
        for number, name in enumerate(names)
    }


@route("upsert_project_hierarchy", rule=On("project", "project_id", CREATE))
def upsert_project_hierarchy(call: Call) -> Doc:
    """Finds or makes a branch of a project."""
    return importing.upsert(call, call.target, call.input(Hierarchy))


@route("get_change_log", rule=OnLogged())
def get_change_log(call: Call) -> Doc:
    """Returns what was done to a container or file, deletion included."""
    head = _head(call)
    found: list[Json] = [*changes.log(call.tx, call.params["container_type"], call.params["container_id"], head[1])]
    return {**head[0], "changes": found}


@route("get_field_change_log", rule=OnLogged())
def get_field_change_log(call: Call) -> Doc:
    """Returns the values that a field was given."""
    head = _head(call)
    found = changes.log(call.tx, call.params["container_type"], call.params["container_id"], head[1])
    return {**head[0], "changes": changes.of_field(found, call.params["field"])}


def _head(call: Call) -> tuple[Doc, int | None]:
    version = call.number("version")
    kind, node_id = call.params["container_type"], call.params["container_id"]
    return {"container_type": kind, "container_id": node_id, "file_version": version}, version


def _shown(node: Node) -> Doc:
    kept: Doc = {name: node.body.get(name) for name in ("filter", "view", "origin")}
    times: Doc = {"created": iso(node.created), "modified": iso(node.modified), "deleted": None}
    return {"_id": node.id, "label": node.label, **kept, **times}


@route("get_all_custom_filters", rule=LoggedIn("lists the user's own"))
def get_all_custom_filters(call: Call) -> Doc:
    """Lists the filters that the user who asks made; always a page."""
    own = Sql("json_extract(d.body, '$.origin.id') = ?", (call.caller.user_id,))
    return list_page(call, "filter", lambda found: [_shown(node) for node in found], own)


@route("create_custom_filter", rule=LoggedIn())
def create_custom_filter(call: Call) -> Doc:
    """Keeps a filter under a name."""
    given = call.input(CustomFilterInput)
    body: Doc = {**given.model_dump(mode="json", exclude={"label"}), "origin": call.caller.origin}
    node = Node("filter", call.site.new_id(), given.label, call.tx.now, call.tx.now, body=body)
    nodes.insert(call.tx, node)
    return _shown(node)


@route("update_custom_filter", rule=OwnDocument("filter", "custom_filter_id"))
def update_custom_filter(call: Call) -> Doc:
    """Replaces a filter that was kept."""
    given = call.input(CustomFilterInput)
    call.target.label = given.label
    call.target.body.update(given.model_dump(mode="json", exclude={"label"}))
    nodes.save(call.tx, call.target)
    return _shown(call.target)


@route("delete_custom_filter", rule=OwnDocument("filter", "custom_filter_id"))
def delete_custom_filter(call: Call) -> Doc:
    """Forgets a filter that was kept."""
    call.tx.run("DELETE FROM node WHERE kind = 'filter' AND id = ?", (call.target.id,))
    return {"deleted": 1}
