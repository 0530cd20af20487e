"""The grammar of finder filters, without I/O: terms joined by commas, each `key OPERATOR value`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flywheel_async.errors import ArgumentError

OPERATORS = ("!=", "<=", ">=", "=~", "=", "<", ">")
"""Every operator, longer ones first so that `<=` is never read as `<`."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a filter, as written: `label`, `=`, `"anx_s1"`."""

    key: str
    operator: str
    value: str


def split_terms(text: str) -> Iterator[str]:
    """Splits a filter at its commas.

    A comma inside quotes or inside the brackets of an any-of list does not split, nor does one after a backslash.

    Args:
        text: The filter, for example `label=~rest.*,tags=|[a,b]`.

    Yields:
        The terms, with surrounding white space removed.
    """
    start, quote, depth, i = 0, "", 0, 0
    while i < len(text):
        char = text[i]
        if char == "\\":
            i += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and text[start:i].rstrip()[-1:] in tuple("=<>,["):
            quote = char  # a quote opens a literal only where a value starts; regular expressions are raw
        elif char == "[" and (depth or text[start:i].rstrip().endswith("|")):
            depth += 1
        elif char == "]" and depth:
            depth -= 1
        elif char == "," and not depth:
            yield text[start:i].strip()
            start = i + 1
        i += 1
    if quote:
        raise ArgumentError(f"filter {text!r}: the quote {quote} is not closed")
    yield text[start:].strip()


def parse_term(text: str) -> Term:
    """Reads one term.

    Raises:
        ArgumentError: It has no operator, no key or no value.
    """
    position = min((i for i in (text.find(op[0]) for op in OPERATORS) if i >= 0), default=-1)
    operator = next((op for op in OPERATORS if position >= 0 and text.startswith(op, position)), None)
    if operator is None:
        raise ArgumentError(
            f'filter {text!r} has no operator; write for example label="rest" or created>2024-01-31, '
            r"and \, for a comma that separates nothing"
        )
    key, value = text[:position].strip(), text[position + len(operator) :].strip()
    if not key:
        raise ArgumentError(f"filter {text!r} has no field name before {operator!r}")
    if not value:
        raise ArgumentError(
            f'filter {text!r} has no value after {operator!r}; write "" for an empty text or null for none'
        )
    return Term(key, operator, value)


def join_filters(filters: Sequence[object], keyword: object = None) -> str | None:
    """Checks finder filters and joins them into the text of the query.

    Args:
        filters: The positional filters of a finder call.
        keyword: The `filter=` keyword of the same call, or None.

    Returns:
        All terms joined by commas, or None when there is no filter.

    Raises:
        ArgumentError: One of them is not a string or cannot be read; nothing has been sent.
    """
    texts: list[str] = []
    for item in (*filters, *([] if keyword is None else [keyword])):
        if not isinstance(item, str):
            raise ArgumentError(f"a filter must be a string such as 'label=rest', not {type(item).__name__}")
        for term in split_terms(item):
            if not term:
                raise ArgumentError(f"filter {item!r} is empty or has an empty term between commas")
            parse_term(term)
        texts.append(item)
    return ",".join(texts) or None
