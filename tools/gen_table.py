"""Packs the operation and model tables of tools/api, with the reviewed overlay, into the package."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "tools" / "api"
OUT = ROOT / "src" / "flywheel_async" / "raw"

Row = dict[str, Any]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True) + "\n"


def pack_operations(source: Row, overlay: Row) -> Row:
    """Merges the overlay into the operation rows.

    Args:
        source: The decoded operations.json.
        overlay: The decoded overlay.toml.

    Returns:
        `{"generated_by", "sdk_version", "operations": {id: row}}`.

    Raises:
        SystemExit: The overlay names an operation or tag that does not exist.
    """
    rows: dict[str, Row] = {row["id"]: row for row in source["operations"]}
    retry, emulator = overlay["retry"], overlay["emulator"]
    tags = {row["tag"] for row in rows.values()}
    unknown = [name for name in (*retry["safe"], *retry["never"]) if name not in rows]
    unknown += [tag for tag in emulator["owner"] if tag not in tags]
    if unknown:
        raise SystemExit(f"tools/overlay.toml names what the table does not have: {', '.join(unknown)}")
    packed: dict[str, Row] = {}
    for name, row in sorted(rows.items()):
        kind = retry["default"][row["method"]]
        kind = "safe" if name in retry["safe"] else "never" if name in retry["never"] else kind
        owner = emulator["owner"].get(row["tag"], emulator["default_owner"])
        packed[name] = {**row, "retry": kind, "owner": owner}
    return {
        "generated_by": "tools/gen_table.py",
        "sdk_version": source["sdk_version"],
        "operations": packed,
        "derived": source["derived"],
    }


def render() -> dict[Path, str]:
    """Returns the text of every file this generator owns."""
    source: Row = json.loads((API / "operations.json").read_text())
    models: Row = json.loads((API / "models.json").read_text())
    overlay: Row = tomllib.loads((ROOT / "tools" / "overlay.toml").read_text())
    return {
        OUT / "operations.json": _compact(pack_operations(source, overlay)),
        OUT / "models.json": _compact({"generated_by": "tools/gen_table.py", **models}),
    }
