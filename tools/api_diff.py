"""Says in words what a new edition of the API changes: operations, models, enums, aliases and derived names.

`tools/generate.py` prints this when the files in tools/api were replaced, before it writes anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Describe = Callable[[Row], str]
Compare = Callable[[Row, Row], Iterable[str]]

_PLACES = {"path_params": "path", "query_params": "query", "header_params": "header", "form_params": "form"}
# Facts of an operation that are said as they are; parameters and body are said member by member.
_FACTS = ("method", "path", "tag", "returns", "positional", "accept", "content_types", "streams", "deprecated")


@dataclass(frozen=True)
class Api:
    """One edition of the API.

    Attributes:
        version: Version of the official client it was read from.
        operations: Operation rows by id.
        models: Model rows by name.
        enums: Members of each enum, by its name.
        aliases: The model each alias stands for.
        derived: Rows of the names the official client builds on top of operations.
    """

    version: str
    operations: Mapping[str, Row]
    models: Mapping[str, Row]
    enums: Mapping[str, Row]
    aliases: Mapping[str, str]
    derived: Mapping[str, Row]


def edition(operations: Row, models: Row) -> Api:
    """Reads an edition from the decoded tables, as they lie in tools/api or packed in the package.

    Args:
        operations: The decoded operations.json.
        models: The decoded models.json.
    """
    rows = operations["operations"]
    listed: Iterable[Row] = rows.values() if hasattr(rows, "values") else rows
    return Api(
        operations["sdk_version"],
        {row["id"]: row for row in listed},
        {row["name"]: row for row in models["models"]},
        {row["name"]: row["members"] for row in models["enums"]},
        models["aliases"],
        {row["name"]: row for row in operations["derived"]},
    )


def changes(old: Api, new: Api) -> list[str]:
    """Compares two editions.

    Args:
        old: The edition the package was generated from.
        new: The edition that replaces it.

    Returns:
        Lines to print, a heading per kind of thing; none when nothing differs. `+` is new, `-` is gone, `~` changed.
    """
    lines = [
        *_section("operations", old.operations, new.operations, _operation, _operation_changes),
        *_section("derived names", old.derived, new.derived, _derived, _derived_changes),
        *_section("models", old.models, new.models, _model, _model_changes),
        *_section("enums", old.enums, new.enums, _enum, _enum_changes),
        *_section("aliases", _named(old.aliases), _named(new.aliases), _alias, _alias_changes),
    ]
    if old.version != new.version:
        lines.insert(0, f"API {old.version} → {new.version}")
    return lines


def _section(
    title: str, old: Mapping[str, Row], new: Mapping[str, Row], describe: Describe, compare: Compare
) -> Iterator[str]:
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    changed = {name: list(compare(old[name], new[name])) for name in sorted(old.keys() & new.keys())}
    changed = {name: lines for name, lines in changed.items() if lines}
    if not (added or removed or changed):
        return
    yield f"{title}: {len(added)} added, {len(removed)} removed, {len(changed)} changed"
    yield from (f"  + {name} {describe(new[name])}".rstrip() for name in added)
    yield from (f"  - {name} {describe(old[name])}".rstrip() for name in removed)
    for name, lines in changed.items():
        yield f"  ~ {name}"
        yield from (f"      {line}" for line in lines)


def _operation(row: Row) -> str:
    return f"({row['method']} {row['path']}, tag {row['tag']}, returns {row['returns'] or 'nothing'})"


def _operation_changes(old: Row, new: Row) -> Iterator[str]:
    yield from _facts(_FACTS, old, new)
    yield from _body_changes(old["body"], new["body"])
    yield from _members(_params(old), _params(new))


def _body_changes(old: Row | None, new: Row | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"body: {_body(old)} → {_body(new)}"
    else:
        yield from (f"body {line}" for line in _facts(("type", "required"), old, new))


def _body(row: Row | None) -> str:
    return "none" if row is None else f"{row['type']}{' (required)' if row['required'] else ''}"


def _params(row: Row) -> dict[str, Row]:
    return {f"{place} parameter {one['name']}": one for key, place in _PLACES.items() for one in row.get(key, ())}


def _derived(row: Row) -> str:
    return f"({', '.join(row['args'])})"


def _derived_changes(old: Row, new: Row) -> Iterator[str]:
    yield from _facts(sorted({*old, *new} - {"name"}), old, new)


def _model(row: Row) -> str:
    return f"({', '.join(field['name'] for field in row.get('fields', ()))})"


def _model_changes(old: Row, new: Row) -> Iterator[str]:
    yield from _facts(sorted({*old, *new} - {"name", "module", "fields"}), old, new)
    before, after = (_fields(row) for row in (old, new))
    yield from _members(before, after)
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield "the order of its fields, which is that of the constructor's arguments"


def _fields(row: Row) -> dict[str, Row]:
    return {f"field {field['name']}": field for field in row.get("fields", ())}


def _enum(row: Row) -> str:
    return f"({', '.join(map(str, row.values()))})"


def _enum_changes(old: Row, new: Row) -> Iterator[str]:
    yield from (f"+ {name} = {new[name]!r}" for name in new if name not in old)
    yield from (f"- {name} = {old[name]!r}" for name in old if name not in new)
    yield from (f"~ {name}: {old[name]!r} → {new[name]!r}" for name in old if name in new and old[name] != new[name])


def _named(aliases: Mapping[str, str]) -> dict[str, Row]:
    return {name: {"target": target} for name, target in aliases.items()}


def _alias(row: Row) -> str:
    return f"→ {row['target']}"


def _alias_changes(old: Row, new: Row) -> Iterator[str]:
    yield from _facts(("target",), old, new)


def _members(old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[str]:
    """Compares parameters or fields by name."""
    yield from (f"+ {name}: {_member(new[name])}" for name in new if name not in old)
    yield from (f"- {name}: {_member(old[name])}" for name in old if name not in new)
    for name in (name for name in old if name in new):
        keys = sorted({*old[name], *new[name]} - {"name"})
        yield from (f"~ {name}: {line}" for line in _facts(keys, old[name], new[name]))


def _member(row: Row) -> str:
    default = f" = {row['default']!r}" if row.get("default") is not None else ""
    return f"{row['type']}{default}{' (required)' if row['required'] else ''}"


def _facts(keys: Iterable[str], old: Row, new: Row) -> Iterator[str]:
    for key in keys:
        before, after = old.get(key), new.get(key)
        if key == "required" and before != after:
            yield "now required" if after else "no longer required"
        elif before != after:
            yield f"{key}: {_said(before)} → {_said(after)}"


def _said(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
