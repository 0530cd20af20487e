"""Answers with the result of a view: sent in pieces, or stored as a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_async.emulator import access, files, nodes
from flywheel_async.emulator.access import FILES_CREATE, Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.downloads import disposition
from flywheel_async.emulator.exchange import ClientGone, Exchange, Reply, Streamed, json_reply
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.views.evaluation import Stopped
from flywheel_async.emulator.views.formats import MEDIA_TYPES, ending, formatter
from flywheel_async.emulator.views.results import Reader
from flywheel_async.emulator.views.running import Job
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.site import Site


@dataclass(frozen=True, slots=True)
class Queued(Streamed):
    """Starts an execution once it is in the database, then answers."""

    site: Site
    execution_id: str
    reply: Reply

    async def run(self, exchange: Exchange) -> None:
        """Starts and answers."""
        self.site.views.submit(self.execution_id)
        await exchange.reply(self.reply)


@dataclass(frozen=True, slots=True)
class Forgotten(Streamed):
    """Stops an execution and removes its result, once it has left the database, then answers."""

    site: Site
    execution_id: str
    reply: Reply

    async def run(self, exchange: Exchange) -> None:
        """Removes and answers."""
        await asyncio.get_running_loop().run_in_executor(self.site.disk, self.site.views.forget, self.execution_id)
        await exchange.reply(self.reply)


@dataclass(frozen=True, slots=True)
class ViewData(Streamed):
    """Sends the result of a view.

    Attributes:
        site: The site.
        source: The result on disk, or the view to run first.
        format: The format to send it in.
        name: The name to save it under, without or with its ending.
    """

    site: Site
    source: Path | Job
    format: str
    name: str

    async def run(self, exchange: Exchange) -> None:
        """Runs the view to its end, so that a failure is an error and no half answer, then sends the result."""
        async with _watched(exchange) as gone:
            if isinstance(self.source, Path):
                await self._send(exchange, self.source, gone)
                return
            path = self.site.views.temporary()
            try:
                await _work_out(self.site, self.source, path, gone)
                await self._send(exchange, path, gone)
            finally:
                path.unlink(missing_ok=True)

    async def _send(self, exchange: Exchange, path: Path, gone: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        reader = await loop.run_in_executor(self.site.disk, _open, path, self.format)
        try:
            suffix = f".{ending(self.format)}"
            name = self.name if self.name.lower().endswith(suffix) else self.name + suffix
            headers = [("content-type", MEDIA_TYPES[self.format]), ("content-disposition", disposition(name))]
            await exchange.start(200, [*headers, ("cache-control", "no-cache")])
            while data := await loop.run_in_executor(self.site.disk, reader.read):
                if gone.done():
                    raise ClientGone
                await exchange.push(data, more=True)
            await exchange.push(b"", more=False)
        finally:
            # On the loop, because a cancelled or stopping server may run nothing more in its threads.
            reader.close()


@dataclass(frozen=True, slots=True)
class ViewFile(Streamed):
    """Stores the result of a view as a file; the caller's permission has been checked.

    Attributes:
        site: The site.
        caller: Who wants it.
        source: The result on disk, or the view to run first.
        format: The format of the file.
        kind: The kind of the container to store it in.
        container_id: That container.
        name: The name of the file, already checked.
    """

    site: Site
    caller: Caller
    source: Path | Job
    format: str
    kind: str
    container_id: str
    name: str

    async def run(self, exchange: Exchange) -> None:
        """Runs the view, stores the file and answers with its entry."""
        loop = asyncio.get_running_loop()
        if isinstance(self.source, Path):
            content = await loop.run_in_executor(self.site.disk, self._store, self.source)
        else:
            path = self.site.views.temporary()
            try:
                async with _watched(exchange) as gone:
                    await _work_out(self.site, self.source, path, gone)
                content = await loop.run_in_executor(self.site.disk, self._store, path)
            finally:
                path.unlink(missing_ok=True)
        try:
            entry = await self.site.db.write(lambda tx: self._list(tx, content))
        finally:
            content.discard()
        await exchange.reply(json_reply(entry))

    def _store(self, path: Path) -> Content:
        reader = _open(path, self.format)
        blob = self.site.blobs.receive()
        try:
            while data := reader.read():
                blob.write(data)
            return blob.finish()
        except BaseException:
            blob.drop()
            raise
        finally:
            reader.close()

    def _list(self, tx: Tx, content: Content) -> Doc:
        tx.origin = self.caller.origin
        # Looked at again: running the view may have taken long.
        node = nodes.get(tx, self.kind, self.container_id)
        access.require(tx, self.caller, node, FILES_CREATE)
        self.site.blobs.adopt(content)
        added = files.add(
            tx, node, self.name, content, FileInput(), self.caller.origin, self.site.new_id(), keep_metadata=False
        )
        document = Shaper(tx, self.caller).file(added)
        # This answer, unlike others, names a file by id and version together.
        document["_id"] = {"file_id": added.file_id, "version": added.version}
        return {**document, "uuid": added.file_id}


@asynccontextmanager
async def _watched(exchange: Exchange) -> AsyncGenerator[asyncio.Future[None]]:
    """Gives what is done as soon as the caller has gone away."""
    gone = asyncio.ensure_future(exchange.wait_gone())
    try:
        yield gone
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _work_out(site: Site, job: Job, path: Path, gone: asyncio.Future[None]) -> None:
    unwanted = threading.Event()
    running = asyncio.wrap_future(site.views.start(job, path, unwanted))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            unwanted.set()
            await asyncio.wait({running})
        await running
    except Stopped:
        raise ClientGone from None
    finally:
        unwanted.set()


def _open(path: Path, format_: str) -> Reader:
    try:
        return Reader(path, formatter(format_))
    except FileNotFoundError:
        raise Problem(404, "the result was deleted") from None
