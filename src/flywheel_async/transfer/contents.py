"""What a site lists for the files of an archive, so that each member can be compared with it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import APIError, ChecksumMismatch
from flywheel_async.expressions import OneOf
from flywheel_async.fields.base import Model

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.transfer.archive_tickets import Node

log = logging.getLogger("flywheel_async.transfer")

_PAGE = 1000
_NOT_TOLD = frozenset({400, 403, 404, 405, 422, 501})
"""Statuses of a site that has no such list, or not for this user."""


class Contents:
    """The sizes and hashes of the files that may be in an archive, by their names."""

    def __init__(self) -> None:
        self._by_name: dict[str, set[tuple[int, str]]] = {}
        self._all: set[tuple[int, str]] = set()

    def add(self, entry: Model) -> None:
        """Adds a file that the site lists."""
        name, size, hash_ = entry.get("name"), entry.get("size"), entry.get("hash")
        if isinstance(name, str) and isinstance(size, int):
            known = hash_ if isinstance(hash_, str) and hash_.startswith("v0-sha384-") else ""
            self._by_name.setdefault(_leaf(name), set()).add((size, known))
            self._all.add((size, known))

    def check(self, path: str, size: int, hash_: str) -> bool:
        """Compares a member with what is listed.

        Args:
            path: Its path in the archive.
            size: Its size in bytes.
            hash_: Its hash in the site's notation.

        Returns:
            Whether the site lists this very hash; it may not know all hashes yet.

        Raises:
            ChecksumMismatch: The site lists no such file.
        """
        # Sites may write a name in another way in archives; a name that is not listed says nothing.
        known = self._by_name.get(_leaf(path), self._all)
        if (size, hash_) in known:
            return True
        if (size, "") in known:
            return False
        raise ChecksumMismatch(
            f"{path!a} in the archive is none of the files that the site lists: it came with {size} bytes, {hash_}; "
            "verify=False takes archives unseen"
        )


def _leaf(path: str) -> str:
    return path.rpartition("/")[2]


async def contents_of(core: Core, nodes: Sequence[Node]) -> Contents | None:
    """Lists the files of containers and of all below them; None when the site does not tell.

    Args:
        core: The client.
        nodes: The containers.
    """
    contents = Contents()
    ids: dict[str, list[str]] = {}
    for node in nodes:
        ids.setdefault(node["level"], []).append(node["_id"])
    try:
        for kind, mine in ids.items():
            if kind == "analysis":
                for identifier in mine:
                    analysis = await core._containers.get(kind, identifier)
                    for member in ("files", "inputs"):
                        for entry in cast("list[Model]", analysis.get(member) or []):
                            contents.add(entry)
                continue
            finder = core._finder("get_all_files", "File")
            pages = finder.iter_find(OneOf(("parents", kind), tuple(mine)), limit=_PAGE)
            while (page := await pages.next_page()) is not None:
                for entry in page:
                    contents.add(entry)
    except APIError as error:
        if error.status not in _NOT_TOLD:
            raise
        log.warning("the files of an archive are not compared with their hashes: %s", error)
        return None
    return contents
