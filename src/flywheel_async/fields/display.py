"""How a data object shows itself: one line of text, and a small HTML table for notebooks."""

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import cast

_LONGEST = 60
_FIRST = ("id", "label", "name")
# Shown as `***`: an object may end up in a log or a notebook that others read.
_SECRET = frozenset(
    (
        *("key", "api_key", "api_keys", "unencrypted_secret", "secret", "token", "password", "ticket"),
        *("aws_secret_access_key", "azure_account_key", "private_key"),
    )
)

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _LONGEST
_short.maxlist = _short.maxtuple = 4


class Shown(str):
    """Text that is its own `repr`, so that pydantic and rich print it as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown_members(members: Iterable[tuple[str, object]]) -> Iterator[tuple[str, Shown]]:
    """Yields the members worth showing: id and label first, None left out, long values shortened.

    Args:
        members: Python names and values.

    Yields:
        Name and shortened text of each member.
    """
    present = [(name, value) for name, value in members if value is not None]
    present.sort(key=lambda pair: _FIRST.index(pair[0]) if pair[0] in _FIRST else len(_FIRST))
    for name, value in present:
        yield name, Shown("***" if name.lower() in _SECRET else _text(value))


def html_table(title: str, members: Iterable[tuple[str, Shown]]) -> str:
    """Renders a titled table; every piece of text is escaped, since labels are other people's input."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in members)
    return f"<table><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return _count(len(cast("dict[object, object]", value)), "key")
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        if all(isinstance(item, str | int | float) for item in items):
            return _short.repr(items)
        return _count(len(items), "item")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return _short.repr(value)
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...)"


def _count(number: int, noun: str) -> str:
    return f"<{number} {noun}{'' if number == 1 else 's'}>"
