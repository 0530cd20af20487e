"""Analyses: below their parents, on their own, and their inputs."""

from __future__ import annotations

from collections.abc import Callable

from flywheel_async.emulator import access, analyses, nodes
from flywheel_async.emulator.access import (
    ANALYSES_CREATE,
    ANALYSES_VIEW,
    DELETE,
    FILES_CREATE,
    FILES_DOWNLOAD,
    FILES_VIEW,
    MODIFY,
    VIEW,
)
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import AnalysisInput
from flywheel_async.emulator.joining import JoiningShaper
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routes import containers, files
from flywheel_async.emulator.routing import Routes, id_param
from flywheel_async.emulator.rules import LoggedIn, On, OnAnalysis, OnPlural, Rule
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


def add_analysis(call: Call) -> Doc:
    """Makes an analysis."""
    analyses.refuse_job(call.object())
    return {"_id": analyses.add(call, call.target, call.input(AnalysisInput))}


def list_of_container(call: Call) -> object:
    """Lists the analyses of one container."""
    if call.target.kind not in nodes.CONTAINERS or call.target.kind == "group":
        return []
    return _list(call, Sql(*analyses.within(call.target)))


def _list(call: Call, within: Sql | None = None) -> object:
    shaper = JoiningShaper(call, trimmed=not call.flag("include_all_info"))
    return list_nodes(call, "analysis", shaper.containers, within=within)


def _declare(kind: str) -> None:
    """Declares the analysis routes below one kind of container, or below any."""
    of = None if kind == "container" else kind

    def below(operation: str, action: str) -> Rule:
        return OnAnalysis(of, id_param(operation), action)

    def add(operation: str, action: str, handler: Callable[[Call], object]) -> None:
        ROUTES.add(operation, rule=below(operation, action), handler=handler)

    ROUTES.add(f"add_{kind}_analysis", rule=On(of, "cid", ANALYSES_CREATE), handler=add_analysis)
    ROUTES.add(f"get_{kind}_analyses", rule=On(of, "cid", ANALYSES_VIEW), handler=list_of_container)
    add(f"get_{kind}_analysis", VIEW, containers.get_one)
    add(f"modify_{kind}_analysis", MODIFY, containers.change_one)
    add(f"delete_{kind}_analysis", DELETE, containers.delete_one)
    containers.declare_notes(f"{kind}_analysis", below)
    to = f"upload_output_to_{kind}_analysis"
    files.declare_upload(to, below(to, FILES_CREATE))
    sent = f"download_output_from_{kind}_analysis"
    tickets = (f"get_{kind}_analysis_output_download_ticket", f"get_{kind}_analysis_output_zip_info")
    files.declare_download([sent, *tickets], below(sent, FILES_DOWNLOAD))


for _kind in ("project", "subject", "session", "acquisition", "container"):
    _declare(_kind)


@route("get_all_analyses", rule=LoggedIn("lists what the user may see"))
def get_all_analyses(call: Call) -> object:
    """Lists all analyses."""
    return _list(call)


@route("get_analysis_input_files", rule=On("analysis", "container_id", FILES_VIEW))
def get_analysis_input_files(call: Call) -> list[Json]:
    """Returns the inputs of an analysis with a name."""
    shaper = Shaper(call.tx, call.caller)
    name = call.params["filename"]
    found: list[Json] = [
        {**shaper.file(row), "file_group": "inputs"}
        for row in analyses.inputs_of(call.tx, call.target)
        if row.name == name
    ]
    if not found:
        raise not_found("input", name)
    return found


@route("get_analyses", rule=OnPlural("container_name", "container_id", VIEW))
def get_analyses(call: Call) -> list[Json]:
    """Lists the analyses of the containers of one kind, or of `all` kinds, below a container."""
    kind = call.params["subcontainer_name"]
    level = nodes.CONTAINERS.index(call.target.kind)
    below = [f"{name}s" for name in nodes.CONTAINERS[max(level + 1, 1) :]]
    if kind not in ("all", *below):
        raise Problem(400, f"a {call.target.kind} has no {kind}")
    text, values = access.visible(call.caller, call.tx, "analysis", "d")
    rows = call.tx.all(
        f"SELECT * FROM node d WHERE d.kind = 'analysis' AND d.deleted IS NULL AND {text}"
        f" AND d.{COLUMN_OF[call.target.kind]} = ? ORDER BY d.id",
        (*values, call.target.id),
    )
    found = [Node.from_row(row) for row in rows]
    kept = [node for node in found if kind in ("all", f"{nodes.parent_of(node)[0]}s")]
    return Shaper(call.tx, call.caller, trimmed=True).containers(kept)
