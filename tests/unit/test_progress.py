"""Events of transfers, and the bars that are drawn from them."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import anyio
import pytest

from flywheel_async import progress
from flywheel_async.events import Done, Event, Failed, OnProgress, Progress, Retrying, Started, Teller, Verified

EVENTS: list[Event] = [
    Started("[red]x[/red]", 0, 10),
    Progress("[red]x[/red]", 8, 10),
    Retrying("[red]x[/red]", 2, 10, 0.1, ValueError()),
    Progress("[red]x[/red]", 10, 10),
    Verified("[red]x[/red]", 10, 10, None),
    Done("[red]x[/red]", 10, 10),
]


def test_rich() -> None:
    rich = pytest.importorskip("rich.progress")
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=80)
    with progress.rich_progress(rich.Progress(console=console)) as bars:
        for event in EVENTS[:-1]:
            bars(event)
            (task,) = bars._progress.tasks
            assert (task.completed, task.total) == (event.done, event.total)
        bars(EVENTS[-1])
        assert len(bars._progress.tasks) == 0
        bars(Failed("y", 3, None, ValueError()))
        bars(Started("y", 0, 9, transfer=7))
        bars(Started("y", 0, 9, transfer=8))
        assert len(bars._progress.tasks) == 2
        for transfer in (7, 8):
            bars(Done("y", 9, 9, transfer=transfer))
        assert len(bars._progress.tasks) == 0
    assert bars._bars == {}
    with progress.rich_progress() as own:
        own(EVENTS[0])


class Bar:
    """Stands in for tqdm, which counts in steps."""

    made: list[Bar] = []  # noqa: RUF012

    def __init__(self, initial: int, **options: Any) -> None:
        self.n = initial
        self.options = options
        self.closed = False
        self.made.append(self)

    def update(self, step: int) -> None:
        self.n += step

    def close(self) -> None:
        self.closed = True


def test_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("tqdm.auto")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    Bar.made.clear()
    with progress.tqdm_progress(leave=False) as bars:
        for event in EVENTS:
            bars(event)
            assert Bar.made[0].n == event.done
        assert Bar.made[0].closed
        bars(Started("y", 5, None))
    assert [bar.n for bar in Bar.made] == [10, 5]
    assert all(bar.closed for bar in Bar.made)
    assert Bar.made[1].options["leave"] is False


@pytest.mark.parametrize(("name", "make"), [("rich", progress.rich_progress), ("tqdm", progress.tqdm_progress)])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str, make: Any) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=rf"pip install 'flywheel-async\[{name}\]'"):
        make()


@pytest.mark.anyio
async def test_the_order_of_events() -> None:
    events: list[Event] = []
    teller = Teller(events.append, "x", 3)
    await teller.started()
    await teller.moved(3)
    await teller.retrying(1, 0.0, ValueError())
    await teller.moved(2)
    await teller.verified("h")
    await teller.ended()
    assert [type(event).__name__ for event in events] == [
        "Started", "Progress", "Retrying", "Progress", "Verified", "Done"
    ]  # fmt: skip
    assert [event.done for event in events] == [0, 3, 1, 3, 3, 3]
    assert {(event.name, event.total) for event in events} == {("x", 3)}


@pytest.mark.anyio
async def test_a_failure_is_told_as_far_as_possible() -> None:
    told: list[Event] = []

    async def later(event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        told.append(event)

    async def fail(callable_: OnProgress, error: BaseException) -> None:
        async with Teller(callable_, "x", 3).running():
            raise error

    callables: list[OnProgress] = [told.append, later]
    for callable_ in callables:
        with pytest.raises(ValueError):
            await fail(callable_, ValueError())
    assert len(told) == 2
    with anyio.CancelScope() as scope:
        scope.cancel()
        for callable_ in callables:
            with pytest.raises(SystemExit):
                await fail(callable_, SystemExit())
    assert len(told) == 3
