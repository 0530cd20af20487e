"""What request bodies that copy, move or import may hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from flywheel_async.emulator.inputs import Input, Label, Metadata, SubjectFields, TagValue, Words


class HierarchySubject(SubjectFields):
    """A subject to find or make."""

    id: Annotated[str | None, Field(alias="_id")] = None
    routing_field: Words | None = None
    source: Metadata | None = None


class HierarchyAcquisition(Input):
    """An acquisition to find or make."""

    id: Annotated[str | None, Field(alias="_id")] = None
    uid: Words | None = None
    routing_field: Words | None = None
    label: Label | None = None
    source: Metadata | None = None
    timestamp: datetime | None = None
    timezone: Words | None = None
    info: Metadata | None = None
    tags: list[TagValue] | None = None


class HierarchySession(HierarchyAcquisition):
    """A session to find or make."""

    age: int | None = None
    weight: float | None = None
    operator: Words | None = None


class Hierarchy(Input):
    """A branch of a project to find or make."""

    origin: Metadata
    source: Metadata | None = None
    subject: HierarchySubject | None = None
    session: HierarchySession | None = None
    acquisition: HierarchyAcquisition | None = None


class CopyFilter(Input):
    """What is left out of a copy."""

    exclude_analysis: bool = False
    exclude_annotations: bool = False
    exclude_notes: bool = False
    exclude_tags: bool = False
    include_rules: list[str] | None = None
    exclude_rules: list[str] | None = None
    exclude_empty_containers: bool = True


class ProjectCopy(Input):
    """Where to copy a project."""

    group_id: str
    project_label: Label
    snapshot_id: str | None = None
    filter: CopyFilter = CopyFilter()


class SubjectCopy(Input):
    """Where to copy a subject."""

    dst_project_id: str
    dst_subject_label: Label | None = None
    filter: CopyFilter = CopyFilter()


class SessionCopy(Input):
    """Where to copy a session: below a subject, or into a project."""

    dst_session_label: Label | None = None
    dst_project_id: str | None = None
    dst_subject_id: str | None = None
    filter: CopyFilter = CopyFilter()


class AcquisitionCopy(Input):
    """Where to copy an acquisition."""

    label: Label | None = None
    dst_session_id: str
    filter: CopyFilter = CopyFilter()


class BulkMove(Input):
    """Sessions to move, with one destination for all or one for each."""

    destination_container_type: Literal["sessions", "subjects", "projects"]
    sources: Annotated[list[str], Field(min_length=1)]
    destinations: Annotated[list[str], Field(min_length=1)]
    conflict_mode: Literal["skip", "move", "dry"]
    remove_source: bool = False


class ContainerReference(Input):
    """A container by kind and id."""

    type: str
    id: str


class FileMove(Input):
    """Where to move a file, and its name there."""

    container_reference: ContainerReference | None = None
    name: str | None = None
    run_gear_rules: bool = False
