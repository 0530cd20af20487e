"""What transfers tell while they run, and callables that fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.places import MIB, acquisition_of

from flywheel_async import AsyncClient, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ChecksumMismatch, ConnectionFailed, NotFound
from flywheel_async.events import Done, Event, Failed, Progress, Retrying

pytestmark = pytest.mark.anyio

Transfer = Callable[[AsyncClient, Any, Path, Callable[[Event], object]], Awaitable[object]]


async def _streamed(fw: AsyncClient, file: Any, place: Path, told: Callable[[Event], object]) -> None:
    async with fw.stream(file, on_progress=told) as stream:
        await stream.aread()


TRANSFERS: dict[str, Transfer] = {
    "upload": lambda fw, file, place, told: fw.upload_file_to_container(
        file.parent_ref.id, b"x" * MIB, name="new", on_progress=told
    ),
    "download": lambda fw, file, place, told: file.download(place / "x", on_progress=told),
    "parallel": lambda fw, file, place, told: file.download(place / "x", on_progress=told, parallel=3),
    "stream": _streamed,
    "archive": lambda fw, file, place, told: fw.download_tar(
        {"type": "acquisition", "id": file.parent_ref.id}, place / "x.tar", on_progress=told
    ),
}


@pytest.fixture
async def file(fw: AsyncClient, group: Group) -> Any:
    acquisition = await acquisition_of(fw, group.id)
    (entry,) = await acquisition.upload_file(bytes(5 * MIB), name="zeros")
    return entry


@pytest.mark.parametrize("kind", TRANSFERS)
@pytest.mark.parametrize("error", [NotFound("x"), ConnectionFailed("x"), ChecksumMismatch("x"), ValueError("x")])
async def test_an_error_of_the_callable_is_no_reason_to_try_again(
    fw: AsyncClient, file: Any, tmp_path: Path, kind: str, error: Exception
) -> None:
    events: list[Event] = []

    def told(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress):
            raise error

    with pytest.raises(type(error)) as caught:
        await TRANSFERS[kind](fw, file, tmp_path, told)
    assert caught.value is error
    assert not any(isinstance(event, Retrying) for event in events)
    assert isinstance(events[-1], Failed)
    assert events[-1].error is error
    assert list(tmp_path.iterdir()) == []


async def test_a_callable_that_fails_when_told_of_an_error_does_not_replace_it(
    site: Emulator, fw: AsyncClient, file: Any, tmp_path: Path
) -> None:
    def told(event: Event) -> None:
        if isinstance(event, Failed):
            raise ValueError("from the callable")

    site.faults.add("download_file_from_acquisition", status=404)
    with pytest.raises(NotFound):
        await file.download(tmp_path / "x", on_progress=told)
    site.faults.clear()
    site.faults.add("download_file_from_acquisition", stall=20.0)
    with anyio.move_on_after(0.3) as scope:
        await file.download(tmp_path / "x", on_progress=told)
    assert scope.cancelled_caught


async def test_an_async_callable_is_told_one_event_after_the_other(file: Any, tmp_path: Path) -> None:
    at_once = most = 0
    done: list[int] = []

    async def told(event: Event) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await anyio.sleep(0.002)
        done.append(event.done)
        at_once -= 1

    await file.download(tmp_path / "x", on_progress=told, parallel=4)
    assert most == 1
    assert done == sorted(done)


async def test_transfers_of_one_name_are_told_apart(file: Any, tmp_path: Path) -> None:
    events: list[Event] = []
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(lambda place=tmp_path / str(number): file.download(place, on_progress=events.append))
    assert {event.name for event in events} == {"zeros"}
    ends = [event.transfer for event in events if isinstance(event, Done)]
    assert len(set(ends)) == 3
    assert {event.transfer for event in events} == set(ends)
