"""Query text to tree.

The grammar is one pass without look-back, so that no text takes long: deep nesting and long texts are refused first.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Protocol, cast

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.regexes import MAX_PATTERN, compiled
from flywheel_async.emulator.query.terms import Bool, Path, Text
from flywheel_async.emulator.search.tree import (
    Contains,
    Exists,
    Is,
    Like,
    Matches,
    Not,
    OneOf,
    Order,
    Query,
    Value,
    both,
    either,
    terms,
)
from flywheel_async.emulator.search.words import typed, unquote

MAX_LENGTH = 512 * 1024
"""Longest query text, in characters."""

MAX_DEPTH = 30
"""Most parentheses inside each other."""

MAX_TERMS = 400
MAX_VALUES = 10_000
"""Most values in lists."""

MAX_PATH = 20
"""Most parts of a field name."""

# Only a whole run of characters is an operator or keyword: `a=b` is one word.
_GRAMMAR = r"""
start: either
either: both (_OR both)*
both: _part (_AND _part)*
_part: negated | _positive
negated: _NOT _positive
_positive: "(" either ")" | is_ | one_of | exists
is_: field COMPARISON value
one_of: field _IN "[" value ("," value)* "]"
exists: field _EXISTS
field: WORD | QUOTED
value: WORD | QUOTED

_AND.2: /(AND|and)(?![^\s'"\[\](),])/
_OR.2: /(OR|or)(?![^\s'"\[\](),])/
_NOT.2: /(NOT|not)(?![^\s'"\[\](),])/
_IN.2: /(IN|in)(?![^\s'"\[\](),])/
_EXISTS.2: /(EXISTS|exists)(?![^\s'"\[\](),])/
COMPARISON.2: /(==|=~|!=|!~|<>|<=|>=|=|<|>|LIKE|like|CONTAINS|contains)(?![^\s'"\[\](),])/
WORD: /[^\s'"\[\](),]+/
QUOTED: /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/
%ignore /\s+/
"""
# A text that is not closed reaches to the end: looking for another start in it would take long.
_PIECES = re.compile(r'"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|[()\[\]]|[^\s\'"\[\](),]+')
_PIECES_OF_TERM = 5
"""How many words a term takes at most, NOT and AND or OR included."""
_GLUED = re.compile(r"\w[=<>~!]|[=<>~!]\w")
_LEAST_PIECE = 2


class QueryError(ValueError):
    """A query text that cannot be used.

    Args:
        message: What is wrong, for a person.
        text: The query text.
        offset: Where, in characters from 0.

    Attributes:
        line: The line of the mistake, from 1.
        pos: Its place in the line, from 1.
    """

    def __init__(self, message: str, text: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.line = text.count("\n", 0, offset) + 1
        self.pos = offset - (text.rfind("\n", 0, offset) + 1) + 1


class Refused(Exception):
    """A token that the grammar allows and its meaning does not.

    Args:
        message: What is wrong, for a person.
        token: The token.
    """

    def __init__(self, message: str, token: Token) -> None:
        super().__init__(message)
        self.message = message
        self.offset = token.start_pos or 0


class _Reading(Protocol):
    """A text that is read step by step; the library's own class has no types."""

    def exhaust_lexer(self) -> list[Token]: ...
    def accepts(self) -> set[str]: ...


class _Parser(Protocol):
    """The parts of the parser that are used, with their types."""

    def parse(self, text: str) -> Query: ...
    def parse_interactive(self, text: str) -> _Reading: ...


def parse(text: str) -> Query:
    """Reads a query.

    Args:
        text: The query in the query language.

    Returns:
        What it asks for.

    Raises:
        QueryError: The text is no query, or goes beyond a limit.

    Example:
        >>> parse("project.label = Study AND NOT file.type IN [dicom, nifti]")
        And(parts=(Is(...), Not(part=OneOf(...))))
    """
    check_size(text)
    try:
        query = _parser().parse(text)
    except UnexpectedCharacters as error:
        offset = cast("int", error.pos_in_stream)
        raise QueryError(_stray(text[offset]), text, offset) from None
    except UnexpectedToken as error:
        reading = cast("_Reading", error.interactive_parser)
        raise _unexpected(cast("Token", error.token), _wanted(reading.accepts()), text) from None
    except Refused as refused:
        raise QueryError(refused.message, text, refused.offset) from None
    if sum(1 for _ in terms(query)) > MAX_TERMS:
        raise QueryError(f"the query has more than {MAX_TERMS} terms", text, 0)
    return query


def begin(text: str) -> tuple[list[Token], set[str]]:
    """Reads the beginning of a query.

    Args:
        text: The text, which may end anywhere between two words.

    Returns:
        Its tokens, and the names of the tokens that may come next.

    Raises:
        LarkError, QueryError, Refused: No query begins like this.
    """
    check_size(text)
    reading = _parser().parse_interactive(text)
    return reading.exhaust_lexer(), reading.accepts()


@cache
def _parser() -> _Parser:
    """Returns the parser, made on first use."""
    return cast("_Parser", Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_Build()))


def check_size(text: str) -> None:
    """Refuses texts that are too long or too deep before they are parsed, which takes longer.

    Raises:
        QueryError: It is one of these.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH} characters", text, MAX_LENGTH)
    depth = words = values = 0
    in_list = False
    for found in _PIECES.finditer(text):
        piece = found.group()
        if piece in "()":
            depth += 1 if piece == "(" else -1
        elif piece in "[]":
            if in_list is (piece == "["):
                return  # the parser stops here
            in_list = not in_list
        elif in_list:
            values += 1
        else:
            words += 1
        if depth < 0:
            return  # the parser stops here
        if depth > MAX_DEPTH:
            raise QueryError(f"more than {MAX_DEPTH} parentheses inside each other", text, found.start())
        if words > MAX_TERMS * _PIECES_OF_TERM:
            raise QueryError(f"the query has more than {MAX_TERMS} terms", text, found.start())
        if values > MAX_VALUES:
            raise QueryError(f"lists hold more than {MAX_VALUES} values", text, found.start())


def _stray(character: str) -> str:
    if character == '"':
        return "this quoted text is not closed"
    if character == "'":
        return "single quotes are not quotes: use double ones"
    return f"{character!r} cannot stand here"


def _unexpected(found: Token, wanted: str, text: str) -> QueryError:
    at_end = found.type == "$END"
    offset = len(text) if at_end else found.start_pos or 0
    words = text[:offset].split()[-1:] + ([] if at_end else [str(found)])
    hint = "; put spaces around operators" if any(_GLUED.search(word) for word in words) else ""
    if at_end:
        return QueryError(f"the query ends where {wanted} should follow{hint}", text, offset)
    return QueryError(f"{wanted} should be here, not {str(found)[:50]!r}{hint}", text, offset)


def _wanted(accepted: set[str]) -> str:
    """Describes the tokens that the grammar takes at a place."""
    if "COMPARISON" in accepted:
        return "an operator (= != < <= > >= =~ !~ LIKE CONTAINS IN EXISTS)"
    if "RPAR" in accepted:
        return "AND, OR or )"
    if "$END" in accepted:
        return "AND, OR or the end"
    if "COMMA" in accepted:
        return ", or ]"
    if "LSQB" in accepted:
        return "a list in [ ]"
    return "a term, NOT or (" if "_NOT" in accepted else "a term or (" if "LPAR" in accepted else "a value"


def _raw(token: Token) -> str:
    return unquote(token) if token.type == "QUOTED" else str(token)


def _value(token: Token) -> Value:
    return Text(unquote(token)) if token.type == "QUOTED" else typed(str(token))


def _path(token: Token) -> Path:
    path = tuple(_raw(token).split("."))
    if not all(path) or len(path) > MAX_PATH:
        raise Refused(f"{_raw(token)[:50]!r} is not a field", token)
    return path


class _Build(Transformer[Token, Query]):
    """Builds the tree while the text is read."""

    def start(self, children: list[Query]) -> Query:
        return children[0]

    def either(self, children: list[Query]) -> Query:
        return either(children)

    def both(self, children: list[Query]) -> Query:
        return both(children)

    def negated(self, children: list[Query]) -> Query:
        return Not(children[0])

    def field(self, children: list[Token]) -> Token:
        return children[0]

    def value(self, children: list[Token]) -> Token:
        return children[0]

    def exists(self, children: list[Token]) -> Query:
        return Exists(_path(children[0]))

    def one_of(self, children: list[Token]) -> Query:
        field, *values = children
        return OneOf(_path(field), tuple(_value(value) for value in values))

    def is_(self, children: list[Token]) -> Query:
        field, operator, value = children
        path = _path(field)
        match operator.upper():
            case "=~":
                return Matches(path, _pattern(value))
            case "!~":
                return Not(Matches(path, _pattern(value)))
            case "LIKE":
                return Like(path, _wild(value))
            case "CONTAINS":
                return Contains(path, _piece(value))
            case "=" | "==":
                return Is(path, "=", _value(value))
            case "!=" | "<>":
                return Not(Is(path, "=", _value(value)))
            case _:
                return Is(path, cast("Order", str(operator)), _ordered(operator, value))


def _ordered(operator: Token, token: Token) -> Value:
    value = _value(token)
    if isinstance(value, Bool):
        raise Refused(f"{operator} takes a number, a date or a text", token)
    return value


def _piece(token: Token) -> str:
    piece = _raw(token)
    if len(piece) < _LEAST_PIECE:
        raise Refused(f"CONTAINS takes a text of at least {_LEAST_PIECE} characters", token)
    return piece


def _pattern(token: Token) -> str:
    pattern = _raw(token)
    try:
        compiled(pattern)
    except Problem as problem:
        raise Refused(problem.message, token) from None
    return pattern


def _wild(token: Token) -> str:
    pattern = _raw(token)
    if len(pattern) > MAX_PATTERN:
        raise Refused(f"the pattern is longer than {MAX_PATTERN} characters", token)
    return pattern
