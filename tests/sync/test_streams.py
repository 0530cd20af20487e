"""The sync pager over a pager of the core."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from flywheel_async.sync._runner import run
from flywheel_async.sync._streams import Pager


class Numbers:
    """Pages of two numbers."""

    def __init__(self, pages: int = 3, fail_at: int | None = None, between: Callable[[], object] | None = None) -> None:
        self.asked = 0
        self.closed = 0
        self._pages = pages
        self._fail_at = fail_at
        self._between = between

    async def next_page(self) -> list[int] | None:
        if self.asked >= self._pages or self.closed:
            return None
        number, self.asked = self.asked, self.asked + 1
        await anyio.sleep(0.001)
        if number == self._fail_at:
            raise ConnectionError("lost")
        if self._between is not None:
            self._between()
        return [2 * number, 2 * number + 1]

    async def aclose(self) -> None:
        self.closed += 1


def test_it_gives_everything_once_and_asks_page_by_page() -> None:
    inner = Numbers()
    pager = Pager(inner)
    assert inner.asked == 0
    assert [next(pager), next(pager)] == [0, 1]
    assert inner.asked == 1
    assert list(pager) == [2, 3, 4, 5]
    assert list(pager) == []
    with pytest.raises(StopIteration):
        next(pager)


def test_empty_pages_are_passed_over_and_an_empty_list_ends_at_once() -> None:
    class Gaps(Numbers):
        async def next_page(self) -> list[int] | None:
            page = await super().next_page()
            return [] if page and page[0] in (0, 2) else page

    assert list(Pager(Gaps())) == [4, 5]
    assert list(Pager(Numbers(0))) == []


def test_pages_gives_whole_pages() -> None:
    pager = Pager(Numbers())
    assert list(pager.pages()) == [[0, 1], [2, 3], [4, 5]]
    assert list(pager.pages()) == []


def test_an_error_ends_it() -> None:
    inner = Numbers(fail_at=1)
    pager = Pager(inner)
    assert [next(pager), next(pager)] == [0, 1]
    with pytest.raises(ConnectionError):
        next(pager)
    assert list(pager) == []
    assert inner.asked == 2
    pages = Pager(Numbers(fail_at=0)).pages()
    with pytest.raises(ConnectionError):
        next(pages)
    assert list(pages) == []


def test_closing_ends_it() -> None:
    inner = Numbers()
    pager = Pager(inner)
    assert next(pager) == 0
    pager.close()
    assert list(pager) == []
    assert inner.closed == 1
    with Pager(inner := Numbers()) as entered:
        assert next(entered) == 0
    assert (inner.closed, list(entered)) == (1, [])


def test_leaving_early_leaves_nothing_behind() -> None:
    async def tasks() -> int:
        return len(asyncio.all_tasks())

    async def generators() -> int:
        return len(asyncio.get_running_loop()._asyncgens)  # type: ignore[attr-defined]

    before = run(tasks), run(generators)
    for _ in Pager(Numbers()):
        break
    assert (run(tasks), run(generators)) == before
    gc.collect()  # a warning about something left open would fail this test


def test_it_may_go_on_in_another_thread() -> None:
    pager = Pager(Numbers())
    assert [next(pager) for _ in range(3)] == [0, 1, 2]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: [next(pager), next(pager)]).result() == [3, 4]
    assert list(pager) == [5]


def test_threads_that_share_it_get_each_item_once() -> None:
    inner = Numbers(pages=50)
    pager = Pager(inner)
    barrier = threading.Barrier(8)

    def work() -> list[int]:
        barrier.wait()
        return list(pager)

    with ThreadPoolExecutor(8) as pool:
        parts = [future.result() for future in [pool.submit(work) for _ in range(8)]]
    assert sorted(number for part in parts for number in part) == list(range(100))
    assert inner.asked == 50


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_inside_a_running_loop(backend: str) -> None:
    async def main() -> list[int]:
        return list(Pager(Numbers()))

    assert anyio.run(main, backend=backend) == [0, 1, 2, 3, 4, 5]


def test_a_callback_may_use_another_pager() -> None:
    inner = Numbers(between=lambda: list(Pager(Numbers())))
    assert list(Pager(inner)) == [0, 1, 2, 3, 4, 5]


def test_an_item_costs_next_to_nothing() -> None:
    class Large(Numbers):
        async def next_page(self) -> list[int] | None:
            page = await super().next_page()
            return page and list(range(20_000))

    def seconds() -> float:
        begin = time.perf_counter()
        assert sum(1 for _ in Pager(Large(2))) == 40_000
        return time.perf_counter() - begin

    # Noise of the machine only ever adds.
    assert min(seconds() for _ in range(5)) / 40_000 < 20e-6
