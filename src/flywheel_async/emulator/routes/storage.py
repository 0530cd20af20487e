"""The object store's own routes: objects that are uploaded first and become files afterwards."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flywheel_async.emulator import files, nodes, references
from flywheel_async.emulator.access import FILES_CREATE
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.exchange import Exchange, Streamed, json_reply
from flywheel_async.emulator.inputs import FileInput, Input, Metadata, Size
from flywheel_async.emulator.move_inputs import ContainerReference
from flywheel_async.emulator.problems import Problem, invalid, not_found
from flywheel_async.emulator.receiving import receive
from flywheel_async.emulator.reference_inputs import FileUpsert
from flywheel_async.emulator.references import OnParentRef
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn
from flywheel_async.emulator.shapes import STORAGE_PROVIDER, Shaper
from flywheel_async.emulator.storage.objects import WHOLE, Pending
from flywheel_async.emulator.storage.refusals import Refusal
from flywheel_async.emulator.transfer_rules import Ticketed
from flywheel_async.emulator.uploads import Arrived, Destination
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site

ROUTES = Routes()
route = ROUTES.route


class SignedUrlInput(Input):
    """An object that is to be uploaded."""

    provider_id: str
    size: Size | None = None


class StoredObject(Input):
    """An object by provider and name."""

    provider_id: str
    uuid: str


class PartsInput(StoredObject):
    """The parts of an object."""

    upload_id: str
    etags: list[str]


def _own(call: Call, provider: str, name: str) -> Pending:
    """Returns an object that the caller is uploading."""
    pending = call.site.storage.objects.find(name)
    if provider != STORAGE_PROVIDER or pending is None or pending.owner != call.caller.user_id:
        raise not_found("object", name)
    return pending


@route("create_signed_upload_url", rule=LoggedIn(), writes=False)
def create_signed_upload_url(call: Call) -> Doc:
    """Starts an object and returns the addresses its bytes go to."""
    given = call.input(SignedUrlInput)
    if given.provider_id != STORAGE_PROVIDER:
        raise not_found("provider", given.provider_id)
    store = call.site.storage
    kind = store.options.signed_urls
    in_parts = kind is not None and call.wants("multipart_signed_url")
    pending = store.begin(kind or "s3", call.caller.user_id, given.size, in_parts=in_parts)
    if kind is None:
        # Local storage: the API itself takes the bytes.
        urls = [f"{call.site.url}/upload/fs-file?token={pending.name}.{pending.token}"]
    else:
        urls = store.upload_urls(pending)
    answer: Doc = {"provider_id": STORAGE_PROVIDER, "uuid": pending.name, "upload_urls": [*urls]}
    answer["upload_headers"] = dict(store.upload_headers)
    upload_id = pending.upload_id if pending.parts else None
    answer["s3_multipart_upload_id"] = upload_id if kind == "s3" else None
    answer["az_multipart_upload_id"] = upload_id if kind == "azure" else None
    return {**answer, "block_ids": None, "note": None}


@dataclass(frozen=True, slots=True)
class PartsEnd(Streamed):
    """The end of an S3 upload in parts."""

    site: Site
    pending: Pending
    etags: list[str]

    async def run(self, exchange: Exchange) -> None:
        """Puts the object together."""
        objects = self.site.storage.objects
        await asyncio.get_running_loop().run_in_executor(self.site.disk, objects.assemble, self.pending, self.etags)
        await exchange.reply(json_reply({"provider_id": STORAGE_PROVIDER, "uuid": self.pending.name}))


@route("complete_s3_multipart_upload", rule=LoggedIn("own objects only"), writes=False)
def complete_s3_multipart_upload(call: Call) -> Streamed:
    """Completes an object that came in parts."""
    given = call.input(PartsInput)
    pending = _own(call, given.provider_id, given.uuid)
    if not pending.parts or pending.upload_id != given.upload_id:
        raise Problem(400, "the object has no such upload in parts")
    return PartsEnd(call.site, pending, given.etags)


@route("cleanup_signed_upload_url", rule=LoggedIn("own objects and tickets only"), writes=False)
def cleanup_signed_upload_url(call: Call) -> None:
    """Throws away what has arrived of an object, or of all objects of an upload ticket."""
    given = call.input(StoredObject)
    store = call.site.storage
    ticket = store.tickets.discard(given.uuid, call.caller.user_id)
    if ticket is None:
        store.objects.drop(_own(call, given.provider_id, given.uuid).name)
        return
    for item in ticket.files:
        store.objects.drop(item.pending.name)


@dataclass(frozen=True, slots=True)
class LocalUpload(Streamed):
    """The bytes of an object, sent to the API itself."""

    site: Site
    pending: Pending

    async def run(self, exchange: Exchange) -> None:
        """Receives the bytes."""
        objects = self.site.storage.objects
        writer = objects.writer(whole=True, limit=self.pending.room(WHOLE))
        try:
            await receive(exchange, self.site.disk, writer.write)
            objects.put(self.pending, WHOLE, writer.finish())
        except Refusal as refusal:
            writer.drop()
            raise Problem(refusal.status, refusal.message) from None
        except BaseException:
            writer.drop()
            raise
        await exchange.reply(json_reply({"provider_id": STORAGE_PROVIDER, "uuid": self.pending.name}))


def upload_signed_fs_file(call: Call) -> Streamed:
    """Receives the bytes of an object."""
    name, _, secret = (call.text("token") or "").partition(".")
    pending = call.site.storage.objects.find(name)
    if pending is None or not hmac.compare_digest(pending.token.encode(), secret.encode()):
        raise Problem(401, "the token is not valid")
    return LocalUpload(call.site, pending)


ROUTES.add("upload_signed_fs_file", rule=Ticketed(), handler=upload_signed_fs_file, takes_stream=True, writes=False)


class UpsertInput(FileInput):
    """A file whose bytes are in the store."""

    provider_id: str
    uuid: str | None = None
    path: str | None = None
    reference: bool = False
    client_hash: str | None = None
    parent_ref: ContainerReference
    origin: Metadata
    source: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Upsert(Streamed):
    """The listing of an object as a file.

    Attributes:
        site: The site.
        destination: Where it goes.
        pending: The object.
        name: The name of the file.
        given: Its metadata.
        force: Whether a new version is made even when nothing differs.
    """

    site: Site
    destination: Destination
    pending: Pending
    name: str
    given: FileInput
    force: bool

    async def run(self, exchange: Exchange) -> None:
        """Puts the object together and lists it, unless the file is there with these bytes already."""
        objects = self.site.storage.objects
        content = await asyncio.get_running_loop().run_in_executor(self.site.disk, objects.assemble, self.pending, None)

        def work(tx: Tx) -> Doc:
            node = nodes.get(tx, self.destination.kind, self.destination.container_id)
            before = files.get_named(tx, node, self.name) if files.has(tx, node, self.name) else None
            if before is not None and before.hash == content.hash and not self.force:
                return _upserted(Shaper(tx, self.destination.caller).file(before), "ignored")
            entries: list[Json] = self.destination.store(tx, [Arrived(self.name, content, self.given)])
            (entry,) = entries
            assert isinstance(entry, dict)
            return _upserted(entry, "created" if before is None else "updated")

        answer = await self.site.db.write(work)
        objects.drop(self.pending.name)
        await exchange.reply(json_reply(answer))


def _upserted(entry: Doc, result: str) -> Doc:
    return {**entry, "upsert_result": result}


@route("upsert_file", rule=OnParentRef(FILES_CREATE))
def upsert_file(call: Call) -> Streamed | Doc:
    """Lists an uploaded object, or a content that lies elsewhere, as a file or as a new version of one."""
    if call.object().get("reference"):
        row, result = references.upsert(call, call.input(FileUpsert))
        return _upserted(Shaper(call.tx, call.caller).file(row), result)
    given = call.input(UpsertInput)
    if given.uuid is None:
        raise invalid("an uploaded object is named by uuid, other contents by reference and path", "body", "uuid")
    if given.name is None:
        raise invalid("a name is needed", "body", "name")
    pending = _own(call, given.provider_id, given.uuid)
    metadata = FileInput.model_validate(given.model_dump(exclude_unset=True, include=set(FileInput.model_fields)))
    destination = Destination(call.site, call.caller, call.target.kind, call.target.id, True)
    name = files.check_name(given.name)
    return Upsert(call.site, destination, pending, name, metadata, call.flag("force_update"))
