"""What request bodies may hold; anything else is refused with 422 and the place of the mistake."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from flywheel_async.emulator.filetypes import is_media_type


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL character")
    return value


def check_tag(value: str) -> str:
    """Returns a tag that can be used.

    Raises:
        ValueError: It is empty, too long, holds NUL, or cannot stand in a path.
    """
    if not 0 < len(value) <= 64:
        raise ValueError("a tag has 1 to 64 characters")
    if value in (".", ".."):
        raise ValueError("a tag cannot be . or .., which no path can name")
    return _no_nul(value)


def _group_id(value: str) -> str:
    if not re.fullmatch(r"[0-9a-z][0-9a-z.@_-]{0,62}[0-9a-z]", value):
        raise ValueError("2 to 64 of 0-9 a-z . @ _ - with a digit or letter at both ends")
    if re.fullmatch(r"[0-9a-f]{24}", value):
        raise ValueError("looks like the id of another container")
    return value


def _user_id(value: str) -> str:
    if not re.fullmatch(r"[^@\s/\0]+@[^@\s/\0]+\.[^@\s/\0]+", value) or len(value) > 254:
        raise ValueError("must look like an e-mail address")
    return value


def _media_type(value: str) -> str:
    if value and not is_media_type(value):
        raise ValueError("is no media type such as text/plain")
    return value


Label = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_no_nul)]
Words = Annotated[str, AfterValidator(_no_nul)]
TagValue = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(check_tag)]
GroupId = Annotated[str, AfterValidator(_group_id)]
UserId = Annotated[str, AfterValidator(_user_id)]
MediaType = Annotated[str, AfterValidator(_media_type)]
Size = Annotated[int, Field(ge=0, le=2**53)]
Metadata = dict[str, Any]
Access = Literal["ro", "rw", "admin"]
SiteRole = Literal["public", "user", "security_champion", "developer", "site_admin", "drone"]


class Input(BaseModel):
    """Base of all request bodies: unknown members are mistakes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False, allow_inf_nan=False)


class AccessPermission(Input):
    """A user's access to a group."""

    id: Annotated[str, Field(alias="_id")]
    access: Access


class AccessUpdate(Input):
    """A new access level."""

    access: Access


class RolePermission(Input):
    """A user's roles in a project."""

    id: Annotated[str, Field(alias="_id")]
    role_ids: list[str]


class RoleIds(Input):
    """New roles in a project."""

    role_ids: list[str]


class GroupInput(Input):
    """A new group."""

    id: Annotated[GroupId, Field(alias="_id")]
    label: Label | None = None
    providers: Metadata | None = None
    editions: Metadata | None = None


class GroupChange(Input):
    """Changes to a group."""

    label: Label | None = None
    providers: Metadata | None = None
    editions: Metadata | None = None
    modified: datetime | None = None


class ProjectInput(Input):
    """A new project."""

    label: Label
    group: str
    description: Words | None = ""
    editions: Metadata | None = None
    providers: Metadata | None = None
    ldap_sync: Metadata | None = None
    permissions: list[RolePermission] | None = None
    copyable: bool | None = None
    info: Metadata | None = None


class ProjectChange(Input):
    """Changes to a project."""

    label: Label | None = None
    group: str | None = None
    description: Words | None = None
    editions: Metadata | None = None
    providers: Metadata | None = None
    ldap_sync: Metadata | None = None
    info: Metadata | None = None
    copyable: bool | None = None
    copy_status: str | None = None
    copy_failure_reason: str | None = None
    delete_status: str | None = None
    delete_failure_reason: str | None = None


class SubjectFields(Input):
    """What describes a subject."""

    firstname: Words | None = None
    lastname: Words | None = None
    sex: Literal["male", "female", "other", "unknown"] | None = None
    cohort: Literal["Control", "Study"] | None = None
    date_of_birth: date | None = None
    mlset: Literal["Training", "Testing", "Validation"] | None = None
    type: Words | None = None
    race: Words | None = None
    ethnicity: Words | None = None
    species: Words | None = None
    strain: Words | None = None
    label: Label | None = None
    code: Label | None = None
    master_code: Words | None = None
    tags: list[TagValue] | None = None
    info: Metadata | None = None
    state: Literal["In utero", "Alive", "Dead"] | None = None


class SubjectInput(SubjectFields):
    """A new subject."""

    project: str


class SubjectChange(SubjectFields):
    """Changes to a subject."""

    project: str | None = None


class EmbeddedSubject(Input):
    """The subject of a session: an existing one by id, or one to find or make by label."""

    id: Annotated[str | None, Field(alias="_id")] = None
    project: str | None = None
    master_code: Words | None = None
    code: Label | None = None
    label: Label | None = None
    age: int | None = None


class SessionInput(Input):
    """A new session."""

    project: str
    label: Label
    subject: str | EmbeddedSubject
    info: Metadata | None = None
    uid: Words | None = None
    timestamp: datetime | None = None
    timezone: Words | None = None
    age: int | None = None
    weight: float | None = None
    operator: Words | None = None
    project_has_template: bool = False


class SessionChange(Input):
    """Changes to a session."""

    project: str | None = None
    subject: str | EmbeddedSubject | None = None
    label: Label | None = None
    info: Metadata | None = None
    timestamp: datetime | None = None
    timezone: Words | None = None
    tags: list[TagValue] | None = None
    age: int | None = None
    weight: float | None = None
    operator: Words | None = None
    project_has_template: bool = False


class AcquisitionInput(Input):
    """A new acquisition."""

    session: str
    label: Label
    uid: Words | None = None
    timestamp: datetime | None = None
    timezone: Words | None = None
    info: Metadata | None = None


class AcquisitionChange(Input):
    """Changes to an acquisition."""

    session: str | None = None
    label: Label | None = None
    info: Metadata | None = None
    uid: Words | None = None
    timestamp: datetime | None = None
    timezone: Words | None = None


class FileReference(Input):
    """A file by the container it is in and its name."""

    type: str
    id: str
    name: str


class AnalysisInput(Input):
    """A new analysis whose outputs are uploaded by hand."""

    label: Label
    inputs: list[FileReference] | None = None
    description: Words | None = ""
    info: Metadata | None = None


class AnalysisChange(Input):
    """Changes to an analysis."""

    label: Label | None = None
    description: Words | None = None


class CollectionInput(Input):
    """A new collection."""

    label: Label
    info: Metadata | None = None
    description: Words | None = ""


class CollectionNode(Input):
    """What to put into a collection or take out of it."""

    level: Literal["project", "subject", "session", "acquisition"]
    id: Annotated[str, Field(alias="_id")]


class CollectionContents(Input):
    """A change of what a collection holds."""

    operation: Literal["add", "remove"]
    nodes: list[CollectionNode]


class CollectionChange(Input):
    """Changes to a collection."""

    label: Label | None = None
    info: Metadata | None = None
    description: Words | None = None
    contents: CollectionContents | None = None


class FileInput(Input):
    """Metadata sent with an uploaded file."""

    name: str | None = None
    size: Size | None = None
    type: Words | None = None
    mimetype: MediaType | None = None
    modality: Words | None = None
    classification: dict[str, list[str]] | None = None
    tags: list[TagValue] | None = None
    info: Metadata | None = None
    zip_member_count: Size | None = None
    deid_log_id: str | None = None
    deid_log_skip_reason: Literal["unsupported_type", "manual_override"] | None = None


class FileChange(Input):
    """Changes to a file entry."""

    type: Words | None = None
    modality: Words | None = None


class ClassificationChange(Input):
    """Changes to a file's classification."""

    modality: Words | None = None
    add: dict[str, list[str]] | None = None
    delete: dict[str, list[str]] | None = None
    replace: dict[str, list[str]] | None = None


class InfoChange(Input):
    """Changes to metadata: `set` and `delete` keys, or `replace` all of it."""

    set: Annotated[Metadata, Field(min_length=1)] | None = None
    delete: Annotated[list[str], Field(min_length=1)] | None = None
    replace: Metadata | None = None


class Tag(Input):
    """One tag."""

    value: TagValue


class NoteInput(Input):
    """The text of a note."""

    text: Annotated[Words, StringConstraints(min_length=1)]


class PathInput(Input):
    """A path to look up."""

    path: list[str]
