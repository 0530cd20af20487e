"""Uploads by signed address: a ticket first, then the bytes go to the store, then the ticket is completed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flywheel_async.emulator import files
from flywheel_async.emulator.call import validate
from flywheel_async.emulator.exchange import Exchange, Streamed, json_reply
from flywheel_async.emulator.inputs import Input
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.storage.tickets import Announced, UploadTicket
from flywheel_async.emulator.uploads import MAX_METADATA, Arrived, Destination, check_metadata, read_json
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site


class TicketRequest(Input):
    """The files that are to be uploaded."""

    metadata: dict[str, Any] | list[dict[str, Any]]
    filenames: list[str]


class Multipart(Input):
    """How an upload in parts ended."""

    e_tags: list[str]
    upload_id: str | None = None


class Completion(Input):
    """The body that completes a ticket."""

    multipart: Multipart | None = None


@dataclass(frozen=True, slots=True)
class Announcement(Streamed):
    """The request for an upload ticket.

    Attributes:
        site: The site.
        destination: Where the files are to go; the caller's permission has been checked.
        in_parts: Whether the caller can deal with several addresses for a file.
    """

    site: Site
    destination: Destination
    in_parts: bool

    async def run(self, exchange: Exchange) -> None:
        """Answers with a ticket and the addresses."""
        kind = self.site.storage.options.signed_urls
        if kind is None:
            raise Problem(400, "uploads by signed URL are off on this site; see signed_url in /config")
        given = validate(TicketRequest, _object(await exchange.read_body(MAX_METADATA)))
        metadata: Json = given.metadata if isinstance(given.metadata, dict) else [*given.metadata]
        items = check_metadata(metadata, len(given.filenames))
        if not items:
            raise invalid("no file is announced", "body", "filenames")
        if len(set(given.filenames)) != len(given.filenames):
            raise invalid("a name is there twice", "body", "filenames")
        names = [
            files.check_name(item.name if item.name is not None else filename)
            for filename, item in zip(given.filenames, items, strict=True)
        ]
        store = self.site.storage
        owner = self.destination.caller.user_id
        # A ticket is completed with the parts of one file only.
        in_parts = self.in_parts and len(items) == 1
        announced = [
            Announced(name, item, store.begin(kind, owner, item.size, in_parts=in_parts))
            for name, item in zip(names, items, strict=True)
        ]
        urls: Doc = {}
        for filename, item in zip(given.filenames, announced, strict=True):
            found = store.upload_urls(item.pending)
            urls[filename] = [*found] if item.pending.parts else found[0]
        ticket = store.tickets.issue(self.destination, announced, store.options.seconds)
        answer: Doc = {"ticket": ticket, "urls": urls, "headers": dict(store.upload_headers)}
        await exchange.reply(json_reply(answer))


@dataclass(frozen=True, slots=True)
class Listing(Streamed):
    """The request that completes an upload ticket: the files are put together and listed.

    Attributes:
        site: The site.
        destination: Where the files are to go; the caller's permission has been checked.
        ticket: The ticket.
    """

    site: Site
    destination: Destination
    ticket: str

    async def run(self, exchange: Exchange) -> None:
        """Lists the files; after an error the ticket is as good as before."""
        given = validate(Completion, _object(await exchange.read_body(MAX_METADATA)))
        tickets = self.site.storage.tickets
        ticket = tickets.take(self.ticket, self.destination)
        try:
            arrived = await self._assemble(ticket, given.multipart)
            # The ticket of the first request says whether metadata is kept, too.
            destination = replace(
                self.destination, keep_metadata=self.destination.keep_metadata or ticket.destination.keep_metadata
            )
            entries = await self.site.db.write(lambda tx: destination.store(tx, arrived))
        except BaseException:
            tickets.put_back(self.ticket, ticket)
            raise
        for item in ticket.files:
            self.site.storage.objects.drop(item.pending.name)
        await exchange.reply(json_reply(entries))

    async def _assemble(self, ticket: UploadTicket, multipart: Multipart | None) -> list[Arrived]:
        loop = asyncio.get_running_loop()
        found: list[Arrived] = []
        for item in ticket.files:
            pending = item.pending
            etags: list[str] | None = None
            if pending.kind == "s3" and pending.parts:
                if multipart is None:
                    raise Problem(400, "an upload in parts is completed with the ETags of its parts")
                if multipart.upload_id != pending.upload_id:
                    raise Problem(400, "the upload_id is not the one of the ticket's addresses")
                etags = multipart.e_tags
            content = await loop.run_in_executor(self.site.disk, self.site.storage.objects.assemble, pending, etags)
            found.append(Arrived(item.name, content, item.given))
        return found


def _object(body: bytes) -> Doc:
    """Decodes a body that must be an object; nothing counts as an empty one."""
    value = read_json(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise invalid("the body must be an object", "body")
    return value
