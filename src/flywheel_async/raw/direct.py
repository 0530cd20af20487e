"""`fw.request`: one request to any path of the site, for what is newer than the operation table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.encode import header_text, json_bytes, text
from flywheel_async.raw.response import RawResponse
from flywheel_async.raw.sending import Call, send
from flywheel_async.transport.request import Body, Request, Timeout

if TYPE_CHECKING:
    from datetime import tzinfo

    from flywheel_async.core import Core

_SAFE = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")
_METHODS = (*_SAFE, "POST")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)+/?")
_DOTS = re.compile(r"(?i)(?:\.|%2e){1,2}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What the transport says itself; the key above all.
_OURS = frozenset(
    {
        "authorization", "connection", "content-length", "cookie", "host", "proxy-authorization", "transfer-encoding",
        "x-scitran-auth", "x-scitran-method", "x-scitran-name",
    }
)  # fmt: skip


async def request(
    core: Core,
    method: str,
    path: str,
    params: Mapping[str, object] | None,
    json: object,
    content: bytes | str | None,
    headers: Mapping[str, str] | None,
    timeout: float | tuple[float, float] | None,
) -> RawResponse[object]:
    """Sends one request; see `AsyncClient.request`."""
    zone = core._options.default_timezone
    verb = method.upper() if isinstance(cast("object", method), str) else ""
    if verb not in _METHODS:
        raise ArgumentError(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
    _check_path(path)
    sent = _headers(_mapping(headers, "headers"), zone)
    accept = sent.pop("accept", "application/json")
    body = _body(verb, json, content, sent.pop("content-type", None), zone)
    query = tuple(pair for name, value in _mapping(params, "params").items() for pair in _pairs(name, value, zone))
    built = Request(f"{verb} {path}", verb, path, query, sent, body, accept, "safe" if verb in _SAFE else "never")
    call = Call(built, None, Timeout.of(timeout, "timeout"))
    return RawResponse(await send(core, call), lambda answer: cast("object", answer.json()))


def _mapping(value: object, argument: str) -> Mapping[str, object]:
    """Makes sure that an argument is a mapping with texts for names; the values are not shown: they may be secret."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{argument} must be a dictionary, not {type(value).__name__}")
    found = cast("Mapping[object, object]", value)
    for name in found:
        if not isinstance(name, str):
            raise ArgumentError(f"{argument}: the name {name!r} is not a text")
    return cast("Mapping[str, object]", found)


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ArgumentError(
            f"path must be like '/projects/5d27…', below /api of the site, special characters as %XX and the query in "
            f"params, not {path!r}"
        )
    if any(_DOTS.fullmatch(part) for part in path.split("/")):
        raise ArgumentError(f"path must not hold '.' or '..', which would reach another route: {path!r}")
    if path == "/api" or path.startswith("/api/"):
        raise ArgumentError(f"path is below /api already; leave that out of {path!r}")


def _headers(given: Mapping[str, object], zone: tzinfo | None) -> dict[str, str]:
    sent: dict[str, str] = {}
    for name, value in given.items():
        # The value is not shown: it may be a secret.
        if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
            raise ArgumentError(f"headers: {name!r} cannot be given; the client sends its own, or it is no header")
        sent[name.lower()] = header_text(value, f"headers[{name!r}]", zone)
    return sent


def _body(method: str, json: object, content: bytes | str | None, kind: str | None, zone: tzinfo | None) -> Body | None:
    if json is not None and content is not None:
        raise ArgumentError("give json or content, not both")
    if content is not None:
        return Body(kind or "application/octet-stream", _content(content))
    if json is not None:
        return Body(kind or "application/json", json_bytes(json, zone))
    return Body(kind or "application/json", b"") if method in ("POST", "PUT", "PATCH", "DELETE") else None


def _content(content: object) -> bytes:
    if isinstance(content, str):
        try:
            return content.encode()
        except UnicodeEncodeError:
            raise ArgumentError("content holds characters that cannot be sent as UTF-8; give bytes") from None
    if isinstance(content, (bytes, bytearray)):
        return bytes(content)
    raise ArgumentError(f"content must be bytes or text, not {type(content).__name__}; JSON goes into json")


def _pairs(name: str, value: object, zone: tzinfo | None) -> Iterable[tuple[str, str]]:
    several = isinstance(value, (list, tuple, set, frozenset))
    for item in cast("Iterable[object]", value) if several else (value,):
        if item is not None:
            yield name, text(item, f"params[{name!r}]", zone)
