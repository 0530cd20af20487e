"""Searches: find, help with the query text, delete what was found, searches that are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flywheel_async.emulator import access, containers, files, nodes
from flywheel_async.emulator.access import MODIFY, VIEW, Caller
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.exchange import Reply
from flywheel_async.emulator.file_rules import require_deletion
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.filters import parse_path
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.search import mapped, saved, suggest
from flywheel_async.emulator.search.execution import find, order_by
from flywheel_async.emulator.search.grammar import QueryError, parse
from flywheel_async.emulator.search.hits import Hits, as_csv
from flywheel_async.emulator.search.inputs import (
    FieldText,
    MatchInput,
    QueryText,
    SaveSearchChange,
    SaveSearchInput,
    SearchInput,
)
from flywheel_async.emulator.search.plain import wanted
from flywheel_async.emulator.search.saved import OnSaved, OnSavedParent
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route

DEFAULT_SIZE = 100
MAX_SIZE = 10_000

_SHOWN = LoggedIn("finds what the user may see")


@dataclass(frozen=True, slots=True)
class DeletesFound:
    """Deletion of everything that the search in the body finds among what the caller sees."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Refuses the whole request when one of the things may not be deleted."""
        for found in _to_delete(call):
            if isinstance(found, FileRow):
                require_deletion(call, found)
            else:
                action = access.DELETE_PROJECT if found.kind == "project" else access.DELETE
                access.require(call.tx, call.caller, found, action)

    def __str__(self) -> str:
        return "deletion of each thing found"


@route("search", rule=_SHOWN, writes=False, slow=True)
def search(call: Call) -> object:
    """Finds files and containers."""
    given = call.input(SearchInput)
    size = _size(given, call)
    caller = _caller(call, given)
    if call.flag("facets"):
        raise Problem(501, "the emulator does not count facets")
    order = None
    if given.sort is not None:
        order = order_by(given.sort.field, given.return_type, descending=given.sort.order == "desc")
    rows = find(call.tx, caller, wanted(given), given.return_type, size=size, order=order)
    hits = Hits(call.tx, caller, given.return_type)
    if call.flag("csv"):
        return Reply(as_csv(hits.simple(rows)), content_type="text/csv; charset=utf-8")
    return hits.simple(rows) if call.flag("simple") else hits.raw(rows)


def _size(given: SearchInput, call: Call) -> int:
    text = call.text("size")
    size = given.size
    if size is None and text is not None:
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if size is None:
        size = DEFAULT_SIZE
    if not 1 <= size <= MAX_SIZE:
        raise Problem(400, f"size must be 1 to {MAX_SIZE}")
    return size if call.page_cap is None else min(size, call.page_cap)


def _caller(call: Call, given: SearchInput) -> Caller:
    if not given.all_data or call.caller.sees_all:
        return call.caller
    if not call.caller.is_admin:
        raise Problem(403, "only a site admin may search all_data")
    return replace(call.caller, exhaustive=True)


@route("parse_search_query", rule=LoggedIn(), writes=False, slow=True)
def parse_search_query(call: Call) -> Doc:
    """Tells whether a text is a query, and otherwise what is wrong with it and where."""
    try:
        parse(call.input(QueryText).structured_query)
    except QueryError as error:
        mistake: Doc = {"line": error.line, "pos": error.pos, "offset": error.offset, "message": error.message}
        return {"valid": False, "errors": [mistake]}
    return {"valid": True, "errors": []}


@route("get_search_query_suggestions", rule=_SHOWN, writes=False, slow=True)
def get_search_query_suggestions(call: Call) -> Doc:
    """Tells how a query text may go on."""
    return suggest.suggest(call.tx, call.caller, call.input(QueryText).structured_query)


@route("get_search_status", rule=LoggedIn())
def get_search_status(call: Call) -> Doc:
    """Tells the state of the index; there is none that could be behind the data."""
    return {"status": "up-to-date"}


@route("get_mapped_fields", rule=_SHOWN, slow=True)
def get_mapped_fields(call: Call) -> Doc:
    """Returns the names directly below a field, with their types."""
    path = call.text("path")
    return {**mapped.below(call.tx, call.caller, () if path is None else parse_path(path, "path"))}


def _fields(call: Call) -> list[Json]:
    """Returns the fields whose names start with a text."""
    found = suggest.names(call.tx, call.caller, call.input(FieldText).field)[: suggest.MOST]
    return [{"name": name, "type": kind, "facet": False} for name, kind in found]


ROUTES.add_path("POST", "/dataexplorer/search/fields", rule=_SHOWN, handler=_fields, writes=False, slow=True)


def _to_delete(call: Call) -> list[Node | FileRow]:
    given = call.input(MatchInput)
    query = wanted(given)
    if query is None:
        raise invalid("say what to delete: this would be everything", "body")
    rows = find(call.tx, call.caller, query, given.return_type, size=-1)
    return [FileRow.from_row(row) if given.return_type == "file" else Node.from_row(row) for row in rows]


@route("delete_by_search", rule=DeletesFound())
def delete_by_search(call: Call) -> Doc:
    """Deletes everything found, for the `delete_reason` of the query."""
    found = _to_delete(call)
    for item in found:
        if isinstance(item, FileRow):
            files.delete(call.tx, item.file_id, reason=call.delete_reason())
        else:
            containers.delete(call, item)
    return {"deleted": len(found), "not_found": 0, "delete_scheduled": 0}


@route("get_all_saved_searches", rule=_SHOWN)
def get_all_saved_searches(call: Call) -> object:
    """Lists the searches that were kept."""
    return list_nodes(call, saved.KIND, lambda found: [saved.shown(node) for node in found], within=saved.seen_by(call))


@route("save_search", rule=OnSavedParent())
def save_search(call: Call) -> Doc:
    """Keeps a search."""
    return {"_id": saved.add(call, call.input(SaveSearchInput))}


@route("get_saved_search", rule=OnSaved("sid", VIEW))
def get_saved_search(call: Call) -> Doc:
    """Returns a search that was kept."""
    return saved.shown(call.target)


@route("replace_search", rule=OnSaved("sid", MODIFY))
def replace_search(call: Call) -> Doc:
    """Changes what was sent of a search that was kept."""
    given = call.input(SaveSearchChange)
    if given.label is not None:
        call.target.label = given.label
    if given.search is not None:
        call.target.body["search"] = saved.kept(given.search)
    nodes.save(call.tx, call.target)
    return saved.shown(call.target)


@route("delete_save_search", rule=OnSaved("search_id", MODIFY))
def delete_save_search(call: Call) -> Doc:
    """Forgets a search that was kept."""
    call.tx.run("DELETE FROM node WHERE kind = ? AND id = ?", (saved.KIND, call.target.id))
    return {"deleted": 1, "not_found": 0, "delete_scheduled": 0}
