"""Containers whose files can be had as one archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from flywheel_async.models.container import Container
from flywheel_async.resources import archives as _archives
from flywheel_async.resources.archives import ArchiveKeywords
from flywheel_async.resources.bound import core_of
from flywheel_async.transfer.archives import ArchiveSummary


class Packed(Container):
    """A container that comes as an archive: with all its files and those of the containers below it."""

    async def download_tar(
        self,
        dest_file: str | Path | None = None,
        include_types: Iterable[str] | None = None,
        exclude_types: Iterable[str] | None = None,
        **options: Unpack[ArchiveKeywords],
    ) -> ArchiveSummary:
        """Downloads all files below this container as a tar; routes `POST /download` and `GET /download`.

        Args:
            dest_file: Path of the archive, or a folder that exists, in which it gets a name that is free; written only
                when it is complete.
            include_types: File types to take, such as `["nifti"]`; all by default.
            exclude_types: File types to leave out.
            **options: See `ArchiveKeywords`; with `extract_to` it is unpacked while it arrives.

        Returns:
            What was downloaded.

        Raises:
            ArgumentError: Something given makes no sense or cannot be written; nothing was sent.
            NotFound: There is no file to download.
            TransferError: The archive is not what was announced; nothing is left at `dest_file`.

        Example:
            >>> summary = await session.download_tar(extract_to="/data/session", include_types=["nifti"])
        """
        return await _archives.download(core_of(self), "tar", self, dest_file, include_types, exclude_types, options)

    async def download_zip(
        self,
        dest_file: str | Path | None = None,
        include_types: Iterable[str] | None = None,
        exclude_types: Iterable[str] | None = None,
        **options: Unpack[ArchiveKeywords],
    ) -> ArchiveSummary:
        """Downloads all files below this container as a zip; routes `POST /download` and `GET /download`.

        Args:
            dest_file: Path of the archive, or a folder that exists, in which it gets a name that is free; written only
                when it is complete.
            include_types: File types to take, such as `["nifti"]`; all by default.
            exclude_types: File types to leave out.
            **options: See `ArchiveKeywords`.

        Returns:
            What was downloaded.

        Raises:
            ArgumentError: Something given makes no sense or cannot be written; nothing was sent.
            NotFound: There is no file to download.
            TransferError: The archive is not what was announced; nothing is left at `dest_file`.
        """
        return await _archives.download(core_of(self), "zip", self, dest_file, include_types, exclude_types, options)
