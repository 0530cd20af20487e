"""An answer that was read whole, and how an error answer becomes an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flywheel_async.errors import APIError, BadAnswer, api_error_class
from flywheel_async.transport.retry import parse_retry_after

_SHOWN = 200
_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of the site.

    Attributes:
        operation: The operation id.
        status: The HTTP status.
        headers: Header values by lower-case name.
        content: The body.
        attempts: How many times the request was sent.
    """

    operation: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    attempts: int = 1

    @property
    def request_id(self) -> str | None:
        """The site's id of this request, or None."""
        return self.headers.get("x-request-id")

    def json(self) -> Any:
        """Decodes the body.

        Returns:
            The value, or None for an empty body.

        Raises:
            BadAnswer: The body is not JSON, for example a proxy's HTML page.
        """
        if not self.content.strip():
            return None
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise self.unexpected("JSON") from None

    def unexpected(self, wanted: str) -> BadAnswer:
        """An error saying that the body is not what the operation promises."""
        kind = self.headers.get("content-type", "no content type")
        start = self.content[:_SHOWN].decode("utf-8", "replace")
        error = BadAnswer(f"{self.operation}: the site answered {self.status} with {kind}, not {wanted}: {start!r}")
        error.operation, error.attempts = self.operation, self.attempts
        return error


def api_error(response: Response, secret: str) -> APIError:
    """Turns an error answer into the error of its status.

    Args:
        response: The answer.
        secret: The key, so that it is hidden should the site have repeated it.
    """
    text = response.content[:_KEPT].decode("utf-8", "replace").replace(secret, "***")
    reason, detail, request_id = "", None, response.request_id
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        decoded = None
    if isinstance(decoded, dict):
        members = cast("dict[str, object]", decoded)
        message = members.get("message")
        reason = message if isinstance(message, str) else ""
        detail = members.get("detail")
        if isinstance(members.get("request_id"), str):
            request_id = str(members["request_id"])
    if not reason:
        reason = str(detail) if isinstance(detail, str) else f"HTTP status {response.status}"
    headers = {name: value.replace(secret, "***") for name, value in response.headers.items()}
    return api_error_class(response.status)(
        response.status,
        reason,
        detail=detail,
        body=text,
        headers=headers,
        request_id=request_id,
        operation=response.operation,
        attempts=response.attempts,
        retry_after=parse_retry_after(response.headers.get("retry-after")),
    )
