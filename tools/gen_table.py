"""Packs the operation and model tables of tools/api, with the reviewed overlay, into the package."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import api_diff

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "tools" / "api"
OUT = ROOT / "src" / "flywheel_async" / "raw"

Row = dict[str, Any]


class Misfit(Exception):
    """The overlay does not fit the operations; the message has a line per entry."""


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True) + "\n"


def misfits(rows: dict[str, Row], overlay: Row) -> list[str]:
    """Finds the entries of the overlay that no longer fit the operations.

    Args:
        rows: Operation rows by id.
        overlay: The decoded overlay.toml.

    Returns:
        One line per entry: the place in the overlay, the name, and what is wrong with it.
    """
    retry, emulator = overlay["retry"], overlay["emulator"]
    tags = {row["tag"] for row in rows.values()}
    lines: list[str] = []

    def look(place: str, names: Iterable[str], known: Iterable[str], what: str, seen: dict[str, str]) -> None:
        known = set(known)
        for name in names:
            if name not in known:
                lines.append(f"{place}: there is no {what} {name!r}")
            elif name in seen:
                lines.append(f"{place}: {name!r} is also in {seen[name]}")
            seen[name] = place

    classes: dict[str, str] = {}
    for kind in ("safe", "never"):
        look(f"retry.{kind}", retry[kind], rows, "operation", classes)
        for name in sorted(set(retry[kind]) & set(rows)):
            if retry["default"].get(rows[name]["method"]) == kind:
                lines.append(f"retry.{kind}: {name!r} is {kind} anyway, being a {rows[name]['method']}")
    for method in sorted({row["method"] for row in rows.values()} - set(retry["default"])):
        lines.append(f"retry.default: nothing is said of {method}")
    look("returns", overlay["returns"], rows, "operation", {})
    for name in sorted(set(overlay["returns"]) & set(rows)):
        if rows[name]["returns"] is not None:
            lines.append(f"returns: {name!r} has a type of its own, {rows[name]['returns']}")
    by_tag: dict[str, str] = {}
    for letter, names in emulator["tags"].items():
        look(f"emulator.tags.{letter}", names, tags, "tag", by_tag)
    single: dict[str, str] = {}
    for letter, names in emulator["operations"].items():
        look(f"emulator.operations.{letter}", names, rows, "operation", single)
    return lines


def with_answers(source: Row, overlay: Row) -> Row:
    """Adds the answers that the overlay knows to the operations that have none.

    Args:
        source: The decoded operations.json.
        overlay: The decoded overlay.toml.
    """
    known = overlay["returns"]
    rows = [{**row, "returns": row["returns"] or known.get(row["id"])} for row in source["operations"]]
    return {**source, "operations": rows}


def pack_operations(source: Row, overlay: Row) -> Row:
    """Merges the overlay into the operation rows.

    Args:
        source: The decoded operations.json.
        overlay: The decoded overlay.toml.

    Returns:
        `{"generated_by", "sdk_version", "operations": {id: row}, "derived": [row]}`.

    Raises:
        Misfit: The overlay names an operation or tag that does not exist, or one twice.
    """
    rows: dict[str, Row] = {row["id"]: row for row in source["operations"]}
    wrong = misfits(rows, overlay)
    if wrong:
        raise Misfit("\n".join(["tools/overlay.toml no longer fits tools/api/operations.json:", *wrong]))
    retry, emulator = overlay["retry"], overlay["emulator"]
    by_tag = {name: letter for letter, names in emulator["tags"].items() for name in names}
    single = {name: letter for letter, names in emulator["operations"].items() for name in names}
    packed: dict[str, Row] = {}
    for row in sorted(with_answers(source, overlay)["operations"], key=lambda row: row["id"]):
        name = row["id"]
        kind = retry["default"][row["method"]]
        kind = "safe" if name in retry["safe"] else "never" if name in retry["never"] else kind
        owner = single.get(name) or by_tag.get(row["tag"], emulator["default_owner"])
        packed[name] = {**row, "retry": kind, "owner": owner}
    return {
        "generated_by": "tools/gen_table.py",
        "sdk_version": source["sdk_version"],
        "operations": packed,
        "derived": source["derived"],
    }


def sources() -> tuple[Row, Row, Row]:
    """Reads the operations, the models and the overlay."""
    operations: Row = json.loads((API / "operations.json").read_text())
    models: Row = json.loads((API / "models.json").read_text())
    overlay: Row = tomllib.loads((ROOT / "tools" / "overlay.toml").read_text())
    return operations, models, overlay


def changes() -> list[str]:
    """Says how the API in tools/api differs from the one the package was generated from, in lines to print."""
    operations, models, overlay = sources()
    paths = [OUT / "operations.json", OUT / "models.json"]
    if not all(path.exists() for path in paths):
        return []
    packed = [json.loads(path.read_text()) for path in paths]
    return api_diff.changes(api_diff.edition(*packed), api_diff.edition(with_answers(operations, overlay), models))


def render() -> dict[Path, str]:
    """Returns the text of every file this generator owns.

    Raises:
        Misfit: The overlay does not fit the source.
    """
    source, models, overlay = sources()
    return {
        OUT / "operations.json": _compact(pack_operations(source, overlay)),
        OUT / "models.json": _compact({"generated_by": "tools/gen_table.py", **models}),
    }
