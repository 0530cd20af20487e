"""Executions of data views: their state, their results."""

from __future__ import annotations

from flywheel_async.emulator.access import FILES_CREATE, VIEW
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Reply, Streamed, json_reply
from flywheel_async.emulator.files import check_name
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.routes.views import ticketed, wanted_format
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.views import executions
from flywheel_async.emulator.views.answering import Forgotten, ViewData, ViewFile
from flywheel_async.emulator.views.formats import ending
from flywheel_async.emulator.views.guards import OnExecution
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route

_PARAM = "data_view_execution_id"


@route("get_all_data_view_executions", rule=LoggedIn("lists the caller's own"))
def get_all_data_view_executions(call: Call) -> object:
    """Lists executions."""
    current = "json_extract(d.body, '$.expires') > ?"
    within = Sql(f"{current} AND json_extract(d.body, '$.user_id') = ?", (call.tx.now, call.caller.user_id))
    if call.caller.sees_all:
        within = Sql(current, (call.tx.now,))
    return list_nodes(call, "execution", lambda found: [executions.document(node) for node in found], within=within)


@route("get_data_view_execution", rule=OnExecution(_PARAM))
def get_data_view_execution(call: Call) -> Doc:
    """Returns an execution."""
    return executions.document(call.target)


def _check_completed(call: Call) -> None:
    state, reason = call.target.body["state"], call.target.body["reason"]
    if state != "completed":
        raise Problem(409, f"the execution is {state}{f': {reason}' if reason else ''}; it has no data")


def get_data_view_execution_data(call: Call) -> Reply | Streamed:
    """Sends the result of an execution."""
    answer = ticketed(call, call.target.id)
    if answer is not None:
        return answer
    format_, name = wanted_format(call, "file_format"), call.text("file_name") or "view-data"
    _check_completed(call)
    return ViewData(call.site, call.site.views.path(call.target.id), format_, name)


ROUTES.add(
    "get_data_view_execution_data",
    rule=OnExecution(_PARAM, VIEW),
    handler=get_data_view_execution_data,
    takes_ticket=True,
)


@route("delete_view_execution", rule=OnExecution(_PARAM))
def delete_view_execution(call: Call) -> Streamed:
    """Forgets an execution and its result."""
    executions.delete(call.tx, call.target.id)
    return Forgotten(call.site, call.target.id, json_reply({"deleted": 1}))


@route("save_data_view_execution", rule=OnExecution(_PARAM, FILES_CREATE), writes=False)
def save_data_view_execution(call: Call) -> Streamed:
    """Stores the result of an execution as a file of its project."""
    format_ = wanted_format(call, "file_format")
    _check_completed(call)
    label = call.target.label if call.target.label != executions.UNNAMED else None
    name = check_name(f"{label or 'view-data'}.{ending(format_)}")
    path = call.site.views.path(call.target.id)
    return ViewFile(call.site, call.caller, path, format_, "project", call.target.project or "", name)
