"""Downloading many files as one archive: streamed, compared with what the site lists, unpacked on the way."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio

from flywheel_async.errors import (
    ArgumentError,
    ChecksumMismatch,
    IncompleteTransfer,
    TransportError,
    UnsafeArchive,
)
from flywheel_async.events import OnProgress, Teller
from flywheel_async.files import check_destination, existing_folder, in_thread, made_in_thread
from flywheel_async.raw.caller import build
from flywheel_async.transfer.archive_places import (
    Form,
    Kept,
    Place,
    Unpacking,
    archive_name,
    remove_folder,
    temporary_folder,
)
from flywheel_async.transfer.archive_tickets import Filters, Node, OwnFiles, Ticket, Tickets
from flywheel_async.transfer.contents import contents_of
from flywheel_async.transfer.download import download
from flywheel_async.transfer.extract import Announced, Unpacked
from flywheel_async.transfer.feeding import Feed, in_feeding_thread
from flywheel_async.transfer.fetch import Attempts, Content, Deadline, DownloadOptions, open_span
from flywheel_async.transfer.folders import SafeTree

if TYPE_CHECKING:
    from flywheel_async.core import Core


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What a download of an archive has brought.

    Attributes:
        files: How many files.
        bytes: Their sizes together.
        verified: How many of the files were found to have the hash that the site lists; fewer than `files` where the
            site does not tell all hashes, or was not asked.
        paths: The archives that were written, more than one for a very large set; or the folder unpacked into.
        renamed: Local path → path in the archive, for files whose name could not be kept; paths are below the folder.
    """

    files: int
    bytes: int
    verified: int
    paths: tuple[Path, ...]
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


class ArchiveDownload:
    """One download of archives.

    Args:
        core: The client.
        form: Tar or zip.
        nodes: The containers; see `nodes_of`.
        filters: Conditions on files; see `filters_of`.
        verify: Whether each file is compared with the hash that the site lists.
        options: Deadline, stall timeout and fsync.
        on_progress: Told about each event, for one archive after the other.
    """

    def __init__(
        self,
        core: Core,
        form: Form,
        nodes: Sequence[Node],
        filters: Filters,
        *,
        verify: bool,
        options: DownloadOptions,
        on_progress: OnProgress | None,
    ) -> None:
        self._core = core
        self._form: Form = form
        self._nodes = nodes
        self._filters = filters
        self._verify = verify
        self._options = options
        self._on_progress = on_progress

    async def save(self, dest: object) -> ArchiveSummary:
        """Writes the archive to a path, or a folder that exists.

        Raises:
            ArgumentError: The destination cannot be written; nothing was sent.
            NotFound: There is no file to download.
            ChecksumMismatch: A file in the archive is none that the site lists; nothing is left.
            TransferError: The archive is not what was announced; nothing is left.
            TransportError: The connection failed; nothing is left.
        """
        place = await in_thread(lambda: Kept(self._form, existing_folder(dest) or check_destination(dest)))
        try:
            done = await self._fetch(place)
            paths = await in_thread(lambda: place.publish(fsync=self._options.fsync))
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(place.close)
        return ArchiveSummary(done.files, done.bytes, done.verified, paths)

    async def extract(self, folder: object) -> ArchiveSummary:
        """Unpacks into a folder, while the bytes arrive where the form allows it (tar).

        Each file appears when it is complete and compared; what is there under its name is replaced. Links that are
        there are not followed.

        Raises:
            ArgumentError: The folder cannot be written; nothing was sent.
            NotFound: There is no file to download.
            UnsafeArchive: The archive holds something else than files, more than announced, or a link is in the way.
            ChecksumMismatch: A file in the archive is none that the site lists; it was not written.
            TransferError: The archive is not what was announced; the files that had arrived stay.
            TransportError: The connection failed; the files that had arrived stay.
        """
        if not isinstance(folder, (str, os.PathLike)) or isinstance(folder, bytes) or not os.fspath(folder):
            raise ArgumentError(f"extract_to must be the path of a folder, not {folder!r}")
        root = cast("str | os.PathLike[str]", folder)
        tree = await made_in_thread(lambda: SafeTree(root, fsync=self._options.fsync), lambda made: made.close())
        try:
            done = await self._fetch(Unpacking(self._form, tree))
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(tree.close)
        return ArchiveSummary(done.files, done.bytes, done.verified, (tree.root,), dict(tree.renamed))

    async def _fetch(self, place: Place) -> Unpacked:
        total = Unpacked()

        async def work() -> None:
            tickets = Tickets(self._core, self._nodes, self._filters)
            number = 0
            while (item := await tickets.next()) is not None:
                number += 1
                if isinstance(item, OwnFiles):
                    done = await self._singly(item, place, number)
                else:
                    done = await self._receive(tickets, item, place, number)
                total.files += done.files
                total.bytes += done.bytes
                total.verified += done.verified

        deadline = Deadline(self._core, self._options.deadline, "download_ticket")
        await deadline.hold(lambda: self._core._transport.in_turn(work))
        return total

    async def _receive(self, tickets: Tickets, ticket: Ticket, place: Place, number: int) -> Unpacked:
        """Fetches one archive, from the start again where the connection breaks."""
        name = archive_name(ticket.filename, self._form)
        teller = Teller(self._on_progress, name, ticket.announced.bytes)
        attempts = Attempts(self._core, name, self._options.stall_timeout)
        async with teller.running():
            await teller.started()
            while True:
                try:
                    done = await self._receive_once(await self._listed(ticket), place, number, teller)
                    break
                except (TransportError, IncompleteTransfer, ChecksumMismatch) as error:
                    wait = attempts.wait(error, 0)
                    await teller.retrying(0, wait, error)
                    await anyio.sleep(wait)
                # The ticket may be too old by now, and the files others than it was for.
                ticket = await tickets.ask(ticket.nodes)
            await teller.verified(None)
            await teller.ended()
        return done

    async def _listed(self, ticket: Ticket) -> Ticket:
        """A ticket that knows what the site lists."""
        if not self._verify:
            return ticket
        contents = await contents_of(self._core, ticket.nodes)
        return replace(ticket, announced=replace(ticket.announced, contents=contents))

    async def _receive_once(self, ticket: Ticket, place: Place, number: int, teller: Teller) -> Unpacked:
        request = build("download_ticket", (ticket.name,), {"format": self._form})
        request = replace(request, headers={**request.headers, "accept-encoding": "identity"})
        content = Content(request, teller.name, ranged=False)
        answer = await open_span(self._core, content, 0, None, self._options.stall_timeout)
        most, came = _most_bytes(ticket.announced), 0
        async with answer, aclosing(answer.chunks()) as chunks:

            async def source() -> bytes | None:
                nonlocal came
                chunk = await anext(chunks, None)
                if chunk is not None:
                    came += len(chunk)
                    if most is not None and came > most:
                        raise UnsafeArchive(f"{teller.name} is longer than what was announced can need")
                    # Packing adds to what was announced; a bar ends at its end all the same.
                    await teller.moved(min(len(chunk), (ticket.announced.bytes or came) - teller.done))
                return chunk

            feed = Feed(source)
            return await in_feeding_thread(lambda: place.take(feed, ticket, number), feed)

    async def _singly(self, item: OwnFiles, place: Place, number: int) -> Unpacked:
        """Fetches files one by one, each verified like any download."""
        done = Unpacked()
        options = replace(self._options, deadline=None, resume=False, set_mtime=True)
        folder = await made_in_thread(lambda: temporary_folder(place.folder), remove_folder)
        try:
            files: list[tuple[str, Path]] = []
            for place_in_list, entry in enumerate(item.entries):
                content = self._core._downloads.content(item.kind, item.container_id, entry)
                path = folder / str(place_in_list)
                await download(self._core, content, path, options, self._on_progress)
                files.append((f"{item.folder}/{content.name}", path))
                done.files += 1
                done.bytes += content.size or 0
                done.verified += content.hash is not None
            # Not before it has ended, also when cancelled, is anything taken away from it.
            feed = Feed(_nothing)
            await in_feeding_thread(lambda: place.add(files, number, feed.check), feed)
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(lambda: remove_folder(folder))
        return done


async def _nothing() -> None:
    """Gives no bytes, to a thread that reads what is there already."""


def _most_bytes(announced: Announced) -> int | None:
    """How long an archive may be: what is announced, what packing adds at most, and generous headers."""
    if announced.files is None or announced.bytes is None:
        return None
    return announced.bytes + announced.bytes // 256 + announced.files * 64 * 1024 + 1024 * 1024
