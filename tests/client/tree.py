"""One container of every kind, for the tests of the verbs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from flywheel_async import Acquisition, Analysis, AsyncClient, Collection, Group, Project, Session, Subject
from flywheel_async.models.container import Container

ODD_NAMES = (
    "with space",
    "a/b",
    "50%",
    "%2F",
    "#1?",
    "'single' \"double\"",
    "comma, dot...",
    "line\nbreak",
    "ü" * 20,
    "日本語" * 4 + "x",
    "x" * 64,
)
"""Texts that break naive URLs and filters; the longest is what a tag may be."""


@dataclass
class Tree:
    """A group and one container of each kind below it."""

    group: Group
    project: Project
    subject: Subject
    session: Session
    acquisition: Acquisition
    analysis: Analysis
    collection: Collection

    def all(self) -> list[Container]:
        return [getattr(self, field.name) for field in fields(self)]


async def grow(fw: AsyncClient, group: Group) -> Tree:
    """Makes the tree, bound to a client."""
    group = await fw.get_group(group.id)
    project = await group.add_project(label="P")
    subject = await project.add_subject(label="s")
    session = await subject.add_session(label="V")
    acquisition = await session.add_acquisition(label="A")
    analysis = await session.add_analysis(label="N")
    collection = await fw.get(await fw.add_collection({"label": "C"}))
    assert isinstance(collection, Collection)
    return Tree(group, project, subject, session, acquisition, analysis, collection)
