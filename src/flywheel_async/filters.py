"""The grammar of finder filters, without I/O: terms joined by commas, each `key OPERATOR value`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flywheel_async.errors import ArgumentError

OPERATORS = ("!=", "<=", ">=", "=~", "=", "<", ">")
"""Every operator, longer ones first so that `<=` is never read as `<`."""

_OPERATOR = re.compile("|".join(OPERATORS))
_WORD_OPERATOR = re.compile(r"\s(like|in|contains|is|not in)\s|!~", re.IGNORECASE)
WORDS = {
    "like": "label=~rest.*",
    "contains": "label=~rest",
    "in": "label=|[a,b]",
    "is": "label=null",
    "not in": "label!=a,label!=b",
    "!~": "a regular expression that matches the others",
}
"""Operators of other languages, and what to write in their place."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a filter, as written: `label`, `=`, `"anx_s1"`."""

    key: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}{self.operator}{self.value}"


def split_terms(text: str) -> Iterator[str]:
    r"""Splits a filter at its commas.

    A comma inside a quoted value or inside the brackets of an any-of list does not split, nor does `\,`. A regular
    expression is raw: quotes and brackets mean nothing to this grammar there.

    Args:
        text: The filter, for example `label=~rest.*,tags=|[a,b]`.

    Yields:
        The terms, with surrounding white space removed.

    Raises:
        ArgumentError: A quote is not closed.
    """
    start = 0
    while True:
        end = _end_of_term(text, start)
        yield text[start:end].strip()
        if end == len(text):
            return
        start = end + 1


def _end_of_term(text: str, start: int) -> int:
    operator = _OPERATOR.search(text, start)
    if operator is None or "," in text[start : operator.start()]:
        return _end_of_word(text, start, ",")
    at = operator.end()
    if operator.group() == "=~":
        return _end_of_word(text, at, ",")
    at = _after_blanks(text, at)
    if operator.group() == "=" and text.startswith("|[", at):
        at += 2
        while at < len(text):
            at = _end_of_word(text, _end_of_quoted(text, _after_blanks(text, at)), ",]") + 1
            if text[at - 1 : at] == "]":
                break
    else:
        at = _end_of_quoted(text, at)
    return _end_of_word(text, min(at, len(text)), ",")


def _after_blanks(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _end_of_quoted(text: str, at: int) -> int:
    """Steps over a quoted value, if one starts here."""
    quote = text[at : at + 1]
    if not quote or quote not in "\"'":
        return at
    at += 1
    while text[at : at + 1] != quote:
        if at >= len(text):
            raise ArgumentError(f"filter {text!r}: the quote {quote} is not closed")
        at += 2 if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "'", "\\", ",") else 1
    return at + 1


def _end_of_word(text: str, at: int, ends: str) -> int:
    while at < len(text) and text[at] not in ends:
        at += 2 if text.startswith("\\,", at) else 1
    return at


def parse_term(text: str) -> Term:
    """Reads one term.

    Raises:
        ArgumentError: It has no operator, no key or no value.
    """
    operator = _OPERATOR.search(text)
    if operator is None:
        foreign = _WORD_OPERATOR.search(text)
        sign = foreign.group().strip().lower() if foreign else ""
        hint = f"there is no {sign!r}; write {WORDS[sign]}" if sign else 'write for example label="rest" or age>5'
        raise ArgumentError(
            rf"filter {text!r} has no operator (= != < <= > >= =~): {hint}, and \, for a comma that separates nothing"
        )
    key, value = text[: operator.start()].strip(), text[operator.end() :].strip()
    if not key:
        raise ArgumentError(f"filter {text!r} has no field name before {operator.group()!r}")
    if not value:
        raise ArgumentError(
            f'filter {text!r} has no value after {operator.group()!r}; write "" for an empty text or null for none'
        )
    return Term(key, operator.group(), value)


def parse_filter(text: str) -> list[Term]:
    """Reads a filter.

    Raises:
        ArgumentError: It is empty or cannot be read.
    """
    terms: list[Term] = []
    for term in split_terms(text):
        if not term:
            raise ArgumentError(f"filter {text!r} is empty or has an empty term between commas")
        terms.append(parse_term(term))
    return terms


def listed(value: str) -> list[str] | None:
    """The values of an any-of list such as `|[a,"b,c"]` as they are written, or None when it is no list."""
    if not value.startswith("|["):
        return None
    found: list[str] = []
    at = 2
    while at < len(value):
        end = _end_of_word(value, _end_of_quoted(value, _after_blanks(value, at)), ",]")
        found.append(value[at:end].strip())
        at = end + 1
        if value[end : end + 1] == "]":
            break
    return found
