"""Reading and writing the `file` table: file entries and their versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flywheel_async.emulator import changes, templates
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.filetypes import guess_mimetype, guess_type
from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, not_found
from flywheel_async.emulator.wire import Doc, as_doc, text

MAX_NAME_BYTES = 255


@dataclass(slots=True)
class FileRow:
    """One version of a file; see `schema` for the columns."""

    file_id: str
    version: int
    name: str
    parent_kind: str
    parent_id: str
    group_id: str
    project: str
    subject: str | None
    session: str | None
    acquisition: str | None
    type: str | None
    size: int
    hash: str
    created: int
    modified: int
    replaced: int | None
    revision: int
    body: Doc

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> FileRow:
        """Builds an entry from a row with all columns."""
        return cls(
            row["file_id"],
            row["version"],
            row["name"],
            row["parent_kind"],
            row["parent_id"],
            row["group_id"],
            row["project"],
            row["subject"],
            row["session"],
            row["acquisition"],
            row["type"],
            row["size"],
            row["hash"],
            row["created"],
            row["modified"],
            row["replaced"],
            row["revision"],
            as_doc(row["body"]),
        )


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that were received.

    Attributes:
        hash: Their hash in the form of the blob store.
        size: How many.
        path: Where they wait until they are listed and so get their place in the blob store; None when they have it.
    """

    hash: str
    size: int
    path: Path | None = None

    def discard(self) -> None:
        """Throws bytes away that still wait; does nothing to those that were listed."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def check_name(name: str) -> str:
    """Returns a file name that can be used.

    Raises:
        Problem: 422, it is empty, `.` or `..`, holds NUL, or is longer than 255 bytes.
    """
    if name in ("", ".", "..") or "\0" in name:
        raise Problem(422, f"{name!r} is not a file name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Problem(422, f"a file name has at most {MAX_NAME_BYTES} bytes")
    return name


def find_version(tx: Tx, file_id: str, version: int | None) -> FileRow | None:
    """Returns one version of a live file, the latest one by default, or None."""
    if version is None:
        row = tx.one("SELECT * FROM file WHERE file_id = ? AND current = 1", (file_id,))
    else:
        row = tx.one("SELECT * FROM file WHERE file_id = ? AND version = ? AND deleted IS NULL", (file_id, version))
    return None if row is None else FileRow.from_row(row)


def any_version(tx: Tx, file_id: str, version: int) -> FileRow | None:
    """Returns one version of a file, also a deleted one, or None."""
    row = tx.one("SELECT * FROM file WHERE file_id = ? AND version = ?", (file_id, version))
    return None if row is None else FileRow.from_row(row)


def get_named(tx: Tx, parent: Node, name: str, version: int | None = None) -> FileRow:
    """Returns a file of a container by name.

    Args:
        tx: The transaction.
        parent: The container.
        name: The file name.
        version: The version wanted; the latest one by default.

    Raises:
        Problem: 404.
    """
    row = tx.one("SELECT * FROM file WHERE parent_id = ? AND name = ? AND current = 1", (parent.id, name))
    if row is not None and version is not None and version != row["version"]:
        row = tx.one(
            "SELECT * FROM file WHERE file_id = ? AND version = ? AND deleted IS NULL",
            (row["file_id"], version),
        )
    if row is None:
        raise not_found("file", name)
    return FileRow.from_row(row)


def has(tx: Tx, parent: Node, name: str) -> bool:
    """Tells whether a container has a file of a name."""
    return tx.one("SELECT 1 FROM file WHERE parent_id = ? AND name = ? AND current = 1", (parent.id, name)) is not None


def of_container(tx: Tx, parent_id: str) -> list[FileRow]:
    """Returns the latest versions of all files of a container, oldest file first."""
    return [FileRow.from_row(row) for row in rows_of_container(tx, parent_id)]


def rows_of_container(tx: Tx, parent_id: str) -> Iterator[sqlite3.Row]:
    """Gives the rows of the latest versions of all files of a container one by one, oldest file first."""
    # Left alone, SQLite would go through the files of the whole site, which are in this order already.
    return tx.each(
        "SELECT * FROM file INDEXED BY file_name WHERE parent_id = ? AND current = 1 ORDER BY file_id", (parent_id,)
    )


def versions(tx: Tx, file_id: str) -> list[FileRow]:
    """Returns all live versions of a file, oldest first."""
    rows = tx.all("SELECT * FROM file WHERE file_id = ? AND deleted IS NULL ORDER BY version", (file_id,))
    return [FileRow.from_row(row) for row in rows]


def add(
    tx: Tx,
    parent: Node,
    name: str,
    content: Content,
    given: FileInput,
    origin: Doc,
    new_id: str,
    *,
    keep_metadata: bool,
) -> FileRow:
    """Adds a file to a container, or a new version of the file with that name.

    Args:
        tx: The transaction.
        parent: The container.
        name: The file name, already checked.
        content: The stored bytes.
        given: Metadata sent with the upload.
        origin: Who uploaded it.
        new_id: The file id to use when the name is new.
        keep_metadata: Whether a new version takes over the metadata of the one before where nothing is given.
    """
    row = tx.one("SELECT * FROM file WHERE parent_id = ? AND name = ? AND current = 1", (parent.id, name))
    before = None if row is None else FileRow.from_row(row)
    body: Doc = {
        "mimetype": given.mimetype or guess_mimetype(name),
        "modality": given.modality,
        "classification": {key: list(values) for key, values in (given.classification or {}).items()},
        "tags": list(given.tags or []),
        "info": given.info or {},
        "origin": origin,
        "zip_member_count": given.zip_member_count,
        "deid_log_id": given.deid_log_id,
        "deid_log_skip_reason": given.deid_log_skip_reason,
    }
    kind = given.type or guess_type(name)
    if before is not None and keep_metadata:
        kind = given.type or before.type
        for key in ("modality", "classification", "tags", "info"):
            if key not in given.model_fields_set:
                body[key] = before.body[key]
    if before is not None:
        tx.run(
            "UPDATE file SET current = 0, replaced = ? WHERE file_id = ? AND version = ?",
            (tx.now, before.file_id, before.version),
        )
    newest = tx.one("SELECT MAX(version) FROM file WHERE file_id = ?", (before.file_id if before else new_id,))
    added = FileRow(
        file_id=before.file_id if before else new_id,
        version=(newest[0] or 0) + 1 if newest else 1,
        name=name,
        parent_kind=parent.kind,
        parent_id=parent.id,
        group_id=parent.group_id or "",
        project=parent.project or "",
        subject=parent.subject,
        session=parent.session,
        acquisition=parent.acquisition,
        type=kind,
        size=content.size,
        hash=content.hash,
        created=tx.now,
        modified=tx.now,
        replaced=None,
        revision=1,
        body=body,
    )
    insert(tx, added)
    return added


def insert(tx: Tx, row: FileRow) -> None:
    """Stores a new version as the listed one of its name."""
    changes.created(tx, "file", row.file_id, row.version)
    tx.run(
        "INSERT INTO file (file_id, version, name, parent_kind, parent_id, group_id, project, subject, session,"
        " acquisition, current, type, size, hash, created, modified, replaced, revision, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.file_id,
            row.version,
            row.name,
            row.parent_kind,
            row.parent_id,
            row.group_id,
            row.project,
            row.subject,
            row.session,
            row.acquisition,
            row.type,
            row.size,
            row.hash,
            row.created,
            row.modified,
            row.replaced,
            row.revision,
            text(row.body),
        ),
    )
    templates.refresh(tx, row.session)


def put_below(row: FileRow, parent: Node) -> None:
    """Gives an entry the parent, and with it the ancestors, that it is to have."""
    row.parent_kind, row.parent_id = parent.kind, parent.id
    row.group_id, row.project = parent.group_id or "", parent.project or ""
    row.subject, row.session, row.acquisition = parent.subject, parent.session, parent.acquisition


def parents_of(row: FileRow) -> Doc:
    """Returns all six ancestors of a file; what does not apply is null."""
    return {
        "group": row.group_id or None,
        "project": row.project or None,
        "subject": row.subject,
        "session": row.session,
        "acquisition": row.acquisition,
        "analysis": row.parent_id if row.parent_kind == "analysis" else None,
    }


def move(tx: Tx, row: FileRow, parent: Node, name: str) -> None:
    """Moves a file with all versions to a container, under a name that must be free there.

    Raises:
        Problem: 409, the name is taken.
    """
    if (parent.id, name) != (row.parent_id, row.name) and has(tx, parent, name):
        raise Problem(409, f"{parent.kind} {parent.id} has a file {name!r} already")
    left = row.session
    put_below(row, parent)
    tx.run(
        "UPDATE file SET name = ?, parent_kind = ?, parent_id = ?, group_id = ?, project = ?, subject = ?,"
        " session = ?, acquisition = ? WHERE file_id = ?",
        (
            name,
            row.parent_kind,
            row.parent_id,
            row.group_id,
            row.project,
            row.subject,
            row.session,
            row.acquisition,
            row.file_id,
        ),
    )
    row.name = name
    save(tx, row)
    templates.refresh(tx, left)


def restore(tx: Tx, row: FileRow, origin: Doc) -> FileRow:
    """Makes an older or deleted version the latest one again: as a new version with its content and metadata.

    Raises:
        Problem: 409, the file was deleted and another one has its name now.
    """
    named = tx.one(
        "SELECT file_id FROM file WHERE parent_id = ? AND name = ? AND current = 1", (row.parent_id, row.name)
    )
    if named is not None and named["file_id"] != row.file_id:
        raise Problem(409, f"another file has the name {row.name!r} now")
    tx.run("UPDATE file SET current = 0, replaced = ? WHERE file_id = ? AND current = 1", (tx.now, row.file_id))
    newest = tx.one("SELECT MAX(version) FROM file WHERE file_id = ?", (row.file_id,))
    body: Doc = {**row.body, "restored_from": row.version, "restored_by": origin}
    restored = replace(row, version=int(newest[0]) + 1 if newest else 1, body=body, replaced=None, revision=1)
    restored.created = restored.modified = tx.now
    insert(tx, restored)
    return restored


def save(tx: Tx, row: FileRow) -> None:
    """Stores changed metadata with a new revision and time of change."""
    row.revision += 1
    row.modified = tx.now
    before = _row(tx, row)
    tx.run(
        "UPDATE file SET type = ?, modified = ?, revision = ?, body = ? WHERE file_id = ? AND version = ?",
        (row.type, row.modified, row.revision, text(row.body), row.file_id, row.version),
    )
    changes.updated(tx, "file", row.file_id, before, _row(tx, row), row.revision, row.version)
    templates.refresh(tx, row.session)


def _row(tx: Tx, row: FileRow) -> Doc:
    found = tx.one("SELECT * FROM file WHERE file_id = ? AND version = ?", (row.file_id, row.version))
    return {} if found is None else dict(found)


def delete(tx: Tx, file_id: str, version: int | None = None, reason: str | None = None) -> int:
    """Hides a file, or one version of it; the version before the latest one then becomes the latest.

    Returns:
        How many files were touched: 0 or 1.
    """
    changed = _delete(tx, file_id, version, reason)
    row = tx.one("SELECT session FROM file WHERE file_id = ? LIMIT 1", (file_id,))
    templates.refresh(tx, None if row is None else row["session"])
    return changed


def _delete(tx: Tx, file_id: str, version: int | None, reason: str | None) -> int:
    changes.deleted_file(tx, file_id, version, reason)
    if version is None:
        changed = tx.run(
            "UPDATE file SET deleted = ?, delete_reason = ?, current = 0 WHERE file_id = ? AND deleted IS NULL",
            (tx.now, reason, file_id),
        )
        return min(changed, 1)
    changed = tx.run(
        "UPDATE file SET deleted = ?, delete_reason = ?, current = 0"
        " WHERE file_id = ? AND version = ? AND deleted IS NULL",
        (tx.now, reason, file_id, version),
    )
    tx.run(
        "UPDATE file SET current = 1, replaced = NULL WHERE file_id = ?1 AND version ="
        " (SELECT MAX(version) FROM file WHERE file_id = ?1 AND deleted IS NULL)",
        (file_id,),
    )
    return changed
