"""Typed conditions: `f.label == "0042"`, `f.timestamp >= when`, `q.file.name.contains("t1")`; pure values, no I/O.

An expression is a small tree that says what is wanted. `flywheel_async.filter_writing` writes it in the grammar of
finders, `flywheel_async.search.writing` in the query language of searches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal, Never, TypeAlias, cast

from flywheel_async.errors import ArgumentError

Scalar: TypeAlias = str | int | float | bool | date | None
"""What a field is compared with. A `datetime` is a `date` too."""

Path: TypeAlias = tuple[str, ...]
"""The keys that lead to a field, outermost first."""

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


class Expression:
    """A condition, or several. Combine them with `&`; `|` and `~` exist where the place they are used in knows them."""

    __slots__ = ()

    def __and__(self, other: Expression) -> All:
        return All((*_parts(All, self), *_parts(All, _expression(other, "&"))))

    def __or__(self, other: Expression) -> Either:
        return Either((*_parts(Either, self), *_parts(Either, _expression(other, "|"))))

    def __invert__(self) -> Negated:
        return Negated(self)

    def __bool__(self) -> Never:
        raise ArgumentError(
            "a filter expression is neither true nor false: combine expressions with & (not `and`), each in "
            "parentheses, as in (f.age > 5) & (f.sex == 'male'); write a range as (f.age > 5) & (f.age < 9)"
        )


@dataclass(frozen=True, slots=True)
class Comparison(Expression):
    """A field compared with one value; for a list, `=` holds when any element is equal."""

    path: Path
    operator: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class OneOf(Expression):
    """A field equal to one of some values."""

    path: Path
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Matches(Expression):
    """A field in which a regular expression is found."""

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Contains(Expression):
    """A field that contains a piece of text, whatever the case of its letters."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Like(Expression):
    """A text that fits a pattern with wildcards, from its beginning to its end."""

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Exists(Expression):
    """A field that has a value."""

    path: Path


@dataclass(frozen=True, slots=True)
class All(Expression):
    """Expressions that all hold."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either(Expression):
    """Expressions of which at least one holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negated(Expression):
    """An expression that does not hold."""

    part: Expression


Filter: TypeAlias = str | Expression
"""What finders take: a text in their own grammar, or an expression."""


class Field:
    """A field of the objects to look for; comparing it gives an `Expression`.

    Fields inside it are attributes, or items where the name is no Python name or is that of a method here.

    Example:
        >>> f.info.hair == "brown"
        Comparison(path=('info', 'hair'), operator='=', value='brown')
        >>> f.info["eye color"].in_(["blue", "green"])
        OneOf(path=('info', 'eye color'), values=('blue', 'green'))
    """

    __slots__ = ("_path", "_root")

    def __init__(self, path: Path, root: str = "f") -> None:
        self._path = path
        self._root = root

    def __getattr__(self, name: str) -> Field:
        key = _attribute(name)  # first: while a copy is made, there is no path yet
        return Field((*self._path, key), self._root)

    def __getitem__(self, key: str) -> Field:
        return Field((*self._path, _key(key)), self._root)

    def __repr__(self) -> str:
        return self._root + "".join(f".{key}" if key.isidentifier() else f"[{key!r}]" for key in self._path)

    def __eq__(self, value: Scalar) -> Comparison:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("=", value)

    def __ne__(self, value: Scalar) -> Comparison:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("!=", value)

    def __lt__(self, value: str | float | date) -> Comparison:
        return self._compare("<", value)

    def __le__(self, value: str | float | date) -> Comparison:
        return self._compare("<=", value)

    def __gt__(self, value: str | float | date) -> Comparison:
        return self._compare(">", value)

    def __ge__(self, value: str | float | date) -> Comparison:
        return self._compare(">=", value)

    def in_(self, values: Iterable[Scalar]) -> OneOf:
        """Equal to one of some values; long lists are fine, finders split them into several requests.

        Args:
            values: The values; none at all matches nothing.

        Raises:
            ArgumentError: It is a single text, or holds something that is no value.
        """
        if isinstance(values, str):
            raise ArgumentError(f"{self!r}.in_ takes a list of values; write {self!r} == {values!r} for one")
        return OneOf(self._path, tuple(_scalar(value, self) for value in values))

    def has(self, value: Scalar) -> Comparison:
        """A list that holds a value, for example `f.tags.has("checked")`."""
        return self._compare("=", value)

    def matches(self, pattern: str | re.Pattern[str]) -> Matches:
        """A text in which a regular expression is found, anywhere unless the pattern has `^` and `$`.

        Args:
            pattern: The regular expression; flags of a compiled one are taken over.

        Raises:
            ArgumentError: The pattern is empty, or a compiled one has a flag with no counterpart on a site.
        """
        text = pattern if isinstance(pattern, str) else _with_flags(pattern)
        if not text.strip():
            raise ArgumentError(f"{self!r}.matches: the pattern is empty; write '[ ]' for a space")
        return Matches(self._path, text)

    def contains(self, text: str) -> Contains:
        """A text that contains a piece of text; for searches only, finders have no counterpart."""
        return Contains(self._path, text)

    def like(self, pattern: str) -> Like:
        """A text that fits a pattern with wildcards; for searches only, finders have no counterpart.

        Args:
            pattern: `_` or `?` stand for one character, `%` or `*` for any number.
        """
        return Like(self._path, pattern)

    def exists(self) -> Exists:
        """A field that has a value; for searches only, in finders write `f.x != None`."""
        return Exists(self._path)

    def _compare(self, operator: Operator, value: object) -> Comparison:
        scalar = _scalar(value, self)
        if operator not in ("=", "!=") and (scalar is None or isinstance(scalar, bool)):
            raise ArgumentError(
                f"{self!r} {operator} {scalar}: needs a text, number or date; only == and != take {scalar}"
            )
        return Comparison(self._path, operator, scalar)

    def __bool__(self) -> Never:
        raise ArgumentError(f"{self!r} is a field, not a condition; compare it with something, as in {self!r} == True")

    def __contains__(self, value: object) -> Never:
        raise ArgumentError(f"write {self!r}.has({value!r}) in place of `in`")

    def __iter__(self) -> Never:
        raise ArgumentError(f"{self!r} is a field and holds nothing to iterate over")

    def _unbracketed(self, other: object) -> Never:
        raise ArgumentError(
            "& and | bind tighter than comparisons: put each in parentheses, as in (f.a == 1) & (f.b == 2)"
        )

    __and__ = __rand__ = __or__ = __ror__ = _unbracketed


class Fields:
    """All fields, by attribute: `f.label`, `f.info.hair`, `f["info.hair"]`."""

    __slots__ = ("_root",)

    def __init__(self, root: str) -> None:
        self._root = root

    def __getattr__(self, name: str) -> Field:
        key = _attribute(name)
        return Field((key,), self._root)

    def __getitem__(self, key: str) -> Field:
        return Field(tuple(_key(part) for part in _key(key).split(".")), self._root)

    def __iter__(self) -> Never:
        raise ArgumentError(f"{self._root} stands for all fields; write {self._root}.label or {self._root}['label']")

    def __repr__(self) -> str:
        return self._root


f = Fields("f")
"""Where the conditions of finders start: fields of the objects themselves, as in `f.label`."""

q = Fields("q")
"""Where the conditions of searches start: fields by the kind of object, as in `q.session.label`."""


def _parts(cls: type[All | Either], expression: Expression) -> tuple[Expression, ...]:
    """The parts of a combination of this kind, so that chains stay flat."""
    return expression.parts if isinstance(expression, cls) else (expression,)


def _expression(other: object, sign: str) -> Expression:
    if not isinstance(other, Expression):
        raise ArgumentError(f"{sign} joins expressions such as f.label == 'x', not a {type(other).__name__}")
    return other


def _attribute(name: str) -> str:
    # Python and notebooks ask objects for many underscored names to find out what they are.
    if name.startswith("_") and name != "_id":
        raise AttributeError(f"no field {name!r} as an attribute; write f[{name!r}]")
    return name


def _key(key: object) -> str:
    if not isinstance(key, str) or not key:
        raise ArgumentError(f"a field name must be a text, not {key!r}")
    return key


def _scalar(value: object, field: Field) -> Scalar:
    if isinstance(value, Enum):
        value = value.value
    if type(value).__module__ == "numpy" and getattr(getattr(value, "dtype", None), "kind", "") in ("b", "i", "u", "f"):
        value = cast("Callable[[], object]", getattr(value, "item", None))()
    if value is None or isinstance(value, (str, int, float, date)):
        return value
    raise ArgumentError(f"{field!r} cannot be compared with a {type(value).__name__}; use a text, number, date or None")


_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
_OWN_FLAGS = re.compile(r"\A\(\?[a-zA-Z]+\)")


def _with_flags(pattern: re.Pattern[str]) -> str:
    if not isinstance(cast("object", pattern.pattern), str):
        raise ArgumentError("the pattern must be a text, not bytes")
    letters = "".join(letter for flag, letter in _FLAGS.items() if pattern.flags & flag)
    if pattern.flags & ~(re.UNICODE | re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE):
        raise ArgumentError(f"of the flags of {pattern!r} a site knows only I, M, S and X")
    text = _OWN_FLAGS.sub("", pattern.pattern)
    return f"(?{letters}){text}" if letters else text
