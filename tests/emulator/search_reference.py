"""What searches mean, in plain Python over descriptions of things: the measure for the emulator's SQL."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.emulator.search_site import EPOCH, Thing

from flywheel_async.emulator.query.terms import Bool, Number, Text
from flywheel_async.emulator.search.tree import And, Contains, Exists, Is, Like, Matches, Moment, Not, OneOf, Or, Query

SEARCHED = ("project", "subject", "session", "acquisition", "analysis", "file")
Document = dict[str, Any]


def document(thing: Thing) -> Document:
    """The flat document of a thing: its own fields and those of everything it is in."""
    found: Document = {above.kind: above.fields for above in thing.chain() if above.kind != "collection"}
    if thing.parent is not None and thing.parent.kind != "group":
        found["parent"] = {**thing.parent.fields, "type": thing.parent.kind}
        found["parent"].pop("code", None)
    return found


def search(things: Iterable[Thing], query: Query, kind: str, seen: set[str] | None) -> list[str]:
    """The ids of what a search finds, in order.

    Args:
        things: Everything there is.
        query: What to find.
        kind: What to return.
        seen: The ids of the projects and collections that the caller sees, or None for all.
    """
    found: dict[str, Thing] = {}
    for thing in things:
        owner = thing.above("project") or thing.above("collection")
        if thing.kind not in SEARCHED or (seen is not None and (owner is None or owner.id not in seen)):
            continue
        wanted = thing.above(kind)
        if wanted is not None and holds(query, document(thing)):
            found[wanted.id] = wanted
    return [thing.id for thing in sorted(found.values(), key=lambda thing: (thing.fields["created"], thing.id))]


def holds(query: Query, doc: Document) -> bool:
    """Whether a query holds for a document."""
    match query:
        case And(parts):
            return all(holds(part, doc) for part in parts)
        case Or(parts):
            return any(holds(part, doc) for part in parts)
        case Not(part):
            return not holds(part, doc)
        case Is(field, op, value):
            return any(_compare(found, op, value) for found in values(doc, field))
        case OneOf(field, wanted):
            return any(_compare(found, "=", value) for found in values(doc, field) for value in wanted)
        case Matches(field, pattern):
            return any(re.fullmatch(pattern, found) for found in texts(doc, field))
        case Like(field, pattern):
            glob = pattern.replace("[", "[[]").replace("_", "?").replace("%", "*")
            return any(fnmatch.fnmatchcase(found, glob) for found in texts(doc, field))
        case Contains(field, piece):
            return any(piece.casefold() in found.casefold() for found in texts(doc, field))
        case Exists(field):
            return any(found not in (None, "", {}) and not isinstance(found, list) for found in values(doc, field))


def values(doc: Document, path: tuple[str, ...]) -> Iterator[Any]:
    """What a field leads to, through lists and into the lists at its end."""
    level: list[Any] = [doc]
    for part in path:
        inside = [item for found in level for item in (found if isinstance(found, list) else [found])]
        level = [item[part] for item in inside if isinstance(item, dict) and part in item]
    for found in level:
        yield from elements(found)


def elements(found: Any) -> Iterator[Any]:
    """A value, and what is in it when it is a list."""
    yield found
    if isinstance(found, list):
        for item in found:
            yield from elements(item)


def texts(doc: Document, path: tuple[str, ...]) -> Iterator[str]:
    """The texts that a field leads to."""
    return (found for found in values(doc, path) if isinstance(found, str))


def _compare(found: Any, op: str, value: Text | Number | Bool | Moment) -> bool:
    wanted: Any
    if isinstance(value, Moment):
        wanted = EPOCH + timedelta(microseconds=value.microseconds)
        found = _moment(found)
        if found is None:
            return False
    else:
        wanted = value.value
        kinds = {Text: (str,), Number: (int, float), Bool: (bool,)}[type(value)]
        if not isinstance(found, kinds) or (isinstance(value, Number) and isinstance(found, bool)):
            return False
    compared = (found > wanted) - (found < wanted)
    return {"=": compared == 0, "<": compared < 0, "<=": compared <= 0, ">": compared > 0, ">=": compared >= 0}[op]


def _moment(found: Any) -> datetime | None:
    if isinstance(found, str) and re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d.*)?", found):
        found = datetime.fromisoformat(found)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found if isinstance(found, datetime) else None
