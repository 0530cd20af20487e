"""What archives are asked for: containers and conditions on files, a ticket for each archive, large sets split."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from flywheel_async.errors import ArgumentError, NotFound
from flywheel_async.fields.base import Model
from flywheel_async.transfer.extract import Announced

if TYPE_CHECKING:
    from flywheel_async.core import Core

LEVELS = ("project", "subject", "session", "acquisition", "analysis")
"""Kinds of containers that can be in an archive."""

MOST_CONTAINERS = 200
MOST_FILES = 20_000
MOST_BYTES = 100 * 1024**3
"""What one ticket may be for; what is beyond is split."""

_BELOW = {"project": "subject", "subject": "session", "session": "acquisition"}
_NONE = "null"
"""Stands in a condition for having no value at all."""

Node: TypeAlias = dict[str, str]
"""A container as the site wants it named: `level` and `_id`."""

Filters: TypeAlias = list[dict[str, dict[str, list[str]]]]
"""Conditions on files as the site wants them."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to fetch one archive.

    Attributes:
        name: The ticket.
        filename: What the site calls the archive.
        nodes: The containers in it.
        announced: What the site says it holds.
    """

    name: str
    filename: str
    nodes: Sequence[Node]
    announced: Announced

    @property
    def is_large(self) -> bool:
        """Whether it is better split."""
        return (self.announced.files or 0) > MOST_FILES or (self.announced.bytes or 0) > MOST_BYTES


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The files of a container itself, where what is below it comes in archives of its own.

    Attributes:
        kind: The container's kind.
        container_id: Its id.
        folder: Its path in archives.
        entries: The files.
    """

    kind: str
    container_id: str
    folder: str
    entries: Sequence[Model]


def nodes_of(containers: object) -> list[Node]:
    """Names containers as the site wants it.

    Args:
        containers: A container, a reference to one, or several of them.

    Raises:
        ArgumentError: There is none, or one is of a kind that cannot be in an archive.
    """
    items: list[object] = [containers]
    if isinstance(containers, Iterable) and not isinstance(containers, (Model, Mapping, str, bytes)):
        items = list(cast("Iterable[object]", containers))
    if not items:
        raise ArgumentError("containers: give at least one container")
    nodes: list[Node] = []
    for item in items:
        kind, container_id = _reference(item)
        if kind not in LEVELS or not isinstance(container_id, str) or not container_id:
            shown = f"a {kind}" if isinstance(kind, str) else type(item).__name__
            raise ArgumentError(f"containers: {shown} cannot be in an archive; give any of: {', '.join(LEVELS)}")
        node = {"level": str(kind), "_id": container_id}
        if node not in nodes:
            nodes.append(node)
    return nodes


def _reference(item: object) -> tuple[object, object]:
    """Kind and id of a container."""
    kind: object = getattr(item, "container_type", None)
    if not isinstance(item, (Model, Mapping)):
        return kind, None
    members = cast("Mapping[str, object]", item)
    return kind or members.get("type"), members.get("id") or members.get("_id")


def filters_of(**conditions: object) -> Filters:
    """Writes the conditions that files must meet.

    Args:
        **conditions: `include_types`, `exclude_types`, `include_tags`, `exclude_tags`: texts, or None for any.

    Raises:
        ArgumentError: One is no list of texts.
    """
    filter_: dict[str, dict[str, list[str]]] = {}
    for name, values in conditions.items():
        if values is None:
            continue
        listed = list(cast("Iterable[object]", values)) if isinstance(values, (list, tuple, set, frozenset)) else None
        if listed is None or not all(isinstance(value, str) for value in listed):
            raise ArgumentError(f"{name} must be a list of texts, not {values!r}")
        verb, _, member = name.partition("_")
        sign = "plus" if verb == "include" else "minus"
        filter_.setdefault(member, {})[sign] = cast("list[str]", listed)
    return [filter_] if filter_ else []


def passes(filters: Filters, entry: Model) -> bool:
    """Whether a file meets the conditions, as a site decides it."""
    have = {"types": _texts([entry.get("type")]), "tags": _texts(entry.get("tags"))}
    return not filters or any(
        all(
            have[member].isdisjoint(signs.get("minus", ()))
            and not (signs.get("plus") and have[member].isdisjoint(signs["plus"]))
            for member, signs in filter_.items()
        )
        for filter_ in filters
    )


def _texts(values: object) -> set[str]:
    listed = cast("list[object]", values) if isinstance(values, list) else []
    return {value for value in listed if isinstance(value, str)} or {_NONE}


class Tickets:
    """Gets one ticket after the other, each of a size that one archive may have.

    Sets of containers are halved. A single container gives way to those below it, and its own files come singly.

    Args:
        core: The client.
        nodes: The containers.
        filters: Conditions on their files.
    """

    def __init__(self, core: Core, nodes: Sequence[Node], filters: Filters) -> None:
        self._core = core
        self._filters = filters
        self._waiting: deque[Sequence[Node] | OwnFiles] = deque(_groups(nodes))
        self._nothing: NotFound | None = None
        self._any = False

    async def next(self) -> Ticket | OwnFiles | None:
        """What is to be fetched next, or None at the end.

        Raises:
            NotFound: There was nothing at all.
        """
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, OwnFiles):
                self._any = True
                return item
            try:
                ticket = await self.ask(item)
            except NotFound as error:
                self._nothing = error
                continue
            if ticket.is_large and (parts := await self._split(item)):
                self._waiting.extendleft(reversed(parts))
                continue
            self._any = True
            return ticket
        if not self._any and self._nothing is not None:
            raise self._nothing
        return None

    async def ask(self, nodes: Sequence[Node]) -> Ticket:
        """Gets a ticket for some containers.

        Raises:
            NotFound: They have no file that meets the conditions.
        """
        body: dict[str, object] = {"optional": True, "nodes": list(nodes)}
        if self._filters:
            body["filters"] = self._filters
        response = await self._core._call("create_download_ticket", body)
        answer: object = response.json()
        members = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        name, filename = members.get("ticket"), members.get("filename")
        if not isinstance(name, str) or not name:
            raise response.unexpected("a ticket")
        count, size = members.get("file_cnt"), members.get("size")
        announced = Announced(count if isinstance(count, int) else None, size if isinstance(size, int) else None)
        return Ticket(name, filename if isinstance(filename, str) and filename else "archive", nodes, announced)

    async def _split(self, nodes: Sequence[Node]) -> list[Sequence[Node] | OwnFiles]:
        if len(nodes) > 1:
            half = len(nodes) // 2
            return [nodes[:half], nodes[half:]]
        kind, container_id = nodes[0]["level"], nodes[0]["_id"]
        if kind not in _BELOW:
            return []
        finder = self._core._finder(f"get_{kind}_{_BELOW[kind]}s", _BELOW[kind].capitalize(), container_id)
        below = await finder.find(x_accept_feature=["exclude-files"])
        if not below:
            return []
        parts: list[Sequence[Node] | OwnFiles] = [*_groups([{"level": _BELOW[kind], "_id": item.id} for item in below])]
        container = await self._core._containers.get(kind, container_id)
        files = cast("list[Model]", container.get("files") or [])
        if mine := [entry for entry in files if passes(self._filters, entry)]:
            parts.append(OwnFiles(kind, container_id, await self._folder(container), mine))
        return parts

    async def _folder(self, container: Model) -> str:
        """The path of a container in archives: that of its group, and the labels from the project on."""
        parents = container["parents"]
        labels: list[object] = ["scitran", cast("Model", parents).get("group")]
        for kind in ("project", "subject"):
            above = cast("Model", parents).get(kind)
            if isinstance(above, str):
                labels.append((await self._core._containers.get(kind, above)).get("label"))
        return "/".join(str(label or "untitled") for label in [*labels, container.get("label")])


def _groups(nodes: Sequence[Node]) -> list[Sequence[Node]]:
    return [nodes[at : at + MOST_CONTAINERS] for at in range(0, len(nodes), MOST_CONTAINERS)]
