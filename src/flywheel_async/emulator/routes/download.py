"""Archives of many files: a ticket first, then the archive."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from flywheel_async.emulator import auth, files, nodes, references
from flywheel_async.emulator.archives import ArchiveDownload, Entry
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.exchange import Streamed
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.selecting import DownloadInput, Selected, select
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.times import EPOCH
from flywheel_async.emulator.transfer_rules import Ticketed
from flywheel_async.emulator.wire import Doc, dumps

ROUTES = Routes()
route = ROUTES.route

PREFIX = "scitran"


@route("create_download_ticket", rule=LoggedIn("packs what the user may download"), writes=False)
def create_download_ticket(call: Call) -> Doc:
    """Makes a ticket for an archive with the files of some containers, as they are at this moment."""
    given = call.input(DownloadInput)
    strategy = call.text("type") or ("bulk" if call.flag("bulk") else "classic")
    if strategy not in ("classic", "bulk", "full"):
        raise invalid("type must be classic, bulk or full", "query", "type")
    full = strategy == "full"
    prefix = call.text("prefix") or PREFIX
    found = select(call, given, prefix, with_analyses=full and call.flag("analyses"), bulk=strategy == "bulk")
    if not found:
        raise Problem(404, "there is no file to download")
    entries = [_content(call, item) for item in found]
    if full and call.flag("metadata"):
        entries += [_sidecar(call, item) for item in found]
    filename = _filename(call, given, prefix)
    ticket = call.site.archives.issue(call.caller, call.client, filename, entries)
    return {
        "ticket": ticket,
        "filename": filename,
        "file_cnt": len(entries),
        "size": sum(entry.size for entry in entries),
    }


def _content(call: Call, item: Selected) -> Entry:
    # Said now; an archive that breaks off at such a file would be asked for again and again.
    references.require_content(item.row, 400)
    return Entry(item.path, call.site.blobs.path(item.row.hash), item.row.size, item.row.modified)


def _sidecar(call: Call, item: Selected) -> Entry:
    """Returns the file with the entry of a file, beside it; its text is written when its turn comes."""
    site, caller = call.site, call.caller
    file_id, version = item.row.file_id, item.row.version

    def work(tx: Tx) -> bytes:
        row = files.any_version(tx, file_id, version)
        return b"null" if row is None else dumps(Shaper(tx, caller).file(row))

    size = len(dumps(Shaper(call.tx, caller).file(item.row)))
    return Entry(f"{item.path}.flywheel.json", lambda: site.db.read_here(work), size, item.row.modified)


def _filename(call: Call, given: DownloadInput, prefix: str) -> str:
    if len(given.nodes) == 1 and given.nodes[0].level == "analysis":
        return f"analysis_{nodes.get(call.tx, 'analysis', given.nodes[0].id).label}.tar"
    return f"{prefix}_{EPOCH + timedelta(milliseconds=call.tx.now):%Y%m%d_%H%M%S}.tar"


@route("download_ticket", rule=Ticketed())
def download_ticket(call: Call) -> Streamed:
    """Sends the archive of a ticket."""
    name = call.text("ticket")
    if name is None:
        raise invalid("a ticket is needed", "query", "ticket")
    archive = call.site.archives.redeem(name, call.client)
    # Whoever was disabled or deleted since gets nothing any more.
    auth.again(call.tx, archive.caller)
    form: Literal["tar", "zip"] = "zip" if call.text("format") == "zip" else "tar"
    if call.text("format") not in (None, form):
        raise invalid("format must be tar or zip", "query", "format")
    return ArchiveDownload(call.site.disk, archive, form)
