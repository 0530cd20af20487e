"""Results of data views for synchronous callers: read like a file, while they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import AnyStr, Self

from flywheel_async.sync._runner import run
from flywheel_async.sync._streams import close_stream
from flywheel_async.views.reading import AsyncViewData, Buffer


class ViewData(Iterator[AnyStr]):
    """The result of a data view while it arrives; iterate over its lines, or read it like any open file.

    The view is executed when the `with` block is entered, or without one when it is first read. The object belongs to
    the thread it was opened in.

    Example:
        >>> with fw.read_view_data(view, project.id, format="csv") as data:
        ...     for row in csv.DictReader(data):
        ...         print(row["subject.label"])

    Args:
        inner: The one of the core.
    """

    def __init__(self, inner: AsyncViewData[AnyStr]) -> None:
        self._inner: AsyncViewData[AnyStr] = inner
        # Lines are cut here: a call into the core for each would take longer than the line.
        self._buffer: Buffer[AnyStr] = inner.buffer

    def __repr__(self) -> str:
        return repr(self._inner).replace("Async", "", 1)

    def __enter__(self) -> Self:
        try:
            run(self._inner.open)
        except BaseException as error:
            close_stream(self._inner, error)
            raise
        self._inner.note()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_stream(self._inner, error)

    def __next__(self) -> AnyStr:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def read(self, size: int = -1) -> AnyStr:
        """Reads a piece.

        Args:
            size: Characters, or bytes with `decode=False`; everything that is left by default.

        Returns:
            The piece; shorter than asked for only at the end, empty after it.

        Raises:
            APIError: The site refused the view.
            WaitFailed: The site failed to execute it.
            TransportError: The result broke off.
        """
        while (found := self._buffer.piece(size)) is None:
            self._feed()
        return found

    def readline(self) -> AnyStr:
        """Reads a line.

        Returns:
            The line with its end, empty after the last one.

        Raises:
            APIError: The site refused the view.
            WaitFailed: The site failed to execute it.
            TransportError: The result broke off.
        """
        while (found := self._buffer.line()) is None:
            self._feed()
        return found

    def _feed(self) -> None:
        run(self._inner.feed)
        self._inner.note()  # it may have been opened just now

    def close(self) -> None:
        """Gives the connection back."""
        close_stream(self._inner)
