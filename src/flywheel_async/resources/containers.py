"""The verbs every kind of container has: get, add, update, reload, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from flywheel_async.errors import ArgumentError, BadAnswer, FlywheelError
from flywheel_async.fields.base import Model
from flywheel_async.resources.kinds import CLASS_NAMES

if TYPE_CHECKING:
    from flywheel_async.client import AsyncClient

M = TypeVar("M", bound=Model)


def as_body(body: object, keywords: Mapping[str, object]) -> dict[str, object]:
    """Merges a body given as a mapping or model with members given as keywords.

    Args:
        body: A mapping or model, or None.
        keywords: Members by name.

    Returns:
        The members, under their wire names where `body` is a model.

    Raises:
        ArgumentError: `body` is something else, or a member is given twice, or nothing is given at all.
    """
    if body is None:
        members: dict[str, object] = {}
    elif isinstance(body, Model):
        members = _given(body)
    elif isinstance(body, Mapping):
        members = dict(cast("Mapping[str, object]", body))
    else:
        raise ArgumentError(f"body must be a mapping or a model, not {type(body).__name__}")
    twice = members.keys() & keywords.keys()
    if twice:
        raise ArgumentError(f"given both in the body and as keyword: {', '.join(sorted(twice))}")
    members.update(keywords)
    if not members:
        raise ArgumentError("nothing given; pass members as keywords, for example label='my label'")
    return members


def _given(model: Model) -> dict[str, object]:
    """The members of a model that hold something, under their wire names; nested models stay models.

    Of a model made by hand those are the members that were given; of one the site sent, all that are not None.
    """
    declared, given = type(model)._wire, model.model_fields_set
    members: dict[str, object] = {}
    for name, value in model.items():
        if given and name in declared and declared[name] not in given:
            continue
        if value is not None and not (name == "parents" and isinstance(value, Model) and not any(value.values())):
            members[name] = value
    return members


class Containers:
    """Verbs over all kinds of containers, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: AsyncClient) -> None:
        self._core = core

    async def get(self, kind: str, identifier: str) -> Model:
        """Gets one object by its kind and id."""
        response = await self._core._call(f"get_{kind}", identifier)
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
        members = as_body(body, keywords)
        subject = members.get("subject")
        if kind == "session" and isinstance(subject, Model):
            members["subject"] = {"_id": subject["id"]} if subject.get("id") else _given(subject)
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
        members = {**parent, **as_body(body, keywords)}
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
        await self._core._call(f"modify_{kind}", identifier, as_body(body, keywords))

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
        options = {} if delete_reason is None else {"delete_reason": delete_reason}
        await self._core._call(f"delete_{kind}", identifier, **options)


def _take_over(item: Model, fresh: Model) -> None:
    """Puts the data of one object into another of the same class."""
    object.__setattr__(item, "__dict__", fresh.__dict__)
    object.__setattr__(item, "__pydantic_extra__", fresh.__pydantic_extra__)
    object.__setattr__(item, "__pydantic_fields_set__", fresh.__pydantic_fields_set__)
