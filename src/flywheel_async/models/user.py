"""Users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from flywheel_async.fields.user import UserFields
from flywheel_async.resources.bound import core_of, id_of


class User(UserFields):
    """A person with an account on the site; the id is usually an e-mail address."""

    async def update(self, body: Mapping[str, object] | None = None, **members: object) -> None:
        """Changes members of the user (site admins); route `PUT /users/{id}`.

        Args:
            body: The new members as a mapping.
            **members: The new members as keywords.

        Raises:
            APIError: The site refused.
        """
        await core_of(self)._containers.update("user", id_of(self), body, members)

    async def reload(self) -> Self:
        """Gets the current state; route `GET /users/{id}`.

        Returns:
            This object, which now holds the current data.
        """
        return await core_of(self)._containers.reload(self, "user", id_of(self))

    async def delete(self) -> None:
        """Deletes the user and all its permissions (site admins); route `DELETE /users/{id}`.

        Raises:
            APIError: The site refused.
        """
        await core_of(self)._containers.delete("user", id_of(self))
