"""What a search is asked for, as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TypeAlias, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.expressions import Expression
from flywheel_async.fields.base import Model
from flywheel_async.search.hits import RETURN_TYPES
from flywheel_async.search.writing import write

SearchQuery: TypeAlias = str | Expression | Mapping[str, object] | Model
"""A query as text, as an expression (`q.session.label == "x"`), or with all its options (`{"structured_query": …,
"return_type": …}`); also a search that was saved."""

DEFAULT_SIZE = 100
"""Hits of one search at most, unless the caller asks for another number."""

MOST_HITS = 10_000
"""Hits that a site gives in one answer at most."""


def body(
    query: object, return_type: object = None, all_data: bool | None = None, zone: tzinfo | None = None
) -> dict[str, object]:
    """Builds the body of a search.

    Args:
        query: See `SearchQuery`; a `structured_query` in a mapping may be an expression too.
        return_type: What to search for; None takes the mapping's, else files.
        all_data: Whether to search what the user has no permissions on too (site admins); None takes the mapping's.
        zone: The time zone of date-times without one; None refuses them.

    Returns:
        A new mapping, which always has a `return_type`.

    Raises:
        ArgumentError: The query is of no such kind, empty, or asks for something that cannot be found.
    """
    made: dict[str, object] = {}
    if isinstance(query, Model) and isinstance(saved := cast("object", query.get("search")), (Model, Mapping)):
        query = cast("object", saved)
    if isinstance(query, (str, Expression)):
        made["structured_query"] = query
    elif isinstance(query, Model):
        made.update({key: value for key, value in query.items() if value is not None})
    elif isinstance(query, Mapping):
        made.update(cast("Mapping[str, object]", query))
    else:
        raise ArgumentError(
            "query must be a text in the query language, an expression such as q.session.label == 'x', or a mapping "
            f"such as {{'structured_query': …, 'return_type': …}}, not {type(query).__name__}"
        )
    structured = made.get("structured_query")
    if isinstance(structured, Expression):
        made["structured_query"] = write(structured, zone)
    elif structured is not None and (not isinstance(structured, str) or not structured.strip()):
        raise ArgumentError(f"query: structured_query must be a text that is not empty, not {structured!r}")
    if return_type is not None:
        made["return_type"] = return_type
    made.setdefault("return_type", "file")
    if made["return_type"] not in RETURN_TYPES:
        kinds = ", ".join(RETURN_TYPES)
        raise ArgumentError(f"return_type must be one of {kinds}, not {made['return_type']!r}")
    if all_data is not None:
        made["all_data"] = all_data
    return made


def text(query: object, zone: tzinfo | None = None) -> str:
    """Writes a query as text that a site is to look at, whether it is right or not.

    Args:
        query: See `SearchQuery`.
        zone: The time zone of date-times without one; None refuses them.

    Raises:
        ArgumentError: There is no text in it.
    """
    if isinstance(query, str):
        return query
    found = body(query, zone=zone).get("structured_query")
    if not isinstance(found, str):
        raise ArgumentError("query: there is no structured_query in it")
    return found


def check_size(size: object, name: str = "size") -> int:
    """Refuses a number of hits that no site answers with.

    Raises:
        ArgumentError: It is no whole number from 1 to 10,000.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_HITS:
        raise ArgumentError(
            f"{name} must be a whole number from 1 to {MOST_HITS}, not {size!r}; iter_search gives hits without an end"
        )
    return size
