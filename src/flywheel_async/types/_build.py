"""Builds the classes of `flywheel_async.types` from the model table, each when it is first asked for.

A class is built together with those its members name, which for most is a handful. Classes that name each other are
completed once all of them exist.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from threading import RLock
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, ForwardRef, Optional, Union, cast

from pydantic import Field, GetCoreSchemaHandler, ValidationError, create_model
from pydantic_core import core_schema

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model, _ModelMeta
from flywheel_async.fields.load import load_python
from flywheel_async.fields.members import Timestamp, member
from flywheel_async.raw.schemas import Field as Row
from flywheel_async.raw.schemas import Kind, Schemas, parse_kind, schemas

MODULE = "flywheel_async.types"
PLAIN: dict[str, Any] = {
    "bool": bool,
    "date": date,
    "datetime": Timestamp,
    "float": float,
    "int": int,
    "integer": int,
    "object": Any,
    "str": str,
}


class _TableMeta(_ModelMeta):
    """Checks the arguments of constructors; what a site sends is read leniently and does not come by here."""

    if not TYPE_CHECKING:

        def __call__(cls, *args: object, **kwargs: object) -> object:
            named = _checked_names(cls, kwargs)
            try:
                made = super().__call__(*args, **named)
            except ValidationError:
                # Objects of other classes, such as a `FileReference` made by a container, are taken by their members.
                args, named = _as_data(args), _as_data(named)
                try:
                    made = super().__call__(*args, **named)
                except ValidationError as error:
                    raise _bad_argument(cls, error) from None
            for name, value in (*zip(cls._positional, args, strict=False), *named.items()):
                if isinstance(value, datetime) and value.utcoffset() is None:
                    # A site's are UTC then; a caller's are those of the client's default_timezone, or refused by it.
                    setattr(made, cls._wire.get(name, name), value)
            return made


class TableModel(Model, metaclass=_TableMeta):
    """The root of all classes made from the model table.

    Unlike an answer of a site, a call of the constructor is checked: an unknown name or a value of another type is an
    `ArgumentError`.
    """

    # The names of the table that cannot be names of members, with those they have instead.
    _renamed: ClassVar[dict[str, str]] = {}


def member_name(name: str) -> str:
    """The Python name of a member: its own, with an underscore behind where that cannot be.

    Args:
        name: The name in the table, for example `label`, `_not` or `items`.
    """
    usable = not name.startswith("_") and not keyword.iskeyword(name) and not hasattr(Model, name)
    return name if usable else f"{name.strip('_')}_"


def enum_member_name(name: str) -> str:
    """The Python name of a member of an enumeration.

    Args:
        name: The name in the table, for example `COMPLETE`.
    """
    return f"{name}_" if keyword.iskeyword(name) or hasattr(StrEnum, name) else name


class Builder:
    """Makes classes out of a model table; safe to use from several threads.

    Args:
        table: The model table.
        module: The module the classes say they are from.
    """

    def __init__(self, table: Schemas, module: str) -> None:
        self._table = table
        self._module = module
        self._classes: dict[str, type[TableModel]] = {}
        self._enums: dict[str, type[StrEnum]] = {}
        self._under_way: list[str] = []
        self._unfinished: list[type[TableModel]] = []
        self._put_off: set[str] = set()
        self._lock = RLock()

    def get(self, name: str) -> type[TableModel] | type[StrEnum]:
        """Returns the class of a model, enumeration or alias; always the same one.

        Raises:
            AttributeError: The table has no such name; the message says which one is nearest.
        """
        name = self._table.aliases.get(name, name)
        if name in self._table.rows:
            return self.model(name)
        if name in self._table.enums:
            return self._enum(name)
        near = get_close_matches(name, self._table.names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module {self._module!r} has no attribute {name!r}{hint}", name=name)

    def model(self, name: str) -> type[TableModel]:
        """Returns the class of a model of the table, also by an alias."""
        with self._lock:
            found = self._made(name)
            while self._put_off:
                self._made(self._put_off.pop())
            # All that these name exists now.
            while self._unfinished:
                self._unfinished.pop().model_rebuild(force=True, _types_namespace=dict(self._classes))
            return found

    def _enum(self, name: str) -> type[StrEnum]:
        with self._lock:
            if name not in self._enums:
                members = {enum_member_name(key): value for key, value in self._table.enums[name].items()}
                make: Any = StrEnum
                self._enums[name] = make(name, members, module=self._module, qualname=name)
                self._enums[name].__doc__ = f"Known values of `{name}`; a newer site may send others."
            return self._enums[name]

    def _made(self, name: str) -> type[TableModel]:
        """A class, which may name others that do not exist yet."""
        name = self._table.aliases.get(name, name)
        if name not in self._classes:
            base = self._table.base(name)
            made = self._with_members(name) if base is None else self._derived(name, self._made(base))
            if not made.__pydantic_fields_complete__:
                self._unfinished.append(made)
            self._classes[name] = made
        return self._classes[name]

    def _derived(self, name: str, base: type[TableModel]) -> type[TableModel]:
        doc = f"The model `{name}` of the API, another name of `{base.__name__}`."
        return create_model(name, __base__=base, __module__=self._module, __doc__=doc)

    def _with_members(self, name: str) -> type[TableModel]:
        rows = self._table.fields(name)
        self._under_way.append(name)
        try:
            members: dict[str, Any] = {member_name(row.name): (self._type(row), _default(row)) for row in rows}
        finally:
            self._under_way.pop()
        doc = f"The model `{name}` of the API."
        made = create_model(name, __base__=TableModel, __module__=self._module, __doc__=doc, **members)
        made._positional = tuple(members)
        made._renamed = {row.name: member_name(row.name) for row in rows if member_name(row.name) != row.name}
        for old, new in made._renamed.items():
            if old.startswith("_"):
                setattr(made, old, _other_name(new))
        return made

    def _type(self, row: Row) -> Any:
        return Optional[self._annotation(parse_kind(row.type))]  # noqa: UP045 - made at run time

    def _annotation(self, kind: Kind) -> Any:
        if kind.name == "list":
            return GenericAlias(list, (self._annotation(kind.args[0]),))
        if kind.name == "dict":
            return GenericAlias(dict, (str, self._annotation(kind.args[0])))
        if kind.name == "union":
            union: Any = Union[tuple(self._annotation(one) for one in kind.args)]  # noqa: UP007 - made at run time
            # Every model fits every object, so the first one of the table counts.
            several = sum(self._holds_model(one) for one in kind.args) > 1
            return Annotated[union, Field(union_mode="left_to_right")] if several else union
        if kind.name in PLAIN:
            return PLAIN[kind.name]
        name = self._table.aliases.get(kind.name, kind.name)
        if name in self._table.enums:
            return str
        if self._table.candidates(name):
            return Annotated[Any, _OneOf(self, self._table, name)]
        if self._waits(name):
            self._put_off.add(name)
            return ForwardRef(name)
        return self._made(name)

    def _waits(self, name: str | None) -> bool:
        """Whether a class cannot be made yet, since it, or one it is derived from, is just being made."""
        return name is not None and (name in self._under_way or self._waits(self._table.base(name)))

    def _holds_model(self, kind: Kind) -> bool:
        if kind.args:
            return any(self._holds_model(one) for one in kind.args)
        return self._table.aliases.get(kind.name, kind.name) in self._table.rows


@dataclass(frozen=True)
class _OneOf:
    """Reads an object whose class depends on what kind it says it is."""

    builder: Builder
    table: Schemas
    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read, json_schema_input_schema=core_schema.dict_schema()
        )

    def read(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        members = cast("dict[str, object]", value)
        return load_python(self.builder.model(self.table.kind_of(self.name, members)), members)


def _default(row: Row) -> Any:
    wire = row.wire if row.wire != member_name(row.name) else None
    return member(wire, default=row.default)


def _other_name(name: str) -> property:
    def read(self: TableModel) -> object:
        return self[name]

    def write(self: TableModel, value: object) -> None:
        setattr(self, name, value)

    return property(read, write)


def _checked_names(cls: type[TableModel], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Gives keywords the names of members.

    Raises:
        ArgumentError: There is no such member.
    """
    named: dict[str, object] = {}
    for key, value in kwargs.items():
        name = cls._renamed.get(key, key)
        if name not in cls.__pydantic_fields__ and name not in cls._wire:
            known = (*cls.__pydantic_fields__, *cls._wire, *cls._renamed)
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(cls.__pydantic_fields__) or 'none'}"
            raise ArgumentError(f"{cls.__name__} has no member {key!r}; {hint}")
        if name in named:
            raise ArgumentError(f"{cls.__name__}: {name!r} is given twice")
        named[name] = value
    return named


def _as_data(value: Any) -> Any:
    """Turns objects of other classes, also inside lists and mappings, into their members."""
    if isinstance(value, TableModel):
        return value
    if isinstance(value, (Model, Mapping)):
        entries = cast("Mapping[str, object]", value).items()
        return {key: _as_data(entry) for key, entry in entries if entry is not None or not isinstance(value, Model)}
    if isinstance(value, (list, tuple)):
        return [_as_data(item) for item in cast("Iterable[object]", value)]
    return value


def _bad_argument(cls: type[TableModel], error: ValidationError) -> ArgumentError:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in details[:3])
    return ArgumentError(f"{cls.__name__}: {wrong}")


@cache
def builder() -> Builder:
    """Returns the builder of the API's classes; the model table is read on the first call."""
    return Builder(schemas(), MODULE)
