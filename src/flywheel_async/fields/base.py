"""The root of every data and container class.

A `Model` is a pydantic model that also acts as a mapping over the names used on the wire, takes positional
arguments, and may be bound to the client that made it. Data is read leniently: a missing or null member is
None, and members this version does not know are kept.
"""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict

from ..errors import ArgumentError, MissingField
from .display import html_table, shown_members

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _PydanticMeta

    from ..core import Core
else:
    _PydanticMeta = type(BaseModel)


class _ModelMeta(_PydanticMeta):
    """Takes positional arguments here, because an own `__init__` would switch off pydantic's fast path."""

    if not TYPE_CHECKING:

        def __call__(cls, *args: object, **kwargs: object) -> object:
            return super().__call__(**_named(cls, args, kwargs))


class Model(BaseModel, metaclass=_ModelMeta):
    """A data object: attributes by Python name, items by wire name.

    Members the class does not declare are kept. They are attributes too, unless they clash with a method:
    then only the item reaches them, as in `project["update"]`.

    Objects that came from a site do not record which members it sent: for a short `model_dump`, ask for
    `exclude_none=True`, not `exclude_unset`.

    Example:
        >>> group = GroupFields("my_group", "My Test Group")
        >>> group.id, group["_id"], group["id"], "label" in group
        ('my_group', 'my_group', 'my_group', True)
    """

    model_config = ConfigDict(
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    # The order of positional arguments, and the members that behaviour classes must declare with their types.
    _positional: ClassVar[tuple[str, ...]] = ()
    _flavoured: ClassVar[dict[str, str]] = {}
    # Wire name to Python name of every declared member.
    _wire: ClassVar[dict[str, str]] = {}

    # The client that made the object, or None. A slot is seen by neither pydantic, pickle nor copy, so a
    # bound object compares and prints as its data does, and its copies are unbound.
    __slots__ = ("_core",)
    if TYPE_CHECKING:
        _core: Core | None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._wire = {field.alias or name: name for name, field in cls.__pydantic_fields__.items()}

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept every attribute name.
        def __getattr__(self, name: str) -> object:
            if name == "_core":
                return None
            extra = _extra(self)
            if name in extra:
                return extra[name]
            raise _missing(self, name)

        def __setattr__(self, name: str, value: object) -> None:
            cls = type(self)
            if name in cls.__pydantic_fields__:
                self.__dict__[name] = value
                self.__pydantic_fields_set__.add(name)
            elif hasattr(getattr(cls, name, None), "__set__"):
                object.__setattr__(self, name, value)
            elif name in _extra(self) and not hasattr(cls, name):
                self.__pydantic_extra__[name] = value
            else:
                raise _missing(self, name)

    def __getitem__(self, key: str) -> Any:
        """Returns a member by wire or Python name.

        Raises:
            MissingField: There is no such member.
        """
        fields = type(self).__pydantic_fields__
        if key in fields:
            return self.__dict__.get(key)
        name = type(self)._wire.get(key)
        if name is not None:
            return self.__dict__.get(name)
        extra = _extra(self)
        if key in extra:
            return extra[key]
        raise _missing(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a member by wire or Python name, or `default` if there is no such member.

        As with a dictionary, a member that is there and holds None gives None.
        """
        try:
            return self[key]
        except MissingField:
            return default

    def __contains__(self, key: object) -> bool:
        cls = type(self)
        return key in cls.__pydantic_fields__ or key in cls._wire or key in _extra(self)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Iterates over wire names, as a mapping does; pydantic's own form yields pairs."""
        return iter(self._by_wire_name())

    def __len__(self) -> int:
        known, names = type(self)._wire, type(self).__pydantic_fields__
        return len(known) + sum(key not in known and key not in names for key in _extra(self))

    def keys(self) -> KeysView[str]:
        """The wire names: declared members first, then those this version does not know."""
        return self._by_wire_name().keys()

    def values(self) -> ValuesView[Any]:
        """The values, in the order of `keys()`."""
        return self._by_wire_name().values()

    def items(self) -> ItemsView[str, Any]:
        """Wire names and values."""
        return self._by_wire_name().items()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain Python data under Python names; nested objects become dictionaries."""
        return cast("dict[str, Any]", _plain(self))

    def to_json(self) -> str:
        """Returns the object as JSON text under wire names, the form in which a site would send it."""
        return self.model_dump_json(by_alias=True, warnings=False)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *type(self).__pydantic_fields__, *_extra(self)})

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return shown_members([*_declared(self), *_extra(self).items()])

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Shows the object as a table in a notebook."""
        return html_table(type(self).__name__, shown_members([*_declared(self), *_extra(self).items()]))

    def _by_wire_name(self) -> dict[str, Any]:
        data = self.__dict__
        names = type(self).__pydantic_fields__
        found = {wire: data.get(name) for wire, name in type(self)._wire.items()}
        for key, value in _extra(self).items():
            if key not in found and key not in names:
                found[key] = value
        return found


def _plain(value: object) -> Any:
    if isinstance(value, Model):
        known = type(value).__pydantic_fields__
        unknown = {key: _plain(entry) for key, entry in _extra(value).items() if key not in known}
        return {name: _plain(entry) for name, entry in _declared(value)} | unknown
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in cast("dict[object, object]", value).items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    return value


def _declared(model: Model) -> Iterator[tuple[str, object]]:
    data = model.__dict__
    for name in type(model).__pydantic_fields__:
        yield name, data.get(name)


def _extra(model: Model) -> dict[str, Any]:
    # An object whose validation has not finished has no such attribute yet.
    try:
        return object.__getattribute__(model, "__pydantic_extra__") or {}
    except AttributeError:
        return {}


def _missing(model: Model, name: str) -> MissingField:
    cls = type(model)
    close = get_close_matches(name, _extra(model), n=1)
    if not close and not name.startswith("__"):
        close = _nearest(name, (*cls.__pydantic_fields__, *cls._wire))
    hint = f"; did you mean {close[0]!r}?" if close and close[0] != name else ""
    return MissingField(f"{cls.__name__} has no member {name!r}{hint}")


@lru_cache(maxsize=1024)
def _nearest(name: str, names: tuple[str, ...]) -> list[str]:
    # Cached, since `getattr(item, name, default)` over many objects asks the same question again and again.
    return get_close_matches(name, names, n=1)


def _named(cls: type[Model], args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
    """Turns the arguments of a constructor into keywords.

    Raises:
        ArgumentError: More positional arguments than fields, or a field given twice.
    """
    order = cls._positional
    if len(args) > len(order):
        raise ArgumentError(f"{cls.__name__} takes at most {len(order)} positional arguments, not {len(args)}")
    named: dict[str, object] = dict(zip(order, args, strict=False))
    for key, value in kwargs.items():
        name = cls._wire.get(key, key)
        if name in named:
            raise ArgumentError(f"{cls.__name__}: {name!r} is given twice")
        named[name] = value
    return named
