"""What views leave on disk: the results that are kept, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.emulator.conftest import Tree, ok
from tests.emulator.test_views_running import LABELS, LONG, SLOW, SPEC, queue, upload

from flywheel_async.emulator import Emulator

TABLE = {"fileSpec": {**SPEC, "filter": {"value": "t.csv"}}}


def wait_for(folder: Path, wanted: set[Path], seconds: float) -> None:
    """Waits until a folder holds the paths and no others."""
    until = time.monotonic() + seconds
    while set(folder.iterdir()) != wanted:
        assert time.monotonic() < until, "there is something else"
        time.sleep(0.01)


def test_no_result_is_left_behind(http: httpx.Client, site: Emulator, tree: Tree) -> None:
    folder = site.data / "views"
    before = set(folder.iterdir())
    ok(http.post("/views/data", params={"containerId": tree.project}, json=LABELS))
    upload(http, f"/sessions/{tree.session}/files", LONG, b"x")
    slow = {"fileSpec": {**SPEC, "filter": {"value": SLOW, "regex": True}}}
    assert queue(http, tree.project, slow)["state"] == "failed"
    upload(http, f"/sessions/{tree.session}/files", "t.csv", b"a\n" + b"1\n" * 20_000)
    running = ok(http.post("/views/queue", params={"containerId": tree.project}, json=TABLE)).json()["_id"]
    ok(http.post(f"/data_view_executions/{running}/delete"))
    found = queue(http, tree.project, LABELS)["_id"]
    wait_for(folder, before | {folder / f"{found}.rows"}, 20)
    ok(http.post(f"/data_view_executions/{found}/delete"))
    assert set(folder.iterdir()) == before


def test_a_caller_who_leaves_stops_the_work(http: httpx.Client, site: Emulator, tree: Tree) -> None:
    folder = site.data / "views"
    before = set(folder.iterdir())
    upload(http, f"/sessions/{tree.session}/files", "t.csv", b"a\n" + b"1\n" * 1_000_000)
    with pytest.raises(httpx.TimeoutException):
        http.post("/views/data", params={"containerId": tree.project}, json=TABLE, timeout=0.3)
    wait_for(folder, before, 2)


def test_deleting_an_execution_stops_it(http: httpx.Client, site: Emulator, tree: Tree) -> None:
    folder = site.data / "views"
    before = set(folder.iterdir())
    upload(http, f"/sessions/{tree.session}/files", "t.csv", b"a\n" + b"1\n" * 1_000_000)
    running = ok(http.post("/views/queue", params={"containerId": tree.project}, json=TABLE)).json()["_id"]
    wait_for(folder, before | {folder / f"{running}.part"}, 10)
    ok(http.post(f"/data_view_executions/{running}/delete"))
    wait_for(folder, before, 2)


def test_results_go_with_their_project(http: httpx.Client, site: Emulator, plant: Callable[[], Tree]) -> None:
    folder = site.data / "views"
    tree, other = plant(), plant()
    result = folder / f"{queue(http, tree.project, LABELS)['_id']}.rows"
    assert result.exists()
    ok(http.delete(f"/projects/{tree.project}"))
    kept = folder / f"{queue(http, other.project, LABELS)['_id']}.rows"
    assert kept.exists()
    assert not result.exists()
