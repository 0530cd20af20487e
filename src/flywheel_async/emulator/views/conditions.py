"""Testing a value against a condition of the finder grammar; numbers and dates are read from texts where needed."""

from __future__ import annotations

from datetime import datetime

from flywheel_async.emulator import times
from flywheel_async.emulator.query.regexes import compiled
from flywheel_async.emulator.query.terms import (
    AnyOf,
    Bool,
    Comparison,
    Condition,
    Instant,
    Null,
    Number,
    Operand,
    Search,
    Text,
)
from flywheel_async.emulator.views.matching import TimeBudget
from flywheel_async.emulator.views.values import convert, number
from flywheel_async.emulator.wire import Json


def holds(condition: Condition, value: Json, budget: TimeBudget) -> bool:
    """Tells whether a value fulfils a condition; of a list any element may."""
    values = value if isinstance(value, list) and value else [value]
    if isinstance(condition, Search):
        pattern = compiled(condition.pattern)
        return any(isinstance(item, str) and budget.holds(pattern, item, anywhere=True) for item in values)
    if isinstance(condition, AnyOf):
        return any(_compare("=", item, operand) for item in values for operand in condition.operands)
    if condition.op == "!=":
        return not any(_compare("=", item, condition.operand) for item in values)
    return any(_compare(condition.op, item, condition.operand) for item in values)


def _compare(op: Comparison, value: Json, operand: Operand) -> bool:
    match operand:
        case Null():
            return value is None
        case Bool(wanted):
            return value is wanted or value == str(wanted).lower()
        case Text(wanted):
            found = None if value is None else convert(value, "string")
            return isinstance(found, str) and _ordered(op, (found > wanted) - (found < wanted))
        case Number(wanted):
            found = None if isinstance(value, bool) else number(value)
            return found is not None and _ordered(op, (found > wanted) - (found < wanted))
        case Instant(wanted):
            found = _instant(value)
            return found is not None and _ordered(op, (found > wanted) - (found < wanted))


def _ordered(op: Comparison, sign: int) -> bool:
    if op == "=":
        return sign == 0
    return sign < 0 if op == "<" else sign > 0 if op == ">" else sign <= 0 if op == "<=" else sign >= 0


def _instant(value: Json) -> int | None:
    if not isinstance(value, str) or len(value) < len("2020-01-01") or not value[:4].isdigit():
        return None
    try:
        return times.to_ms(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None
