"""Collections."""

from __future__ import annotations

from typing import ClassVar

from flywheel_async.fields.collection import CollectionFields
from flywheel_async.fields.members import member
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.file import File


class Collection(CollectionFields, FileContainer):
    """A hand-picked set of sessions and acquisitions, across projects."""

    container_type: ClassVar[str] = "collection"
    child_types: ClassVar[tuple[str, ...]] = ("sessions", "acquisitions", "analyses", "files")

    analyses: list[Analysis] | None = member()
    files: list[File] | None = member()
