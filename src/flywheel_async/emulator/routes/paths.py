"""Looking things up by path."""

from __future__ import annotations

from flywheel_async.emulator import resolver
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import PathInput
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import AtPathEnd
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


@route("lookup_path", rule=AtPathEnd(), writes=False)
def lookup_path(call: Call) -> Doc:
    """Returns what a path names."""
    steps = resolver.walk(call, call.input(PathInput).path)
    if not steps:
        raise Problem(404, "the path is empty")
    return resolver.document(Shaper(call.tx, call.caller), steps[-1])


@route("resolve_path", rule=AtPathEnd(), writes=False)
def resolve_path(call: Call) -> Doc:
    """Returns every step of a path and what is below its end."""
    steps = resolver.walk(call, call.input(PathInput).path)
    shaper = Shaper(call.tx, call.caller, trimmed=not call.flag("include_all_info"))
    return {
        "path": resolver.documents(shaper, steps),
        "children": resolver.documents(shaper, resolver.below(call, steps)),
    }
