"""Results of data views as files: read while they arrive, or written to disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flywheel_async.errors import ArgumentError
from flywheel_async.events import OnProgress
from flywheel_async.files import check_destination, in_thread
from flywheel_async.raw.response import AsyncRawStream
from flywheel_async.raw.sending import Call, open_stream
from flywheel_async.transfer.download import download
from flywheel_async.transfer.fetch import DownloadOptions
from flywheel_async.views.execution import check_container, data_request, definition, execute, result
from flywheel_async.views.options import Options, check_format
from flywheel_async.views.reading import AsyncViewData

if TYPE_CHECKING:
    from flywheel_async.core import Core


def opening(
    core: Core, view: object, container_id: object, decode: object, format: object, options: Options
) -> AsyncViewData[Any]:
    """A result to be read; see `AsyncClient.read_view_data`."""
    if not isinstance(decode, bool):
        raise ArgumentError(f"decode must be True for text or False for bytes, not {decode!r}")
    name, made, container = check_format(format), definition(view), check_container(container_id)

    async def opened() -> AsyncRawStream:
        execution = await execute(core, made, container, options)
        return await open_stream(core, Call(data_request(execution, name)))

    return AsyncViewData[str](opened, "") if decode else AsyncViewData[bytes](opened, b"")


async def save(
    core: Core,
    view: object,
    container_id: object,
    dest: object,
    format: object,
    options: Options,
    on_progress: OnProgress | None,
) -> Path:
    """Writes a result to a file; see `AsyncClient.save_view_data`."""
    name, made, container = check_format(format), definition(view), check_container(container_id)
    path = await in_thread(lambda: check_destination(dest))
    content = result(await execute(core, made, container, options), name)
    await download(core, content, path, DownloadOptions(resume=False), on_progress)
    return path
