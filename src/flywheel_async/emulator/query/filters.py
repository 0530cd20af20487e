"""The filter grammar: `key OP value` terms joined by commas, all of which must hold.

Values: `"quoted"` or `'quoted'` texts, 24 hexadecimal digits (an id), numbers, ISO dates and date-times, `null`,
`true`, `false`, and otherwise words. Types count: `label=123` asks for the number, `label="123"` for the text.
`key=|[a,b]` is any of; `key=~pattern` takes everything up to the next comma as it stands. A backslash makes a
comma, a quote inside quotes, or a backslash inside quotes literal.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Never, cast

from flywheel_async.emulator import times
from flywheel_async.emulator.ids import is_object_id
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.terms import (
    AnyOf,
    Bool,
    Compare,
    Comparison,
    Condition,
    Instant,
    Null,
    Number,
    Operand,
    Path,
    Search,
    Text,
)

MAX_TERMS = 100
MAX_VALUES = 10_000
MAX_PATH = 20

_OPERATOR = re.compile(r"=~|!=|<=|>=|=|<|>")
_NUMBER = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_WORDS: dict[str, Operand] = {"null": Null(), "true": Bool(True), "false": Bool(False)}


def parse_filter(text: str) -> tuple[Condition, ...]:
    """Reads a filter.

    Args:
        text: The filter; empty or blank means no condition.

    Returns:
        The conditions, all of which must hold.

    Raises:
        Problem: 422, the filter does not follow the grammar; the message says where.
    """
    if not text.strip():
        return ()
    reader = _Reader(text)
    found = [reader.condition()]
    while reader.more():
        found.append(reader.condition())
        if len(found) > MAX_TERMS:
            reader.fail(f"more than {MAX_TERMS} terms")
    return tuple(found)


def parse_path(text: str, where: str) -> Path:
    """Splits a key at its dots.

    Args:
        text: The key.
        where: The query parameter it comes from, for the message.

    Raises:
        Problem: 422, the key is empty, has an empty part or too many parts.
    """
    path = tuple(text.strip().split("."))
    if not all(path) or len(path) > MAX_PATH:
        raise invalid(f"{text.strip()!r} is not a key", "query", where)
    return path


def parse_word(word: str) -> Operand:
    """Gives an unquoted value its type."""
    if word in _WORDS:
        return _WORDS[word]
    if is_object_id(word):
        return Text(word)
    if _NUMBER.fullmatch(word):
        return _number(word)
    if _DATE.fullmatch(word):
        try:
            return Instant(times.to_ms(datetime.fromisoformat(word)))
        except ValueError:
            return Text(word)
    return Text(word)


def _number(word: str) -> Number:
    if not word.lstrip("+-").isdigit():
        return Number(float(word))
    whole = int(word) if len(word) < 30 else float(word)
    # Whole numbers beyond 64 bits are kept as floating point by the database too.
    return Number(whole if -(2**63) <= whole < 2**63 else float(whole))


class _Reader:
    """Reads one filter from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def fail(self, why: str) -> Never:
        raise invalid(f"bad filter {self._text!r} near position {self._at}: {why}", "query", "filter")

    def more(self) -> bool:
        """Steps over the comma before the next term; false at the end."""
        self._skip_blanks()
        if self._at == len(self._text):
            return False
        if self._text[self._at] != ",":
            self.fail("a comma is missing after the value")
        self._at += 1
        return True

    def condition(self) -> Condition:
        start = self._at
        operator = _OPERATOR.search(self._text, start)
        if operator is None or "," in self._text[start : operator.start()]:
            term = self._text[start:].split(",")[0].strip()
            self.fail(f"{term!r} has no operator (= != < <= > >= =~)" if term else "an empty term")
        path = parse_path(self._text[start : operator.start()], "filter")
        self._at = operator.end()
        if operator.group() == "=~":
            return Search(path, self._bare(","))
        self._skip_blanks()
        if operator.group() == "=" and self._text.startswith("|[", self._at):
            return AnyOf(path, self._values())
        op = cast("Comparison", operator.group())
        operand = self._value(",")
        if op not in ("=", "!=") and isinstance(operand, Null | Bool):
            self.fail(f"{op} needs a number, a date or a text")
        return Compare(path, op, operand)

    def _values(self) -> tuple[Operand, ...]:
        self._at += len("|[")
        found: list[Operand] = []
        while True:
            self._skip_blanks()
            found.append(self._value(",]"))
            if len(found) > MAX_VALUES:
                self.fail(f"more than {MAX_VALUES} values")
            self._skip_blanks()
            end = self._text[self._at : self._at + 1]
            if end not in (",", "]"):
                self.fail("the list is not closed by ]")
            self._at += 1
            if end == "]":
                return tuple(found)

    def _value(self, ends: str) -> Operand:
        quote = self._text[self._at : self._at + 1]
        if quote and quote in "\"'":
            return Text(self._quoted(quote))
        return parse_word(self._bare(ends).strip())

    def _quoted(self, quote: str) -> str:
        self._at += 1
        found: list[str] = []
        while True:
            if self._at == len(self._text):
                self.fail(f"the quote {quote} is not closed")
            char = self._text[self._at]
            following = self._text[self._at + 1 : self._at + 2]
            if char == "\\" and following and following in "\"'\\,":
                found.append(following)
                self._at += 2
                continue
            self._at += 1
            if char == quote:
                return "".join(found)
            found.append(char)

    def _bare(self, ends: str) -> str:
        """Reads up to one of `ends` that has no backslash before it."""
        found: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\\" and self._text[self._at + 1 : self._at + 2] == ",":
                found.append(",")
                self._at += 2
                continue
            if char in ends:
                break
            found.append(char)
            self._at += 1
        value = "".join(found)
        if not value.strip():
            self.fail("the value after the operator is empty; an empty text is written as ''")
        return value

    def _skip_blanks(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
