"""Progress bars for transfers, drawn by rich or tqdm where one of them is installed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flywheel_async.events import Done, Event, Failed, Started

if TYPE_CHECKING:
    from types import ModuleType


class _Bars(ABC):
    """What the adapters share: one bar for each transfer that runs."""

    def __init__(self) -> None:
        self._bars: dict[int, Any] = {}

    def __call__(self, event: Event) -> None:
        """Draws one event of a transfer."""
        bar = self._bars.get(event.transfer)
        if bar is None or isinstance(event, Started):
            bar = self._bars[event.transfer] = self._made(event)
        self._moved(bar, event)
        if isinstance(event, (Done, Failed)):
            del self._bars[event.transfer]
            self._ended(bar, event)

    @abstractmethod
    def _made(self, event: Event) -> Any: ...

    @abstractmethod
    def _moved(self, bar: Any, event: Event) -> None: ...

    @abstractmethod
    def _ended(self, bar: Any, event: Event) -> None: ...


class RichProgress(_Bars):
    """Draws transfers with rich; a context manager that is given as `on_progress`. See `rich_progress`."""

    def __init__(self, progress: Any) -> None:
        super().__init__()
        self._progress = progress

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _made(self, event: Event) -> Any:
        # Names come from the site; rich would read square brackets in them as colours.
        escape: Callable[[str], str] = _module("rich.markup", "rich").escape
        return self._progress.add_task(escape(event.name), total=event.total, completed=event.done)

    def _moved(self, bar: Any, event: Event) -> None:
        self._progress.update(bar, completed=event.done, total=event.total)

    def _ended(self, bar: Any, event: Event) -> None:
        # rich draws all bars anew each time, so those of thousands of transfers must not stay.
        self._progress.remove_task(bar)


class TqdmProgress(_Bars):
    """Draws transfers with tqdm; a context manager that is given as `on_progress`. See `tqdm_progress`."""

    def __init__(self, make: Callable[..., Any], options: Mapping[str, object]) -> None:
        super().__init__()
        self._make = make
        self._options = {"unit": "B", "unit_scale": True, "unit_divisor": 1024, "leave": False, **options}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()

    def _made(self, event: Event) -> Any:
        return self._make(desc=event.name, total=event.total, initial=event.done, **self._options)

    def _moved(self, bar: Any, event: Event) -> None:
        bar.update(event.done - bar.n)  # also backwards, where a transfer starts again

    def _ended(self, bar: Any, event: Event) -> None:
        bar.close()


def rich_progress(progress: Any = None) -> RichProgress:
    """Makes an `on_progress` that draws bars with rich, one for each transfer that runs; it goes when that has ended.

    Args:
        progress: A `rich.progress.Progress` of your own; by default one with name, bar, size, speed and time left.

    Raises:
        ImportError: rich is not installed; `pip install 'flywheel-async[rich]'`.

    Example:
        >>> with rich_progress() as bars:
        ...     file.download("/data/", on_progress=bars)
    """
    rich = _module("rich.progress", "rich")
    if progress is None:
        columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn())
        progress = rich.Progress(*columns, rich.TransferSpeedColumn(), rich.TimeRemainingColumn())
    return RichProgress(progress)


def tqdm_progress(**options: object) -> TqdmProgress:
    """Makes an `on_progress` that draws bars with tqdm, one for each transfer that runs; it goes when that has ended.

    Args:
        **options: Arguments for `tqdm.auto.tqdm`, such as `leave=True`.

    Raises:
        ImportError: tqdm is not installed; `pip install 'flywheel-async[tqdm]'`.

    Example:
        >>> with tqdm_progress(leave=True) as bars:
        ...     file.download("/data/", on_progress=bars)
    """
    return TqdmProgress(_module("tqdm.auto", "tqdm").tqdm, options)


def _module(name: str, extra: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{extra} is not installed; run: pip install 'flywheel-async[{extra}]'") from error
