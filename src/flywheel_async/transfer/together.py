"""Tasks that run at the same time, and whose errors come out as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager

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


async def together(tasks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Runs tasks at the same time; the first error ends all of them and is raised as it is, Ctrl-C too."""
    errors: list[BaseException] = []

    async def run(task: Callable[[], Awaitable[None]]) -> None:
        with kept(errors):
            await task()
        if errors:
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(run, task)
    if errors:
        raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
