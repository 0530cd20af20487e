"""The errors of an object store: XML, as its clients know them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from flywheel_async.emulator.exchange import Reply


class Refusal(Exception):
    """A request that the store does not serve.

    Args:
        status: The HTTP status.
        code: The store's own name for the mistake, such as `SignatureDoesNotMatch`.
        message: A sentence for a person.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def reply(self) -> Reply:
        """Returns the answer."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
        )
        return Reply(body.encode(), self.status, "application/xml", self.headers)
