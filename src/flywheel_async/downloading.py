"""Downloading through the client itself: a file as a stream, many files as an archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from flywheel_async.core import Core

if TYPE_CHECKING:
    from flywheel_async.events import OnProgress
    from flywheel_async.fields.common import ContainerReference
    from flywheel_async.models import Acquisition, Analysis, File, Project, Session, Subject
    from flywheel_async.resources.archives import ArchiveKeywords
    from flywheel_async.transfer.archives import ArchiveSummary
    from flywheel_async.transfer.stream import AsyncFileStream

    Packable = Project | Subject | Session | Acquisition | Analysis | ContainerReference


class AsyncDownloading(Core):
    """The part of a client that downloads."""

    def stream(
        self,
        file: File,
        *,
        on_progress: OnProgress | None = None,
        deadline: float | None = None,
        stall_timeout: float | None = None,
    ) -> AsyncFileStream:
        """Makes a stream over a file, read while it arrives; route `GET /{containers}/{id}/files/{name}`.

        A connection that breaks is taken up again where it broke. Size and hash are checked at the end.

        Args:
            file: The file; this very version is read.
            on_progress: Told about each event; see `flywheel_async.events`.
            deadline: Seconds from opening to the end; the client's deadline by default.
            stall_timeout: Seconds without a byte after which it is taken up again; the client's `request_timeout` by
                default.

        Returns:
            An async context manager to iterate over.

        Raises:
            ArgumentError: It is no file, or an argument makes no sense; nothing was sent.

        Example:
            >>> async with fw.stream(file) as stream:
            ...     async for chunk in stream:
            ...         print(len(chunk))
        """
        keywords = {"on_progress": on_progress, "deadline": deadline, "stall_timeout": stall_timeout}
        return self._downloads.stream(file, None, keywords)

    async def download_tar(
        self,
        containers: Packable | Iterable[Packable],
        dest_file: str | Path | None = None,
        include_types: Iterable[str] | None = None,
        exclude_types: Iterable[str] | None = None,
        **options: Unpack[ArchiveKeywords],
    ) -> ArchiveSummary:
        """Downloads all files of containers as a tar; routes `POST /download` and `GET /download`.

        The archive is checked while it arrives: number and sizes of its files must be those the site announced, and
        each file one that the site lists, by its hash. Very large sets come in several archives, the second one at
        `NAME-2.tar`.

        Args:
            containers: One or more projects, subjects, sessions, acquisitions or analyses.
            dest_file: Path of the archive, or a folder that exists, in which it gets a name that is free; written only
                when it is complete.
            include_types: File types to take, such as `["nifti"]`; all by default.
            exclude_types: File types to leave out.
            **options: `include_tags`, `exclude_tags`, `extract_to`, `verify`, `on_progress`, `fsync`, `deadline` and
                `stall_timeout`; see `ArchiveKeywords`.

        Returns:
            What was downloaded.

        Raises:
            ArgumentError: Something given makes no sense or cannot be written; nothing was sent.
            NotFound: There is no file to download.
            ChecksumMismatch: A file in the archive is not what the site lists; nothing is left at `dest_file`.
            TransferError: The archive is not what was announced; nothing is left at `dest_file`.

        Example:
            >>> summary = await fw.download_tar(session, extract_to="/data/session", include_types=["nifti"])
            >>> print(summary.files, summary.bytes)
        """
        from flywheel_async.resources.archives import download

        return await download(self, "tar", containers, dest_file, include_types, exclude_types, options)

    async def download_zip(
        self,
        containers: Packable | Iterable[Packable],
        dest_file: str | Path | None = None,
        include_types: Iterable[str] | None = None,
        exclude_types: Iterable[str] | None = None,
        **options: Unpack[ArchiveKeywords],
    ) -> ArchiveSummary:
        """Downloads all files of containers as a zip; routes `POST /download` and `GET /download`.

        As `download_tar`, and besides, the checksum of each file in it is checked. To unpack, a tar is better: a zip
        has to lie on the disk first.

        Args:
            containers: One or more projects, subjects, sessions, acquisitions or analyses.
            dest_file: Path of the archive, or a folder that exists, in which it gets a name that is free; written only
                when it is complete.
            include_types: File types to take, such as `["nifti"]`; all by default.
            exclude_types: File types to leave out.
            **options: `include_tags`, `exclude_tags`, `extract_to`, `verify`, `on_progress`, `fsync`, `deadline` and
                `stall_timeout`; see `ArchiveKeywords`.

        Returns:
            What was downloaded.

        Raises:
            ArgumentError: Something given makes no sense or cannot be written; nothing was sent.
            NotFound: There is no file to download.
            ChecksumMismatch: A file in the archive is not what the site lists; nothing is left at `dest_file`.
            TransferError: The archive is not what was announced; nothing is left at `dest_file`.

        Example:
            >>> summary = await fw.download_zip([session, other], "/data/sessions.zip")
        """
        from flywheel_async.resources.archives import download

        return await download(self, "zip", containers, dest_file, include_types, exclude_types, options)
