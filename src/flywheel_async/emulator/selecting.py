"""Which files an archive is to hold, and under which paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from flywheel_async.emulator import access, analyses, files, nodes
from flywheel_async.emulator.access import FILES_DOWNLOAD
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.inputs import Input
from flywheel_async.emulator.nodes import COLUMN_OF, Node
from flywheel_async.emulator.wire import Json

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

NONE = "null"
"""Stands in a filter for having no value at all."""


class PlusMinus(Input):
    """Values of which one must be there, and values that must not; `+` and `-` are the older names."""

    plus: list[str] | None = None
    minus: list[str] | None = None
    old_plus: Annotated[list[str] | None, Field(alias="+")] = None
    old_minus: Annotated[list[str] | None, Field(alias="-")] = None

    def fits(self, values: Sequence[str]) -> bool:
        """Tells whether something with these values passes."""
        have = set(values) or {NONE}
        wanted = [*(self.plus or []), *(self.old_plus or [])]
        unwanted = [*(self.minus or []), *(self.old_minus or [])]
        return have.isdisjoint(unwanted) and not (wanted and have.isdisjoint(wanted))


class FileFilter(Input):
    """Conditions on a file, all of which must hold."""

    types: PlusMinus | None = None
    tags: PlusMinus | None = None
    since: float | None = None

    def fits(self, row: FileRow) -> bool:
        """Tells whether a file passes."""
        return (
            (self.types is None or self.types.fits([] if row.type is None else [row.type]))
            and (self.tags is None or self.tags.fits(_tags(row.body.get("tags"))))
            and (self.since is None or row.modified >= self.since * 1000)
        )


class ContainerTags(PlusMinus):
    """A condition on the tags of the containers of a kind, or of any kind, that a file is in."""

    type: Literal["project", "subject", "session", "acquisition", "analysis"] | None = None


class ContainerFilter(Input):
    """Conditions on the containers a file is in."""

    tags: ContainerTags | None = None

    def fits(self, containers: Sequence[Node]) -> bool:
        """Tells whether a file in these containers passes."""
        if self.tags is None:
            return True
        tags = [
            tag for node in containers if self.tags.type in (None, node.kind) for tag in _tags(node.body.get("tags"))
        ]
        return self.tags.fits(tags)


class DownloadNode(Input):
    """A container whose files are wanted."""

    level: Literal["project", "subject", "session", "acquisition", "analysis"]
    id: Annotated[str, Field(alias="_id")]


class DownloadInput(Input):
    """What an archive is to hold; a file passes if one of the filters lets it."""

    optional: bool = True
    nodes: list[DownloadNode]
    container_filters: list[ContainerFilter] | None = None
    filters: list[FileFilter] | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """A file of an archive with the path it gets there."""

    path: str
    row: FileRow


def select(call: Call, given: DownloadInput, prefix: str, *, with_analyses: bool, bulk: bool) -> list[Selected]:
    """Returns the files of some containers that the caller may download, each once.

    Containers that are not there, or not for the caller, are passed over. Labels go into paths as they are.

    Args:
        call: The request.
        given: The containers and filters.
        prefix: The first folder of every path.
        with_analyses: Whether the outputs and inputs of analyses below the containers come along.
        bulk: Whether paths are `KINDs/ID/NAME` instead of labels.
    """
    paths = _Paths(call, prefix)
    found: dict[tuple[str, int, str], Selected] = {}
    for wanted in given.nodes:
        node = nodes.find(call.tx, wanted.level, wanted.id)
        if node is None or not access.may(call.tx, call.caller, node, FILES_DOWNLOAD):
            continue
        alone = node.kind == "analysis" and len(given.nodes) == 1
        for owner, row, group in _files(call, node, with_analyses=with_analyses):
            if not _passes(given, row, paths.containers(owner)):
                continue
            folder = paths.of_analysis(owner, group, alone=alone) if group else paths.folder(owner)
            path = f"{owner.kind}s/{owner.id}/{row.name}" if bulk else f"{folder}/{row.name}"
            found.setdefault((row.file_id, row.version, group and owner.id), Selected(path, row))
    return list(found.values())


def _passes(given: DownloadInput, row: FileRow, containers: Sequence[Node]) -> bool:
    return (not given.filters or any(item.fits(row) for item in given.filters)) and (
        not given.container_filters or any(item.fits(containers) for item in given.container_filters)
    )


def _files(call: Call, node: Node, *, with_analyses: bool) -> Iterator[tuple[Node, FileRow, str]]:
    """Yields the files of a container and of those below it with their owners, and for analyses `input` or `output`."""
    if node.kind == "analysis":
        yield from _of_analysis(call, node)
        return
    column = COLUMN_OF[node.kind]
    owners: dict[str, Node] = {}
    rows = call.tx.all(
        f"SELECT * FROM file WHERE {column} = ? AND current = 1 AND parent_kind NOT IN ('analysis', 'collection')"
        " ORDER BY subject, session, acquisition, file_id",
        (node.id,),
    )
    for row in map(FileRow.from_row, rows):
        if row.parent_id not in owners:
            owners[row.parent_id] = nodes.get(call.tx, row.parent_kind, row.parent_id)
        yield owners[row.parent_id], row, ""
    if not with_analyses or not access.may(call.tx, call.caller, node, access.ANALYSES_VIEW):
        return
    below = call.tx.all(
        f"SELECT * FROM node WHERE kind = 'analysis' AND {column} = ? AND deleted IS NULL ORDER BY id", (node.id,)
    )
    for analysis in map(Node.from_row, below):
        yield from _of_analysis(call, analysis)


def _of_analysis(call: Call, node: Node) -> Iterator[tuple[Node, FileRow, str]]:
    for row in analyses.inputs_of(call.tx, node):
        # Inputs lie in places of their own, where the caller may do less than with the analysis.
        if access.may_file(call.tx, call.caller, row, FILES_DOWNLOAD):
            yield node, row, "input"
    for row in files.of_container(call.tx, node.id):
        yield node, row, "output"


def _tags(value: Json) -> list[str]:
    return [str(tag) for tag in value] if isinstance(value, list) else []


class _Paths:
    """The folders of containers: labels one below the other, `_0`, `_1`... after those that siblings share."""

    def __init__(self, call: Call, prefix: str) -> None:
        self._call = call
        self._prefix = prefix
        self._known: dict[str, Node] = {}
        self._folders: dict[str, str] = {}
        self._taken: set[str] = set()

    def containers(self, node: Node) -> list[Node]:
        """Returns a container with everything above it, the project first."""
        above = [(kind, getattr(node, column)) for kind, column in list(COLUMN_OF.items())[1:]]
        found = [self._node(kind, node_id) for kind, node_id in above if node_id is not None]
        return found if node.kind != "analysis" else [*found, node]

    def _node(self, kind: str, node_id: str) -> Node:
        if node_id not in self._known:
            self._known[node_id] = nodes.get(self._call.tx, kind, node_id)
        return self._known[node_id]

    def folder(self, node: Node) -> str:
        """Returns the folder of a container."""
        folder = f"{self._prefix}/{node.group_id}"
        for container in self.containers(node):
            if container.kind != "analysis":
                folder = self._below(folder, container)
        return folder

    def of_analysis(self, node: Node, group: str, *, alone: bool) -> str:
        """Returns the folder of the inputs or outputs of an analysis."""
        if alone:
            return f"{node.label}/{group}"
        return f"{self._below(f'{self.folder(node)}/analyses', node)}/{group}"

    def _below(self, folder: str, node: Node) -> str:
        if node.id not in self._folders:
            wanted = path = f"{folder}/{node.label or 'untitled'}"
            number = 0
            while path in self._taken:
                path = f"{wanted}_{number}"
                number += 1
            self._taken.add(path)
            self._folders[node.id] = path
        return self._folders[node.id]
