"""The model table: every schema of the API as data, loaded on first use, and how its type notation is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, cast

_MIXIN = re.compile(r"(Group|Project|Subject|Session|Acquisition|Analysis|Collection|File)Mixin")
_HAND_SHAPED = {
    "AccessPermission": "AccessPermission",
    "AccessPermissionOutput": "AccessPermission",
    "AnalysisListOutputInflatedJob": "Analysis",
    "AnalysisOutputInflatedJob": "Analysis",
    "AuthSessionOutput": "AuthStatus",
    "ConfigOut": "SiteConfig",
    "CurrentUserOutput": "User",
    "EgressDevice": "Device",
    "FileVersionOutput": "FileVersionOutput",
    "ModalityOutput": "Modality",
    "Note": "Note",
    "ProjectCopyOutput": "ProjectCopyOutput",
    "RoleOutput": "Role",
    "RolePermissionOutput": "RolePermission",
    "User": "User",
    "Version": "Version",
    "ZipfileInfo": "ZipfileInfo",
}
BEHAVIOUR = frozenset(
    ("Acquisition", "Analysis", "Collection", "File", "Group", "Project", "Session", "Subject", "User")
)
"""Classes that exist per flavour, with methods; every other class that answers are read into is in `fields`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of the table, read from its notation.

    Attributes:
        name: `list`, `dict` or `union`, or the name of a schema or plain type.
        args: The type of the items of a list or of the values of a dict, or the members of a union.
    """

    name: str
    args: tuple[Kind, ...] = ()


@cache
def parse_kind(text: str) -> Kind:
    """Reads a type of the table, for example `dict(str, union[A,list[B]])`.

    Args:
        text: The type in the table's notation.
    """
    if text.startswith("list["):
        return Kind("list", (parse_kind(text[5:-1]),))
    if text.startswith("dict("):
        return Kind("dict", (parse_kind(text[5:-1].partition(", ")[2]),))
    if text.startswith("union["):
        return Kind("union", tuple(parse_kind(part) for part in _split(text[6:-1])))
    return Kind(text)


def _split(text: str) -> list[str]:
    """Splits at the commas that stand outside brackets."""
    parts, depth, start = list[str](), 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def members_of(kind: Kind) -> tuple[Kind, ...]:
    """The members of a union; any other type is its own only member."""
    return kind.args if kind.name == "union" else (kind,)


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a schema.

    Attributes:
        name: The name in Python.
        wire: The name on the wire.
        type: Its type in the table's notation.
        required: Whether a site always sends it.
        default: What the member is when the site leaves it out.
    """

    name: str
    wire: str
    type: str
    required: bool
    default: bool | int | float | str | None = None


class Schemas:
    """The model table.

    Attributes:
        rows: The row of every model by its name.
        enums: The members of every enumeration, Python name to value, by its name.
        aliases: Other names of models and enumerations.
    """

    def __init__(self, table: dict[str, Any]) -> None:
        self.rows: dict[str, dict[str, Any]] = {row["name"]: row for row in table["models"]}
        self.enums: dict[str, dict[str, str]] = {row["name"]: row["members"] for row in table["enums"]}
        self.aliases: dict[str, str] = table["aliases"]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name: of models, enumerations and aliases."""
        return frozenset((*self.rows, *self.enums, *self.aliases))

    def row(self, name: str) -> dict[str, Any]:
        """The row of a model, also by an alias; empty for anything else."""
        return self.rows.get(self.aliases.get(name, name), {})

    def base(self, name: str) -> str | None:
        """The model whose members a model takes over whole, or None when it has its own."""
        row = self.row(name)
        return cast("str", row["bases"][0]) if row.get("inherits_fields") else None

    def fields(self, name: str) -> tuple[Field, ...]:
        """The members of a model in the order of its constructor's arguments."""
        base = self.base(name)
        if base is not None:
            return self.fields(base)
        rows = self.row(name).get("fields", ())
        return tuple(Field(row["name"], row["wire"], row["type"], row["required"], row.get("default")) for row in rows)

    def unwrapped_member(self, name: str) -> str | None:
        """The one member that stands for the whole answer, such as the id of a new object; else None."""
        return cast("str | None", self.row(name).get("unwraps_to"))

    def scalar_member(self, name: str) -> str | None:
        """The member that a plain text stands for when given as the body, such as the `value` of a tag; else None."""
        return cast("str | None", self.row(name).get("positional_scalar_field"))

    def page_item(self, name: str) -> Kind | None:
        """The type of the items of a page such as `PageGenericFileOutput`; None when it is no page."""
        kinds = {field.name: parse_kind(field.type) for field in self.fields(name)}
        results = kinds.get("results")
        return results.args[0] if results is not None and results.name == "list" and "total" in kinds else None

    def class_name(self, name: str) -> str | None:
        """The hand-shaped class that answers of a schema are read into, or None when that is the one of `types`."""
        while True:
            name = self.aliases.get(name, name)
            found = _HAND_SHAPED.get(name) or next(
                (match[1] for base in self.row(name).get("bases", ()) if (match := _MIXIN.fullmatch(base))), None
            )
            base = self.base(name)
            if found is not None or base is None:
                return found
            name = base

    def candidates(self, name: str) -> dict[str, str]:
        """For a schema whose answers name their own kind: kind to schema. Empty for all others."""
        return cast("dict[str, str]", self.row(name).get("discriminator_map", {}))

    def kind_of(self, name: str, members: Mapping[str, object]) -> str:
        """The schema of an answer that may name its own kind.

        Args:
            name: The schema that the operation promises.
            members: The answer.

        Returns:
            One of its candidates, or the promised schema if the answer names none of them.
        """
        row, candidates = self.row(name), self.candidates(name)
        for key in ("discriminator", "alt_discriminator"):
            kind = members.get(row.get(key, ""))
            if isinstance(kind, str) and kind.lower() in candidates:
                return candidates[kind.lower()]
        return name


@cache
def schemas() -> Schemas:
    """Returns the model table; it is read from the package on the first call."""
    return Schemas(json.loads(resources.files("flywheel_async.raw").joinpath("models.json").read_bytes()))
