"""Copying containers with everything below them; contents are shared, so a copy takes no room on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from flywheel_async.emulator import analyses, files, nodes
from flywheel_async.emulator.move_inputs import CopyFilter
from flywheel_async.emulator.nodes import CONTAINERS, LEVELS, Node
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.compiler import Sql, compile_filter
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.terms import AnyOf, Compare, Condition
from flywheel_async.emulator.sources import SOURCES
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.database import Tx
    from flywheel_async.emulator.files import FileRow

NewId: TypeAlias = "Callable[[], str]"

COMPLETED = "completed"
_RULE_LEVELS = ("subject", "session", "acquisition", "analysis", "file")


@dataclass(slots=True)
class _Planned:
    """A container to copy, with what of it goes along."""

    source: Node
    rows: list[FileRow]
    below: list[_Planned] = field(default_factory=list["_Planned"])


class Copying:
    """One copy operation.

    Args:
        tx: The transaction.
        new_id: Makes ids.
        given: What is left out.

    Raises:
        Problem: 422, a rule is malformed.
    """

    def __init__(self, tx: Tx, new_id: NewId, given: CopyFilter) -> None:
        self._tx = tx
        self._new_id = new_id
        self._given = given
        self._include = _rules(given.include_rules or [], "include_rules")
        self._exclude = _rules(given.exclude_rules or [], "exclude_rules")
        self._files: dict[tuple[str, int], FileRow] = {}
        self._analyses: list[Node] = []

    def copy(self, source: Node, parent: Node, label: str) -> Node:
        """Copies a container with what is in it below a new parent.

        Args:
            source: The container.
            parent: What the copy belongs to: of the kind above.
            label: The label of the copy.

        Returns:
            The copy, which is there even when everything in it was left out.
        """
        plan = self._plan(source)
        made = self.begin(source, parent, label)
        self._fill(made, plan)
        self._link_inputs()
        return made

    def begin(self, source: Node, parent: Node, label: str | None) -> Node:
        """Stores the copy of a container itself, without anything in it."""
        now = self._tx.now
        made = replace(source, id=self._new_id(), label=label, created=now, modified=now, revision=1)
        made.body = {**source.body, "copy_of": source.id}
        made.body["original_copy_of"] = source.body.get("original_copy_of") or source.id
        if source.kind != "analysis":
            made.body["copy_status"] = COMPLETED
        for column in LEVELS:
            setattr(made, column, getattr(parent, column))
        if source.kind in nodes.COLUMN_OF:
            setattr(made, nodes.COLUMN_OF[source.kind], made.id)
        else:
            self._analyses.append(made)
        for name in ("tags", "notes"):
            if getattr(self._given, f"exclude_{name}"):
                made.body[name] = []
        nodes.insert(self._tx, made)
        return made

    def fill(self, source: Node, made: Node) -> None:
        """Copies what is in a container into the copy that was begun of it."""
        self._fill(made, self._plan(source))
        self._link_inputs()

    def _plan(self, source: Node) -> _Planned:
        """Returns what is copied of a container and below it."""
        rows = [row for row in files.of_container(self._tx, source.id) if self._passes("file", row.file_id)]
        planned = _Planned(source, rows)
        level = CONTAINERS.index(source.kind)
        if level + 1 < len(CONTAINERS):
            for child in nodes.children(self._tx, source, CONTAINERS[level + 1]):
                if self._passes(child.kind, child.id):
                    inner = self._plan(child)
                    if inner.rows or inner.below or not self._given.exclude_empty_containers:
                        planned.below.append(inner)
        if not self._given.exclude_analysis:
            for analysis in analyses.of_container(self._tx, source):
                if self._passes("analysis", analysis.id):
                    outputs = files.of_container(self._tx, analysis.id)
                    planned.below.append(_Planned(analysis, outputs))
        return planned

    def _passes(self, kind: str, node_id: str) -> bool:
        included = self._include.get(kind)
        if included and not any(self._holds(kind, node_id, rule) for rule in included):
            return False
        return not any(self._holds(kind, node_id, rule) for rule in self._exclude.get(kind, ()))

    def _holds(self, kind: str, node_id: str, rule: Sql) -> bool:
        if kind == "file":
            start = "SELECT 1 FROM file d WHERE d.file_id = ? AND d.current = 1"
            values: tuple[str, ...] = (node_id,)
        else:
            start = "SELECT 1 FROM node d WHERE d.kind = ? AND d.id = ?"
            values = (kind, node_id)
        return self._tx.one(f"{start} AND ({rule.text})", (*values, *rule.values)) is not None

    def _fill(self, made: Node, planned: _Planned) -> None:
        for row in planned.rows:
            self._copy_file(row, made)
        for inner in planned.below:
            self._fill(self.begin(inner.source, made, inner.source.label), inner)

    def _copy_file(self, row: FileRow, parent: Node) -> None:
        source: Doc = {"file_id": row.file_id, "version": row.version}
        original = row.body.get("original_copy_of") or source
        body: Doc = {**row.body, "copy_of": {**source, **self._place(row)}, "original_copy_of": original}
        if self._given.exclude_tags:
            body["tags"] = []
        made = replace(row, file_id=self._new_id(), version=1, body=body, revision=1)
        made.created = made.modified = self._tx.now
        files.put_below(made, parent)
        files.insert(self._tx, made)
        self._files[row.file_id, row.version] = made

    def _place(self, row: FileRow) -> Doc:
        """Returns where a file is that is copied."""
        labels: Doc = {}
        for kind, node_id in (("project", row.project), ("group", row.group_id)):
            node = nodes.find(self._tx, kind, node_id)
            labels[f"{kind}_label"] = None if node is None else node.label
        return {"parents": files.parents_of(row), **labels}

    def _link_inputs(self) -> None:
        """Lets the inputs of copied analyses be the copies of their files, where those were copied too."""
        for node in self._analyses:
            linked = [self._files.get((row.file_id, row.version), row) for row in analyses.inputs_of(self._tx, node)]
            node.body["inputs"] = [{"file_id": row.file_id, "version": row.version} for row in linked]
            nodes.save(self._tx, node)


def _rules(texts: Sequence[str], where: str) -> Mapping[str, list[Sql]]:
    """Reads rules such as `file.type=dicom` and sorts them by the kind they speak of.

    Raises:
        Problem: 422, a rule is malformed or speaks of something else.
    """
    found: dict[str, list[Sql]] = {}
    for text in texts:
        conditions = parse_filter(text)
        kinds = {condition.path[0] for condition in conditions}
        kind = kinds.pop() if len(kinds) == 1 else ""
        if kind not in _RULE_LEVELS or any(len(condition.path) < 2 for condition in conditions):
            raise invalid(f"a rule is KIND.KEY=VALUE with KIND one of {', '.join(_RULE_LEVELS)}", "body", where)
        rule = compile_filter([_without_kind(condition) for condition in conditions], SOURCES[kind])
        found.setdefault(kind, []).append(rule)
    return found


def _without_kind(condition: Condition) -> Condition:
    if isinstance(condition, Compare):
        return Compare(condition.path[1:], condition.op, condition.operand)
    if isinstance(condition, AnyOf):
        return AnyOf(condition.path[1:], condition.operands)
    return replace(condition, path=condition.path[1:])
