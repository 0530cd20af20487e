"""Files: upload, download, entries, versions, and the metadata on them."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel_async.emulator import access, analyses, downloads, files, metadata, nodes, references
from flywheel_async.emulator.access import (
    FILES_CREATE,
    FILES_DOWNLOAD,
    FILES_MODIFY,
    FILES_VIEW,
    TAGS_MANAGE,
    TAGS_VIEW,
)
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Reply, Streamed, json_reply
from flywheel_async.emulator.file_rules import (
    EachFileDeletion,
    FileDeletion,
    NamedFileDeletion,
    OnFile,
    name_in_path,
    named_in_path,
)
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.filetypes import UNKNOWN, media_type_of
from flywheel_async.emulator.inputs import ClassificationChange, FileChange, InfoChange
from flywheel_async.emulator.nodes import OWNERS
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.routing import Handler, Routes, id_param
from flywheel_async.emulator.rules import On, Rule
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.storage.flow import Announcement, Listing
from flywheel_async.emulator.tickets import Ticket
from flywheel_async.emulator.times import iso
from flywheel_async.emulator.uploads import Destination, Upload
from flywheel_async.emulator.wire import Doc, Json
from flywheel_async.emulator.zips import ZipListing, ZipMember

ROUTES = Routes()
route = ROUTES.route


def _document(call: Call, row: FileRow) -> Doc:
    return Shaper(call.tx, call.caller).file(row)


def _to_send(call: Call) -> FileRow:
    """Returns the file to download: for an analysis an output, else the input of that name."""
    if call.target.kind == "analysis" and not files.has(call.tx, call.target, name_in_path(call)):
        for row in analyses.inputs_of(call.tx, call.target):
            if row.name == name_in_path(call):
                return row
    return named_in_path(call)


def upload(call: Call) -> Streamed:
    """Receives files into a container."""
    if call.target.kind == "group":
        raise invalid("a group has no files", "path")
    keeps = call.flag("preserve_metadata")
    destination = Destination(call.site, call.caller, call.target.kind, call.target.id, keeps)
    ticket = call.text("ticket")
    if ticket is not None:
        return Listing(call.site, destination, ticket)
    if call.has("ticket"):
        return Announcement(call.site, destination, call.wants("multipart_signed_url"))
    return Upload(call.site, destination)


def download(call: Call) -> Streamed | Reply:
    """Sends a file, a range of it, a member of it, the list of its members, or an address to fetch it from."""
    member = call.text("member")
    row = _to_send(call) if call.ticket is None else _of_ticket(call, call.ticket)
    # An input of an analysis lies in a place of its own, where the caller may do less than with the analysis.
    access.require_file(call.tx, call.caller, row, FILES_DOWNLOAD)
    if call.ticket is not None:
        member = call.ticket.member
    elif call.has("ticket"):
        return json_reply(_ticket(call, row, member))
    wanted = call.text("hash")
    if wanted is not None and wanted != row.hash:
        raise Problem(409, f"the hash of {row.name} is {row.hash}")
    references.require_content(row)
    path = call.site.blobs.path(row.hash)
    if call.site.storage.options.redirects and call.wants("safe-redirect") and member is None and not call.flag("info"):
        return _elsewhere(call, row)
    if call.flag("info"):
        return ZipListing(call.site.disk, path)
    if member is not None:
        return ZipMember(call.site.disk, path, member)
    if call.flag("view"):
        media_type = media_type_of(row.body["mimetype"])
        return downloads.viewed(call.site.disk, path, row.size, media_type, call.headers.get("range"))
    return downloads.whole(call.site.disk, path, row.size, row.name)


def _elsewhere(call: Call, row: FileRow) -> Reply:
    """Sends the caller to the object store."""
    media_type, shown = UNKNOWN, None
    if call.flag("view"):
        media_type = media_type_of(row.body["mimetype"])
    else:
        shown = downloads.disposition(row.name)
    url = call.site.storage.download_url(row.hash, media_type, shown)
    return Reply(b"", 302, headers=[("location", url)])


def _ticket(call: Call, row: FileRow, member: str | None) -> Doc:
    """Makes a ticket for a version of a file, or a member of it."""
    name = call.site.tickets.issue(call.caller, call.client, row.file_id, row.version, member)
    return {"ticket": name, "filename": row.name, "file_cnt": 1, "size": row.size}


def _of_ticket(call: Call, ticket: Ticket) -> FileRow:
    row = files.find_version(call.tx, ticket.file_id, ticket.version)
    if row is None:
        raise not_found("file", name_in_path(call))
    own = row.parent_id == call.target.id or row in analyses.inputs_of(call.tx, call.target)
    if not own or row.name != name_in_path(call):
        raise Problem(400, "the ticket is for another file")
    return row


def get_entry(call: Call) -> Doc:
    """Returns a file's entry."""
    return _document(call, named_in_path(call))


def change_entry(call: Call) -> Doc:
    """Changes a file's type or modality."""
    row = named_in_path(call)
    given = call.input(FileChange)
    if "type" in given.model_fields_set:
        row.type = given.type
    if "modality" in given.model_fields_set:
        row.body["modality"] = given.modality
    files.save(call.tx, row)
    return {"modified": 1, "jobs_spawned": 0}


def delete_entry(call: Call) -> Doc:
    """Deletes a file with all versions."""
    return {"deleted": files.delete(call.tx, call.file.file_id, None, call.delete_reason())}


def _info(row: FileRow) -> Doc:
    info = row.body.get("info")
    return info if isinstance(info, dict) else {}


def change_entry_info(call: Call) -> Doc:
    """Changes a file's metadata object."""
    row = named_in_path(call)
    row.body["info"] = metadata.change_info(_info(row), call.input(InfoChange))
    files.save(call.tx, row)
    return {"modified": 1}


def _classify(call: Call, row: FileRow) -> Doc:
    given = call.input(ClassificationChange)
    name = given.modality if "modality" in given.model_fields_set else row.body.get("modality")
    modality = nodes.find(call.tx, "modality", str(name)) if name is not None else None
    if modality is None and given.modality is not None:
        raise invalid(f"there is no modality {given.modality!r}", "body", "modality")
    metadata.check_classification(modality, given)
    before = row.body.get("classification")
    row.body["classification"] = metadata.change_classification(before if isinstance(before, dict) else {}, given)
    if "modality" in given.model_fields_set:
        row.body["modality"] = given.modality
    files.save(call.tx, row)
    return {"modified": 1, "jobs_spawned": 0}


def change_entry_classification(call: Call) -> Doc:
    """Changes a file's classification."""
    return _classify(call, named_in_path(call))


def _declare(kind: str) -> None:
    """Declares the file routes of one kind of container, or of the family for any kind."""
    of = None if kind == "container" else kind

    def add(operation: str, action: str, handler: Handler) -> None:
        ROUTES.add(operation, rule=On(of, id_param(operation), action), handler=handler)

    to = "upload_output_to_analysis" if kind == "analysis" else f"upload_file_to_{kind}"
    declare_upload(to, On(of, id_param(to), FILES_CREATE))
    down = [f"download_file_from_{kind}", f"get_{kind}_download_ticket", f"get_{kind}_file_zip_info"]
    if kind == "analysis":
        down += ["download_output_from_analysis", "get_analysis_output_download_ticket", "get_analysis_output_zip_info"]
    declare_download(down, On(of, id_param(down[0]), FILES_DOWNLOAD))
    add("get_analysis_output_file" if kind == "analysis" else f"get_{kind}_file_info", FILES_VIEW, get_entry)
    add(f"modify_{kind}_file", FILES_MODIFY, change_entry)
    gone = f"delete_{kind}_file"
    ROUTES.add(gone, rule=NamedFileDeletion(of, id_param(gone)), handler=delete_entry)
    add(f"modify_{kind}_file_info", FILES_MODIFY, change_entry_info)
    add(f"modify_{kind}_file_classification", FILES_MODIFY, change_entry_classification)


def declare_upload(operation: str, rule: Rule) -> None:
    """Declares a route that receives files."""
    ROUTES.add(operation, rule=rule, handler=upload, writes=False, takes_stream=True)


def declare_download(operations: Sequence[str], rule: Rule) -> None:
    """Declares a route that sends a file."""
    ROUTES.add(*operations, rule=rule, handler=download, takes_ticket=True)


for _kind in (*OWNERS[1:], "container"):
    _declare(_kind)


@route("get_file", rule=OnFile(FILES_VIEW))
def get_file(call: Call) -> Doc:
    """Returns a file's entry."""
    return _document(call, call.file)


@route("delete_file", rule=FileDeletion())
def delete_file(call: Call) -> Doc:
    """Deletes a file, or one version of it."""
    return {"deleted": files.delete(call.tx, call.file.file_id, call.number("version"), call.delete_reason())}


@route("delete_files_by_ids", rule=EachFileDeletion())
def delete_files_by_ids(call: Call) -> Doc:
    """Deletes several files."""
    wanted = list(dict.fromkeys(call.ids()))
    reason = call.delete_reason()
    deleted = sum(files.delete(call.tx, file_id, None, reason) for file_id in wanted)
    return {"deleted": deleted, "not_found": len(wanted) - deleted}


@route("get_file_versions", rule=OnFile(FILES_VIEW))
def get_file_versions(call: Call) -> list[Json]:
    """Lists the versions of a file."""
    return [
        {
            "file_id": row.file_id,
            "version": row.version,
            "created": iso(row.created),
            "deleted": None,
            "origin": row.body["origin"],
            "restored_from": row.body.get("restored_from"),
            "restored_by": row.body.get("restored_by"),
        }
        for row in files.versions(call.tx, call.file.file_id)
    ]


@route("get_file_zip_info", rule=OnFile(FILES_DOWNLOAD))
def get_file_zip_info(call: Call) -> Streamed:
    """Lists the members of a zip archive."""
    references.require_content(call.file)
    return ZipListing(call.site.disk, call.site.blobs.path(call.file.hash))


@route("get_file_info", rule=OnFile(FILES_VIEW))
def get_file_info(call: Call) -> Doc:
    """Returns a file's metadata object."""
    return _info(call.file)


@route("modify_file_info", rule=OnFile(FILES_MODIFY))
def modify_file_info(call: Call) -> Doc:
    """Merges keys into a file's metadata object."""
    call.file.body["info"] = metadata.merged(_info(call.file), metadata.clean_doc(call.object()))
    files.save(call.tx, call.file)
    return {"modified": 1}


@route("replace_file_info", rule=OnFile(FILES_MODIFY))
def replace_file_info(call: Call) -> Doc:
    """Replaces a file's metadata object."""
    call.file.body["info"] = metadata.clean_doc(call.object())
    files.save(call.tx, call.file)
    return _info(call.file)


@route("modify_file_classification", rule=OnFile(FILES_MODIFY))
def modify_file_classification(call: Call) -> Doc:
    """Changes a file's classification."""
    return _classify(call, call.file)


def _tags(row: FileRow) -> list[Json]:
    tags = row.body.get("tags")
    return tags if isinstance(tags, list) else []


def _set_tags(call: Call, tags: list[Json]) -> None:
    call.file.body["tags"] = list(dict.fromkeys(str(tag) for tag in tags))
    files.save(call.tx, call.file)


def _checked(call: Call) -> list[Json]:
    return [*call.tags()]


@route("get_file_tags", rule=OnFile(TAGS_VIEW))
def get_file_tags(call: Call) -> list[Json]:
    """Returns a file's tags."""
    return _tags(call.file)


@route("set_file_tags", rule=OnFile(TAGS_MANAGE))
def set_file_tags(call: Call) -> Doc:
    """Replaces a file's tags."""
    _set_tags(call, _checked(call))
    return {"modified": 1}


@route("add_file_tags", rule=OnFile(TAGS_MANAGE))
def add_file_tags(call: Call) -> list[Json]:
    """Adds tags to a file."""
    _set_tags(call, [*_tags(call.file), *_checked(call)])
    return _tags(call.file)


@route("delete_file_tags", rule=OnFile(TAGS_MANAGE))
def delete_file_tags(call: Call) -> None:
    """Removes tags from a file."""
    gone = _checked(call)
    _set_tags(call, [tag for tag in _tags(call.file) if tag not in gone])
