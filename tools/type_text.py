"""Writes types of the API's table as Python types, for the generated stubs.

The texts need these names: `types`, `fields`, `models` (of the package or of its sync twin, by flavour), `Any`,
`Mapping`, `Sequence`, `date`, `datetime`, `Upload`. A stub inside `flywheel_async.types` passes an empty `prefix`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from flywheel_async.raw.schemas import BEHAVIOUR, Kind, Schemas, members_of, parse_kind

Mode = Literal["data", "argument", "answer"]
"""What the type is for.

data: A member of a data class.
argument: What a caller may give: mappings for models, text for enumerations, any sequence for lists.
answer: What an operation returns: containers and other hand-shaped classes instead of plain data.
"""

_PLAIN = {
    "bool": "bool",
    "bytes": "bytes",
    "date": "date",
    "datetime": "datetime",
    "file": "Upload",
    "float": "float",
    "int": "int",
    "integer": "int",
    "object": "Any",
    "str": "str",
}


def type_text(schemas: Schemas, kind: str, mode: Mode = "data", *, prefix: str = "types.") -> str:
    """Writes a type of the table as a Python type.

    Args:
        schemas: The model table.
        kind: The type in the table's notation, for example `list[FileOutput]`.
        mode: What the type is for.
        prefix: What stands before the names of generated classes.

    Returns:
        For example `list[types.FileOutput]`, or `list[models.File]` as an answer.

    Raises:
        SystemExit: The type names a schema the table does not have.
    """
    return _text(schemas, parse_kind(kind), mode, prefix)


def answer_text(schemas: Schemas, returns: str | None, *, simplified: bool, streams: bool = False) -> str:
    """Writes what a call of an operation gives.

    Args:
        schemas: The model table.
        returns: The type of the answer in the table's notation, or None.
        simplified: Whether an answer that only carries one value, such as a new id, is that value (the flat names),
            or stays an object (`parse()` of the raw API).
        streams: Whether the operation also answers the bytes of a file.

    Returns:
        For example `models.Project`, or `str` for a simplified `InsertedId`.
    """
    if returns is None:
        return "bytes" if streams else "None"
    members = members_of(parse_kind(returns))
    if any(member.name == "list" for member in members):
        # A page in place of the promised list is read as the list of its results.
        members = tuple(member for member in members if schemas.page_item(member.name) is None)
    texts = ["bytes"] if streams else []
    for member in members:
        only = schemas.unwrapped_member(member.name) if simplified else None
        if only is not None:
            found = next(field.type for field in schemas.fields(member.name) if field.name == only)
            texts.append(type_text(schemas, found))
        elif member.name == "object":
            texts.append("dict[str, Any]")
        else:
            texts.append(_text(schemas, member, "answer", "types."))
    return _union(texts)


def item_text(schemas: Schemas, returns: str | None) -> str | None:
    """Writes what iterating over the answers of an operation gives, or None when it answers no lists or pages."""
    members = members_of(parse_kind(returns or "object"))
    items = [member.args[0] for member in members if member.name == "list"]
    items += [found for member in members if (found := _wrapped_list(schemas, member)) is not None]
    # A page of unspecified items says less than the list beside it.
    items = items or [item for member in members if (item := schemas.page_item(member.name)) is not None]
    return _union([_text(schemas, item, "answer", "types.") for item in items]) if items else None


def _wrapped_list(schemas: Schemas, kind: Kind) -> Kind | None:
    """The items of a model that holds nothing but a list, such as `JobsList`."""
    fields = schemas.fields(kind.name)
    only = parse_kind(fields[0].type) if len(fields) == 1 else kind
    return only.args[0] if only.name == "list" and kind.name != "list" else None


def _text(schemas: Schemas, kind: Kind, mode: Mode, prefix: str) -> str:
    if kind.name == "union":
        return _union([_text(schemas, member, mode, prefix) for member in kind.args])
    if kind.name == "list":
        item = _text(schemas, kind.args[0], mode, prefix)
        return f"Sequence[{item}]" if mode == "argument" else f"list[{item}]"
    if kind.name == "dict":
        value = _text(schemas, kind.args[0], mode, prefix)
        return f"Mapping[str, {value}]" if mode == "argument" else f"dict[str, {value}]"
    if kind.name in _PLAIN:
        return _PLAIN[kind.name]
    name = schemas.aliases.get(kind.name, kind.name)
    if name in schemas.enums:
        # Sites may send values that this version does not know.
        return f"{prefix}{name} | str"
    if name not in schemas.rows:
        raise SystemExit(f"tools/api/models.json has no model {name!r}")
    if mode == "argument":
        text = " | str" if schemas.scalar_member(name) is not None else ""
        return f"{prefix}{name} | Mapping[str, Any]{text}"
    if mode == "answer":
        return _answer(schemas, name)
    one_of = schemas.candidates(name)
    return _union([prefix + schemas.aliases.get(each, each) for each in (*one_of.values(), name)])


def _answer(schemas: Schemas, name: str) -> str:
    shaped = schemas.class_name(name)
    if shaped is not None:
        return f"models.{shaped}" if shaped in BEHAVIOUR else f"fields.{shaped}"
    one_of = [_answer(schemas, schemas.aliases.get(each, each)) for each in schemas.candidates(name).values()]
    item = schemas.page_item(name)
    if item is not None and schemas.class_name(item.name) in BEHAVIOUR:
        return f"types.{name}[{_text(schemas, item, 'answer', 'types.')}]"
    return _union([*one_of, f"types.{name}"])


def _union(texts: list[str]) -> str:
    parts = dict.fromkeys(part for text in texts for part in _alternatives(text))
    return "Any" if "Any" in parts else " | ".join(parts)


def _alternatives(text: str) -> list[str]:
    """Splits a type at the bars that stand outside brackets."""
    parts, depth, start = list[str](), 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append(text[start : index - 1])
            start = index + 2
    return [*parts, text[start:]]
