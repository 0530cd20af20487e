"""Uploads that say where they go: by label, by uid, and as packfiles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from flywheel_async.emulator import files, nodes, packfiles, placing
from flywheel_async.emulator.access import CREATE, FILES_CREATE, Caller
from flywheel_async.emulator.call import Call, validate
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.exchange import Exchange, Reply, Streamed, json_reply
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.inputs import FileInput, Input, Label
from flywheel_async.emulator.placing import How, PlacedAcquisition, PlacedProject, PlacedSession, Placement
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import On, SiteAdmin
from flywheel_async.emulator.times import now
from flywheel_async.emulator.transfer_rules import AtPlacement
from flywheel_async.emulator.uploads import (
    FormReceiver,
    ReceivedFile,
    header_name,
    placed_name,
    read_json,
    receive_form,
)
from flywheel_async.emulator.wire import Doc, Json, dumps

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

ROUTES = Routes()
route = ROUTES.route


@dataclass(frozen=True, slots=True)
class PlacedUpload(Streamed):
    """An upload whose metadata says where the files go.

    Attributes:
        site: The site.
        caller: Who uploads.
        how: How containers are looked for.
        anywhere: Whether a session is looked for in the whole site first.
    """

    site: Site
    caller: Caller
    how: How
    anywhere: bool

    async def run(self, exchange: Exchange) -> None:
        """Receives the files, then finds or makes the containers and lists the files in one transaction."""
        received = await receive_form(self.site, exchange)
        try:
            given = _placement(received)
            arrived = _by_name(received, placed_name)

            def work(tx: Tx) -> list[Json]:
                call = Call(self.site, tx, self.caller, exchange, {}, b"")
                return placing.place(call, self.how, given, arrived, anywhere=self.anywhere)

            entries = await self.site.db.write(work)
        finally:
            received.drop()
        await exchange.reply(json_reply(entries))


def _by_name(received: FormReceiver, name_of: Callable[[ReceivedFile], str]) -> dict[str, Content]:
    """Returns the files that came by name.

    Raises:
        Problem: 422, a name is unclear, or there twice.
    """
    named: dict[str, Content] = {}
    for part in received.files:
        name = name_of(part)
        if name in named:
            raise invalid(f"there are two files {name!r}", "body", "file")
        named[name] = part.content
    return named


def _placement(received: FormReceiver) -> Placement:
    if not received.files:
        raise Problem(400, "there is no file part")
    if not received.metadata.strip():
        raise Problem(400, "the metadata part is missing")
    value = read_json(received.metadata)
    if not isinstance(value, dict):
        raise invalid("the metadata must be an object", "body", "metadata")
    return validate(Placement, value, "body", "metadata")


def upload_by_label(call: Call) -> Streamed:
    """Receives files for containers known by label."""
    return PlacedUpload(call.site, call.caller, "label", False)


def upload_by_uid(call: Call) -> Streamed:
    """Receives files for containers known by uid."""
    return PlacedUpload(call.site, call.caller, "uid", False)


def upload_by_reaper(call: Call) -> Streamed:
    """Receives files for a session known by uid wherever it is."""
    anywhere = call.text("uid_placement") is None or call.flag("uid_placement")
    return PlacedUpload(call.site, call.caller, "uid" if anywhere else "label", anywhere)


for _operation, _handler in (
    ("upload_by_label", upload_by_label),
    ("upload_by_uid", upload_by_uid),
    ("upload_by_reaper", upload_by_reaper),
):
    ROUTES.add(_operation, rule=AtPlacement(), handler=_handler, writes=False, takes_stream=True)


@route("start_project_packfile_upload", rule=On("project", "project_id", FILES_CREATE), writes=False)
def start_project_packfile_upload(call: Call) -> Doc:
    """Starts a packfile."""
    return {"token": call.site.packfiles.begin(call.target.id)}


@dataclass(frozen=True, slots=True)
class PackfileUpload(Streamed):
    """Files for a packfile.

    Attributes:
        site: The site.
        project_id: The project.
        token: The packfile's token.
    """

    site: Site
    project_id: str
    token: str

    async def run(self, exchange: Exchange) -> None:
        """Receives the files and keeps them until the packfile is completed."""
        received = await receive_form(self.site, exchange)
        try:
            named = _by_name(received, lambda part: files.check_name(header_name(part)))
            self.site.packfiles.add(self.token, self.project_id, named)
        except BaseException:
            received.drop()
            raise
        answer: list[Json] = [
            {"name": name, "size": content.size, "hash": content.hash} for name, content in named.items()
        ]
        await exchange.reply(json_reply(answer))


def project_packfile_upload(call: Call) -> Streamed:
    """Receives files for a packfile."""
    token = call.text("token") or ""
    call.site.packfiles.find(token, call.target.id)
    return PackfileUpload(call.site, call.target.id, token)


ROUTES.add(
    "project_packfile_upload",
    rule=On("project", "project_id", FILES_CREATE),
    handler=project_packfile_upload,
    takes_stream=True,
    writes=False,
)


class PackedProject(Input):
    """The project, which the path names already."""

    id: Annotated[str | None, Field(alias="_id")] = None
    label: Label | None = None


class Packed(Input):
    """What the packfile itself is."""

    type: str
    name: str | None = None


class PackfileMetadata(Input):
    """Where a packfile goes."""

    project: PackedProject | None = None
    session: PlacedSession
    acquisition: PlacedAcquisition
    packfile: Packed


@dataclass(frozen=True, slots=True)
class PackfileEnd(Streamed):
    """The end of a packfile: its files become one zip, which is listed.

    Attributes:
        site: The site.
        caller: Who asks.
        project_id: The project.
        token: The packfile's token.
        given: Where it goes.
        count: How many files it must have, or None.
    """

    site: Site
    caller: Caller
    project_id: str
    token: str
    given: PackfileMetadata
    count: int | None

    async def run(self, exchange: Exchange) -> None:
        """Packs and lists; answers with the events of the work. After an error the packfile is as good as before."""
        with self.site.packfiles.taken(self.token, self.project_id) as packfile:
            total = len(packfile.files)
            if self.count not in (None, total):
                raise invalid(f"the packfile has {total} files, not {self.count}", "query", "file_count")
            name = packfiles.archive_name(self.given.packfile.name or self.given.acquisition.label or "packfile")
            content = await asyncio.get_running_loop().run_in_executor(
                self.site.disk, packfiles.pack, self.site.blobs, name, [*packfile.files.items()], now()
            )
            try:
                result = await self.site.db.write(lambda tx: self._list(tx, exchange, f"{name}.zip", content))
            finally:
                content.discard()
        events = [
            _event("progress", {"done": done, "total": total, "percent": 100 * done / total})
            for done in range(1, total + 1)
        ]
        body = b"".join([*events, _event("result", result)])
        await exchange.reply(Reply(body, content_type="text/event-stream; charset=utf-8"))

    def _list(self, tx: Tx, exchange: Exchange, name: str, content: Content) -> Doc:
        call = Call(self.site, tx, self.caller, exchange, {}, b"")
        project = nodes.get(tx, "project", self.project_id)
        acquisition = self.given.acquisition.model_copy(
            update={"files": [FileInput(name=name, type=self.given.packfile.type)]}
        )
        where = Placement(
            project=PlacedProject(label=project.label or ""), session=self.given.session, acquisition=acquisition
        )
        (entry,) = placing.place(call, "label", where, {name: content}, project=project)
        assert isinstance(entry, dict)
        parents = entry["parents"]
        assert isinstance(parents, dict)
        return {"acquisition_id": parents["acquisition"], "session_id": parents["session"], "info": entry}


def _event(name: str, data: Doc) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + dumps(data) + b"\n\n"


@route("end_project_packfile_upload", rule=On("project", "project_id", CREATE))
def end_project_packfile_upload(call: Call) -> Streamed:
    """Completes a packfile."""
    token = call.text("token") or ""
    call.site.packfiles.find(token, call.target.id)
    value = read_json((call.text("metadata") or "").encode())
    if not isinstance(value, dict):
        raise invalid("metadata must be an object", "query", "metadata")
    given = validate(PackfileMetadata, value, "query", "metadata")
    if given.project is not None and given.project.id not in (None, call.target.id):
        raise not_found("packfile", f"of project {given.project.id}")
    return PackfileEnd(call.site, call.caller, call.target.id, token, given, call.number("file_count"))


@route("clean_packfiles", rule=SiteAdmin(), writes=False)
def clean_packfiles(call: Call) -> Doc:
    """Forgets packfiles that nobody completed in a day."""
    tokens, gone = call.site.packfiles.clean()
    return {"removed": {"tokens": tokens, "files": gone}}
