"""Acquisitions."""

from __future__ import annotations

from typing import ClassVar

from flywheel_async.fields.acquisition import AcquisitionFields
from flywheel_async.fields.members import Given, member
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import FileContainer
from flywheel_async.models.file import File


class Acquisition(AcquisitionFields, FileContainer):
    """One run of the scanner, or of any other source of data, within a session."""

    container_type: ClassVar[str] = "acquisition"
    child_types: ClassVar[tuple[str, ...]] = ("analyses", "files")

    analyses: list[Analysis] | None = member()
    files: Given[list[File]] = member()
