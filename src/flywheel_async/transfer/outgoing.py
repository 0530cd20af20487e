"""One file on its way to a container: where it goes, what the site says of it, and whether that is what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from flywheel_async.errors import BadAnswer, ChecksumMismatch, FlywheelError, NotFound
from flywheel_async.events import Teller
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.resources.kinds import upload_operation
from flywheel_async.transport.request import Body, Request
from flywheel_async.transport.response import Response

if TYPE_CHECKING:
    from flywheel_async.core import Core

TIDYING_SECONDS = 5.0
"""How long it may take to undo something on the site after a failure, also when the caller wants to end at once."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One file on its way.

    Attributes:
        core: The client.
        kind: The container's kind.
        container_id: The container's id.
        name: The file's name.
        media_type: Its media type.
        entry: The metadata of the new entry; the name is among it.
        teller: Told about what happens.
    """

    core: Core
    kind: str
    container_id: str
    name: str
    media_type: str
    entry: Mapping[str, object]
    teller: Teller

    def request(self, body: Body, ticket: str | None = None) -> Request:
        """Makes a request of the upload route."""
        return build(upload_operation(self.kind), (self.container_id,), {"ticket": ticket}, upload=body)

    async def listed(self) -> Model | None:
        """The current entry of this name on the site, or None."""
        try:
            return await self.core._files.entry(self.kind, self.container_id, self.name)
        except NotFound:
            return None

    async def is_listed(self, size: int, hash: str) -> Model | None:
        """The current entry of this name if it has these very bytes, or None."""
        found = await self.listed()
        return found if found is not None and is_same(found, size, hash) else None

    async def verified(self, response: Response, size: int, hash: str) -> list[Model]:
        """Compares what the site stored with what was sent; wrong bytes are deleted again.

        Args:
            response: The site's answer to the upload.
            size: Bytes sent.
            hash: Their hash.

        Returns:
            The entries of the answer.

        Raises:
            ChecksumMismatch: The site stored other bytes.
            BadAnswer: It stored the file under another name.
        """
        entries = self.core._objects("File", response)
        mine = [stored for stored in entries if stored.get("name") == self.name]
        problem: FlywheelError | None = None
        if not mine:
            problem = response.unexpected(f"the entry of {self.name!r}")
        for stored in mine:
            if not _may_be(stored, size, hash):
                problem = ChecksumMismatch(
                    f"{self.name}: the site stored {stored.get('size')} bytes with hash {stored.get('hash')}, "
                    f"but {size} bytes with hash {hash} were sent"
                )
        if problem is not None:
            raise await self._taken_back(entries, problem)
        await self.teller.verified(hash if is_same(mine[0], size, hash) else None)
        return entries

    async def _taken_back(self, entries: Sequence[Model], problem: FlywheelError) -> FlywheelError:
        """Deletes the versions that an upload has just made, and says so."""
        gone = 0
        with anyio.move_on_after(TIDYING_SECONDS, shield=True):
            for stored in entries:
                try:
                    await self.core._call("delete_file", str(stored.get("file_id")), version=stored.get("version"))
                    gone += 1
                except FlywheelError:
                    continue
        versions = ", ".join(f"version {stored.get('version')} of {stored.get('name')!r}" for stored in entries)
        done = "was deleted again" if gone == len(entries) else "is still there; delete it"
        kind = ChecksumMismatch if isinstance(problem, ChecksumMismatch) else BadAnswer
        return kind(f"{problem}; {versions} {done}") if entries else problem


def is_same(entry: Model, size: int, hash: str) -> bool:
    """Whether an entry says that it has these very bytes."""
    return bool(entry.get("size") == size and entry.get("hash") == hash)


def _may_be(entry: Model, size: int, hash: str) -> bool:
    """Whether an entry does not say that it has other bytes; some sites work out the hash later."""
    told_size, told_hash = entry.get("size"), entry.get("hash")
    other_hash = isinstance(told_hash, str) and told_hash.startswith("v0-sha384-") and told_hash != hash
    return not other_hash and (not isinstance(told_size, int) or told_size == size)
