"""Master subject codes."""

from __future__ import annotations

from flywheel_async.emulator import master_codes, nodes
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.master_codes import MasterCodeInput
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


@route("create_master_subject_code", rule=LoggedIn())
def create_master_subject_code(call: Call) -> Doc:
    """Returns the code of a person, who gets one if there is none yet."""
    return {"code": master_codes.ensure(call, call.input(MasterCodeInput))}


@route("verify_master_subject_code", rule=LoggedIn())
def verify_master_subject_code(call: Call) -> Doc:
    """Tells that there is such a code."""
    return {"code": nodes.get(call.tx, "master_code", call.params["code"]).id}
