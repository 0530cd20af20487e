"""The flat documents that are searched: one per container, analysis and file, with the fields of all its ancestors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flywheel_async.emulator.nodes import COLUMN_OF
from flywheel_async.emulator.query.compiler import Column

LEVELS: Final = ("group", "project", "subject", "session", "acquisition", "analysis", "file")
"""What a document may belong to, from the top; also the first parts of field names, beside `parent`."""

PARENT: Final = "parent"


@dataclass(frozen=True, slots=True)
class Document:
    """How documents of one kind are kept.

    Attributes:
        kind: What each of them describes; the last of its levels.
        table: The table with one row for each; its alias is `d`.
        ids: SQL for the id at every level the document has.
        parent: SQL for the id of the container it is in, or None.
    """

    kind: str
    table: str
    ids: Mapping[str, str]
    parent: str | None


def _document(kind: str, parent: str | None) -> Document:
    containers = {level: f"d.{column}" for level, column in COLUMN_OF.items()}
    if kind == "file":
        analysis = "(CASE d.parent_kind WHEN 'analysis' THEN d.parent_id END)"
        return Document(kind, "file", {**containers, "analysis": analysis, "file": "d.file_id"}, parent)
    above = {level: containers[level] for level in LEVELS[: LEVELS.index(kind) + 1] if level in containers}
    return Document(kind, "node", {**above, kind: "d.id"}, parent)


DOCUMENTS: Final[Mapping[str, Document]] = {
    document.kind: document
    for document in (
        # The API knows no group as the parent of a hit.
        _document("project", None),
        _document("subject", "d.project"),
        _document("session", "d.subject"),
        _document("acquisition", "d.session"),
        _document("analysis", "COALESCE(d.acquisition, d.session, d.subject, d.project)"),
        _document("file", "d.parent_id"),
    )
}
"""All kinds of documents, highest first."""


def columns(level: str, alias: str) -> Mapping[str, Column]:
    """Returns the fields of a level that have a column of their own; the others are in `body`.

    Args:
        level: One of `LEVELS`, or `parent`.
        alias: The alias of the row.
    """
    texts: dict[str, str]
    numbers: tuple[str, ...]
    if level == "file":
        texts = {
            "_id": "file_id",
            "id": "file_id",
            "file_id": "file_id",
            "name": "name",
            "type": "type",
            "hash": "hash",
        }
        numbers = ("version", "size", "revision")
    else:
        texts = {"_id": "id", "id": "id", "label": "label"}
        numbers = ("revision",)
    found = {name: Column(f"{alias}.{column}") for name, column in texts.items()}
    found.update({name: Column(f"{alias}.{name}", "number") for name in numbers})
    found.update({name: Column(f"{alias}.{name}", "instant") for name in ("created", "modified")})
    if level != PARENT:
        found.update(_references(level, alias))
    if level in ("session", "acquisition", "analysis", PARENT):
        found["timestamp"] = Column(f"{alias}.timestamp", "instant")
    if level == "subject":
        found["code"] = found["label"]
    if level == PARENT:
        found["type"] = Column(f"{alias}.kind")
    return found


def _references(level: str, alias: str) -> dict[str, Column]:
    """The fields that name what a thing is in, such as `parents.project`."""
    containers = [*COLUMN_OF]
    above = containers[: containers.index(level)] if level in COLUMN_OF else containers
    found = {f"parents.{name}": Column(f"{alias}.{COLUMN_OF[name]}") for name in above}
    # Projects, subjects and acquisitions also tell the id of the container right above them; sessions hold the subject.
    direct = ("project", "group") if level == "session" else above[-1:]
    if level in COLUMN_OF:
        found.update({name: found[f"parents.{name}"] for name in direct})
    if level == "file":
        kind, parent = f"{alias}.parent_kind", f"{alias}.parent_id"
        found.update({"parent_ref.type": Column(kind), "parent_ref.id": Column(parent)})
        found["parents.analysis"] = Column(f"(CASE {kind} WHEN 'analysis' THEN {parent} END)")
    return found
