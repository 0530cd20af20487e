"""Files by reference."""

from __future__ import annotations

from flywheel_async.emulator import references
from flywheel_async.emulator.access import FILES_CREATE
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.reference_inputs import FileUpsert
from flywheel_async.emulator.references import OnParentRef
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


@route("upsert_file", rule=OnParentRef(FILES_CREATE))
def upsert_file(call: Call) -> Doc:
    """Lists a file whose content is elsewhere."""
    row, result = references.upsert(call, call.input(FileUpsert))
    return {**Shaper(call.tx, call.caller).file(row), "upsert_result": result}
