"""Several levels of containers in one answer, each with the fields that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flywheel_async.emulator import access
from flywheel_async.emulator.nodes import COLUMN_OF, CONTAINERS, Node
from flywheel_async.emulator.query.compiler import compile_filter, compile_sort
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.sorting import parse_sort
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.site_inputs import TreeInput, TreeLevel
from flywheel_async.emulator.sources import SOURCES
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

KINDS: Final = {f"{kind}s": kind for kind in CONTAINERS} | {"analyses": "analysis"}
MAX_NODES: Final = 10_000


def levels_of(given: TreeInput) -> list[tuple[str, TreeLevel]]:
    """Returns the levels that were asked for, highest first."""
    named = ((name, getattr(given, name)) for name in KINDS)
    return [(name, level) for name, level in named if level is not None]


def below(call: Call, shaper: Shaper, levels: list[tuple[str, TreeLevel]], parent: Node | None) -> list[Json]:
    """Returns the containers of the first level below a parent, each with those of the next level in it.

    Args:
        call: The request.
        shaper: Builds the documents.
        levels: The levels still to do.
        parent: What the containers must be below, or None for all that the user may see.
    """
    if not levels:
        return []
    name, level = levels[0]
    found: list[Json] = []
    for node in _nodes(call, KINDS[name], level, parent):
        whole = shaper.container(node)
        item: Doc = {"_id": node.id, **{field: _field(whole, field) for field in level.fields}}
        if len(levels) > 1:
            item[levels[1][0]] = below(call, shaper, levels[1:], node)
        found.append(item)
    return found


def _nodes(call: Call, kind: str, level: TreeLevel, parent: Node | None) -> list[Node]:
    source = SOURCES[kind]
    seen, values = access.visible(call.caller, call.tx, kind, "d")
    held = compile_filter(parse_filter(level.filter or ""), source)
    order = compile_sort(parse_sort(level.sort or ""), source)
    within = "1" if parent is None else f"d.{COLUMN_OF[parent.kind]} = ?"
    rows = call.tx.all(
        f"SELECT * FROM node d WHERE d.kind = ? AND d.deleted IS NULL AND {seen} AND ({held.text}) AND {within}"
        f" ORDER BY {order.text}d.id LIMIT ?",
        (
            kind,
            *values,
            *held.values,
            *(() if parent is None else (parent.id,)),
            *order.values,
            level.limit or MAX_NODES,
        ),
    )
    return [Node.from_row(row) for row in rows]


def _field(whole: Doc, path: str) -> Json:
    """Returns what a dotted field leads to, or None."""
    value: Json = whole
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
