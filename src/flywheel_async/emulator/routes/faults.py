"""Changing the fault plan over HTTP; these routes exist only when the emulator runs with `--faults`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field

from flywheel_async.emulator.call import Call
from flywheel_async.emulator.inputs import Input
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import SiteAdmin
from flywheel_async.emulator.wire import Doc, Json
from flywheel_async.errors import ArgumentError

ROUTES = Routes()

Seconds = Annotated[float, Field(ge=0, le=3600)]
Bytes = Annotated[int, Field(ge=0)]


class FaultInput(Input):
    """A fault to add; see `faults.Fault`."""

    route: str
    calls: list[int] | None = None
    latency: Seconds = 0.0
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    retry_after: float | str | None = None
    page_cap: Annotated[int, Field(ge=1)] | None = None
    reset: Literal["before", "after"] | Bytes | None = None
    truncate: Bytes | None = None
    stall: Seconds = 0.0
    stall_after: Bytes = 0


def add_fault(call: Call) -> Doc:
    """Adds a fault."""
    given = call.input(FaultInput)
    try:
        call.site.faults.add(**{name: getattr(given, name) for name in FaultInput.model_fields})
    except ArgumentError as error:
        raise invalid(str(error), "body") from None
    return {"added": 1}


def list_faults(call: Call) -> list[Json]:
    """Lists the faults with the number of calls each has matched."""
    listed: list[Json] = []
    for fault, matched in call.site.faults.listed():
        entry: Doc = {**asdict(fault), "matched": matched}
        entry["calls"] = None if fault.calls is None else list(fault.calls)
        listed.append(entry)
    return listed


def clear_faults(call: Call) -> Doc:
    """Takes all faults away."""
    count = len(call.site.faults.listed())
    call.site.faults.clear()
    return {"deleted": count}


ROUTES.add_path("POST", "/_faults", rule=SiteAdmin(), handler=add_fault)
ROUTES.add_path("GET", "/_faults", rule=SiteAdmin(), handler=list_faults)
ROUTES.add_path("DELETE", "/_faults", rule=SiteAdmin(), handler=clear_faults)
