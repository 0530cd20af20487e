"""An answer that was read whole, and how an error answer becomes an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import SecretStr

from flywheel_async.errors import APIError, BadAnswer, api_error_class, redact
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
        secret: The key, so that it is hidden where the site repeats it.
    """

    operation: str
    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    attempts: int = 1
    secret: SecretStr = field(default=SecretStr(""), repr=False)

    def hide(self, text: str) -> str:
        """Hides the key, and whatever looks like one, in a text sent by the site."""
        secret = self.secret.get_secret_value()
        return redact(text.replace(secret, "***") if secret else text)

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
        start = self.hide(self.content[:_KEPT].decode("utf-8", "replace"))[:_SHOWN]
        error = BadAnswer(f"{self.operation}: the site answered {self.status} with {kind}, not {wanted}: {start!r}")
        error.operation, error.attempts = self.operation, self.attempts
        return error


def api_error(response: Response) -> APIError:
    """Turns an error answer into the error of its status.

    Args:
        response: The answer.
    """
    text = response.content[:_KEPT].decode("utf-8", "replace")
    reason, detail, request_id = "", None, response.request_id
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        decoded = None
    if isinstance(decoded, dict):
        members = cast("dict[str, object]", decoded)
        message = members.get("message")
        reason = response.hide(message) if isinstance(message, str) else ""
        detail = _hidden(members.get("detail"), response)
        if isinstance(members.get("request_id"), str):
            request_id = response.hide(str(members["request_id"]))
    if not reason:
        reason = str(detail) if isinstance(detail, str) else f"HTTP status {response.status}"
    headers = {name: response.hide(value) for name, value in response.headers.items()}
    return api_error_class(response.status)(
        response.status,
        reason,
        detail=detail,
        body=response.hide(text),
        headers=headers,
        request_id=request_id,
        operation=response.operation,
        attempts=response.attempts,
        retry_after=parse_retry_after(response.headers.get("retry-after")),
    )


def _hidden(value: object, response: Response, depth: int = 20) -> object:
    """Hides the key in all texts of a decoded JSON value; what lies deeper than any real answer is left out."""
    if isinstance(value, str):
        return response.hide(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {response.hide(key): _hidden(item, response, depth - 1) for key, item in members.items()}
    return [_hidden(item, response, depth - 1) for item in cast("list[object]", value)]
