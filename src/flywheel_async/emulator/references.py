"""Files by reference: entries whose content lies on a storage that only the site's owner can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flywheel_async.emulator import access, files, nodes
from flywheel_async.emulator.files import Content, FileRow
from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.metadata import clean_doc
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.reference_inputs import FileUpsert

_ENTRY = ("type", "mimetype", "modality", "classification", "info", "zip_member_count", "tags")
_WHERE = ("provider_id", "path", "reference", "client_hash", "origin")


@dataclass(frozen=True, slots=True)
class OnParentRef:
    """An action on the container that `parent_ref` in the request body names; it becomes `call.target`."""

    action: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the container and refuses callers without the action."""
        place = call.object().get("parent_ref")
        kind, node_id = (place.get("type"), place.get("id")) if isinstance(place, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(node_id, str):
            raise invalid("parent_ref must have the type and id of a container", "body", "parent_ref")
        if kind not in nodes.OWNERS or kind == "group":
            raise invalid(f"a {kind!r} has no files", "body", "parent_ref", "type")
        call.target = nodes.get(call.tx, kind, node_id)
        access.require(call.tx, call.caller, call.target, self.action)

    def __str__(self) -> str:
        return f"{self.action} on the container in the body"


def upsert(call: Call, given: FileUpsert) -> tuple[FileRow, Literal["created", "updated", "ignored", "conflict"]]:
    """Lists a file by reference, or a new version of it when it became another one.

    A file of the same name and place is left alone while size and hash are the same; a file of the same name that
    came in another way is a conflict. `force_update` in the query makes a new version in both cases.

    Raises:
        Problem: 422, it is no reference.
    """
    if not given.reference or given.path is None:
        raise invalid("only files by reference, with a path, can be listed this way", "body", "reference")
    name = files.check_name(given.name)
    before = files.get_named(call.tx, call.target, name) if files.has(call.tx, call.target, name) else None
    if before is not None and not call.flag("force_update"):
        if not before.body.get("reference") or before.body.get("path") != given.path:
            return before, "conflict"
        if (before.size, before.body.get("client_hash")) == (given.size, given.client_hash):
            return before, "ignored"
    sent: Doc = given.model_dump(mode="json")
    entry = FileInput.model_validate({key: sent[key] for key in _ENTRY})
    entry.info = clean_doc(entry.info or {})
    row = files.add(
        call.tx,
        call.target,
        name,
        Content("", given.size),
        entry,
        call.caller.origin,
        call.site.new_id(),
        keep_metadata=False,
    )
    row.body.update({key: sent[key] for key in _WHERE})
    files.save(call.tx, row)
    return row, "created" if before is None else "updated"


def require_content(row: FileRow, status: int = 404) -> None:
    """Refuses what needs the content of a file that is only a reference.

    Args:
        row: The file.
        status: The status to refuse with; an archive without any file is a 404, one that cannot have all is not.

    Raises:
        Problem: It is one.
    """
    if row.body.get("reference"):
        raise Problem(status, f"{row.name} is a reference to a storage that the emulator does not have")
