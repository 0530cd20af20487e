"""The sync client against an emulator on a real socket: threads, callbacks, early exits, the end of the program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
import trio

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import Unauthorized
from flywheel_async.sync import Client, Group


@pytest.fixture(scope="module")
def site() -> Iterator[Emulator]:
    with Emulator() as emulator:
        with Client(emulator.api_key) as fw:
            fw.add_group(id="shared", label="Shared")
            group = fw.get("shared")
            assert isinstance(group, Group)
            for number in range(5):
                group.add_project(label=f"Project {number}")
        yield emulator


@pytest.fixture
def fw(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as client:
        yield client


def test_threads_share_one_client(fw: Client) -> None:
    def work(number: int) -> list[str | None]:
        return [project.label for project in fw.projects.iter_find(f'label="Project {number % 5}"') for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [[f"Project {number % 5}"] * 5 for number in range(24)]


def test_a_thread_that_ends_closes_its_connections(fw: Client) -> None:
    def connected() -> int:
        sockets = psutil.Process().net_connections("tcp")
        return sum(1 for socket in sockets if socket.status == psutil.CONN_ESTABLISHED)

    fw.get_version()
    before = connected()
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fw.get_version).result()
    for _ in range(50):
        if connected() <= before:  # the emulator, in this same process, needs a moment to see it
            return
        time.sleep(0.1)
    pytest.fail(f"{connected()} connections, {before} before")


def test_a_callback_uses_the_client_even_when_its_one_slot_is_taken(site: Emulator) -> None:
    seen: list[object] = []
    with Client(site.api_key, max_connections=1) as fw:
        project = fw.projects.find_one('label="Project 1"')
        project.upload_file(
            b"x" * 100_000, name="x.bin", on_progress=lambda event: seen.append((event.done, fw.get("shared").label))
        )
        assert project.read_file("x.bin") == b"x" * 100_000
    assert (100_000, "Shared") in seen


def test_an_iterator_left_early_asks_no_more_and_the_client_goes_on(fw: Client) -> None:
    for project in fw.projects.iter_find(limit=1):
        assert project.label == "Project 0"
        break
    assert len(fw.projects.find()) == 5


def test_inside_running_loops(fw: Client) -> None:
    async def main() -> int:
        return len(list(fw.projects.iter_find(limit=2)))

    assert (asyncio.run(main()), trio.run(main)) == (5, 5)


def test_the_async_client_beside_it_gives_its_own_classes(site: Emulator, fw: Client) -> None:
    async def main() -> type:
        async with AsyncClient(site.api_key) as other:
            return type(await other.get("shared"))

    theirs, ours = asyncio.run(main()), type(fw.get("shared"))
    assert (theirs.__name__, ours.__name__) == ("Group", "Group")
    assert theirs is not ours


def test_a_wrong_key_is_refused_by_the_constructor(site: Emulator) -> None:
    wrong = site.api_key[:-4] + "0000"
    with pytest.raises(Unauthorized):
        Client(wrong)
    Client(wrong, disable_auth_check=True).close()


def test_a_program_that_closes_nothing_ends_quietly(site: Emulator, python: Callable[..., Any]) -> None:
    ended = python(
        """
import threading
from flywheel_async.sync import Client

fw = Client()
pager = fw.projects.iter_find(limit=1)
print(next(pager).label)
threads = [threading.Thread(target=lambda: next(pager)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(next(pager).label)
""",
        FLYWHEEL_API_KEY=site.api_key,
    )
    assert (ended.out, ended.err, ended.code) == ("Project 0\nProject 3\n", "", 0)


def test_a_forked_child_and_its_parent_both_go_on(site: Emulator, python: Callable[..., Any]) -> None:
    ended = python(
        """
import os, sys
from flywheel_async.sync import Client

fw = Client()
pid = os.fork()
if pid == 0:
    print(len(fw.projects.find()))
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), len(fw.projects.find()))
""",
        FLYWHEEL_API_KEY=site.api_key,
    )
    assert (ended.out, ended.err, ended.code) == ("5\n3 5\n", "", 0)
