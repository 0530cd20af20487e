"""Finds files anywhere on the site and lists them with the place they are in.

Run `fwa emulator --seed demo` in another terminal, then:

    FLYWHEEL_API_KEY=... python examples/search.py 'file.type = nifti AND session.label CONTAINS ses'
"""

from __future__ import annotations

import sys

import anyio

from flywheel_async import AsyncClient


async def main(query: str) -> int:
    """Prints a line for every hit; returns 1 when the query is wrong."""
    async with AsyncClient() as fw:
        parsed = await fw.parse_search_query(query)
        for error in parsed.errors:
            print(f"line {error.line}, column {error.pos}: {error.message}")
        if not parsed.valid:
            return 1
        count = 0
        async for hit in fw.iter_search(query, return_type="file"):
            above = (hit.project, hit.subject, hit.session, hit.acquisition)
            names = [str(part.get("label") or part.get("code")) for part in above if part is not None]
            print("/".join(names), hit.file.name if hit.file else "")
            count += 1
        print(f"{count} files")
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main, sys.argv[1]))
