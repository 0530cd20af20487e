"""Routes: declared by operation id with a permission rule, found on the raw path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.rules import Rule
from flywheel_async.raw.table import operations

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

Handler: TypeAlias = "Callable[[Call], object]"
H = TypeVar("H", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path.

    Attributes:
        operations: The operation ids it serves.
        method: The HTTP method.
        path: The path template below `/api`.
        rule: Who may use it.
        handler: Code that answers inside a transaction: with a JSON value, a `Reply`, or a `Streamed`.
        writes: Whether the handler changes data.
        takes_stream: Whether the request body is left to the `Streamed` that the handler returns.
        takes_ticket: Whether a ticket in the query does instead of a key.
        slow: Whether it may take long, and so runs in the threads that are kept for regular expressions.
    """

    operations: tuple[str, ...]
    method: str
    path: str
    rule: Rule
    handler: Handler
    writes: bool = False
    takes_stream: bool = False
    takes_ticket: bool = False
    slow: bool = False


class Routes:
    """A collection of routes that modules add to when they are imported."""

    def __init__(self) -> None:
        self.found: list[Route] = []

    def add(
        self,
        *operation_ids: str,
        rule: Rule,
        handler: Handler,
        writes: bool | None = None,
        takes_stream: bool = False,
        takes_ticket: bool = False,
        slow: bool = False,
    ) -> None:
        """Adds a route.

        Args:
            operation_ids: The operations it serves; all must have the same method and path.
            rule: Who may use it.
            handler: See `Route`.
            writes: Whether the handler changes data; by default everything but GET does.
            takes_stream: See `Route`.
            takes_ticket: See `Route`.
            slow: See `Route`.
        """
        table = operations()
        first = table[operation_ids[0]]
        for other in operation_ids[1:]:
            row = table[other]
            if (row.method, _shape(row.path)) != (first.method, _shape(first.path)):
                raise ValueError(f"{other} is on another route than {first.id}")
        changes = first.method != "GET" if writes is None else writes
        self.found.append(
            Route(operation_ids, first.method, first.path, rule, handler, changes, takes_stream, takes_ticket, slow)
        )

    def route(
        self, *operation_ids: str, rule: Rule, writes: bool | None = None, slow: bool = False
    ) -> Callable[[H], H]:
        """Declares the decorated function as the handler of a route; see `add`."""

        def declare(handler: H) -> H:
            self.add(*operation_ids, rule=rule, handler=handler, writes=writes, slow=slow)
            return handler

        return declare

    def add_path(
        self, method: str, path: str, *, rule: Rule, handler: Handler, writes: bool | None = None, slow: bool = False
    ) -> None:
        """Adds a route that is no operation of the API; see `add`."""
        changes = method != "GET" if writes is None else writes
        self.found.append(Route((), method, path, rule, handler, writes=changes, slow=slow))


def _shape(path: str) -> str:
    """Returns a path template without the names of its parameters."""
    return "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))


def id_param(operation_id: str) -> str:
    """Returns the name of an operation's first path parameter, which is the id of what it is about."""
    return operations()[operation_id].path_params[0].name


@dataclass(slots=True)
class _Branch:
    literals: dict[bytes, _Branch] = field(default_factory=dict[bytes, "_Branch"])
    parameter: _Branch | None = None
    routes: dict[str, Route] = field(default_factory=dict[str, Route])


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request, with its decoded path parameters."""

    route: Route
    params: Mapping[str, str]


class Router:
    """Finds routes. Literal segments beat parameters; segments are decoded only after matching.

    Args:
        routes: What is served.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._root = _Branch()
        served: set[tuple[str, str]] = set()
        for route in routes:
            self._branch(route.path).routes[route.method] = route
            served.add((route.method, _shape(route.path)))
        self._missing: dict[tuple[str, str], list[str]] = {}
        for operation in operations().values():
            shape = (operation.method, _shape(operation.path))
            if shape not in served:
                self._missing.setdefault(shape, []).append(operation.id)
                self._branch(operation.path)

    def _branch(self, path: str) -> _Branch:
        branch = self._root
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                branch.parameter = branch.parameter or _Branch()
                branch = branch.parameter
            else:
                branch = branch.literals.setdefault(segment.encode(), _Branch())
        return branch

    def find(self, method: str, raw_path: bytes) -> Match:
        """Finds the route of a request.

        Args:
            method: The HTTP method.
            raw_path: The path as sent.

        Raises:
            Problem: 404 unknown path, 405 known path with another method, 501 an operation that is not served,
                400 a segment that is not percent-encoded UTF-8.
        """
        segments = raw_path.split(b"/")
        if len(segments) < 3 or segments[0] or segments[1] != b"api":
            raise Problem(404, "there is nothing at this path")
        leaves: list[tuple[_Branch, str]] = []
        _collect(self._root, segments[2:], "", leaves)
        allowed: set[str] = set()
        for branch, shape in leaves:
            route = branch.routes.get(method)
            if route is not None:
                return Match(route, _params(route.path, segments[2:]))
            missing = self._missing.get((method, shape))
            if missing is not None:
                raise Problem(501, f"the emulator does not have {', '.join(missing)} yet")
            allowed.update(branch.routes)
            allowed.update(known for known, path in self._missing if path == shape)
        if allowed:
            names = ", ".join(sorted(allowed))
            raise Problem(405, f"this path takes {names}, not {method}", headers=[("allow", names)])
        raise Problem(404, "there is nothing at this path")


def _collect(branch: _Branch, segments: Sequence[bytes], shape: str, leaves: list[tuple[_Branch, str]]) -> None:
    """Collects every branch the segments lead to, best match first."""
    if not segments:
        leaves.append((branch, shape))
        return
    head, rest = segments[0], segments[1:]
    literal = branch.literals.get(head)
    if literal is not None:
        _collect(literal, rest, f"{shape}/{head.decode()}", leaves)
    if branch.parameter is not None and head:
        _collect(branch.parameter, rest, f"{shape}/{{}}", leaves)


def _params(path: str, segments: Sequence[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, raw in zip(path.strip("/").split("/"), segments, strict=True):
        if not name.startswith("{"):
            continue
        try:
            value = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise Problem(400, "a path segment is not percent-encoded UTF-8") from None
        if "\0" in value:
            raise Problem(400, "a path segment holds a NUL character")
        found[name[1:-1]] = value
    return found
