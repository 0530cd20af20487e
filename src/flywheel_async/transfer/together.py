"""Tasks that run at the same time, and whose errors come out as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import anyio


@contextmanager
def kept(errors: list[BaseException]) -> Generator[None]:
    """Keeps what a task raises, so that who waits for it can raise it outside any group; a cancellation passes.

    Args:
        errors: Where it is put.
    """
    try:
        yield
    except (anyio.get_cancelled_exc_class(), GeneratorExit):
        raise
    except BaseException as exc:
        errors.append(exc)


@contextmanager
def ungrouped() -> Generator[None]:
    """Lets what ends a program, such as Ctrl-C, out of the group in which a task group around it raises it on trio."""
    try:
        yield
    except BaseExceptionGroup as group:
        for error in _leaves(group):
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise error from None
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error


async def together(tasks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Runs tasks at the same time; the first error ends all of them and is raised as it is, Ctrl-C too."""
    errors: list[BaseException] = []

    async def run(task: Callable[[], Awaitable[None]]) -> None:
        with kept(errors):
            await task()
        if errors:
            group.cancel_scope.cancel()

    with ungrouped():
        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(run, task)
    if errors:
        raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
