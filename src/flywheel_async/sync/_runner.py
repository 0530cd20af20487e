"""Runs coroutines for synchronous callers. The only module that knows threads and event loops.

A call is driven in the calling thread, on an event loop that belongs to that thread and is kept between
calls: Ctrl-C, tracebacks, context variables and user callbacks then behave as in plain Python. Where a loop
already runs in the thread (a notebook, trio, a callback of one of our own calls) a helper thread drives it.
"""

import asyncio
import atexit
import contextlib
import contextvars
import logging
import math
import os
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Generic, ParamSpec, TypeVar, cast

from flywheel_async.sync._signals import Interrupt, breakable_wait

try:
    import sniffio
except ImportError:  # comes with trio; without it every loop we can meet is an asyncio loop
    sniffio = None  # type: ignore[assignment]

P = ParamSpec("P")
T = TypeVar("T")

_CLOSE_SECONDS = 1.0  # for each step of closing a loop: neither a thread's end nor the exit may block
_WAIT_SECONDS = 0.2  # slice of a wait: on Windows a wait without end does not see Ctrl-C

_logger = logging.getLogger(__name__)
_depth = contextvars.ContextVar("flywheel_async_call_depth", default=0)


class _Outcome(Generic[T]):
    """Result or error of a call. A task holding the error would form a cycle with the error's traceback."""

    __slots__ = ("error", "value")
    value: T

    def __init__(self) -> None:
        self.error: BaseException | None = None

    async def collect(self, coroutine: Coroutine[object, object, T]) -> None:
        try:
            self.value = await coroutine
        except BaseException as error:
            self.error = error

    def interrupt(self) -> None:
        stopped = KeyboardInterrupt()
        stopped.__cause__ = self.error  # shows where the call was
        self.error = stopped

    def take(self) -> T:
        error, self.error = self.error, None
        if error is None:
            return self.value
        try:
            raise error
        finally:
            del error


class _Runner:
    """The event loop of one thread, and the helper thread for calls made while a loop runs in that thread."""

    def __init__(self, *, helps: bool = False) -> None:
        self.helps = helps
        self.helper: _Helper | None = None
        self.closers: dict[object, Closer] = {}
        self._pid = os.getpid()
        self._main = not helps and threading.get_ident() == threading.main_thread().ident
        self._selector: selectors.BaseSelector | None = None
        self.loop: asyncio.AbstractEventLoop
        if sys.platform == "win32":
            self.loop = asyncio.ProactorEventLoop()
        else:
            self._selector = selectors.DefaultSelector()
            self.loop = asyncio.SelectorEventLoop(self._selector)
        self.loop.slow_callback_duration = math.inf  # a callback that takes its time holds up nobody else here
        _runners.add(self)

    def drive(self, coroutine: Coroutine[object, object, T], context: contextvars.Context) -> T:
        """Run the coroutine to its end in this thread."""
        outcome: _Outcome[T] = _Outcome()
        task = self.loop.create_task(outcome.collect(coroutine), context=context)
        interrupt = Interrupt(task) if self._main and Interrupt.is_wanted() else None
        try:
            if interrupt is not None:
                interrupt.install()
            self.loop.run_until_complete(task)
        except BaseException:
            self.close()  # something broke out of the loop: steps of other tasks may be lost
            raise
        finally:
            if interrupt is not None:
                interrupt.remove()
        if interrupt is not None and interrupt.count:
            if interrupt.count > 1:
                self.close()  # an interrupted clean-up may leave connections half-way through something
            outcome.interrupt()
        return outcome.take()

    def close(self) -> None:
        """End everything on the loop and close it, in bounded time. The next call makes a new runner."""
        if self._pid != os.getpid() or self.loop.is_closed() or self.loop.is_running():
            return
        _runners.discard(self)
        if self.helper is not None:
            self.helper.stop()
        self.loop.set_exception_handler(_ignore_leftover)
        try:
            self.loop.run_until_complete(self._end())
        except Exception:
            _logger.debug("closing an event loop failed", exc_info=True)
        finally:
            self.loop.close()

    async def _end(self) -> None:
        await asyncio.sleep(0)  # generators dropped since the last call have queued their clean-up
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
        for step in (asyncio.get_running_loop().shutdown_asyncgens, *self.closers.values()):
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await step()
            except Exception:
                _logger.debug("a clean-up at the end of a thread failed", exc_info=True)
        await asyncio.sleep(0)  # closed sockets leave the loop one step later

    def forsake(self) -> None:
        """In a forked child: let go of the parent's loop without touching what the two processes share."""
        self.loop.set_exception_handler(_ignore_leftover)
        fileno = getattr(self._selector, "fileno", None)
        if fileno is not None:
            # An epoll object is shared after a fork: to unregister here would deafen the parent's loop.
            with selectors.DefaultSelector() as fresh:
                os.dup2(fresh.fileno(), fileno(), inheritable=False)
        if self.loop.is_running():
            self.loop.stop()  # should the child ever return into the parent's call, it gets an error
        else:
            self.loop.close()


class _Job(Generic[T]):
    """One call on its way to a helper thread and back."""

    def __init__(self, coroutine: Coroutine[object, object, T], context: contextvars.Context) -> None:
        self.done = threading.Event()
        self._outcome: _Outcome[T] = _Outcome()
        self._coroutine = coroutine
        self._context = context
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False

    def work(self, runner: _Runner) -> None:
        try:
            self._outcome.value = runner.drive(self._body(), self._context)
        except BaseException as error:
            self._outcome.error = error
        finally:
            self._coroutine.close()  # only does something when the call was cancelled before it began

    async def _body(self) -> T:
        self._task = asyncio.current_task()
        if self._cancelled:
            raise asyncio.CancelledError
        return await self._coroutine

    def cancel(self) -> None:
        self._cancelled = True  # seen by _body, or the task is there already
        if self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def result(self) -> T:
        return self._outcome.take()


class _Helper:
    """A daemon thread with a runner, for a thread that cannot drive a loop because one runs there."""

    def __init__(self) -> None:
        self.runner = _Runner(helps=True)
        self.busy = False
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._work, name="flywheel_async helper", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        _local.end = _ThreadEnd(self.runner)
        while (job := self._jobs.get()) is not None:
            self.busy = True
            if self.runner.loop.is_closed():  # something broke out of it
                self.runner = _Runner(helps=True)
                _local.end = _ThreadEnd(self.runner)
            job.work(self.runner)
            self.busy = False
            job.done.set()
            del job  # an idle helper keeps nothing of the last call alive
        self.runner.close()

    def call(self, coroutine: Coroutine[object, object, T], context: contextvars.Context) -> T:
        job: _Job[T] = _Job(coroutine, context)
        self._jobs.put(cast("_Job[object]", job))
        with breakable_wait():
            try:
                self._wait(job)
            except BaseException:
                job.cancel()
                self._wait(job)  # its clean-up
                raise
        return job.result()

    def _wait(self, job: "_Job[T]") -> None:
        while not job.done.wait(_WAIT_SECONDS):
            if not self.thread.is_alive():
                raise RuntimeError("the helper thread of a flywheel_async call is gone")

    def stop(self) -> None:
        """End the thread once its present call is over; does not wait."""
        self._jobs.put(None)


class _ThreadEnd:
    """Held by a thread-local only, so it is finalized in the thread that ends."""

    __slots__ = ("runner",)

    def __init__(self, runner: _Runner) -> None:
        self.runner = runner

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.runner.close()


class _Local(threading.local):
    end: _ThreadEnd | None = None


Closer = Callable[[], Coroutine[object, object, object]]

_local = _Local()
_runners: set[_Runner] = set()
_inherited: list[_Runner] = []  # of the process we were forked from: never used, never freed
_shut_down = False


def run(fn: Callable[P, Coroutine[object, object, T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call an async function and wait for its result, from synchronous code.

    Args:
        fn: The async function.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        What `fn` returns.

    Raises:
        KeyboardInterrupt: On Ctrl-C, after the call was cancelled and has cleaned up.
        RuntimeError: The interpreter is shutting down.

    Example:
        ```python
        user = run(client.get_current_user)
        ```
    """
    if _shut_down:
        raise RuntimeError("flywheel_async cannot make calls any more: the interpreter is shutting down")
    runner = _current()
    occupied = _loop_runs_here()
    helper = _helper_of(runner) if occupied else None
    context = contextvars.copy_context()
    context.run(_depth.set, max(_depth.get() + 1, 2 if occupied else 1))
    if sniffio is not None and sniffio.current_async_library_cvar.get() is not None:
        context.run(sniffio.current_async_library_cvar.set, "asyncio")  # it may say "trio" out here
    coroutine = fn(*args, **kwargs)
    if helper is None:
        return runner.drive(coroutine, context)
    try:
        return helper.call(coroutine, context)
    except BaseException:
        if helper.runner.loop.is_running():  # given up on: a second Ctrl-C did not wait for the clean-up
            runner.helper = None
            helper.stop()
        raise


def is_nested() -> bool:
    """Whether the running call was made from inside another one, or where another loop waits for it.

    What is outside cannot go on before this call ends, so the call must not wait for what is held there.
    """
    return _depth.get() > 1


def at_thread_close(closer: Closer) -> Callable[[], None]:
    """Have an async function called when the running loop is closed: at the end of its thread or at exit.

    Does nothing on a loop that is not one of this module's.

    Args:
        closer: Takes no arguments; gets one second.

    Returns:
        Takes it back. May be called more than once, and from any thread.
    """
    end = _local.end
    closers = end.runner.closers if end is not None and end.runner.loop is asyncio.get_running_loop() else {}
    key = object()
    closers[key] = closer

    def forget() -> None:
        closers.pop(key, None)

    return forget


def close_current() -> None:
    """Close the loops of this thread that no client has connections on; the next call makes new ones."""
    end = _local.end
    if end is None:
        return
    helper = end.runner.helper
    if helper is not None and not helper.runner.closers:
        end.runner.helper = None
        helper.stop()
    if not end.runner.closers and not _loop_runs_here():
        end.runner.close()


def _current() -> _Runner:
    end = _local.end
    if end is None or end.runner.loop.is_closed():
        end = _local.end = _ThreadEnd(_Runner())
    return end.runner


def _helper_of(runner: _Runner) -> _Helper:
    if runner.helper is None or not runner.helper.thread.is_alive():
        runner.helper = _Helper()
    return runner.helper


def _loop_runs_here() -> bool:
    if sniffio is not None and sniffio.thread_local.name is not None:  # inside trio
        return True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _ignore_leftover(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    _logger.debug("left over on a closing event loop: %s", context.get("message"))


def _close_all() -> None:
    """At exit, after all other threads but daemons have ended."""
    global _shut_down
    _shut_down = True
    found = [runner.helper for runner in list(_runners)]
    helpers = [helper for helper in found if helper is not None and not helper.busy]
    for helper in helpers:
        helper.stop()
    for helper in helpers:
        helper.thread.join(_CLOSE_SECONDS)
    for runner in list(_runners):
        if not runner.helps:
            runner.close()


def _after_fork() -> None:
    """In a forked child: every runner and helper thread belongs to the parent."""
    _inherited.extend(_runners)
    _runners.clear()
    for runner in _inherited:
        runner.forsake()
    _local.end = None
    Interrupt.forsake()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
