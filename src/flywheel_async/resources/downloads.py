"""Downloading files of containers, their older versions, and members of zip files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from flywheel_async.errors import ArgumentError, NotFound
from flywheel_async.events import OnProgress
from flywheel_async.fields.base import Model
from flywheel_async.fields.file_parts import ZipfileInfo
from flywheel_async.raw.caller import build, hint
from flywheel_async.resources.files import parent_of
from flywheel_async.resources.kinds import download_operation, zip_operation
from flywheel_async.transfer import download as _transfer
from flywheel_async.transfer.checksums import crc_name
from flywheel_async.transfer.fetch import Content, Deadline, DownloadOptions, Replacing, known_size
from flywheel_async.transfer.partial import discard
from flywheel_async.transfer.sources import check_name
from flywheel_async.transfer.stream import AsyncFileStream
from flywheel_async.transfer.zip_members import directory_of

if TYPE_CHECKING:
    from flywheel_async.core import Core


class ReadKeywords(TypedDict, total=False):
    """What every download understands, also one into memory and a stream.

    Attributes:
        on_progress: Told about each event; see `flywheel_async.events`.
        deadline: Seconds the whole download may take, all requests included; the client's deadline by default.
        stall_timeout: Seconds without a byte after which it is taken up again; the client's `request_timeout` by
            default. Slow is not silent: bytes that trickle are waited for.
    """

    on_progress: OnProgress | None
    deadline: float | None
    stall_timeout: float | None


class DownloadKeywords(ReadKeywords, total=False):
    """What every download to a path understands, besides `on_progress`, `deadline` and `stall_timeout`.

    Attributes:
        resume: Whether a large download that ends early (after more than 64 MiB, or by a kill) leaves what it has
            beside the destination, hidden, and goes on from there the next time; True by default.
        fsync: Whether the file is to be on the disk, safe from a power failure, when the call returns.
        set_mtime: Whether the file gets the time of modification that the site has for it.
        parallel: Connections to fetch the file over; by default 4 from 64 MiB on, else 1.
        overwrite: Where a file of that path is: `"replace"` replaces it, by default; `"skip-same"` does so unless it
            has these very bytes, which then are not fetched; `"error"` refuses.
    """

    resume: bool
    fsync: bool
    set_mtime: bool
    parallel: int | None
    overwrite: Replacing


_ZIPS = 16
"""Zip files of which the members are remembered; a version never changes."""

_READ = list(ReadKeywords.__annotations__)


def options_of(
    keywords: Mapping[str, object], known: Collection[str] | None = None
) -> tuple[DownloadOptions, OnProgress | None]:
    """Checks the keywords of a download.

    Args:
        keywords: What was given.
        known: What this download understands; all of `DownloadKeywords` by default.

    Raises:
        ArgumentError: One is unknown or makes no sense.
    """
    rest = dict(keywords)
    on_progress = rest.pop("on_progress", None)
    if on_progress is not None and not callable(on_progress):
        raise ArgumentError(f"on_progress must be a function, not {on_progress!r}")
    known = known if known is not None else list(DownloadKeywords.__annotations__)
    for name in rest:
        if name not in known:
            raise ArgumentError(f"unknown argument {name!r} of a download{hint(name, known)}")
    return DownloadOptions(**cast("dict[str, Any]", rest)), cast("OnProgress | None", on_progress)


class Downloads:
    """Downloads files, for one client.

    Args:
        core: The client.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def to(
        self,
        kind: str,
        container_id: str,
        name: str,
        dest: object,
        keywords: Mapping[str, object],
        *,
        member: str | None = None,
        version: int | None = None,
    ) -> Path | None:
        """Downloads a file of a container, or a member of it, to a path or an object that can be written to.

        Args:
            kind: The container's kind.
            container_id: The container's id.
            name: The file's name.
            dest: Where to.
            keywords: See `DownloadKeywords`.
            member: The member of a zip file; None for the file itself.
            version: The version; None for the newest.
        """
        check_name(name)
        options, on_progress = options_of(keywords)
        target = await _transfer.checked_destination(dest, _place_of(name, member), options.overwrite)
        deadline = Deadline(self._core, options.deadline, download_operation(kind))
        try:
            content = await deadline.hold(lambda: self._named(kind, container_id, name, member, version))
        except NotFound:
            await _give_up(target)
            raise
        return await _transfer.download(self._core, content, target, options, on_progress, deadline)

    async def read(
        self,
        kind: str,
        container_id: str,
        name: str,
        keywords: Mapping[str, object],
        *,
        member: str | None = None,
        version: int | None = None,
    ) -> bytes:
        """Downloads a file of a container, or a member of it, into memory."""
        check_name(name)
        options, on_progress = options_of(keywords, _READ)
        deadline = Deadline(self._core, options.deadline, download_operation(kind))
        content = await deadline.hold(lambda: self._named(kind, container_id, name, member, version))
        return await _transfer.read(self._core, content, options, on_progress, deadline)

    async def entry_to(
        self, entry: Model, dest: object, keywords: Mapping[str, object], member: str | None = None
    ) -> Path | None:
        """Downloads the very version that an entry names, or a member of it."""
        options, on_progress = options_of(keywords)
        name, kind = check_name(entry.get("name")), parent_of(entry)[0]
        target = await _transfer.checked_destination(dest, _place_of(name, member), options.overwrite)
        deadline = Deadline(self._core, options.deadline, download_operation(kind))
        try:
            content = await deadline.hold(lambda: self._of_entry(entry, member))
        except NotFound:
            await _give_up(target)
            raise
        return await _transfer.download(self._core, content, target, options, on_progress, deadline)

    async def read_entry(self, entry: Model, keywords: Mapping[str, object], member: str | None = None) -> bytes:
        """Downloads the very version that an entry names, or a member of it, into memory."""
        options, on_progress = options_of(keywords, _READ)
        deadline = Deadline(self._core, options.deadline, download_operation(parent_of(entry)[0]))
        content = await deadline.hold(lambda: self._of_entry(entry, member))
        return await _transfer.read(self._core, content, options, on_progress, deadline)

    def stream(self, entry: Model, member: str | None, keywords: Mapping[str, object]) -> AsyncFileStream:
        """Makes a stream over the very version that an entry names, or a member of it."""
        if not isinstance(cast(object, entry), Model):
            raise ArgumentError(f"file must be a file of the site, as get_file gives it, not {type(entry).__name__}")
        check_name(entry.get("name"))
        kind, _ = parent_of(entry)
        return self._stream(lambda: self._of_entry(entry, member), kind, keywords)

    def stream_named(
        self, kind: str, container_id: str, name: str, version: int | None, keywords: Mapping[str, object]
    ) -> AsyncFileStream:
        """Makes a stream over a file of a container."""
        check_name(name)
        return self._stream(lambda: self._named(kind, container_id, name, None, version), kind, keywords)

    def _stream(
        self, find: Callable[[], Awaitable[Content]], kind: str, keywords: Mapping[str, object]
    ) -> AsyncFileStream:
        options, on_progress = options_of(keywords, _READ)
        return AsyncFileStream(self._core, find, download_operation(kind), options, on_progress)

    async def listing(self, kind: str, container_id: str, name: str, version: int | None = None) -> ZipfileInfo:
        """Lists the members of a zip file."""
        check_name(name)
        response = await self._core._call(zip_operation(kind), container_id, name, version=version)
        return self._core._plain(ZipfileInfo, response)

    async def _named(self, kind: str, container_id: str, name: str, member: str | None, version: int | None) -> Content:
        entry = await self._core._files.entry(kind, container_id, name)
        if version is not None and version != entry.get("version"):
            entry = await self._core._containers.get("file", str(entry["file_id"]), version=version)
        return await self._content(kind, container_id, entry, member)

    async def _of_entry(self, entry: Model, member: str | None) -> Content:
        kind, container_id = parent_of(entry)
        return await self._content(kind, container_id, entry, member)

    async def _content(self, kind: str, container_id: str, entry: Model, member: str | None) -> Content:
        whole = self.content(kind, container_id, entry)
        return whole if member is None else await self._member(whole, kind, container_id, entry, member)

    def content(self, kind: str, container_id: str, entry: Model) -> Content:
        """What is downloaded for the very version of an entry."""
        name = check_name(entry.get("name"))
        request = build(download_operation(kind), (container_id, name), {"version": entry.get("version")})
        return Content.of_entry(request, entry)

    async def _member(self, whole: Content, kind: str, container_id: str, entry: Model, member: str) -> Content:
        """A member, with what the zip itself says of it, or else the site."""
        checked_member(member)
        name, version, zips = whole.name, cast("int | None", entry.get("version")), self._core._zips
        key = entry.get("file_id"), version
        members = zips.get(key)
        if members is None:
            members = await directory_of(self._core, whole) or {}
            if None not in key:  # else the next version would be taken for this one
                zips[key] = members
            for old in list(zips)[:-_ZIPS]:
                zips.pop(old, None)
        found = members.get(member)
        size, crc = (None, None) if found is None else (found.size, crc_name(found.crc))
        if found is None:
            listing = await self.listing(kind, container_id, name, version)
            told = [one for one in listing.members or [] if one.path == member]
            if not told:
                raise ArgumentError(f"{name!r} has no member {member!r}; get_zip_info lists them")
            size = known_size(told[-1].size)
        request = build(download_operation(kind), (container_id, name), {"member": member, "version": version})
        return Content(request, member, size, crc, ranged=False, doubt=lambda: zips.pop(key, None))


def checked_member(member: object) -> str:
    """Checks the path of a member of a zip file.

    Raises:
        ArgumentError: It is no path.
    """
    if not isinstance(member, str) or not member.rpartition("/")[2]:
        raise ArgumentError(f"member must be the path of a member, as get_zip_info lists it, not {member!r}")
    return member


def _place_of(name: str, member: str | None) -> tuple[str, ...]:
    """The names that what is downloaded has in a folder: a member those of its path, since others may end alike."""
    if member is None:
        return (name,)
    *folders, name = checked_member(member).split("/")
    return (*(part for part in folders if part not in ("", ".")), name)


async def _give_up(target: object) -> None:
    """Removes what an earlier download has left for a file that is gone."""
    if isinstance(target, Path):
        await discard(target)
