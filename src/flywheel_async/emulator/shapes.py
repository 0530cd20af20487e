"""The documents that answers are made of: every field of the API's output models, absent values as null."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, analyses, collecting, files, nodes
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.times import iso, iso_or_none
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.access import Caller
    from flywheel_async.emulator.files import FileRow

STORAGE_PROVIDER = "000000000000000000000001"
"""The one storage provider of the emulator."""

_PARENT_LEVELS = (*nodes.CONTAINERS, "analysis")

_DEFAULTS: dict[str, Doc] = {
    "group": {"providers": {}, "roles": [], "editions": {"lab": True}, "settings": None, "tags": []},
    "project": {
        "description": "",
        "editions": {"lab": True},
        "providers": {"storage": STORAGE_PROVIDER},
        "ldap_sync": None,
        "info": {},
        "notes": [],
        "tags": [],
        "templates": [],
        "settings": None,
        "locked": None,
        "copyable": True,
        "copy_status": None,
        "copy_failure_reason": None,
        "copy_of": None,
        "original_copy_of": None,
        "delete_status": None,
        "delete_failure_reason": None,
        "stats": None,
    },
    "subject": {
        "date_of_birth": None,
        "firstname": None,
        "lastname": None,
        "sex": None,
        "age": None,
        "cohort": None,
        "mlset": None,
        "type": None,
        "race": None,
        "ethnicity": None,
        "species": None,
        "strain": None,
        "master_code": None,
        "notes": [],
        "tags": [],
        "info": {},
        "state": None,
        "copy_of": None,
        "original_copy_of": None,
        "copy_status": None,
    },
    "session": {
        "info": {},
        "uid": None,
        "timezone": None,
        "tags": [],
        "notes": [],
        "age": None,
        "weight": None,
        "operator": None,
        "satisfies_template": None,
        "project_has_template": False,
        "copy_of": None,
        "original_copy_of": None,
        "copy_status": None,
    },
    "acquisition": {
        "info": {},
        "metadata": {},
        "uid": None,
        "timezone": None,
        "tags": [],
        "notes": [],
        "copy_of": None,
        "original_copy_of": None,
        "copy_status": None,
    },
    "analysis": {
        "description": "",
        "info": {},
        "tags": [],
        "notes": [],
        "job": None,
        "gear_info": None,
        "compute_provider_id": None,
        "copy_of": None,
        "original_copy_of": None,
    },
    "collection": {"description": "", "info": {}, "tags": [], "notes": []},
}


class Shaper:
    """Builds the answers of one request.

    Args:
        tx: The transaction.
        caller: Who asks; permission lists show others' entries only to those who may see them.
        trimmed: Whether metadata is left out, as lists do unless `include_all_info` is asked for.
    """

    def __init__(self, tx: Tx, caller: Caller, *, trimmed: bool = False) -> None:
        self._tx = tx
        self._caller = caller
        self._trimmed = trimmed
        self._permissions: dict[str, list[Json]] = {}
        self._subjects: dict[str, Doc] = {}
        self._sees_files: dict[str, bool] = {}

    def containers(self, found: Iterable[Node]) -> list[Json]:
        """Returns the documents of several containers."""
        return [self.container(node) for node in found]

    def container(self, node: Node) -> Doc:
        """Returns the document of one container."""
        document = own_fields(node)
        if node.kind == "analysis":
            return self._analysis(node, document)
        document["permissions"] = self._permission_list(node)
        if node.kind == "group":
            document.setdefault("permissions_template", [])
            return document
        if node.kind == "collection":
            return self._collection(node, document)
        document["parents"] = parents_of(node)
        document["analyses"] = None if self._trimmed else self._analyses(node)
        document["join-origin"] = None
        document["info_exists"] = bool(_info(document))
        self._trim(document)
        document["files"] = self._files(node)
        if node.kind == "project":
            document["group"] = node.group_id
            document["group_info"] = {"_id": node.group_id, "label": self._group_label(node)}
        elif node.kind == "subject":
            document["project"] = node.project
            document["code"] = node.label
        elif node.kind == "session":
            document["group"] = node.group_id
            document["project"] = node.project
            document["timestamp"] = iso_or_none(node.timestamp)
            document["subject"] = self._subject(node)
        else:
            document["session"] = node.session
            document["timestamp"] = iso_or_none(node.timestamp)
            document["collections"] = self._collections_of(node)
        return document

    def _analysis(self, node: Node, document: Doc) -> Doc:
        kind, parent = nodes.parent_of(node)
        document["parent"] = {"type": kind, "id": parent}
        document["parents"] = parents_of(node)
        document["timestamp"] = iso_or_none(node.timestamp)
        document["join-origin"] = None
        self._trim(document)
        document["files"] = self._files(node)
        inputs: list[Json] = []
        for row in analyses.inputs_of(self._tx, node):
            inputs.append({**self.file(row), "file_group": "inputs"})
        document["inputs"] = inputs if self._may_see_files(node) else []
        return document

    def _analyses(self, node: Node) -> list[Json]:
        if not access.may(self._tx, self._caller, node, access.ANALYSES_VIEW):
            return []
        return self.containers(analyses.of_container(self._tx, node))

    def _collection(self, node: Node, document: Doc) -> Doc:
        document["analyses"] = None if self._trimmed else []
        document["join-origin"] = None
        self._trim(document)
        document["files"] = self._files(node)
        document.update(collecting.counts(self._tx, self._caller, node.id))
        document["attachment_count"] = len(self._files(node))
        return document

    def _collections_of(self, node: Node) -> list[Json]:
        return [*collecting.of_acquisition(self._tx, node.id)]

    def file(self, row: FileRow) -> Doc:
        """Returns the document of one file version."""
        document: Doc = {
            "_id": row.file_id,
            "file_id": row.file_id,
            "version": row.version,
            "name": row.name,
            "type": row.type,
            "size": row.size,
            "hash": row.hash or None,
            "client_hash": None,
            "provider_id": STORAGE_PROVIDER,
            "parent_ref": {"type": row.parent_kind, "id": row.parent_id},
            "parents": files.parents_of(row),
            "restored_from": None,
            "restored_by": None,
            "path": None,
            "reference": False,
            "created": iso(row.created),
            "modified": iso(row.modified),
            "replaced": iso_or_none(row.replaced),
            "deleted": None,
            "cvat": None,
            "gear_info": None,
            "copy_of": None,
            "original_copy_of": None,
            "revision": row.revision,
            "file_group": "files",
            **row.body,
        }
        document["info_exists"] = bool(_info(document))
        self._trim(document)
        return document

    def _files(self, node: Node) -> list[Json]:
        if not self._may_see_files(node):
            return []
        return [self.file(row) for row in files.of_container(self._tx, node.id)]

    def _may_see_files(self, node: Node) -> bool:
        owner = node.project or node.id
        if owner not in self._sees_files:
            self._sees_files[owner] = access.may(self._tx, self._caller, node, access.FILES_VIEW)
        return self._sees_files[owner]

    def _trim(self, document: Doc) -> None:
        full = _info(document)
        if self._trimmed:
            document["info"] = {"BIDS": full["BIDS"]} if "BIDS" in full else {}

    def _group_label(self, node: Node) -> str | None:
        group = nodes.find(self._tx, "group", node.group_id or "")
        return None if group is None else group.label

    def _subject(self, node: Node) -> Json:
        subject_id = node.subject or ""
        if subject_id not in self._subjects:
            subject = nodes.find(self._tx, "subject", subject_id)
            self._subjects[subject_id] = {} if subject is None else self.container(subject)
        return self._subjects[subject_id]

    def _permission_list(self, node: Node) -> list[Json]:
        owner = node.project or node.id
        if owner not in self._permissions:
            self._permissions[owner] = self._read_permissions(node, owner)
        return self._permissions[owner]

    def _read_permissions(self, node: Node, owner: str) -> list[Json]:
        listed = permission_list(self._tx, node.kind, owner)
        action = access.PERMISSIONS_MANAGE if node.project is None else access.PERMISSIONS_VIEW
        if access.may(self._tx, self._caller, node, action):
            return listed
        return [item for item in listed if isinstance(item, dict) and item["_id"] == self._caller.user_id]


def own_fields(node: Node) -> Doc:
    """Returns the part of a container's document that takes no look at anything else."""
    document: Doc = {"_id": node.id, "label": node.label, **_DEFAULTS[node.kind], **node.body}
    document["created"] = iso(node.created)
    document["modified"] = iso(node.modified)
    document["revision"] = node.revision
    return document


def _info(document: Doc) -> Doc:
    info = document.get("info")
    return info if isinstance(info, dict) else {}


def permission_list(tx: Tx, kind: str, owner: str) -> list[Json]:
    """Returns the permissions of a group or collection (`access`) or project (`role_ids`), oldest entry first."""
    rows = tx.all("SELECT user_id, role FROM permission WHERE container_id = ? ORDER BY position, user_id", (owner,))
    if kind in ("group", "collection"):
        return [{"_id": row["user_id"], "access": row["role"]} for row in rows]
    by_user: dict[str, list[Json]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], []).append(row["role"])
    return [{"_id": user, "role_ids": roles} for user, roles in by_user.items()]


def parents_of(node: Node) -> Doc:
    """Returns all six ancestors of a container; its own level and what does not apply are null."""
    own = _PARENT_LEVELS.index(node.kind)
    found: Doc = {"analysis": None}
    for number, (level, column) in enumerate(nodes.COLUMN_OF.items()):
        found[level] = getattr(node, column) if number < own else None
    return found
