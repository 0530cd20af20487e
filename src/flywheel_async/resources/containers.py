"""The verbs every kind of container has: get, add, update, reload, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from flywheel_async.errors import ArgumentError, BadAnswer, FlywheelError
from flywheel_async.fields.base import Model
from flywheel_async.resources.bodies import changeable, check_group_id, filled, merged, moment
from flywheel_async.resources.info import checked_info
from flywheel_async.resources.kinds import CLASS_NAMES
from flywheel_async.resources.reasons import checked_reason

if TYPE_CHECKING:
    from flywheel_async.core import Core

M = TypeVar("M", bound=Model)


class Containers:
    """Verbs over all kinds of containers, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self, kind: str, identifier: str, **options: object) -> Model:
        """Gets one object by its kind and id; options are those of the operation."""
        response = await self._core._call(f"get_{kind}", identifier, **options)
        return self._core._object(CLASS_NAMES[kind], response)

    async def get_any(self, identifier: str) -> Model:
        """Gets a container of any kind by its id; route `GET /containers/{id}`."""
        response = await self._core._call("get_container", identifier)
        return self._core._node(response.json(), response)

    async def add(self, kind: str, body: object, keywords: Mapping[str, object]) -> str:
        """Creates an object.

        Args:
            kind: Its kind.
            body: Its members as a mapping or model, or None.
            keywords: Its members as keywords.

        Returns:
            The new id.
        """
        members = self._sendable(merged(body, keywords))
        if kind == "group":
            if "id" in members:
                members.setdefault("_id", members.pop("id"))
            check_group_id(members.get("_id"))
        response = await self._core._call(f"add_{kind}", body=members)
        answer: object = response.json()
        identifier = cast("dict[str, object]", answer).get("_id") if isinstance(answer, dict) else None
        if not isinstance(identifier, str) or not identifier:
            raise response.unexpected("the new id")
        return identifier

    async def add_child(
        self, kind: str, parent: Mapping[str, object], body: object, keywords: Mapping[str, object]
    ) -> Model:
        """Creates an object below a parent and gets it.

        Args:
            kind: The new object's kind.
            parent: The members that name the parent, for example `{"project": id}`.
            body: The new object's members as a mapping or model, or None.
            keywords: The new object's members as keywords.
        """
        members = {**parent, **merged(body, keywords)}
        clash = [name for name, value in parent.items() if members[name] != value]
        if clash:
            raise ArgumentError(f"{clash[0]} is set by the parent the {kind} is added to; leave it out")
        identifier = await self.add(kind, None, members)
        try:
            return await self.get(kind, identifier)
        except FlywheelError as exc:
            exc.add_note(f"the {kind} {identifier} was created")
            raise

    async def update(self, kind: str, identifier: str, body: object, keywords: Mapping[str, object]) -> None:
        """Changes members of an object; those not given stay as they are."""
        members = merged(body, keywords)
        changeable(members)
        await self._core._call(f"modify_{kind}", identifier, self._sendable(members))

    async def reload(self, item: M, kind: str, identifier: str, **options: object) -> M:
        """Gets an object again and puts the new data into it.

        Returns:
            The same object.
        """
        response = await self._core._call(f"get_{kind}", identifier, **options)
        fresh = self._core._object(CLASS_NAMES[kind], response)
        if type(fresh) is not type(item):
            raise BadAnswer(f"get_{kind}: the site answered with a {type(fresh).__name__}")
        _take_over(item, fresh)
        return item

    async def delete(self, kind: str, identifier: str, delete_reason: str | None = None) -> None:
        """Deletes an object and everything below it."""
        # Users and groups take no reason.
        options = {} if delete_reason is None else {"delete_reason": checked_reason(delete_reason)}
        await self._core._call(f"delete_{kind}", identifier, **options)

    def _sendable(self, members: dict[str, object]) -> dict[str, object]:
        """Checks the members whose values a site would take for something else, and brings them into its form.

        Raises:
            ArgumentError: A value cannot be sent.
        """
        subject = members.get("subject")
        if isinstance(subject, Model):
            subject = {"_id": subject["id"]} if subject.get("id") else filled(subject)
        if isinstance(subject, Mapping):
            members["subject"] = self._sendable(dict(cast("Mapping[str, object]", subject)))
        if members.get("info") is not None:
            members["info"] = checked_info(members["info"])
        if "timestamp" in members:
            members["timestamp"] = moment(members["timestamp"], "timestamp", self._core._options.default_timezone)
        return members


def _take_over(item: Model, fresh: Model) -> None:
    """Puts the data of one object into another of the same class."""
    object.__setattr__(item, "__dict__", fresh.__dict__)
    object.__setattr__(item, "__pydantic_extra__", fresh.__pydantic_extra__)
    object.__setattr__(item, "__pydantic_fields_set__", fresh.__pydantic_fields_set__)
