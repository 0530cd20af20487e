"""Filters that are well formed and yet cannot mean what was wanted: what to tell the user."""

from __future__ import annotations

import re

from flywheel_async.filters import WORDS, Term, listed
from flywheel_async.resources.instants import YEAR

_TEXTS = frozenset(
    ("label", "code", "name", "uid", "firstname", "lastname", "master_code", "type", "mimetype", "email", "modality")
)
_TIMES = frozenset(("created", "modified", "timestamp", "replaced"))
_IDS = frozenset(("project", "subject", "session", "acquisition"))
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_ID = re.compile(r"[0-9a-fA-F]{24}")
_QUOTED = re.compile(r"(\"|').*\1", re.DOTALL)
_WORD = re.compile(r"\S+\s+(like|in|contains|is|not in)\s", re.IGNORECASE)

_OLDEST = 150
"""Ages up to this are taken for years."""


class FilterWarning(UserWarning):
    """A filter that matches nothing, or not what it seems to."""


def is_time(key: str) -> bool:
    """Whether a field holds a date-time on every site."""
    path = key.split(".")
    return path[-1] in _TIMES and "info" not in path


def is_text(key: str) -> bool:
    """Whether a field holds a text on every site."""
    path = key.split(".")
    return path[-1] in _TEXTS and "info" not in path


def _is_id(key: str) -> bool:
    """Whether a field holds the id of a parent; the ids of groups and users are texts of any form."""
    *above, last = key.split(".")
    return last in _IDS and above in ([], ["parents"])


def _is_age(key: str) -> bool:
    path = key.split(".")
    return path[-1] == "age" and "info" not in path


def doubt(term: Term) -> str | None:
    """Says what is wrong with a term and what to write, or None when nothing is.

    Args:
        term: The term, as it is sent.
    """
    if term.operator == "=~":
        return None
    return _doubtful_operator(term) or _doubtful_value(term)


def _doubtful_operator(term: Term) -> str | None:
    key, value = term.key, term.value
    meant = None
    if term.operator == "=" and value[0] in "=<>":
        rest = value[1:].strip()
        meant = f"{key}{'=' if value[0] == '=' else value[0] + '='}{rest}"
    elif term.operator == "<" and value[0] == ">":
        meant = f"{key}!={value[1:].strip()}"
    elif key[-1] in "~!" and term.operator == "=":
        meant = f"{key[:-1].strip()}{'=~' if key[-1] == '~' else '!='}{value}"
    elif word := _WORD.match(key):
        sign = word.group(1).lower()
        return f"the filter {str(term)!r} asks for a field {key!r}; there is no {sign!r}, write {WORDS[sign]}"
    if meant is None:
        return None
    return f"the filter {str(term)!r} looks for {value!r} with the operator {term.operator}; you probably mean {meant}"


def _doubtful_value(term: Term) -> str | None:
    for value in listed(term.value) or [term.value]:
        if is_text(term.key):
            kind = _not_text(value, term)
            if kind is not None:
                return (
                    f"the filter {str(term)!r} compares {term.key} with {kind}, but {term.key} is a text; write "
                    f'{term.key}{term.operator}"{value}", in an expression a str'
                )
        elif _is_id(term.key):
            bare = value[1:-1] if _QUOTED.fullmatch(value) else value
            if not _ID.fullmatch(bare) and bare != "null":
                return (
                    f"the filter {str(term)!r} compares {term.key} with {bare!r}, but {term.key} is an id of 24 hex "
                    f"digits; get the {term.key.split('.')[-1]} first and give its id"
                )
        elif is_time(term.key) and _QUOTED.fullmatch(value):
            return (
                f"the filter {str(term)!r} compares {term.key} with a text, but {term.key} is a date-time; write "
                f"{term.key}{term.operator}{value[1:-1]} without quotes, in an expression a datetime"
            )
        elif _is_age(term.key) and _NUMBER.fullmatch(value) and 0 < float(value) <= _OLDEST:
            return (
                f"the filter {str(term)!r} asks for an age in seconds; "
                f"{value} years are {term.key}{term.operator}{round(float(value) * YEAR)}"
            )
    return None


def _not_text(value: str, term: Term) -> str | None:
    """What a site takes an unquoted value for, or None for a text."""
    if value in ("true", "false"):
        return "a truth value"
    if value == "null":
        # Whether there is one at all is a fair question, but not where there always is.
        return "null" if term.key in ("label", "name") and term.operator == "=" else None
    if _ID.fullmatch(value):
        return "an id"
    if _NUMBER.fullmatch(value):
        return "a number"
    return "a date" if _DATE.fullmatch(value) else None
