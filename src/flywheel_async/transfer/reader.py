"""Reading a file from its first byte to its last, over as many connections as break."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import anyio

from flywheel_async.errors import ChecksumMismatch, FlywheelError, IncompleteTransfer
from flywheel_async.events import Teller
from flywheel_async.transfer.checksums import checksum_for
from flywheel_async.transfer.fetch import Attempts, Content, NoRanges, check_hash, open_span

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.transport.streamed import StreamedResponse


class Reader:
    """Reads a file from its first byte to its last, goes on where it broke off, and checks size and hash.

    Args:
        core: The client.
        content: The file.
        stall_timeout: Seconds to wait for bytes; None takes the client's.
        teller: Told about what happens.
        of_user: Whether a user reads, and may do anything between two chunks; then no part of the budget is held.

    Attributes:
        content: See above.
        count: Bytes that were read so far.
    """

    def __init__(
        self, core: Core, content: Content, stall_timeout: float | None, teller: Teller, *, of_user: bool = False
    ) -> None:
        self._core = core
        self.content = content
        self._patience = stall_timeout
        self._teller = teller
        self._of_user = of_user
        self._attempts = Attempts(core, content.name, stall_timeout)
        self._answer: StreamedResponse | None = None
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._ranged = content.ranged and content.size is not None
        self._skip = 0
        self._skipped = checksum_for(content.hash)
        self._sum = checksum_for(content.hash)
        self.count = 0

    async def open(self) -> None:
        """Asks for the file, so that a refusal is noticed early."""
        if self._answer is not None:
            return
        content = self.content
        start = self.count if self._ranged else 0
        try:
            self._answer = await open_span(self._core, content, start, content.size, self._patience)
        except NoRanges:
            self._ranged, start = False, 0
            self._answer = await open_span(self._core, content, 0, content.size, self._patience)
        if self._of_user:
            self._answer.give_back()
        # What was read before cannot be taken back: it comes again, must be the same, and is passed over.
        self._skip, self._skipped = self.count - start, checksum_for(content.hash)
        self._chunks = self._answer.chunks()

    async def chunk(self) -> bytes | None:
        """The next bytes, or None at the end, when all were there and right.

        Raises:
            ChecksumMismatch: What was read is not what the site has.
            IncompleteTransfer: More or fewer bytes came than the site has.
            StalledTransfer: No bytes came for too long.
            TransportError: The connection failed.
        """
        while True:
            try:
                data = await self._next()
            except FlywheelError as error:
                await self.aclose()
                wait = self._attempts.wait(error, self.count)
                await self._teller.retrying(self.count, wait, error)
                await anyio.sleep(wait)
                continue
            if data is None:
                await self.aclose()
                await self._check()
                return None
            self._sum.update(data)
            self.count += len(data)
            await self._teller.moved(len(data))
            return data

    async def _next(self) -> bytes | None:
        size = self.content.size
        if size is not None and self.count >= size > 0 and self._answer is None:
            return None  # the end of the answer was lost, but nothing of the file
        await self.open()
        assert self._chunks is not None
        while (data := await anext(self._chunks, None)) is not None:
            if self._skip:
                data = self._passed_over(data)
            if size is not None and self.count + len(data) > size:
                raise IncompleteTransfer(f"{self.content.name}: more than the expected {size} bytes arrived")
            if data:
                return data
        if self._skip or (size is not None and self.count != size):
            raise IncompleteTransfer(f"{self.content.name}: {self.count} of {size} bytes arrived")
        return None

    def _passed_over(self, data: bytes) -> bytes:
        """What is new in bytes that come again."""
        passed, data = data[: self._skip], data[self._skip :]
        self._skip -= len(passed)
        self._skipped.update(passed)
        if not self._skip and self._skipped.text() != self._sum.text():
            name = self.content.name
            raise ChecksumMismatch(f"{name}: its first {self.count} bytes are not those that came before")
        return data

    async def _check(self) -> None:
        check_hash(self.content, self._sum.text())
        await self._teller.verified(self.content.hash)

    async def aclose(self) -> None:
        """Gives the connection back."""
        answer, self._answer = self._answer, None
        chunks, self._chunks = self._chunks, None
        try:
            if chunks is not None:
                await chunks.aclose()
        finally:
            if answer is not None:
                await answer.aclose()

    def abandon(self) -> None:
        """Lets go of a connection whose event loop has ended."""
        self._answer = self._chunks = None
