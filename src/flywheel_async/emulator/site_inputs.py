"""What request bodies about the site itself may hold: users, roles, modalities, devices, keys, trees."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from flywheel_async.emulator.inputs import Input, Label, Metadata, SiteRole, UserId, Words


class UserInput(Input):
    """A new user."""

    id: Annotated[UserId, Field(alias="_id")]
    firstname: Words
    lastname: Words
    email: Words | None = None
    password: str | None = None
    roles: list[SiteRole] | None = None
    disabled: bool | None = None
    avatar: Words | None = None
    root: bool | None = None
    central_user_id: str | None = None
    central_revision: int | None = None
    ldap_sync_id: str | None = None


class UserChange(Input):
    """Changes to a user."""

    firstname: Words | None = None
    lastname: Words | None = None
    email: Words | None = None
    avatar: Words | None = None
    roles: list[SiteRole] | None = None
    disabled: bool | None = None
    preferences: Metadata | None = None
    root: bool | None = None
    password: str | None = None
    central_revision: int | None = None
    ldap_sync_id: str | None = None


class UserSync(Input):
    """What a central directory says about a user."""

    email: UserId
    given_name: Words
    family_name: Words
    disabled: bool
    auth0id: Words
    revision: int
    role: SiteRole


class RoleInput(Input):
    """A new role."""

    label: Label
    actions: list[str]


class RoleChange(Input):
    """Changes to a role."""

    label: Label | None = None
    actions: list[str] | None = None


class ModalityInput(Input):
    """A new modality."""

    id: Annotated[Label, Field(alias="_id")]
    classification: dict[str, list[str]] | None = None
    active: bool = True
    description: Words | None = None


class ModalityChange(Input):
    """The new content of a modality."""

    classification: dict[str, list[str]] | None = None
    active: bool = True
    description: Words | None = None


class KeyInput(Input):
    """A new API key."""

    label: Label
    expires_at: datetime | None = None


class DeviceKeyInput(Input):
    """A new API key of a device."""

    label: Label | None = None
    expires_at: datetime | None = None


class DeviceInput(Input):
    """A new device."""

    label: Label
    type: Words
    storage_config: Metadata | None = None


class DeviceChange(Input):
    """What a site admin may change of a device."""

    disabled: bool | None = None
    storage_config: Metadata | None = None


class DeviceReport(Input):
    """What a device says of itself."""

    type: Words | None = None
    version: Words | None = None
    interval: Annotated[int, Field(ge=1)] | None = None
    errors: list[Words] | None = None
    info: Metadata | None = None


class IdInput(Input):
    """The id of something."""

    id: Annotated[str, Field(alias="_id")]


class UidCheck(Input):
    """Which uids to look for, and in which projects."""

    project_id: str | None = None
    project_ids: list[str] | None = None
    sessions: list[str] | None = None
    acquisitions: list[str] | None = None


class CustomFilterInput(Input):
    """A filter kept under a name."""

    filter: Words | Metadata
    view: Literal["tasks", "usage"]
    label: Label


class TreeLevel(Input):
    """What to show of one level of a tree."""

    fields: list[str]
    filter: str | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    sort: str | None = None
    join_origin: Annotated[bool | None, Field(alias="join-origin")] = None


class TreeInput(Input):
    """The levels of a tree to show."""

    groups: TreeLevel | None = None
    projects: TreeLevel | None = None
    subjects: TreeLevel | None = None
    sessions: TreeLevel | None = None
    acquisitions: TreeLevel | None = None
    analyses: TreeLevel | None = None
    jobs: TreeLevel | None = None
