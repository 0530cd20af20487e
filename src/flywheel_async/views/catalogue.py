"""The catalogue of names that columns of data views may have, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast


def lines(answer: object) -> Iterator[str]:
    """Writes the catalogue, one name per line.

    Args:
        answer: What the site says, decoded.
    """
    for alias in cast("list[object]", answer) if isinstance(answer, list) else ():
        members = cast("Mapping[str, object]", alias) if isinstance(alias, Mapping) else dict[str, object]()
        if not members.get("hidden"):
            kind = "group" if members.get("group") else members.get("type")
            yield f"{members.get('name')} ({kind}): {members.get('description')}"
