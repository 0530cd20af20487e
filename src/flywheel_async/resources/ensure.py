"""Get-or-create: a container with a label, made only if it is not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import anyio

from flywheel_async.errors import APIError, ArgumentError, Conflict, NotFound, TransportError
from flywheel_async.fields.base import Model
from flywheel_async.filter_writing import equal
from flywheel_async.notices import warn
from flywheel_async.resources.bodies import changeable, check_group_id
from flywheel_async.resources.bound import id_of
from flywheel_async.resources.kinds import CLASS_NAMES
from flywheel_async.resources.paths import PathLike, elements
from flywheel_async.transport.retry import RETRY_STATUSES, Outcome

if TYPE_CHECKING:
    from flywheel_async.core import Core

_TRIES = 3
"""How often a creation whose outcome is unknown is sent at most."""

_LISTS = {
    "get_group_projects": ("group", "project"),
    "get_project_subjects": ("project", "subject"),
    "get_project_sessions": ("project", "session"),
    "get_subject_sessions": ("subject", "session"),
    "get_session_acquisitions": ("session", "acquisition"),
}
"""Lists in which something can be created: the kinds of the parent and of the new object."""

_PATH = ("get_group_projects", "get_project_subjects", "get_subject_sessions", "get_session_acquisitions")


class DuplicateWarning(UserWarning):
    """Several containers have the label that one was asked for."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is looked for or created."""

    operation: str
    parent_id: str
    label: str
    filters: tuple[str, ...]
    subject_id: str | None = None

    @property
    def turn(self) -> Hashable:
        """Equal for all lists that one and the same new object can be created in."""
        if self.kind == "session" and self.subject_id is not None:
            return ("session", self.subject_id, self.label)
        return (self.operation, self.parent_id, self.label, self.filters)

    @property
    def parent(self) -> str:
        return _LISTS[self.operation][0]

    @property
    def kind(self) -> str:
        return _LISTS[self.operation][1]


class Ensure:
    """Gets or creates containers, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def child(self, operation: str, path: tuple[str, ...], label: object, members: Mapping[str, object]) -> Model:
        """Gets the child of a container with a label, or creates it.

        Args:
            operation: The list of the children.
            path: The values of its path: the parent's id.
            label: The label.
            members: What a new object gets besides.

        Returns:
            The object, complete.
        """
        # Checked now, so that a mistake shows whether the object is there already or not.
        changeable(members)
        self._core._containers._sendable(dict(members))
        place = _place(operation, path, label, members)
        if operation == "get_project_sessions" and place.subject_id is None:
            place = replace(place, subject_id=await self._subject_id(place, members))
        return await self._whole(await self._ensure(place, members))

    async def path(self, path: PathLike) -> Model:
        """Gets what a path leads to, and creates what is missing on the way.

        Returns:
            The object at its end, complete.
        """
        parts = elements(path)
        if not 1 <= len(parts) <= 1 + len(_PATH):
            raise ArgumentError("path must be 'group', or go on with project, subject, session, acquisition")
        group_id = _by_id(parts[0]) or parts[0]
        check_group_id(group_id)
        found = await self._group(group_id)
        for operation, label in zip(_PATH, parts[1:], strict=False):
            place = _place(operation, (id_of(found),), label, {})
            identifier = _by_id(label)
            if identifier is None:
                found = await self._ensure(place, {}, found)
            else:
                found = await self._known(place, identifier)
        return await self._whole(found) if len(parts) > 1 else found

    async def _subject_id(self, place: _Place, members: Mapping[str, object]) -> str | None:
        """The id of the subject that a session of a project is to get, if it is there already."""
        _, label = _subject(members.get("subject"))
        query: dict[str, object] = {"filter": equal("label", str(label)), "sort": "created,_id", "limit": 1}
        page = await self._core._page("get_project_subjects", (place.parent_id,), query, CLASS_NAMES["subject"])
        return id_of(page.results[0]) if page.results else None

    async def _known(self, place: _Place, identifier: str) -> Model:
        """Gets something that a path names by its id, and makes sure that it is where the path says."""
        found = await self._core._containers.get(place.kind, identifier)
        parents = found.get("parents")
        if isinstance(parents, Model) and parents.get(place.parent) not in (None, place.parent_id):
            raise ArgumentError(f"path: the {place.kind} {identifier} is not in the {place.parent} {place.parent_id}")
        return found

    async def _whole(self, found: Model) -> Model:
        kind = cast("str", getattr(type(found), "container_type", ""))
        return await self._core._containers.get(kind, id_of(found))

    async def _ensure(self, place: _Place, members: Mapping[str, object], parent: Model | None = None) -> Model:
        async with self._turn(place.turn):
            found = await self._find(place)
            if found is not None:
                return found
            body = {**members, "label": place.label, **await self._parent(place, parent)}

            conflict: Conflict | None = None

            async def create() -> str | None:
                nonlocal conflict
                try:
                    return await self._core._containers.add(place.kind, None, body)
                except Conflict as error:  # another client was a moment earlier
                    conflict = error
                    return None

            async def find() -> str | None:
                there = await self._find(place)
                return None if there is None else id_of(there)

            new = await self._surely(create, find)
            # Another client may have created one at the same time: both take the oldest.
            found = await self._find(place)
            if found is not None:
                return found
            if conflict is not None:
                raise conflict
            assert new is not None
            return await self._core._containers.get(place.kind, new)  # the site keeps the label in another form

    def _turn(self, key: Hashable) -> AbstractAsyncContextManager[None]:
        # A call made from inside another one must not wait: whoever has the turn may wait for what the other holds.
        return self._core._turns.of(key, wait=not self._core._flavour.nested())

    async def _find(self, place: _Place) -> Model | None:
        """The oldest container with the label, if there is one."""
        query: dict[str, object] = {
            "filter": ",".join((equal("label", place.label), *place.filters)),
            "sort": "created,_id",
            "limit": 2,
        }
        page = await self._core._page(place.operation, (place.parent_id,), query, CLASS_NAMES[place.kind])
        if len(page.results) > 1:
            ids = " and ".join(str(item.get("id")) for item in page.results)
            warn(
                f"{place.parent} {place.parent_id} has more than one {place.kind} labelled {place.label!r} ({ids}); "
                "the oldest is used",
                DuplicateWarning,
            )
        return page.results[0] if page.results else None

    async def _parent(self, place: _Place, parent: Model | None) -> dict[str, object]:
        """The members of a new object that name its parent."""
        if place.operation != "get_subject_sessions":
            return {place.parent: place.parent_id}
        # The route wants the project too, which a list of a subject's sessions does not know.
        subject = parent or await self._core._containers.get("subject", place.parent_id)
        parents = subject.get("parents")
        project = parents.get("project") if isinstance(parents, Model) else None
        return {"project": project or subject.get("project"), "subject": {"_id": place.parent_id}}

    async def _group(self, group_id: str) -> Model:
        async with self._turn(("group", group_id)):
            get = self._core._containers.get
            try:
                return await get("group", group_id)
            except NotFound:
                pass

            async def create() -> str | None:
                try:
                    return await self._core._containers.add("group", {"_id": group_id, "label": group_id}, {})
                except Conflict:
                    return group_id
                except APIError as error:
                    error.add_note(f"there is no group {group_id!r}, and it could not be created")
                    raise

            async def find() -> str | None:
                try:
                    return id_of(await get("group", group_id))
                except NotFound:
                    return None

            await self._surely(create, find)
            return await get("group", group_id)

    async def _surely(
        self, create: Callable[[], Awaitable[str | None]], find: Callable[[], Awaitable[str | None]]
    ) -> str | None:
        """Creates something; when the outcome is unknown, looks before trying again."""
        attempt = 1
        while True:
            try:
                return await create()
            except (TransportError, APIError) as error:
                outcome = Outcome()
                if isinstance(error, APIError):
                    outcome = Outcome(
                        error.status, retry_after=None if error.retry_after is None else str(error.retry_after)
                    )
                if outcome.status is not None and outcome.status not in RETRY_STATUSES:
                    raise
                found = await find()
                if found is not None:
                    return found
                wait = self._core._transport.retry_wait(attempt, outcome)
                if attempt == _TRIES or wait is None:
                    raise
            await anyio.sleep(wait)
            attempt += 1


def _by_id(part: str) -> str | None:
    """The id in an element such as `<id:5d2761383289d60037e8f5e5>`, or None."""
    return part[len("<id:") : -1] if part.startswith("<id:") and part.endswith(">") else None


def _place(operation: str, path: tuple[str, ...], label: object, members: Mapping[str, object]) -> _Place:
    if operation not in _LISTS:
        raise ArgumentError(
            f"nothing can be created in the list {operation}; use group.projects, project.subjects, project.sessions, "
            "subject.sessions or session.acquisitions"
        )
    if not isinstance(label, str) or not label.strip():
        raise ArgumentError(f"label must be a text that is not empty, not {label!r}")
    filters: tuple[str, ...] = ()
    fixed = {"label", _LISTS[operation][0], *(("project",) if operation == "get_subject_sessions" else ())}
    if clash := fixed & members.keys():
        raise ArgumentError(f"{clash.pop()} is set by the list the {_LISTS[operation][1]} is created in; leave it out")
    subject_id = path[0] if operation == "get_subject_sessions" else None
    if operation == "get_project_sessions":
        subject_id, subject_label = _subject(members.get("subject"))
        named = ("parents.subject", subject_id) if subject_id is not None else ("subject.label", str(subject_label))
        filters = (equal(*named),)
    return _Place(operation, path[0], label, filters, subject_id)


def _subject(subject: object) -> tuple[str | None, str | None]:
    """The id, else the label, of a subject that is given as it is for creating a session."""
    if isinstance(subject, str) and subject:
        return subject, None
    if isinstance(subject, (Mapping, Model)):
        given = cast("Mapping[str, object]", subject)
        identifier = given.get("_id") or given.get("id")
        label = given.get("label") or given.get("code")
        if isinstance(identifier, str) and identifier:
            return identifier, None
        if isinstance(label, str) and label:
            return None, label
    raise ArgumentError(
        "subject: a session of a project is found by its subject; give its id, a Subject or {'label': …}, "
        "or use subject.sessions"
    )
