"""Downloading many files as one archive: streamed, checked against what was announced, unpacked on the way."""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import anyio

from flywheel_async.errors import (
    ArgumentError,
    FlywheelError,
    IncompleteTransfer,
    NotFound,
    TransferError,
    TransportError,
)
from flywheel_async.events import OnProgress, Teller
from flywheel_async.fields.base import Model
from flywheel_async.files import check_destination, existing_folder, in_thread, open_temporary, publish
from flywheel_async.raw.caller import build
from flywheel_async.transfer.extract import Announced, Nowhere, Unpacked, unpack_tar, unpack_zip
from flywheel_async.transfer.feeding import PIECE, Feed, in_feeding_thread
from flywheel_async.transfer.fetch import Attempts, Content, Deadline, DownloadOptions, open_span
from flywheel_async.transfer.folders import SafeTree
from flywheel_async.transfer.names import safe_name

if TYPE_CHECKING:
    from flywheel_async.core import Core

Form = Literal["tar", "zip"]

LEVELS = ("project", "subject", "session", "acquisition", "analysis")
"""Kinds of containers that can be in an archive."""

MOST_CONTAINERS = 200
MOST_FILES = 20_000
MOST_BYTES = 100 * 1024**3
"""What one ticket may be for; sets of containers beyond are split."""


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What a download of an archive has brought.

    Attributes:
        files: How many files.
        bytes: Their sizes together.
        paths: The archives that were written, more than one for a very large set; or the folder unpacked into.
        renamed: Local path → path in the archive, for files whose name could not be kept; paths are below the folder.
    """

    files: int
    bytes: int
    paths: tuple[Path, ...]
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class _Ticket:
    """The right to fetch one archive."""

    name: str
    filename: str
    announced: Announced

    @property
    def is_large(self) -> bool:
        return (self.announced.files or 0) > MOST_FILES or (self.announced.bytes or 0) > MOST_BYTES


def nodes_of(containers: object) -> list[dict[str, str]]:
    """Names containers as the site wants it.

    Args:
        containers: A container, a reference to one, or several of them.

    Raises:
        ArgumentError: There is none, or one is of a kind that cannot be in an archive.
    """
    items: list[object] = [containers]
    if isinstance(containers, Iterable) and not isinstance(containers, (Model, Mapping, str, bytes)):
        items = list(cast("Iterable[object]", containers))
    if not items:
        raise ArgumentError("containers: give at least one container")
    nodes: list[dict[str, str]] = []
    for item in items:
        kind, container_id = _reference(item)
        if kind not in LEVELS or not isinstance(container_id, str) or not container_id:
            shown = f"a {kind}" if isinstance(kind, str) else type(item).__name__
            raise ArgumentError(f"containers: {shown} cannot be in an archive; give any of: {', '.join(LEVELS)}")
        node = {"level": str(kind), "_id": container_id}
        if node not in nodes:
            nodes.append(node)
    return nodes


def _reference(item: object) -> tuple[object, object]:
    """Kind and id of a container."""
    kind: object = getattr(item, "container_type", None)
    if not isinstance(item, (Model, Mapping)):
        return kind, None
    members = cast("Mapping[str, object]", item)
    return kind or members.get("type"), members.get("id") or members.get("_id")


def filters_of(**conditions: object) -> list[dict[str, dict[str, list[str]]]]:
    """Writes the conditions that files must meet.

    Args:
        **conditions: `include_types`, `exclude_types`, `include_tags`, `exclude_tags`: texts, or None for any.

    Raises:
        ArgumentError: One is no list of texts.
    """
    filter_: dict[str, dict[str, list[str]]] = {}
    for name, values in conditions.items():
        if values is None:
            continue
        listed = list(cast("Iterable[object]", values)) if isinstance(values, (list, tuple, set, frozenset)) else None
        if listed is None or not all(isinstance(value, str) for value in listed):
            raise ArgumentError(f"{name} must be a list of texts, not {values!r}")
        verb, _, member = name.partition("_")
        sign = "plus" if verb == "include" else "minus"
        filter_.setdefault(member, {})[sign] = cast("list[str]", listed)
    return [filter_] if filter_ else []


class ArchiveDownload:
    """One download of archives.

    Args:
        core: The client.
        form: Tar or zip.
        nodes: The containers; see `nodes_of`.
        filters: Conditions on files; see `filters_of`.
        options: Deadline, stall timeout and fsync.
        on_progress: Told about each event, for one archive after the other.
    """

    def __init__(
        self,
        core: Core,
        form: Form,
        nodes: Sequence[dict[str, str]],
        filters: Sequence[object],
        options: DownloadOptions,
        on_progress: OnProgress | None,
    ) -> None:
        self._core = core
        self._form: Form = form
        self._nodes = nodes
        self._filters = filters
        self._options = options
        self._on_progress = on_progress

    async def save(self, dest: object) -> ArchiveSummary:
        """Writes the archive to a path, or a folder that exists.

        Raises:
            ArgumentError: The destination cannot be written; nothing was sent.
            NotFound: There is no file to download.
            TransferError: The archive is not what was announced; nothing is left.
            TransportError: The connection failed; nothing is left.
        """
        folder = await in_thread(lambda: existing_folder(dest))
        path = None if folder is not None else await in_thread(lambda: check_destination(dest))
        written: list[tuple[Path, Path]] = []  # temporary and final path
        total = Unpacked()

        async def one(ticket: _Ticket, number: int) -> None:
            final = path if folder is None else folder / _archive_name(ticket.filename, self._form)
            assert final is not None
            if number > 1:
                final = final.with_name(f"{final.stem}-{number}{final.suffix}")
            done = await self._receive(ticket, lambda feed: _save(feed, final, self._form, ticket.announced, written))
            total.files += done.files
            total.bytes += done.bytes

        def publish_all() -> tuple[Path, ...]:
            for temporary, final in written:
                publish(io.FileIO(temporary, "r+b"), temporary, final, fsync=self._options.fsync)
            return tuple(final for _, final in written)

        try:
            await self._in_time(lambda: self._each(one))
            paths = await in_thread(publish_all)
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(lambda: _remove(temporary for temporary, _ in written))
        return ArchiveSummary(total.files, total.bytes, paths)

    async def extract(self, folder: object) -> ArchiveSummary:
        """Unpacks into a folder, while the bytes arrive where the form allows it (tar).

        Each file appears when it is complete; what is there under its name is replaced. Links that are there are not
        followed.

        Raises:
            ArgumentError: The folder cannot be written; nothing was sent.
            NotFound: There is no file to download.
            UnsafeArchive: The archive holds something else than files, more than announced, or a link is in the way.
            TransferError: The archive is not what was announced; the files that had arrived stay.
            TransportError: The connection failed; the files that had arrived stay.
        """
        if not isinstance(folder, (str, os.PathLike)) or isinstance(folder, bytes) or not os.fspath(folder):
            raise ArgumentError(f"extract_to must be the path of a folder, not {folder!r}")
        place = cast("str | os.PathLike[str]", folder)
        tree = await in_thread(lambda: SafeTree(place))
        total = Unpacked()

        async def one(ticket: _Ticket, number: int) -> None:
            done = await self._receive(ticket, lambda feed: _unpack(feed, tree, self._form, ticket.announced, number))
            total.files += done.files
            total.bytes += done.bytes

        try:
            await self._in_time(lambda: self._each(one))
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(tree.close)
        return ArchiveSummary(total.files, total.bytes, (tree.root,), dict(tree.renamed))

    async def _in_time(self, work: Callable[[], Awaitable[None]]) -> None:
        await Deadline(self._core, self._options.deadline, "download_ticket").hold(work)

    async def _each(self, one: Callable[[_Ticket, int], Awaitable[None]]) -> None:
        """Gets tickets, splits what is too large for one, and has each used at once, while it is good."""
        nodes = list(self._nodes)
        groups = [nodes[at : at + MOST_CONTAINERS] for at in range(0, len(nodes), MOST_CONTAINERS)][::-1]
        number = 0
        nothing: NotFound | None = None
        while groups:
            group = groups.pop()
            try:
                ticket = await self._ticket(group)
            except NotFound as error:
                nothing = error
                continue
            if ticket.is_large and len(group) > 1:
                half = len(group) // 2
                groups += [group[half:], group[:half]]
                continue
            number += 1
            await one(ticket, number)
        if number == 0 and nothing is not None:
            raise nothing

    async def _ticket(self, nodes: list[dict[str, str]]) -> _Ticket:
        body: dict[str, object] = {"optional": True, "nodes": nodes}
        if self._filters:
            body["filters"] = list(self._filters)
        response = await self._core._call("create_download_ticket", body)
        answer: object = response.json()
        members = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        name, filename = members.get("ticket"), members.get("filename")
        if not isinstance(name, str) or not name:
            raise response.unexpected("a ticket")
        count, size = members.get("file_cnt"), members.get("size")
        announced = Announced(count if isinstance(count, int) else None, size if isinstance(size, int) else None)
        return _Ticket(name, filename if isinstance(filename, str) and filename else "archive", announced)

    async def _receive(self, ticket: _Ticket, work: Callable[[Feed], Unpacked]) -> Unpacked:
        """Fetches one archive, from the start again where the connection breaks, and has a thread work on it."""
        name = _archive_name(ticket.filename, self._form)
        request = build("download_ticket", (ticket.name,), {"format": self._form})
        request = replace(request, headers={**request.headers, "accept-encoding": "identity"})
        content = Content(request, name, ranged=False)
        teller = Teller(self._on_progress, name, ticket.announced.bytes)
        attempts = Attempts(self._core, name, self._options.stall_timeout)
        try:
            await teller.started()
            while True:
                try:
                    done = await self._receive_once(content, work, teller)
                    break
                except (TransportError, IncompleteTransfer) as error:
                    wait = attempts.wait(error, 0)
                    await teller.retrying(0, wait, error)
                    await anyio.sleep(wait)
            await teller.verified(None)
        except BaseException as error:
            await teller.failed(error)
            raise
        await teller.ended()
        return done

    async def _receive_once(self, content: Content, work: Callable[[Feed], Unpacked], teller: Teller) -> Unpacked:
        answer = await open_span(self._core, content, 0, None, self._options.stall_timeout)
        async with answer, aclosing(answer.chunks()) as chunks:

            async def source() -> bytes | None:
                chunk = await anext(chunks, None)
                if chunk is not None:
                    await teller.moved(len(chunk))
                return chunk

            feed = Feed(source)
            return await in_feeding_thread(lambda: work(feed), feed)


def _archive_name(filename: str, form: Form) -> str:
    """The local name of an archive; the site names all of them as tar."""
    return safe_name(f"{filename.removesuffix('.tar').removesuffix('.zip') or 'archive'}.{form}")


# What follows runs in a worker thread.


def _save(feed: Feed, final: Path, form: Form, announced: Announced, written: list[tuple[Path, Path]]) -> Unpacked:
    """Writes an archive beside its final path, and looks it through."""
    temporary, descriptor = open_temporary(final)
    try:
        with os.fdopen(descriptor, "w+b", buffering=0) as file:
            copy = _Copy(feed, file)
            done = unpack_tar(copy, Nowhere(), announced) if form == "tar" else None
            copy.rest()
        done = done or unpack_zip(temporary, Nowhere(), announced)
    except BaseException as error:
        _remove([temporary])
        if isinstance(error, OSError) and not isinstance(error, FlywheelError):
            raise TransferError(f"cannot write {final}: {error.strerror or error}") from error
        raise
    written.append((temporary, final))
    return done


def _unpack(feed: Feed, tree: SafeTree, form: Form, announced: Announced, number: int) -> Unpacked:
    """Unpacks an archive; a zip lies in the folder meanwhile, since its list of files is at its end."""
    if form == "tar":
        done = unpack_tar(feed, tree, announced, number)
        while feed.read(PIECE):  # what fills the last block
            pass
        return done
    temporary, descriptor = open_temporary(tree.root / "archive.zip")
    try:
        with os.fdopen(descriptor, "w+b", buffering=0) as file:
            _Copy(feed, file).rest()
        return unpack_zip(temporary, tree, announced, number)
    except FlywheelError:
        raise
    except OSError as error:
        raise TransferError(f"cannot write {temporary}: {error.strerror or error}") from error
    finally:
        _remove([temporary])


class _Copy:
    """A stream that is written to a file while it is read."""

    def __init__(self, feed: Feed, file: io.RawIOBase | io.FileIO) -> None:
        self._feed = feed
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Reads."""
        data = self._feed.read(size)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        return data

    def rest(self) -> None:
        """Copies what was not read."""
        while self.read(PIECE):
            pass


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
