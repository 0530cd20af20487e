"""Which operations of the API the emulator has, and which it has not yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flywheel_async.emulator.routing import Route
from flywheel_async.raw.table import Operation, operations


@dataclass(frozen=True, slots=True)
class Family:
    """The operations of one tag.

    Attributes:
        tag: The tag.
        routes: What is served, by path and method; one route may serve several operations.
        missing: What is not, by path and method.
    """

    tag: str
    routes: Sequence[Route]
    missing: Sequence[Operation]

    @property
    def served(self) -> int:
        """How many operations are served."""
        return sum(len(route.operations) for route in self.routes)

    @property
    def total(self) -> int:
        """How many operations there are."""
        return self.served + len(self.missing)


def families(routes: Sequence[Route]) -> list[Family]:
    """Sorts all operations by tag into served and missing ones.

    Args:
        routes: Every route of the emulator; those that are no operation of the API are passed over.

    Returns:
        One entry for each tag, in alphabetical order.
    """
    table = operations()
    by_tag: dict[str, list[Route]] = {}
    for route in routes:
        if route.operations:
            by_tag.setdefault(table[route.operations[0]].tag, []).append(route)
    served = {name for route in routes for name in route.operations}
    missing: dict[str, list[Operation]] = {}
    for operation in table.values():
        if operation.id not in served:
            missing.setdefault(operation.tag, []).append(operation)
    return [
        Family(
            tag,
            sorted(by_tag.get(tag, []), key=lambda route: (route.path, route.method)),
            sorted(missing.get(tag, []), key=lambda operation: (operation.path, operation.method)),
        )
        for tag in sorted({*by_tag, *missing})
    ]


def lines(routes: Sequence[Route]) -> Iterator[str]:
    """Describes what is served and what is missing, tag by tag.

    Args:
        routes: Every route of the emulator.

    Yields:
        For each tag a line with its counts, then its routes with the permission they take, then what is missing with
        the part of the plan that brings it; at the end the counts of all.
    """
    found = families(routes)
    for family in found:
        yield f"{family.tag}: {family.served} of {family.total} operations"
        for route in family.routes:
            yield f"  {route.method:6} {route.path:60} {route.rule!s:45} {', '.join(route.operations)}"
        for operation in family.missing:
            part = operation.owner if operation.owner == "later" else f"part {operation.owner}"
            yield f"  {operation.method:6} {operation.path:60} {f'MISSING ({part})':45} {operation.id}"
    extra = [route for route in routes if not route.operations]
    if extra:
        yield "only in the emulator:"
        for route in sorted(extra, key=lambda route: (route.path, route.method)):
            yield f"  {route.method:6} {route.path:60} {route.rule}"
    yield f"all: {sum(family.served for family in found)} of {sum(family.total for family in found)} operations"
