"""Analyses."""

from __future__ import annotations

from typing import ClassVar

from flywheel_async.fields.analysis import AnalysisFields
from flywheel_async.fields.members import Info, member
from flywheel_async.models.container import FileContainer
from flywheel_async.models.file import File


class Analysis(AnalysisFields, FileContainer):
    """An analysis: what was done with some files, and what came out."""

    container_type: ClassVar[str] = "analysis"
    child_types: ClassVar[tuple[str, ...]] = ("files",)

    inputs: list[File] | None = member()
    files: list[File] | None = member()
    job: Info | str | None = member()
