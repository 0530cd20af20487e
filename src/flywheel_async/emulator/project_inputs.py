"""What request bodies about projects as a whole may hold: templates and settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flywheel_async.emulator.inputs import Input, Metadata, Words
from flywheel_async.emulator.sharing_words import BodyRegion, OrganSystem, TherapeuticArea

_Minimum = Annotated[int, Field(ge=0, le=1_000_000)]


class FileTemplate(Input):
    """Files that an acquisition should hold."""

    minimum: _Minimum | None = None
    classification: Words | None = None


class AcquisitionTemplate(Input):
    """Acquisitions that a session should hold."""

    minimum: _Minimum | None = None
    form_id: Words | None = None
    files: list[FileTemplate] | None = None
    label: Words | None = None


class SessionTemplate(Input):
    """What a session itself should be like."""

    label: Words | None = None


class ProjectTemplate(Input):
    """What a session and its acquisitions should be like."""

    session: SessionTemplate | None = None
    acquisitions: list[AcquisitionTemplate] | None = None
    regex: bool = True


class ProjectTemplates(Input):
    """The templates of a project."""

    templates: Annotated[list[ProjectTemplate], Field(max_length=100)]


class Origin(Input):
    """Who made something."""

    type: Literal["user", "user_workspace", "device", "job", "system", "unknown", "gear_rule", "task"]
    id: str | None = None


class ViewerApp(Input):
    """A program that shows files of the project."""

    id: str | None = None
    type: Literal["viewer", "form"] | None = None
    name: Words
    description: Words | None = None
    url: Words
    origin: Origin | None = None
    options: Metadata | None = None
    files: Metadata | None = None
    containers: Metadata | None = None


class FormDefinition(Input):
    """A form of a viewer."""

    components: list[Any]


class ProjectInstitution(Input):
    """Who runs the project."""

    name: Words
    url: Words


class ProjectContact(Input):
    """Whom to ask about the project."""

    name: Words
    email: Words


class Sharing(Input):
    """How the project is shown in the catalogue."""

    share_level: Literal["high_level", "full_ro_access"] | None = None
    project_institutions: list[ProjectInstitution] | None = None
    project_contacts: list[ProjectContact] | None = None
    summary: Words | None = None
    therapeutic_areas: list[TherapeuticArea] | None = None
    body_regions: list[BodyRegion] | None = None
    organ_systems: list[OrganSystem] | None = None


class JupyterhubWorkspace(Input):
    """Whether notebooks can be started from the project."""

    enabled: bool


class Workspaces(Input):
    """Where work on the project may go on."""

    jupyterhub: JupyterhubWorkspace | None = None


class CvatSettings(Input):
    """How the project goes together with CVAT."""

    enabled: bool | None = None
    tags: list[str] | None = None
    export_formats: list[str] | None = None
    cvat_organization_id: str | None = None
    cvat_project_id: str | None = None


class ProjectSettings(Input):
    """Changes to the settings of a project."""

    viewer_apps: list[ViewerApp] | None = None
    deid_profile: Metadata | str | None = None
    forms: dict[str, list[FormDefinition]] | None = None
    external_routing_id: Words | None = None
    sharing: Sharing | None = None
    workspaces: Workspaces | None = None
    cvat: CvatSettings | None = None
