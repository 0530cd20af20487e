"""Archives of many files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.resources.downloads import options_of
from flywheel_async.transfer.archive_places import Form
from flywheel_async.transfer.archive_tickets import filters_of, nodes_of
from flywheel_async.transfer.archives import ArchiveDownload, ArchiveSummary

if TYPE_CHECKING:
    from flywheel_async.core import Core


class ArchiveKeywords(TypedDict, total=False):
    """What downloads of archives understand.

    Attributes:
        include_tags: Take only files with one of these tags.
        exclude_tags: Leave out files with one of these tags.
        extract_to: Folder to unpack into, in place of the archive's path. Names that are not safe are changed, see
            `renamed` of the result; links are refused.
        verify: Whether each file is compared with the hash that the site lists, for which the files are listed first,
            1,000 per request; True by default. Number and sizes are compared in any case.
        on_progress: Told about each event; see `flywheel_async.events`.
        fsync: Whether the archive, or what is unpacked, is to be on the disk, safe from a power failure, when the call
            returns.
        deadline: Seconds it may take in all; the client's deadline by default.
        stall_timeout: Seconds without a byte after which it is started again; the client's `request_timeout` by
            default.
    """

    include_tags: Iterable[str] | None
    exclude_tags: Iterable[str] | None
    extract_to: str | Path | None
    verify: bool
    on_progress: OnProgress | None
    fsync: bool
    deadline: float | None
    stall_timeout: float | None


async def download(
    core: Core,
    form: Form,
    containers: object,
    dest: object,
    include_types: object,
    exclude_types: object,
    keywords: Mapping[str, object],
) -> ArchiveSummary:
    """Downloads the files of containers; see `AsyncClient.download_tar` and `ArchiveKeywords`."""
    rest = dict(keywords)
    extract_to = rest.pop("extract_to", None)
    if (dest is None) == (extract_to is None):
        raise ArgumentError("give either dest_file, to keep the archive, or extract_to, to unpack it")
    filters = filters_of(
        include_types=include_types,
        exclude_types=exclude_types,
        include_tags=rest.pop("include_tags", None),
        exclude_tags=rest.pop("exclude_tags", None),
    )
    verify = rest.pop("verify", True)
    if not isinstance(verify, bool):
        raise ArgumentError(f"verify must be True or False, not {verify!r}")
    options, on_progress = options_of(rest, [*ArchiveKeywords.__annotations__])
    nodes = nodes_of(containers)
    archive = ArchiveDownload(core, form, nodes, filters, verify=verify, options=options, on_progress=on_progress)
    return await (archive.save(dest) if extract_to is None else archive.extract(extract_to))
