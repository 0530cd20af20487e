"""The fields that searches can name, and their types: those every level has, and those found in the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flywheel_async.emulator.access import visible
from flywheel_async.emulator.query.terms import Path
from flywheel_async.emulator.search.documents import DOCUMENTS, LEVELS, PARENT
from flywheel_async.emulator.search.execution import time_limit

if TYPE_CHECKING:
    import sqlite3

    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.database import Tx

MAX_NAMES: Final = 1000
"""Most names of one object in the data that are looked at."""

_ANY = {"_id": "string", "created": "date", "modified": "date", "tags": "array"}
_CONTAINER = {**_ANY, "label": "string", "info": "object", "notes": "array"}
_TEXTS = dict.fromkeys
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "group": {**_ANY, "label": "string"},
    "project": {**_CONTAINER, "description": "string"},
    "subject": {
        **_CONTAINER,
        **_TEXTS(("code", "firstname", "lastname", "sex", "cohort", "mlset", "type", "race", "ethnicity"), "string"),
        **_TEXTS(("species", "strain", "master_code", "state"), "string"),
        "date_of_birth": "date",
    },
    "session": {
        **_CONTAINER,
        **_TEXTS(("uid", "operator", "timezone"), "string"),
        "timestamp": "date",
        "age": "integer",
        "weight": "float",
    },
    "acquisition": {**_CONTAINER, **_TEXTS(("uid", "timezone"), "string"), "timestamp": "date"},
    "analysis": {**_CONTAINER, "description": "string", "timestamp": "date"},
    "file": {
        **_ANY,
        **_TEXTS(("file_id", "name", "type", "mimetype", "modality", "hash"), "string"),
        **_TEXTS(("size", "version"), "integer"),
        **_TEXTS(("classification", "info", "origin"), "object"),
    },
    PARENT: {**_CONTAINER, "type": "string"},
}
"""What every level may have: name → type."""

_TYPES = {
    "text": "string",
    "integer": "integer",
    "real": "float",
    "true": "boolean",
    "false": "boolean",
    "object": "object",
    "array": "array",
}


def below(tx: Tx, caller: Caller, path: Path) -> dict[str, str]:
    """Returns the names directly below a field, with their types.

    Args:
        tx: The transaction.
        caller: Whose permissions decide which data is looked at.
        path: The field; empty for the levels.

    Raises:
        Problem: 422, it takes too long.
    """
    if not path:
        return dict.fromkeys((*LEVELS, PARENT), "object")
    known = FIELDS.get(path[0], {})
    if len(path) == 1:
        return dict(sorted(known.items()))
    rows = in_data(tx, caller, path, "k.key AS name, k.type AS type", "json_type(d.body, ?1) = 'object'", MAX_NAMES)
    return {row["name"]: _TYPES[row["type"]] for row in reversed(rows) if row["type"] in _TYPES}


def in_data(
    tx: Tx, caller: Caller, path: Path, wanted: str, condition: str, limit: int, *values: str
) -> list[sqlite3.Row]:
    """Returns what the documents of a level hold at a field, without repetitions.

    Args:
        tx: The transaction.
        caller: Whose permissions decide which documents are looked at.
        path: The field.
        wanted: The SQL columns wanted of `k`, a row per member or element of what is there.
        condition: An SQL condition; `?1` is the place of the field in `d.body`.
        limit: Most rows.
        values: The values of the condition's further question marks, from `?2` on.
    """
    document = DOCUMENTS.get(path[0])
    if document is None or any('"' in part for part in path):
        return []
    seen, seen_values = visible(caller, tx, path[0], "d")
    # Numbered question marks come first; the plain ones continue after the highest number.
    live = "d.current = 1" if document.table == "file" else f"d.kind = '{path[0]}' AND d.deleted IS NULL"
    place = "$" + "".join(f'."{part}"' for part in path[1:])
    with time_limit(tx):
        return tx.all(
            f"SELECT DISTINCT {wanted} FROM {document.table} d, json_each(d.body, ?1) k"
            f" WHERE {condition} AND {live} AND ({seen}) ORDER BY 1, 2 LIMIT {limit}",
            (place, *values, *seen_values),
        )
