"""Turns the answer of an operation into the object a caller expects, by the type the table gives it.

The rules, in this order:

- No type in the table: None, or the bytes of the answer where the operation streams a file. An empty answer is None.
- A list is a list of objects. A page in its place, as sites send it on request, is read as the list of its results.
- An object that may be of several kinds is the one its `container_type` names, else the first that declares a member
  of it, else the first. `lookup_path` and the like name the kind themselves.
- Containers, files and users become the caller's flavour's classes, some other schemas those of `fields`, all others
  those of `types`. Objects without a schema become a `Record` in lists, and stay dictionaries elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from flywheel_async.errors import BadAnswer
from flywheel_async.fields.base import Model
from flywheel_async.fields.load import load_page, load_python
from flywheel_async.raw.schemas import BEHAVIOUR, Kind, members_of, parse_kind, schemas
from flywheel_async.raw.table import Operation

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.transport.response import Response

_OBJECT = Kind("object")


class Record(Model):
    """An answer without a class of its own: its members are attributes and items, an `_id` also as `id`."""

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__("_id" if key == "id" and "_id" in self else key)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            return super().__getattr__("_id" if name == "id" and "_id" in self else name)


def decode(core: Core, op: Operation, response: Response) -> object:
    """Builds what a call of an operation by its flat name returns.

    Args:
        core: The client.
        op: The operation.
        response: Its answer.

    Returns:
        What `parse` returns, except that an answer which only carries one value, such as the id of a new object, is
        that value.

    Raises:
        BadAnswer: The answer is not JSON, or no list or object where there must be one.
    """
    return _Reading(core, response, simplified=True).read(op)


def parse(core: Core, op: Operation, response: Response) -> object:
    """Builds what the table says an operation answers.

    Args:
        core: The client.
        op: The operation.
        response: Its answer.

    Returns:
        An object, a list of objects, plain values or bytes; None for an empty answer.

    Raises:
        BadAnswer: The answer is not JSON, or no list or object where there must be one.
    """
    return _Reading(core, response, simplified=False).read(op)


class _Reading:
    """The reading of one answer."""

    def __init__(self, core: Core, response: Response, *, simplified: bool) -> None:
        self._core = core
        self._response = response
        self._simplified = simplified

    def read(self, op: Operation) -> object:
        response = self._response
        if op.returns is None:
            return response.content if op.streams else None
        kinds = members_of(parse_kind(op.returns))
        if op.streams:
            return self._file_or_object(kinds)
        if kinds[0].name == "bytes":
            return response.content
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if Kind("str") in kinds and len(kinds) > 1 and media_type in ("text/csv", "text/plain"):
            return response.content.decode("utf-8", "replace")
        pages = [kind for kind in kinds if schemas().page_item(kind.name) is not None]
        item = _item(kinds)
        if item is not None:
            if response.content.lstrip()[:1] == b"[":
                return self._list(item)
            kinds = tuple(kind for kind in kinds if kind not in pages)
        value: object = response.json()
        self._check_shape(kinds, value)
        members = _members(value)
        if isinstance(members.get("results"), list):
            if item is not None:
                return self._list(item)
            if pages:
                return self._page(pages[0].name, members)
        return self._value(kinds, value)

    def _check_shape(self, kinds: Sequence[Kind], value: object) -> None:
        """Makes sure that a text, number or list is not taken for an object, nor anything else for a list."""
        if value is None or isinstance(value, dict):
            return
        structured = [kind for kind in kinds if kind.name in ("list", "dict") or schemas().row(kind.name)]
        if len(structured) == len(kinds) and not (isinstance(value, list) and _item(kinds) is not None):
            raise self._response.unexpected("a list" if _item(kinds) is not None else "an object")

    def _file_or_object(self, kinds: Sequence[Kind]) -> object:
        """The content of a file, or what the operation answers in its place when asked for a ticket or a listing."""
        content = self._response.content
        if "json" not in self._response.headers.get("content-type", "") or content.lstrip()[:1] != b"{":
            return content
        try:
            members = cast("dict[str, object]", self._response.json())
        except BadAnswer:
            return content
        for kind in kinds:
            if members and members.keys() <= {field.wire for field in schemas().fields(kind.name)}:
                return self._object(kind.name, members)
        return content

    def _list(self, item: Kind) -> list[object]:
        """The objects of an answer that is a list or a page."""
        classes = {self._class_of(kind) for kind in members_of(item)}
        cls = classes.pop()
        if cls is None or classes:
            answer = self._response.json()
            found = cast("dict[str, object]", answer)["results"] if isinstance(answer, dict) else answer
            return [self._value(members_of(item), one, listed=True) for one in cast("list[object]", found)]
        try:
            # Reads the text itself, which is a lot faster for long lists.
            models, _ = load_page(cls, self._response.content)
        except ValueError as problem:
            raise self._response.unexpected(f"a list of objects ({problem})") from None
        return [self._core._bind(model) for model in models]

    def _page(self, name: str, members: dict[str, object]) -> Model:
        """A page, where the operation always answers one."""
        rest = {key: value for key, value in members.items() if key != "results"}
        page = load_python(self._class(name), rest)
        vars(page)["results"] = self._list(schemas().page_item(name) or _OBJECT)
        return page

    def _value(self, kinds: Sequence[Kind], value: object, listed: bool = False) -> object:
        """A decoded JSON value as one of several kinds; text, numbers and null stay what they are."""
        if isinstance(value, list):
            return [self._value(kinds, one, listed=True) for one in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        members = cast("dict[str, object]", value)
        name = self._choice(kinds, members)
        if name is not None:
            return self._object(name, members)
        for kind in kinds:
            if kind.name == "dict":
                return {key: self._value(members_of(kind.args[0]), one) for key, one in members.items()}
        if _item(kinds) is not None and _OBJECT not in kinds:
            raise self._response.unexpected("a list")
        return load_python(Record, members) if listed else members

    def _choice(self, kinds: Sequence[Kind], members: dict[str, object]) -> str | None:
        """Which of several schemas an object is read as, or None if there is none for it."""
        table = schemas()
        names = [kind.name for kind in kinds if table.row(kind.name)]
        container = members.get("container_type")
        if isinstance(container, str) and len(names) > 1:
            for name in names:
                if name.startswith(container.capitalize()):
                    return name
            if len({table.class_name(name) for name in names} & BEHAVIOUR) > 1:
                raise self._response.unexpected("an object with a known container_type")
        for name in names:
            if any(field.wire in members or field.name in members for field in table.fields(name)):
                return name
        return names[0] if names and _OBJECT not in kinds else None

    def _object(self, name: str, members: dict[str, object]) -> object:
        table = schemas()
        only = table.unwrapped_member(name) if self._simplified else None
        if only is not None:
            wire = next(field.wire for field in table.fields(name) if field.name == only)
            return members.get(wire, members.get(only))
        name = table.kind_of(name, members)
        if table.class_name(name) in BEHAVIOUR:
            # These two only say what the object is, which its class does; other answers do not have them.
            members = {key: value for key, value in members.items() if key not in ("container_type", "node_type")}
        return self._core._bind(load_python(self._class(name), members))

    def _class_of(self, kind: Kind) -> type[Model] | None:
        """The class for a kind if it only has one, whatever the object says."""
        table = schemas()
        known = table.row(kind.name) and not table.candidates(kind.name)
        return self._class(kind.name) if known else None

    def _class(self, name: str) -> type[Model]:
        shaped = schemas().class_name(name)
        if shaped is None:
            from flywheel_async.types._build import builder

            return builder().model(name)
        if shaped in BEHAVIOUR:
            return self._core._registry[shaped]
        from flywheel_async import fields

        return cast("type[Model]", getattr(fields, shaped))


def _item(kinds: Sequence[Kind]) -> Kind | None:
    """What the items of a list are, if there may be one; of several lists, the first counts."""
    return next((kind.args[0] for kind in kinds if kind.name == "list"), None)


def _members(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
