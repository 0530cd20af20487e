"""Walking a container: which containers, analyses and files the rows of a view stand for, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from flywheel_async.emulator import analyses, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.files import FileRow, rows_of_container
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.views import documents
from flywheel_async.emulator.views.columns import LEVELS
from flywheel_async.emulator.views.inputs import Match
from flywheel_async.emulator.views.matching import TimeBudget
from flywheel_async.emulator.views.plan import FilePlan, Plan
from flywheel_async.emulator.views.values import find
from flywheel_async.emulator.wire import Doc

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """What one or several rows stand for.

    Attributes:
        documents: The documents by kind: all containers from the project down, the analysis, the file.
        file: The file, or None when the view has none or none matched.
    """

    documents: dict[str, Doc]
    file: FileRow | None = None


def places(tx: Tx, caller: Caller, plan: Plan, start: Node, budget: TimeBudget) -> Iterator[Place]:
    """Gives every place of a view, container by container in the order in which they were made.

    Args:
        tx: The transaction.
        caller: Who asks.
        plan: The view.
        start: The container that the view is run on.
        budget: The time that patterns may take.
    """
    for found in _containers(tx, plan.level, start):
        if plan.files is None:
            yield Place(found)
            continue
        matched = False
        for place in _with_files(tx, caller, plan.files, found, budget):
            matched = True
            yield place
        if not matched:
            yield Place(found)


def choose(items: Iterable[T], match: Match, made: Callable[[T], object]) -> Iterator[T]:
    """Gives the item that counts, or all of them.

    Args:
        items: The items, in order.
        match: Which one counts.
        made: Returns when an item was made.
    """
    if match == "all":
        yield from items
        return
    best: T | None = None
    known: object = None
    for item in items:
        when = made(item)
        if best is None or match == "last" or _replaces(match, when, known):
            best, known = item, when
        if match == "first":
            break
    if best is not None:
        yield best


def _replaces(match: Match, when: object, known: object) -> bool:
    # Of several that were made together, the later one is the newest and the earlier one the oldest.
    if match == "newest":
        return not when < known  # type: ignore[operator]  # both come from one function
    return match == "oldest" and when < known  # type: ignore[operator]


def _containers(tx: Tx, level: str, start: Node) -> Iterator[dict[str, Doc]]:
    """Gives the documents from the project down to each container of a level."""
    loaded: dict[str, tuple[str, Doc]] = {}
    for node_id in _ids(tx, level, start):
        node = nodes.get(tx, level, node_id)
        found: dict[str, Doc] = {}
        for kind in LEVELS[: LEVELS.index(level)]:
            above = getattr(node, COLUMN_OF[kind])
            # Neighbours have the same ancestors.
            if kind not in loaded or loaded[kind][0] != above:
                loaded[kind] = above, documents.of_node(nodes.get(tx, kind, above))
            found[kind] = loaded[kind][1]
        found[level] = documents.of_node(node)
        yield found


def _ids(tx: Tx, level: str, start: Node) -> Iterator[str]:
    if LEVELS.index(level) <= LEVELS.index(start.kind):
        # Rows that stand for the container itself or one above it: there is one.
        yield getattr(start, COLUMN_OF[level])
        return
    between = LEVELS[LEVELS.index(start.kind) + 1 : LEVELS.index(level)]
    joins = " ".join(f"JOIN node {kind} ON {kind}.kind = '{kind}' AND {kind}.id = d.{kind}" for kind in between)
    order = ", ".join(f"{kind}.created, {kind}.id" for kind in (*between, "d"))
    rows = tx.each(
        f"SELECT d.id FROM node d {joins} WHERE d.kind = ? AND d.{COLUMN_OF[start.kind]} = ? AND d.deleted IS NULL"
        f" ORDER BY {order}",
        (level, start.id),
    )
    for row in rows:
        yield row["id"]


def _with_files(tx: Tx, caller: Caller, plan: FilePlan, found: dict[str, Doc], budget: TimeBudget) -> Iterator[Place]:
    owner_id = str(found[plan.kind]["_id"])
    if plan.analyses is None:
        for row in _files(tx, plan, owner_id, budget):
            yield Place({**found, "file": documents.of_file(tx, caller, row)}, row)
        return
    for analysis in choose(_analyses(tx, plan, owner_id, budget), plan.match, lambda node: node.created):
        document = documents.of_node(analysis)
        for row in _files(tx, plan, analysis.id, budget):
            yield Place({**found, "analysis": document, "file": documents.of_file(tx, caller, row)}, row)


def _analyses(tx: Tx, plan: FilePlan, owner_id: str, budget: TimeBudget) -> Iterator[Node]:
    for node in analyses.of_container(tx, nodes.get(tx, plan.kind, owner_id)):
        document: Doc = {**node.body, "label": node.label}
        values = [(find(document, path), pattern) for path, pattern in plan.analyses or ()]
        if all(isinstance(value, str) and pattern.matches(value, budget) for value, pattern in values):
            yield node


def _files(tx: Tx, plan: FilePlan, owner_id: str, budget: TimeBudget) -> Iterator[FileRow]:
    rows = rows_of_container(tx, owner_id)
    matching = (FileRow.from_row(row) for row in rows if plan.name.matches(row["name"], budget))
    return choose(matching, plan.match, lambda row: row.created)
