"""Permission rules of requests about single files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, files, nodes
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.problems import invalid, not_found

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call


def name_in_path(call: Call) -> str:
    """Returns the file name that the path of a request ends with.

    Raises:
        Problem: 404 the container is a group, which has no files, 422 it is no file name.
    """
    # The same part of the path has two names among the operations.
    name = call.params["file_name"] if "file_name" in call.params else call.params["filename"]
    if call.target.kind == "group":
        raise not_found("file", name)
    return files.check_name(name)


def named_in_path(call: Call) -> FileRow:
    """Returns the file of `call.target` that the path names, in the version of the query.

    Raises:
        Problem: 404, 422; see `name_in_path`.
    """
    return files.get_named(call.tx, call.target, name_in_path(call), call.number("version"))


@dataclass(frozen=True, slots=True)
class OnFile:
    """An action on the file named in the path by its file id, which becomes `call.file`.

    Args:
        action: What the caller must be allowed to do with it.
        param: The path parameter with the file id.
        deleted: Whether the version in the query may be a deleted one.
    """

    action: str
    param: str = "file_id"
    deleted: bool = False
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the file and refuses callers without the action on its project."""
        version = call.number("version")
        if self.deleted and version is None:
            raise invalid("the version is needed", "query", "version")
        if self.deleted and version is not None:
            found = files.any_version(call.tx, call.params[self.param], version)
        else:
            found = files.find_version(call.tx, call.params[self.param], version)
        if found is None:
            raise not_found("file", call.params[self.param])
        access.require_file(call.tx, call.caller, found, self.action)
        call.file = found

    def __str__(self) -> str:
        return f"{self.action} on the file"


def require_deletion(call: Call, row: FileRow, version: int | None = None) -> None:
    """Refuses callers who may not delete a file, or one version of it; what a device sent takes an action of its own.

    Raises:
        Problem: 403.
    """
    going = files.versions(call.tx, row.file_id) if version is None else [row]
    for one in going:
        origin = one.body.get("origin")
        of_device = isinstance(origin, dict) and origin.get("type") == "device"
        access.require_file(call.tx, call.caller, one, access.FILES_DELETE_DEVICE if of_device else access.FILES_DELETE)


@dataclass(frozen=True, slots=True)
class FileDeletion:
    """Deletion of the file named in the path by its file id, or of one version of it; it becomes `call.file`."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the file and refuses callers who may not delete it."""
        version = call.number("version")
        found = files.find_version(call.tx, call.params["file_id"], version)
        if found is None:
            raise not_found("file", call.params["file_id"])
        require_deletion(call, found, version)
        call.file = found

    def __str__(self) -> str:
        return "deletion of the file, by where it came from"


@dataclass(frozen=True, slots=True)
class NamedFileDeletion:
    """Deletion of the file named in the path by its container and its name; they become `call.target` and `call.file`.

    Args:
        kind: The container kind, or None for any.
        param: The path parameter with its id.
    """

    kind: str | None
    param: str
    public: bool = False

    def check(self, call: Call) -> None:
        """Finds the container and the file, and refuses callers who may not delete it."""
        if self.kind is None:
            node = nodes.get_container(call.tx, call.params[self.param])
        else:
            node = nodes.get(call.tx, self.kind, call.params[self.param])
        # Whoever may delete nothing here is not told which files there are.
        if not access.may(call.tx, call.caller, node, access.FILES_DELETE_DEVICE):
            access.require(call.tx, call.caller, node, access.FILES_DELETE)
        call.target = node
        call.file = named_in_path(call)
        require_deletion(call, call.file)

    def __str__(self) -> str:
        return "deletion of the file, by where it came from"


@dataclass(frozen=True, slots=True)
class EachFileDeletion:
    """Deletion of every file whose id the body lists; ids that are not there are passed over."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses the whole request when one of the files may not be deleted."""
        for file_id in call.ids():
            found = files.find_version(call.tx, file_id, None)
            if found is not None:
                require_deletion(call, found)

    def __str__(self) -> str:
        return "deletion of each file in the body, by where it came from"
