"""Walking through the operations that answer lists or pages, with the pager that the finders use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.pagination import DEFAULT_PAGE, AsyncPager, Page, Query, Walk, first_query
from flywheel_async.raw.caller import bind, with_totals
from flywheel_async.raw.decode import parse
from flywheel_async.raw.operation import unknown
from flywheel_async.raw.schemas import Field, members_of, parse_kind, schemas
from flywheel_async.raw.sending import prepare, send
from flywheel_async.raw.table import Operation, operations

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.transport.response import Response


@cache
def lists() -> frozenset[str]:
    """The ids of the operations that answer a list or a page and can go on after an object."""
    return frozenset(name for name, op in operations().items() if is_list(op))


def is_list(op: Operation) -> bool:
    """Whether an operation answers a list or a page, and can go on after the last object of one."""
    if all(param.name != "after_id" for param in op.query_params):
        return False
    kinds = members_of(parse_kind(op.returns or "object"))
    return _wrapped(op) is not None or any(
        kind.name == "list" or schemas().page_item(kind.name) is not None for kind in kinds
    )


def check_lists(owner: object, op: Operation) -> Operation:
    """Makes sure that an operation can be iterated over.

    Raises:
        AttributeError: It answers no list; the message names the nearest operation that does.
    """
    return op if is_list(op) else unknown(type(owner).__name__, op.id, lists())


def iterate(core: Core, op: Operation, values: Sequence[object], keywords: Mapping[str, object]) -> AsyncPager[Any]:
    """Starts a walk; no request is sent yet.

    Args:
        core: The client.
        op: An operation that lists something.
        values: Arguments by position.
        keywords: Arguments by name; `limit` is the number of objects per request.

    Raises:
        ArgumentError: An argument is unknown, missing, cannot be sent, or is chosen by the walk itself.
    """
    arguments = bind(op, values, keywords)
    limit = arguments.pop("limit", None)
    limit = DEFAULT_PAGE if limit is None else limit
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ArgumentError(f"{op.id}: limit must be a whole number of objects per request, 1 or more, not {limit!r}")
    skip = arguments.get("skip")
    if skip is not None and (isinstance(skip, bool) or not isinstance(skip, int) or skip < 0):
        raise ArgumentError(f"{op.id}: skip must be a whole number of objects, 0 or more, not {skip!r}")
    arguments = with_totals(op, arguments)  # so that the last page is known to be the last
    prepare(core, op, (), first_query(arguments, limit))

    wrapped = _wrapped(op)

    async def fetch(query: Query) -> Page[Any]:
        answer = await send(core, prepare(core, op, (), query))
        if wrapped is not None:
            return Page(_inner_list(core, op, wrapped, answer), _total(answer.json()))
        found: object = parse(core, op, answer)
        if isinstance(found, list):
            return Page(cast("list[object]", found), _total(answer.json()))
        results: object = getattr(found, "results", None)
        if not isinstance(results, list):
            raise answer.unexpected("a list")
        return Page(cast("list[object]", results), _total(found))

    return AsyncPager(Walk(fetch, arguments, limit))


def _wrapped(op: Operation) -> Field | None:
    """The one member of a model that holds nothing but a list, such as `jobs` of `JobsList`; else None."""
    for kind in members_of(parse_kind(op.returns or "object")):
        fields = schemas().fields(kind.name)
        if len(fields) == 1 and fields[0].type.startswith("list["):
            return fields[0]
    return None


def _inner_list(core: Core, op: Operation, wrapped: Field, answer: Response) -> list[object]:
    """The items of an answer that holds a list in a member, or of a page in its place."""
    value: object = answer.json()
    members = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    found = members.get("results", members.get(wrapped.wire))
    if not isinstance(found, list):
        raise answer.unexpected("a list")
    bare = replace(answer, content=json.dumps(found).encode())
    return cast("list[object]", parse(core, replace(op, returns=wrapped.type), bare))


def _total(answer: object) -> int | None:
    """How many objects the request matches in all, if the site states it."""
    total = cast("Mapping[str, object]", answer).get("total") if hasattr(answer, "get") else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None
