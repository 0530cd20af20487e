"""Names of the container kinds: on the wire, in operation ids and as classes."""

from __future__ import annotations

from flywheel_async.errors import ArgumentError

CLASS_NAMES: dict[str, str] = {
    "group": "Group",
    "project": "Project",
    "subject": "Subject",
    "session": "Session",
    "acquisition": "Acquisition",
    "analysis": "Analysis",
    "collection": "Collection",
    "file": "File",
    "user": "User",
}
"""Class name of each kind, by its `container_type`."""

FILE_KINDS = ("project", "subject", "session", "acquisition", "analysis", "collection", "container")
"""Kinds that hold files, as they stand in operation ids."""


def upload_operation(kind: str) -> str:
    """The operation that uploads a file into a container of this kind."""
    return "upload_output_to_analysis" if kind == "analysis" else f"upload_file_to_{_file_kind(kind)}"


def download_operation(kind: str) -> str:
    """The operation that answers with the content of a file of a container of this kind."""
    return f"download_file_from_{_file_kind(kind)}"


def ticket_operation(kind: str) -> str:
    """The operation that answers with a ticket for a file of a container of this kind."""
    return f"get_{_file_kind(kind)}_download_ticket"


def zip_operation(kind: str) -> str:
    """The operation that lists the members of a zip file of a container of this kind."""
    return f"get_{_file_kind(kind)}_file_zip_info"


def _file_kind(kind: str) -> str:
    if kind not in FILE_KINDS:
        raise ArgumentError(f"a {kind} holds no files")
    return kind
