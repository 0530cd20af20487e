"""Copying and moving containers and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.fields.copies import CopyFilter, ProjectCopyOutput
from flywheel_async.resources.collections import node_id
from flywheel_async.resources.kinds import CLASS_NAMES

if TYPE_CHECKING:
    from flywheel_async.core import Core

_LABEL_MEMBERS = {"subject": "dst_subject_label", "session": "dst_session_label", "acquisition": "label"}


def place(destination: object, kinds: tuple[str, ...]) -> tuple[str, str]:
    """The kind and id of a destination.

    Args:
        destination: An object, a reference with `type` and `id`, or an id where only one kind is possible.
        kinds: Kinds that are possible.

    Raises:
        ArgumentError: It is none of those.
    """
    first, *others = kinds
    wanted = " or ".join(kinds)
    if isinstance(destination, str) and others:
        raise ArgumentError(f"an id alone does not say whether it is a {wanted}; give the object, or its ref()")
    if isinstance(destination, Mapping) or (isinstance(destination, Model) and not _kind_of(destination)):
        reference = cast("Mapping[str, object]", destination)
        kind, identifier = reference.get("type"), reference.get("id")
        if not isinstance(kind, str) or kind not in kinds:
            raise ArgumentError(f"the destination must be a {wanted}, not {destination!r}")
        return kind, node_id(identifier, kind)
    kind = _kind_of(destination) if isinstance(destination, Model) else first
    if kind not in kinds:
        raise ArgumentError(f"the destination must be a {wanted}, not a {kind}")
    return str(kind), node_id(destination, str(kind))


def _kind_of(item: Model) -> object:
    return getattr(type(item), "container_type", None)


def _filter(given: CopyFilter | Mapping[str, object] | None) -> CopyFilter | Mapping[str, object]:
    return {} if given is None else given


async def copy_project(
    core: Core,
    project_id: str,
    group: object,
    label: str,
    filter: CopyFilter | Mapping[str, object] | None,
) -> ProjectCopyOutput:
    """Starts copying a project into a group."""
    _, group_id = place(group, ("group",))
    body: dict[str, object] = {"group_id": group_id, "project_label": label, "filter": _filter(filter)}
    return core._plain(ProjectCopyOutput, await core._call("project_copy", project_id, body))


async def copy(
    core: Core,
    kind: str,
    container_id: str,
    destination: object,
    kinds: tuple[str, ...],
    label: str | None,
    filter: CopyFilter | Mapping[str, object] | None,
) -> Model:
    """Starts copying a subject, session or acquisition to another parent.

    Returns:
        The new container as it is at the start; its `copy_status` tells how far the copy is.
    """
    parent, parent_id = place(destination, kinds)
    body: dict[str, object] = {f"dst_{parent}_id": parent_id, "filter": _filter(filter)}
    if label is not None:
        body[_LABEL_MEMBERS[kind]] = label
    return core._object(CLASS_NAMES[kind], await core._call(f"{kind}_copy", container_id, body))


async def move(core: Core, kind: str, container_id: str, destination: object, kinds: tuple[str, ...]) -> None:
    """Moves a container below another parent."""
    parent, parent_id = place(destination, kinds)
    await core._call(f"modify_{kind}", container_id, {parent: parent_id})


async def move_file(
    core: Core, file_id: str, destination: object, name: str | None, run_gear_rules: bool | None
) -> None:
    """Moves a file to another container, renames it, or both.

    Raises:
        ArgumentError: Neither a container nor a name is given.
    """
    body: dict[str, object] = {}
    if destination is not None:
        kinds = ("project", "subject", "session", "acquisition", "analysis", "collection")
        kind, container_id = place(destination, kinds)
        body["container_reference"] = {"type": kind, "id": container_id}
    if name is not None:
        body["name"] = name
    if not body:
        raise ArgumentError("nothing given; pass the container to move to, a new name, or both")
    if run_gear_rules is not None:
        body["run_gear_rules"] = run_gear_rules
    await core._call("move_file", file_id, body)
