"""One file on its way to a container: where it goes, what the site says of it, and whether that is what was sent."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import anyio

from flywheel_async.errors import BadAnswer, ChecksumMismatch, FlywheelError, NotFound
from flywheel_async.events import Teller
from flywheel_async.fields.base import Model
from flywheel_async.raw.caller import build
from flywheel_async.raw.encode import json_bytes
from flywheel_async.resources.kinds import upload_operation
from flywheel_async.transport.request import Body, Request
from flywheel_async.transport.response import Response

if TYPE_CHECKING:
    from flywheel_async.core import Core

TIDYING_SECONDS = 5.0
"""How long it may take to undo something on the site after a failure, also when the caller wants to end at once."""
_SETTLING_SECONDS = 0.3
"""What a site has received whole it lists within this time, as a rule."""
_HASH_SECONDS = 5.0
"""How long a site may take to work out the hash of a file whose store told something else."""
_POLL_SECONDS = 0.5


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
        preserve_metadata: Whether it keeps the metadata of the version before.
        teller: Told about what happens.
    """

    core: Core
    kind: str
    container_id: str
    name: str
    media_type: str
    entry: Mapping[str, object]
    preserve_metadata: bool
    teller: Teller

    def request(self, body: Body, ticket: str | None = None) -> Request:
        """Makes a request of the upload route."""
        query = {"ticket": ticket, "preserve_metadata": self.preserve_metadata or None}
        return build(upload_operation(self.kind), (self.container_id,), query, upload=body)

    def described(self, size: int | None) -> dict[str, object]:
        """The metadata to send: with the size of the bytes, whatever the caller has put there; none for no bytes."""
        entry = {name: value for name, value in self.entry.items() if name != "size"}
        return {**entry, "size": size} if size else entry

    def is_called(self, name: object) -> bool:
        """Whether this is the file's name; sites may write its characters in the composed form."""
        return isinstance(name, str) and _composed(name) == _composed(self.name)

    async def listed(self) -> Model | None:
        """The current entry of this name on the site, or None."""
        for name in dict.fromkeys((self.name, _composed(self.name))):
            try:
                return await self.core._files.entry(self.kind, self.container_id, name)
            except NotFound:
                continue
        return None

    async def arrived(self, size: int, hash: str) -> Model | None:
        """Looks whether the site has stored the file though it has not said so.

        Returns:
            The current entry of this name if it has these very bytes and the metadata that were sent, or None.
        """
        await anyio.sleep(_SETTLING_SECONDS)
        found = await self.listed()
        if found is None or not is_same(found, size, hash):
            return None
        # It may be an older version with the same bytes, about which other things are said.
        sent = json.loads(json_bytes(dict(self.entry), self.core._options.default_timezone))
        return found if _says(json.loads(found.to_json()), sent) else None

    async def checked(self, response: Response, size: int, hash: str) -> list[Model]:
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
        mine = [stored for stored in entries if self.is_called(stored.get("name"))]
        if not mine:
            raise await self._taken_back(entries, response.unexpected(f"the entry of {self.name!r}"))
        if wrong := [stored for stored in mine if not _may_be(stored, size, hash)]:
            told = wrong[0]
            problem = ChecksumMismatch(
                f"{self.name}: the site stored {told.get('size')} bytes with hash {told.get('hash')}, "
                f"but {size} bytes with hash {hash} were sent"
            )
            raise await self._taken_back(wrong, problem)
        return entries

    async def verified(self, entries: list[Model], size: int, hash: str, *, doubted: bool = False) -> list[Model]:
        """Tells that the file is there.

        Args:
            entries: What the site has made of it.
            size: Bytes sent.
            hash: Their hash.
            doubted: Whether the store has told something that does not fit, so that only the site's hash counts.

        Returns:
            The entries.

        Raises:
            ChecksumMismatch: The site tells no hash; that version is deleted again.
        """
        (entry, *_) = (stored for stored in entries if self.is_called(stored.get("name")))
        same = is_same(entry, size, hash)
        if doubted and not same and not (same := await self._confirmed(entry, size, hash)):
            problem = ChecksumMismatch(
                f"{self.name}: what the store tells of the bytes is not what was sent, and the site tells no such hash"
            )
            raise await self._taken_back([entry], problem)
        await self.teller.verified(hash if same else None)
        return entries

    async def _confirmed(self, entry: Model, size: int, hash: str) -> bool:
        """Waits for the site to tell the hash of a new version; whether it is the right one."""
        with anyio.move_on_after(_HASH_SECONDS):
            while True:
                await anyio.sleep(_POLL_SECONDS)
                try:
                    found = await self.listed()
                except FlywheelError:
                    continue
                if found is not None and found.get("version") == entry.get("version") and _has_hash(found):
                    return is_same(found, size, hash)
        return False

    async def _taken_back(self, entries: Sequence[Model], problem: FlywheelError) -> FlywheelError:
        """Deletes the versions that an upload has just made, and says so."""
        said: list[str] = []
        with anyio.move_on_after(TIDYING_SECONDS, shield=True):
            for stored in entries:
                done = "was deleted again" if await self._deleted(stored) else "is still there"
                said.append(f"version {stored.get('version')} of {stored.get('name')!r} {done}")
        for stored in entries[len(said) :]:
            said.append(f"version {stored.get('version')} of {stored.get('name')!r} is still there")
        kind = ChecksumMismatch if isinstance(problem, ChecksumMismatch) else BadAnswer
        return kind("; ".join([str(problem), *said]))

    async def _deleted(self, stored: Model) -> bool:
        """Deletes one version. What an answer names otherwise is not ours, and without a version all would go."""
        file_id, version = stored.get("file_id"), stored.get("version")
        if not self.is_called(stored.get("name")) or not isinstance(file_id, str) or type(version) is not int:
            return False
        try:
            await self.core._call("delete_file", file_id, version=version)
        except FlywheelError:
            return False
        return True


def is_same(entry: Model, size: int, hash: str) -> bool:
    """Whether an entry says that it has these very bytes."""
    return bool(entry.get("size") == size and entry.get("hash") == hash)


def _may_be(entry: Model, size: int, hash: str) -> bool:
    """Whether an entry does not say that it has other bytes; some sites work out the hash later."""
    told_size = entry.get("size")
    other_hash = _has_hash(entry) and entry.get("hash") != hash
    return not other_hash and (not isinstance(told_size, int) or told_size == size)


def _has_hash(entry: Model) -> bool:
    told = entry.get("hash")
    return isinstance(told, str) and told.startswith("v0-sha384-")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _says(entry: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether an entry says of a file what was sent about it; it may say more."""
    compared = ("type", "modality", "mimetype", "classification", "tags", "info")
    return all(_holds(entry.get(name), sent[name]) for name in compared if sent.get(name) is not None)


def _holds(found: object, sent: object) -> bool:
    if isinstance(sent, dict):
        members = cast("dict[str, object]", found) if isinstance(found, dict) else {}
        return all(_holds(members.get(name), value) for name, value in cast("dict[str, object]", sent).items())
    if isinstance(sent, list):
        items = cast("list[object]", found) if isinstance(found, list) else []
        return all(item in items for item in cast("list[object]", sent))
    return found == sent
