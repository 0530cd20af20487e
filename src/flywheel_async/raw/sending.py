"""One call of an operation: checked and built first, without I/O, then sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.raw.caller import bind, build
from flywheel_async.raw.encode import json_bytes
from flywheel_async.raw.response import AsyncRawStream
from flywheel_async.transport.held import Held
from flywheel_async.transport.request import Body, Request, Timeout
from flywheel_async.transport.scopes import waiting_at_most

if TYPE_CHECKING:
    from flywheel_async.core import Core
    from flywheel_async.raw.table import Operation
    from flywheel_async.transfer.sources import FileSpec, Source
    from flywheel_async.transport.response import Response

T = TypeVar("T")

# Keywords that every method of the official client takes, and what there is in their place.
_ELSEWHERE = {
    "_ignore_simplified_return_value": "fw.raw.{name}(...).parse() is not simplified",
    "_preload_content": "use fw.raw.streaming.{name}(...)",
    "_request_out": "the answer of fw.raw.{name}(...) has status, headers and content",
    "_return_http_data_only": "the answer of fw.raw.{name}(...) has status, headers and content",
    "async_": "use AsyncClient",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What a multipart request consists of.

    Attributes:
        metadata: JSON of the part `metadata`, or None.
        files: Form field and file.
    """

    metadata: bytes | None
    files: tuple[tuple[str, FileSpec], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be sent.

    Attributes:
        request: The request; without its body where that is a form.
        form: The form, or None.
        timeout: Timeouts in place of the client's.
    """

    request: Request
    form: Form | None = None
    timeout: Timeout | None = None


def take_timeout(name: str, keywords: Mapping[str, object]) -> tuple[dict[str, object], Timeout | None]:
    """Splits `_request_timeout` off the arguments of a call.

    Args:
        name: The operation id, for messages.
        keywords: Arguments by name.

    Returns:
        The other arguments, and the timeouts.

    Raises:
        ArgumentError: The timeout is no time, or another control of the official client is among the arguments.
    """
    rest = dict(keywords)
    timeout = Timeout.of(rest.pop("_request_timeout", None), f"{name}: _request_timeout")
    for keyword, instead in _ELSEWHERE.items():
        if keyword in rest:
            raise ArgumentError(f"{name}: {keyword!r} is not supported; {instead.format(name=name)}")
    return rest, timeout


def prepare(core: Core, op: Operation, values: Sequence[object], keywords: Mapping[str, object]) -> Call:
    """Checks the arguments of a call and builds its request; no I/O.

    Args:
        core: The client.
        op: The operation.
        values: Arguments by position, in the table's order.
        keywords: Arguments by name, also `_request_timeout`.

    Raises:
        ArgumentError: An argument is unknown, missing, or cannot be sent.
    """
    rest, timeout = take_timeout(op.id, keywords)
    zone = core._options.default_timezone
    if not op.form_params:
        return Call(build(op.id, values, rest, zone=zone), None, timeout)
    arguments = bind(op, values, rest)
    files: list[tuple[str, FileSpec]] = []
    metadata: bytes | None = None
    for param in op.form_params:
        value = arguments.pop(param.python_name, None)
        if param.type == "file":
            files += [(param.name, spec) for spec in _specs(value)]
            if param.required and not files:
                raise ArgumentError(f"{op.id}: the argument {param.python_name!r} is missing")
        elif value is not None:
            metadata = _json(value, param.python_name) if isinstance(value, str) else json_bytes(value, zone)
    # The real body is made when the files are open; one stands here already, so that all else is checked now.
    request = build(op.id, (), arguments, upload=Body("multipart/form-data", b""), zone=zone)
    return Call(request, Form(metadata, tuple(files)), timeout)


def _specs(value: object) -> list[FileSpec]:
    if value is None:
        return []
    from flywheel_async.transfer.sources import as_spec

    several = isinstance(value, (list, tuple))
    return [as_spec(one) for one in (cast("Iterable[object]", value) if several else (value,))]


def _json(text: str, argument: str) -> bytes:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentError(f"{argument} is a text that is not JSON") from None
    return text.encode()


async def send(core: Core, call: Call) -> Response:
    """Sends a call and reads the answer whole.

    Raises:
        ArgumentError: A file to upload is missing; nothing was sent.
        APIError: The site answered with an error status.
        TransportError: There was no usable answer.
    """
    return await _send(core, call, core._transport.request)


async def open_stream(core: Core, call: Call) -> AsyncRawStream:
    """Sends a call; the body of the answer is still on the way, and the user who reads it closes it.

    Raises:
        ArgumentError: A file to upload is missing; nothing was sent.
        APIError: The site answered with an error status.
        TransportError: There was no usable answer.
    """
    # What is read as it arrives is not decompressed.
    headers = {"accept-encoding": "identity", **call.request.headers}
    held = Held()
    await held.take(core._transport)
    try:
        answer = await _send(core, replace(call, request=replace(call.request, headers=headers)), core._transport.open)
    except BaseException:
        held.release()
        raise
    answer.give_back()
    return AsyncRawStream(answer, held)


async def _send(core: Core, call: Call, sender: Callable[[Request], Awaitable[T]]) -> T:
    with waiting_at_most(call.timeout):
        if call.form is None:
            await core._check()
            return await sender(call.request)
        from flywheel_async.transfer.multipart import FilePart, multipart_body
        from flywheel_async.transfer.sources import Source, content_type

        async with AsyncExitStack() as opened:
            parts: list[FilePart] = []
            for field, spec in call.form.files:
                source = Source(spec, inline=core._flavour.inline)
                opened.push_async_exit(partial(_settle, source))
                await source.prepare()
                parts.append(FilePart(spec.name, content_type(spec), source, field))
            await core._check()
            return await sender(replace(call.request, body=multipart_body(call.form.metadata, parts)))


async def _settle(source: Source, error: type[BaseException] | None, *_: object) -> None:
    """Closes a source; after a failure, a file object of the user stands where it stood before."""
    await source.aclose(left_at=None if error is None else source.position)
