"""The operation table: every operation of the API as data, loaded on first use."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

from flywheel_async.errors import ArgumentError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Param:
    """One path, query, header or form parameter of an operation.

    Attributes:
        name: The name on the wire.
        python_name: The name of the keyword argument.
        type: Its type in the table's notation, for example `list[str]`.
        required: Whether a call must give it.
        default: What the site assumes when it is left out, or None.
        collection_format: `csv` for lists sent as one comma separated value, else None.
        client_sends: The value sent when the caller leaves it out, or None to send nothing.
    """

    name: str
    python_name: str
    type: str
    required: bool
    default: object = None
    collection_format: str | None = None
    client_sends: object = None

    @classmethod
    def from_row(cls, row: Row) -> Param:
        """Builds a parameter from its table row."""
        return cls(
            row["name"],
            row["python_name"],
            row["type"],
            row["required"],
            row.get("default"),
            row.get("collection_format"),
            row.get("client_sends"),
        )


@dataclass(frozen=True, slots=True)
class Body:
    """The request body of an operation: its type in the table's notation and whether it must be given."""

    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    Attributes:
        id: Its name, for example `get_project`.
        tag: The family it belongs to, for example `projects`.
        method: The HTTP method.
        path: The path template below `/api`, for example `/projects/{project_id}`.
        path_params: The parameters of the path.
        query_params: The parameters of the query.
        header_params: The parameters sent as headers.
        form_params: The parameters of a multipart form.
        body: The JSON body, or None.
        returns: The type of the answer in the table's notation, or None.
        accept: The media types it answers with.
        content_types: The media types of its body.
        positional: Names of the arguments that may be given by position, in order.
        streams: Whether the answer is a stream of bytes.
        retry: `safe` when sending it twice is the same as sending it once, else `never`.
        owner: Letter of the plan's part that brings it to the emulator, or `later`.
    """

    id: str
    tag: str
    method: str
    path: str
    path_params: tuple[Param, ...]
    query_params: tuple[Param, ...]
    header_params: tuple[Param, ...]
    form_params: tuple[Param, ...]
    body: Body | None
    returns: str | None
    accept: tuple[str, ...]
    content_types: tuple[str, ...]
    positional: tuple[str, ...]
    streams: bool
    retry: Literal["safe", "never"]
    owner: str

    @classmethod
    def from_row(cls, row: Row) -> Operation:
        """Builds an operation from its table row."""

        def params(kind: str) -> tuple[Param, ...]:
            return tuple(Param.from_row(item) for item in row.get(kind, ()))

        body = row["body"]
        return cls(
            row["id"],
            row["tag"],
            row["method"],
            row["path"],
            params("path_params"),
            params("query_params"),
            params("header_params"),
            params("form_params"),
            Body(body["type"], body["required"]) if body else None,
            row["returns"],
            tuple(row["accept"]),
            tuple(row.get("content_types", ())),
            tuple(row["positional"]),
            row.get("streams", False),
            row["retry"],
            row["owner"],
        )


class _Table(Mapping[str, Operation]):
    """Operations by id; a row becomes an `Operation` when it is first asked for."""

    def __init__(self, rows: Row) -> None:
        self._rows = rows
        self._built: dict[str, Operation] = {}

    def __getitem__(self, key: str) -> Operation:
        found = self._built.get(key)
        if found is None:
            found = self._built[key] = Operation.from_row(self._rows[key])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@cache
def _packed() -> Row:
    return cast(Row, json.loads(resources.files("flywheel_async.raw").joinpath("operations.json").read_bytes()))


@cache
def operations() -> Mapping[str, Operation]:
    """Returns every operation by id; the table is read from the package on the first call."""
    return _Table(_packed()["operations"])


@cache
def derived() -> Mapping[str, Row]:
    """Returns the names that the official client builds on top of operations, with what they call."""
    return {row["name"]: row for row in _packed()["derived"]}


def operation(name: str) -> Operation:
    """Returns one operation.

    Args:
        name: The operation id.

    Raises:
        ArgumentError: There is no such operation; the message names the nearest one.
    """
    table = operations()
    try:
        return table[name]
    except KeyError:
        near = difflib.get_close_matches(name, table, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"there is no operation {name!r}{hint}") from None
