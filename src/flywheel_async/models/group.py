"""Groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from flywheel_async.fields.group import GroupFields
from flywheel_async.models.permissions import GroupAccess
from flywheel_async.models.tags import Tagged
from flywheel_async.resources.bound import core_of, id_of

if TYPE_CHECKING:
    from flywheel_async.finder import AsyncFinder
    from flywheel_async.models.project import Project


class Group(GroupFields, Tagged, GroupAccess):
    """The top of the hierarchy: a lab or department, whose id is a name chosen by people."""

    container_type: ClassVar[str] = "group"
    child_types: ClassVar[tuple[str, ...]] = ("projects",)

    @property
    def projects(self) -> AsyncFinder[Project]:
        """The group's projects; route `GET /groups/{id}/projects`."""
        return core_of(self)._finder("get_group_projects", "Project", id_of(self))

    async def add_project(self, body: Mapping[str, object] | Project | None = None, **members: object) -> Project:
        """Creates a project and gets it; routes `POST /projects`, `GET /projects/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords, at least `label`.

        Returns:
            The new project.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> await group.add_project(label="My Study")
        """
        parent = {"group": id_of(self)}
        return cast("Project", await core_of(self)._containers.add_child("project", parent, body, members))
