"""Who may do what in groups and projects."""

from __future__ import annotations

from collections.abc import Mapping

from flywheel_async.fields.access import Role
from flywheel_async.fields.common import AccessPermission, RolePermission
from flywheel_async.models.container import Container
from flywheel_async.resources import permissions as _permissions
from flywheel_async.resources import roles as _roles
from flywheel_async.resources.bound import core_of, id_of


class GroupAccess(Container):
    """Permissions of a group, the templates for its projects, and the roles it offers."""

    async def add_permission(
        self, body: AccessPermission | Mapping[str, object] | None = None, **members: object
    ) -> AccessPermission:
        """Gives a user access; route `POST /groups/{id}/permissions`.

        Args:
            body: The entry as a mapping or model.
            **members: The entry as keywords: `id` of the user, and `access`, one of `ro`, `rw`, `admin`.

        Returns:
            The new entry.

        Raises:
            ArgumentError: No user is named; nothing was sent.
            Conflict: The user has an entry already.

        Example:
            >>> await group.add_permission(id="ann@example.org", access="rw")
        """
        operation = "add_group_permission"
        return await _permissions.add(core_of(self), AccessPermission, operation, id_of(self), body, members)

    async def get_permission(self, user_id: str) -> AccessPermission:
        """Gets the access of a user; route `GET /groups/{id}/permissions/{user}`.

        Args:
            user_id: The user.

        Raises:
            NotFound: The user has no entry.
        """
        return await _permissions.get(core_of(self), AccessPermission, _permissions.GROUP, id_of(self), user_id)

    async def update_permission(
        self, user_id: str, body: AccessPermission | Mapping[str, object] | None = None, **members: object
    ) -> AccessPermission:
        """Changes the access of a user; route `PUT /groups/{id}/permissions/{user}`.

        Args:
            user_id: The user.
            body: The new entry as a mapping or model.
            **members: The new entry as keywords: `access`.

        Returns:
            The new entry.

        Raises:
            NotFound: The user has no entry.
        """
        entry = _permissions.GROUP
        return await _permissions.update(core_of(self), AccessPermission, entry, id_of(self), user_id, body, members)

    async def delete_permission(self, user_id: str) -> None:
        """Takes the access of a user away; route `DELETE /groups/{id}/permissions/{user}`.

        Args:
            user_id: The user.
        """
        await _permissions.delete(core_of(self), _permissions.GROUP, id_of(self), user_id)

    async def add_permission_template(
        self,
        body: RolePermission | Mapping[str, object] | None = None,
        *,
        propagate: bool | None = None,
        **members: object,
    ) -> RolePermission:
        """Adds a user to the template for new projects; route `POST /groups/{id}/permissions/templates`.

        Args:
            body: The entry as a mapping or model.
            propagate: Whether projects that exist get it too.
            **members: The entry as keywords: `id` of the user, and `role_ids`.

        Returns:
            The new entry.

        Raises:
            ArgumentError: No user is named; nothing was sent.
            Conflict: The user is in the template already.
        """
        return await _permissions.add(
            core_of(self),
            RolePermission,
            "add_group_permission_template",
            id_of(self),
            body,
            members,
            propagate=propagate,
        )

    async def get_permission_template(self, user_id: str) -> RolePermission:
        """Gets a user's entry in the template; route `GET /groups/{id}/permissions/templates/{user}`.

        Args:
            user_id: The user.

        Raises:
            NotFound: The user is not in the template.
        """
        return await _permissions.get(core_of(self), RolePermission, _permissions.TEMPLATE, id_of(self), user_id)

    async def update_permission_template(
        self,
        user_id: str,
        body: RolePermission | Mapping[str, object] | None = None,
        *,
        propagate: bool | None = None,
        **members: object,
    ) -> RolePermission:
        """Changes a user's entry in the template; route `PUT /groups/{id}/permissions/templates/{user}`.

        Args:
            user_id: The user.
            body: The new entry as a mapping or model.
            propagate: Whether projects that exist get it too.
            **members: The new entry as keywords: `role_ids`.

        Returns:
            The new entry.

        Raises:
            NotFound: The user is not in the template.
        """
        return await _permissions.update(
            core_of(self),
            RolePermission,
            _permissions.TEMPLATE,
            id_of(self),
            user_id,
            body,
            members,
            propagate=propagate,
        )

    async def delete_permission_template(self, user_id: str, *, propagate: bool | None = None) -> None:
        """Takes a user out of the template; route `DELETE /groups/{id}/permissions/templates/{user}`.

        Args:
            user_id: The user.
            propagate: Whether projects that exist lose it too.
        """
        entry = _permissions.TEMPLATE
        await _permissions.delete(core_of(self), entry, id_of(self), user_id, propagate=propagate)

    async def get_roles(self) -> list[Role]:
        """Gets the roles the group offers to its projects; route `GET /groups/{id}/roles`."""
        return await _roles.of_group(core_of(self), id_of(self))

    async def add_role(self, role: Role | str) -> Role:
        """Lets the group offer a role; route `POST /groups/{id}/roles`.

        Args:
            role: The role, or its id.

        Returns:
            The role.

        Raises:
            NotFound: There is no such role.
        """
        return await _roles.add_to_group(core_of(self), id_of(self), role)

    async def remove_role(self, role: Role | str) -> None:
        """Takes a role away from those the group offers; route `DELETE /groups/{id}/roles/{role}`.

        Args:
            role: The role, or its id.
        """
        await _roles.remove_from_group(core_of(self), id_of(self), role)


class ProjectAccess(Container):
    """Permissions of a project."""

    async def add_permission(
        self, body: RolePermission | Mapping[str, object] | None = None, **members: object
    ) -> RolePermission:
        """Gives a user roles; route `POST /projects/{id}/permissions`.

        Args:
            body: The entry as a mapping or model.
            **members: The entry as keywords: `id` of the user, and `role_ids`.

        Returns:
            The new entry.

        Raises:
            ArgumentError: No user is named; nothing was sent.
            Conflict: The user has an entry already.

        Example:
            >>> await project.add_permission(id="ann@example.org", role_ids=[role.id])
        """
        operation = "add_project_permission"
        return await _permissions.add(core_of(self), RolePermission, operation, id_of(self), body, members)

    async def get_permission(self, user_id: str) -> RolePermission:
        """Gets the roles of a user; route `GET /projects/{id}/permissions/{user}`.

        Args:
            user_id: The user.

        Raises:
            NotFound: The user has no entry.
        """
        return await _permissions.get(core_of(self), RolePermission, _permissions.PROJECT, id_of(self), user_id)

    async def update_permission(
        self, user_id: str, body: RolePermission | Mapping[str, object] | None = None, **members: object
    ) -> RolePermission:
        """Changes the roles of a user; route `PUT /projects/{id}/permissions/{user}`.

        Args:
            user_id: The user.
            body: The new entry as a mapping or model.
            **members: The new entry as keywords: `role_ids`.

        Returns:
            The new entry.

        Raises:
            NotFound: The user has no entry.
        """
        entry = _permissions.PROJECT
        return await _permissions.update(core_of(self), RolePermission, entry, id_of(self), user_id, body, members)

    async def delete_permission(self, user_id: str) -> None:
        """Takes all roles of a user away; route `DELETE /projects/{id}/permissions/{user}`.

        Args:
            user_id: The user.
        """
        await _permissions.delete(core_of(self), _permissions.PROJECT, id_of(self), user_id)
