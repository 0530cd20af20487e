"""Data views: the catalogue of columns, views that are kept, and running a view at once or in the background."""

from __future__ import annotations

from flywheel_async.emulator import files, nodes
from flywheel_async.emulator.call import Call, validate
from flywheel_async.emulator.exchange import Reply, Streamed, json_reply
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.views import executions, saved
from flywheel_async.emulator.views.answering import Queued, ViewData, ViewFile
from flywheel_async.emulator.views.columns import CATALOGUE
from flywheel_async.emulator.views.formats import MEDIA_TYPES
from flywheel_async.emulator.views.guards import OnRun, OnSave, OnView, OnViewsOf
from flywheel_async.emulator.views.inputs import SaveInput, ViewInput
from flywheel_async.emulator.views.planning import Run, make_plan
from flywheel_async.emulator.views.running import Job, check_allowed
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


@route("data_view_columns", rule=LoggedIn())
def data_view_columns(call: Call) -> list[Json]:
    """Lists the names that views may use for columns."""
    return [alias.document() for alias in CATALOGUE.values()]


@route("get_views", rule=OnViewsOf("container_id", change=False))
def get_views(call: Call) -> object:
    """Lists the views of the site, a group, a project or a user."""
    within = Sql("json_extract(d.body, '$.parent') = ?", (call.target.id,))
    return list_nodes(call, "view", lambda found: [saved.document(node) for node in found], within=within)


@route("add_view", rule=OnViewsOf("container_id", change=True))
def add_view(call: Call) -> Doc:
    """Keeps a view."""
    return {"_id": saved.add(call.tx, call.site.new_id(), call.caller, call.target, call.input(ViewInput))}


@route("get_view", rule=OnView("view_id", change=False))
def get_view(call: Call) -> Doc:
    """Returns a view that was kept."""
    return saved.document(call.target)


@route("modify_view", rule=OnView("view_id", change=True))
def modify_view(call: Call) -> Doc:
    """Replaces parts of a view that was kept."""
    saved.change(call.tx, call.target, call.object())
    return {"modified": 1}


@route("delete_view", rule=OnView("view_id", change=True))
def delete_view(call: Call) -> Doc:
    """Forgets a view; executions that were queued have a copy of it."""
    call.tx.run("DELETE FROM node WHERE kind = 'view' AND id = ?", (call.target.id,))
    return {"deleted": 1}


def _run(call: Call) -> Run:
    return Run(call.text("filter") or "", call.text("sort") or "", call.number("skip") or 0, call.number("limit") or 0)


def _kept(call: Call) -> ViewInput:
    return saved.load(nodes.get(call.tx, "view", call.params["view_id"]))


def _job(call: Call, view: ViewInput) -> Job:
    plan = make_plan(view, _run(call))
    check_allowed(call.tx, call.caller, call.target, plan)
    return Job(call.caller, plan, call.target.kind, call.target.id)


def wanted_format(call: Call, name: str, default: str = "json") -> str:
    """Returns the format in a query parameter.

    Raises:
        Problem: 422, there is no such format.
    """
    found = call.text(name) or default
    if found not in MEDIA_TYPES:
        raise invalid(f"{name} must be one of {', '.join(MEDIA_TYPES)}", "query", name)
    return found


def ticketed(call: Call, thing_id: str) -> Reply | None:
    """Returns the answer with a new ticket when the query asks for one; checks the one that came instead of a key.

    Raises:
        Problem: 400, the ticket is for something else.
    """
    if call.ticket is not None:
        if call.ticket.file_id != thing_id:
            raise Problem(400, "the ticket is for something else")
        return None
    if not call.has("ticket"):
        return None
    name = call.site.tickets.issue(call.caller, call.client, thing_id, 0, None)
    return json_reply({"ticket": name})


def evaluate_view(call: Call) -> Reply | Streamed:
    """Runs a view that was kept and sends the result."""
    answer = ticketed(call, call.params["view_id"])
    if answer is not None:
        return answer
    format_, name = wanted_format(call, "format"), call.text("filename") or "view-data"
    return ViewData(call.site, _job(call, _kept(call)), format_, name)


ROUTES.add("evaluate_view", rule=OnRun("view_id"), handler=evaluate_view, takes_ticket=True)


@route("evaluate_view_adhoc", rule=OnRun(), writes=False)
def evaluate_view_adhoc(call: Call) -> Streamed:
    """Runs the view in the body and sends the result."""
    format_, name = wanted_format(call, "format"), call.text("filename") or "view-data"
    return ViewData(call.site, _job(call, call.input(ViewInput)), format_, name)


def _queue(call: Call, view: ViewInput, view_id: str | None) -> Streamed:
    _job(call, view)
    kept: Doc = view.model_dump(mode="json", by_alias=True, exclude_none=True)
    made = executions.add(call.tx, call.site.new_id(), call.caller, call.target, kept, _run(call), view_id)
    return Queued(call.site, made.id, json_reply(executions.document(made)))


@route("queue_adhoc", rule=OnRun())
def queue_adhoc(call: Call) -> Streamed:
    """Runs the view in the body in the background."""
    return _queue(call, call.input(ViewInput), None)


@route("queue_saved", rule=OnRun("view_id"))
def queue_saved(call: Call) -> Streamed:
    """Runs a view that was kept in the background."""
    return _queue(call, _kept(call), call.params["view_id"])


@route("save_view_data_to_container", rule=OnSave(), writes=False)
def save_view_data_to_container(call: Call) -> Streamed:
    """Runs a view and stores the result as a file."""
    given = call.input(SaveInput)
    if (given.view is None) == (given.view_id is None):
        raise invalid("either view or viewId is needed", "body", "view")
    if given.view_id is not None:
        view = saved.load(nodes.get(call.tx, "view", given.view_id))
    else:
        view = validate(ViewInput, given.view or {}, "body", "view")
    kind = given.container_type.removesuffix("s")
    name = files.check_name(given.filename)
    default = name.rpartition(".")[2].lower()
    format_ = wanted_format(call, "format", default if default in ("csv", "tsv", "ndjson") else "json")
    return ViewFile(call.site, call.caller, _job(call, view), format_, kind, given.container_id, name)
