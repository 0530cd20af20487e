"""Finding things by path: `group/project/subject/session/acquisition/files/name`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flywheel_async.errors import ArgumentError, MissingField
from flywheel_async.fields.base import Model

if TYPE_CHECKING:
    from flywheel_async.core import Core

M = TypeVar("M", bound=Model)

PathLike = str | Sequence[str]
"""A path: one text with `/` between its elements, or a list of elements, which may hold slashes themselves."""


@dataclass(frozen=True)
class Resolved(Mapping[str, list[M]]):
    """What a path leads to; its attributes are items too, as in `resolved["path"]`.

    Attributes:
        path: One object per element of the path.
        children: What lies below the last one.
    """

    path: list[M]
    children: list[M]

    def __getitem__(self, key: str) -> list[M]:
        if key == "path":
            return self.path
        if key == "children":
            return self.children
        raise MissingField(f"Resolved has no member {key!r}; it has path and children")

    def __iter__(self) -> Iterator[str]:
        return iter(("path", "children"))

    def __len__(self) -> int:
        return 2

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Returns plain Python data; objects become dictionaries."""
        return {name: [node.to_dict() for node in nodes] for name, nodes in self.items()}


def elements(path: object) -> list[str]:
    """Splits a path into its elements.

    Raises:
        ArgumentError: It is neither text nor a list of texts, or an element is empty.
    """
    if isinstance(path, str):
        text = path.strip("/")
        parts: list[object] = list(text.split("/")) if text else []
    elif isinstance(path, Sequence) and not isinstance(path, (bytes, bytearray)):
        parts = list(cast("Sequence[object]", path))
    else:
        raise ArgumentError(f"path must be text such as 'group/project' or a list, not {type(path).__name__}")
    for part in parts:
        if not isinstance(part, str) or not part:
            raise ArgumentError(f"path: every element must be a non-empty text, not {part!r}")
    return cast("list[str]", parts)


class Paths:
    """Looks paths up, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def lookup(self, path: PathLike) -> Model:
        """Gets what a path leads to."""
        parts = elements(path)
        if not parts:
            raise ArgumentError("path is empty; write for example 'group/project/subject'")
        response = await self._core._call("lookup_path", body={"path": parts})
        return self._core._node(response.json(), response)

    async def resolve(self, path: PathLike) -> Resolved[Model]:
        """Gets every object on a path and what lies below it."""
        response = await self._core._call("resolve_path", body={"path": elements(path)})
        answer = response.json()
        if not isinstance(answer, dict):
            raise response.unexpected("a resolved path")
        members = cast("dict[str, object]", answer)

        def nodes(name: str) -> list[Model]:
            found = members.get(name)
            if not isinstance(found, list):
                raise response.unexpected("a resolved path")
            return [self._core._node(node, response) for node in cast("list[object]", found)]

        return Resolved(nodes("path"), nodes("children"))
