"""How a query text may go on: fields, operators, values from the data, or words that join terms."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lark import Token
from lark.exceptions import LarkError

from flywheel_async.emulator.access import visible
from flywheel_async.emulator.query.terms import Path
from flywheel_async.emulator.search import mapped
from flywheel_async.emulator.search.documents import DOCUMENTS, columns
from flywheel_async.emulator.search.execution import time_limit
from flywheel_async.emulator.search.grammar import QueryError, Refused, begin
from flywheel_async.emulator.search.words import OPERATORS, unquote, write_field, write_text
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.database import Tx

MOST = 100
"""Most suggestions of one answer."""

_PIECES = re.compile(r'"[^"\\]*(?:\\[\s\S][^"\\]*)*(?P<closed>")?|[\[\](),\']|[^\s\'"\[\](),]+')
_AFTER_FIELD = (*OPERATORS, "LIKE", "CONTAINS", "IN", "EXISTS")


def suggest(tx: Tx, caller: Caller, text: str) -> Doc:
    """Returns how a text may go on.

    Args:
        tx: The transaction.
        caller: Whose permissions decide which values and names are shown.
        text: What was typed so far.

    Returns:
        `from`, where a suggestion replaces the rest of the text, and `suggestions`; none when there is a mistake
        before that.
    """
    start = _last_piece(text)
    try:
        tokens, accepted = begin(text[:start])
    except (LarkError, QueryError, Refused):
        return {"from": len(text), "suggestions": []}
    typed = text[start:]
    typed = unquote(f'{typed}"') if typed.startswith('"') else typed
    return {"from": start, "suggestions": [*_continue(tx, caller, tokens, accepted, typed)][:MOST]}


def _last_piece(text: str) -> int:
    """Returns where the word or open quotes that the text ends in begin; its end when there is none."""
    last = next(iter(deque(_PIECES.finditer(text), maxlen=1)), None)
    if last is None or last.end() < len(text) or last["closed"] or last.group() in "[](),'":
        return len(text)
    return last.start()


def _continue(tx: Tx, caller: Caller, tokens: list[Token], accepted: set[str], typed: str) -> Iterable[Json]:
    if "COMPARISON" in accepted:
        return _words(_AFTER_FIELD, typed)
    if "RPAR" in accepted or "$END" in accepted:
        return _words(("AND", "OR", *([")"] if "RPAR" in accepted else [])), typed)
    if "COMMA" in accepted:
        return _words((",", "]"), typed)
    if "LSQB" in accepted:
        return _words(("[",), typed)
    if "LPAR" in accepted:
        return _fields(tx, caller, typed)
    return _values(tx, caller, _field_of(tokens), typed)


def _words(words: Iterable[str], typed: str) -> Iterable[Json]:
    return [{"display": word, "value": word} for word in words if word.startswith(typed.upper())]


def _fields(tx: Tx, caller: Caller, typed: str) -> Iterable[Json]:
    return [{"display": name, "value": write_field(name), "type": kind} for name, kind in names(tx, caller, typed)]


def names(tx: Tx, caller: Caller, typed: str) -> list[tuple[str, str]]:
    """Returns the fields whose names start with a text, whatever the case, with their types."""
    found = {f"{level}.{name}": kind for level, fields in mapped.FIELDS.items() for name, kind in fields.items()}
    path = tuple(typed.split("."))[:-1]
    if len(path) > 1 and all(path):
        found.update({".".join((*path, name)): kind for name, kind in mapped.below(tx, caller, path).items()})
    return [(name, kind) for name, kind in found.items() if name.lower().startswith(typed.lower())]


def _field_of(tokens: list[Token]) -> Path:
    """Returns the field that the value at the end belongs to."""
    operator = max(number for number, token in enumerate(tokens) if token.type in ("COMPARISON", "_IN"))
    name = tokens[operator - 1]
    return tuple((unquote(name) if name.type == "QUOTED" else str(name)).split("."))


def _values(tx: Tx, caller: Caller, field: Path, typed: str) -> Iterable[Json]:
    level, name = field[0], ".".join(field[1:])
    document = DOCUMENTS.get(level)
    column = columns(level, "d").get(name)
    if document is None or (column is not None and column.kind == "instant"):
        return []
    if column is None:
        rows = mapped.in_data(
            tx,
            caller,
            field,
            "CASE k.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE k.value END AS value, k.type AS type",
            "json_type(d.body, ?1) != 'object' AND k.type IN ('text', 'integer', 'real', 'true', 'false')"
            " AND lower(substr(k.value, 1, length(?2))) = lower(?2)",
            MOST,
            typed,
        )
    else:
        seen, values = visible(caller, tx, level, "d")
        live = "d.current = 1" if document.table == "file" else f"d.kind = '{level}' AND d.deleted IS NULL"
        with time_limit(tx):
            rows = tx.all(
                f"SELECT DISTINCT {column.sql} AS value, '{column.kind}' AS type FROM {document.table} d WHERE"
                f" {column.sql} IS NOT NULL AND lower(substr({column.sql}, 1, length(?1))) = lower(?1)"
                f" AND {live} AND ({seen}) ORDER BY 1 LIMIT {MOST}",
                (typed, *values),
            )
    return [_suggestion(row["value"], is_text=row["type"] == "text") for row in rows]


def _suggestion(value: object, *, is_text: bool) -> Json:
    shown = str(value)
    return {"display": shown, "value": write_text(shown) if is_text else shown}
