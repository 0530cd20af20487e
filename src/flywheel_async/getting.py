"""Getting one object at a time: by its id, by its path, and what the site says of itself and the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flywheel_async.core import Core

if TYPE_CHECKING:
    from flywheel_async.fields.access import AuthStatus
    from flywheel_async.fields.site import SiteConfig, Version
    from flywheel_async.models import (
        Acquisition,
        Analysis,
        Collection,
        File,
        Group,
        Project,
        Session,
        Subject,
        User,
    )
    from flywheel_async.resources.paths import PathLike, Resolved

    Container = Group | Project | Subject | Session | Acquisition | Analysis | Collection
    Node = Container | File


class AsyncGetting(Core):
    """The part of a client that gets one object at a time."""

    async def get_current_user(self) -> User:
        """Gets the user the key belongs to; route `GET /users/self`.

        Raises:
            APIError: The site refused.
        """
        return cast("User", self._object("User", await self._call("get_current_user")))

    async def get_auth_status(self) -> AuthStatus:
        """Gets who the site takes the caller for; route `GET /auth/status`.

        Raises:
            APIError: The site refused, `Unauthorized` for a wrong key.
        """
        from flywheel_async.fields.access import AuthStatus

        return self._plain(AuthStatus, await self._call("get_auth_status"))

    async def get_version(self) -> Version:
        """Gets the site's release and database version; route `GET /version`.

        Raises:
            APIError: The site refused.
        """
        from flywheel_async.fields.site import Version

        return self._plain(Version, await self._call("get_version"))

    async def get_config(self) -> SiteConfig:
        """Gets the site's public configuration; route `GET /config`.

        Raises:
            APIError: The site refused.
        """
        from flywheel_async.fields.site import SiteConfig

        return self._plain(SiteConfig, await self._call("get_config"))

    async def get(self, id: str) -> Container:
        """Gets a container of any kind by its id; route `GET /containers/{id}`.

        Args:
            id: The id of a project, subject, session, acquisition, analysis or collection, or a group's id.

        Returns:
            The object, complete.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such container.

        Example:
            >>> session = await fw.get("5d2761383289d60037e8f5e5")
        """
        return cast("Container", await self._containers.get_any(id))

    async def get_user(
        self,
        user_id: str,
        *,
        include_deleted: bool | None = None,
    ) -> User:
        """Gets a user by its id; route `GET /users/{id}`.

        Args:
            user_id: The id.
            include_deleted: Whether a deleted user is found too.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such user.
        """
        return cast("User", await self._containers.get("user", user_id, include_deleted=include_deleted))

    async def get_group(self, group_id: str) -> Group:
        """Gets a group by its id; route `GET /groups/{id}`.

        Args:
            group_id: The id.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such group.
        """
        return cast("Group", await self._containers.get("group", group_id))

    async def get_project(
        self,
        project_id: str,
        *,
        join: str | None = None,
        join_avatars: bool | None = None,
        x_accept_feature: list[str] | None = None,
    ) -> Project:
        """Gets a project by its id; route `GET /projects/{id}`.

        Args:
            project_id: The id.
            join: What is put in for the ids of origins, such as `origin`.
            join_avatars: Whether names and avatars of users are put in too.
            x_accept_feature: Features of the site to ask for, such as `slim-containers`.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such project.
        """
        return cast(
            "Project",
            await self._containers.get(
                "project", project_id, join=join, join_avatars=join_avatars, x_accept_feature=x_accept_feature
            ),
        )

    async def get_subject(
        self,
        subject_id: str,
        *,
        join: str | None = None,
        join_avatars: bool | None = None,
        x_accept_feature: list[str] | None = None,
    ) -> Subject:
        """Gets a subject by its id; route `GET /subjects/{id}`.

        Args:
            subject_id: The id.
            join: What is put in for the ids of origins, such as `origin`.
            join_avatars: Whether names and avatars of users are put in too.
            x_accept_feature: Features of the site to ask for, such as `slim-containers`.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such subject.
        """
        return cast(
            "Subject",
            await self._containers.get(
                "subject", subject_id, join=join, join_avatars=join_avatars, x_accept_feature=x_accept_feature
            ),
        )

    async def get_session(
        self,
        session_id: str,
        *,
        join: str | None = None,
        join_avatars: bool | None = None,
        x_accept_feature: list[str] | None = None,
    ) -> Session:
        """Gets a session by its id; route `GET /sessions/{id}`.

        Args:
            session_id: The id.
            join: What is put in for the ids of origins, such as `origin`.
            join_avatars: Whether names and avatars of users are put in too.
            x_accept_feature: Features of the site to ask for, such as `slim-containers`.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such session.
        """
        return cast(
            "Session",
            await self._containers.get(
                "session", session_id, join=join, join_avatars=join_avatars, x_accept_feature=x_accept_feature
            ),
        )

    async def get_acquisition(
        self,
        acquisition_id: str,
        *,
        join: str | None = None,
        join_avatars: bool | None = None,
        x_accept_feature: list[str] | None = None,
    ) -> Acquisition:
        """Gets an acquisition by its id; route `GET /acquisitions/{id}`.

        Args:
            acquisition_id: The id.
            join: What is put in for the ids of origins, such as `origin`.
            join_avatars: Whether names and avatars of users are put in too.
            x_accept_feature: Features of the site to ask for, such as `slim-containers`.

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such acquisition.
        """
        return cast(
            "Acquisition",
            await self._containers.get(
                "acquisition", acquisition_id, join=join, join_avatars=join_avatars, x_accept_feature=x_accept_feature
            ),
        )

    async def get_file(
        self,
        file_id: str,
        *,
        version: int | None = None,
    ) -> File:
        """Gets the newest version of a file by its id; route `GET /files/{id}`.

        Args:
            file_id: The id that all its versions share (`file_id`).

        Raises:
            ArgumentError: The id is empty or cannot stand in a path; nothing was sent.
            NotFound: There is no such file.
        """
        return cast("File", await self._containers.get("file", file_id, version=version))

    async def lookup(self, path: PathLike) -> Node:
        """Gets what a path leads to; route `POST /lookup`.

        Args:
            path: `group/project/subject/session/acquisition/files/name`, cut at any level; a list of elements where
                a label holds a slash. `<id:ID>` stands for an element by its id.

        Returns:
            The object at the end of the path.

        Raises:
            ArgumentError: The path is empty or malformed; nothing was sent.
            NotFound: Nothing is there.

        Example:
            >>> file = await fw.lookup("my_group/My Study/0042/visit 1/T1/files/T1.nii.gz")
        """
        return cast("Node", await self._paths.lookup(path))

    async def resolve(self, path: PathLike) -> Resolved[Node]:
        """Gets every object on a path and what lies below it; route `POST /resolve`.

        Args:
            path: As for `lookup`; an empty path gives all groups as children.

        Returns:
            The objects on the path, and the children of the last one.

        Raises:
            ArgumentError: The path is malformed; nothing was sent.
            NotFound: Nothing is there.
        """
        return cast("Resolved[Node]", await self._paths.resolve(path))
