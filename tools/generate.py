"""Writes every generated file of the project, or with --check fails when one is stale.

Run it as `nox -s generate` or `nox -s generate -- --check`. When the tables in tools/api were replaced by those of
another edition of the API, it first prints what that edition changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "src"))

import gen_fields
import gen_signatures
import gen_sync
import gen_table
import gen_types
from gen_table import Misfit
from sync_names import Unfit

ROOT = Path(__file__).resolve().parent.parent


def first_difference(have: str, want: str) -> str:
    """Describes the first line that differs between two texts."""
    a, b = have.splitlines(), want.splitlines()
    for number, (left, right) in enumerate(zip(a, b, strict=False), start=1):
        if left != right:
            return f"line {number}: have {left[:120]!r}, want {right[:120]!r}"
    return f"{len(a)} lines, want {len(b)}"


def main(argv: list[str]) -> int:
    """Renders all generators in order; later ones read what earlier ones wrote."""
    check = "--check" in argv
    stale = 0
    if not check:
        print(*(f"{line}\n" for line in gen_table.changes()), sep="", end="")
    for generator in (gen_table, gen_fields, gen_types, gen_signatures, gen_sync):
        try:
            rendered = generator.render()
        except (Misfit, Unfit) as problem:
            print(problem)
            return 1
        for path, text in rendered.items():
            have = path.read_text() if path.exists() else ""
            if have == text:
                continue
            name = path.relative_to(ROOT)
            if check:
                stale += 1
                print(f"stale: {name}: {first_difference(have, text)}; run: nox -s generate")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                print(f"wrote {name}")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
