"""Data views through the client: results as files, rows and data frames, saved views, errors; both flavours."""

from __future__ import annotations

import csv
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pandas
import pytest
from pandas.testing import assert_frame_equal
from tests.client.answers import recorded, untouched
from tests.emulator.view_shapes import SHAPES
from tests.emulator.view_site import Thing, plant

from flywheel_async import AsyncClient, ViewBuilder, WaitFailed, WaitTimeout, types
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, BadAnswer, NotFound, TransportError, Unprocessable
from flywheel_async.sync import Client
from flywheel_async.views import frames, options, spool

pytestmark = pytest.mark.anyio

SESSIONS = ViewBuilder(columns=["subject.label", "session.label", "session.info.visit"], sort=False)
TABLE = ViewBuilder(container="session", filename="behav_*", match="all", sort=False)
TABLE.file_column("trial").file_column("rt", type="float")
SLOW = "^(a|a|aa)+$"
"""A pattern that a site gives up on."""


@pytest.fixture(scope="module")
def study() -> Iterator[tuple[Emulator, Thing]]:
    with Emulator(faults=True) as site:
        headers = {"authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"}
        with httpx.Client(base_url=site.url, headers=headers, trust_env=False) as http:
            yield site, plant(http, "views")


@pytest.fixture(scope="module")
def site(study: tuple[Emulator, Thing]) -> Emulator:
    return study[0]


@pytest.fixture(scope="module")
def project(study: tuple[Emulator, Thing]) -> str:
    return study[1].id


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks for results more often than users need it."""
    monkeypatch.setattr(options, "INTERVAL", 0.01)


def container(thing: Thing, on: list[int]) -> str:
    for place in on:
        thing = thing.children[place]
    return thing.id


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the other tests run on both
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["name"])
async def test_every_way_to_read_gives_the_same_rows(study: tuple[Emulator, Thing], shape: dict[str, Any]) -> None:
    site, root = study
    on = container(root, shape["on"])
    view, params = shape["view"], shape["params"]
    async with AsyncClient(site.api_key) as fw:
        async with fw.read_view_data(view, on, **params) as data:
            expected = json.loads(await data.read())["data"]
        assert [row async for row in fw.iter_view_rows(view, on, **params)] == expected
        async with fw.read_view_data(view, on, False, format="ndjson", **params) as lines:
            assert [json.loads(line) async for line in lines] == expected
        whole = await fw.read_view_dataframe(view, on, **params)
        assert len(whole) == len(expected)
        parts = [frame async for frame in fw.iter_view_dataframes(view, on, rows=2, **params)]
    assert all(dict(part.dtypes) == dict(parts[0].dtypes) for part in parts)
    if parts:
        assert_frame_equal(pandas.concat(parts), whole, check_like=True)
    else:
        assert expected == []


@pytest.mark.parametrize("view", [SESSIONS, TABLE], ids=["containers", "files"])
async def test_split_by_subject(site: Emulator, project: str, view: ViewBuilder) -> None:
    async with AsyncClient(site.api_key) as fw:
        whole = [row async for row in fw.iter_view_rows(view, project)]
        assert len(whole) > 2
        assert [row async for row in fw.iter_view_rows(view, project, split=True, concurrency=2)] == whole
        saved = await fw.add_view(project, {**view.members(), "label": "split"})
        assert [row async for row in fw.iter_view_rows(saved, project, split=True)] == whole
        frame = await fw.read_view_dataframe(view, project)
        assert_frame_equal(await fw.read_view_dataframe(view, project, split=True), frame)
        parts = [part async for part in fw.iter_view_dataframes(view, project, rows=3, split=True)]
        assert_frame_equal(pandas.concat(parts), frame)
        filtered = [row async for row in fw.iter_view_rows(view, project, filter="subject.label=sub-01", split=True)]
        assert filtered == [row for row in whole if row["subject.label"] == "sub-01"]


@pytest.mark.parametrize(
    ("view", "more", "message"),
    [
        (ViewBuilder(columns=["session.age"]), {}, "build it with sort=False"),
        (ViewBuilder(columns=["session.age"], sort=False), {"skip": 1}, "skip goes across subjects"),
        (ViewBuilder(columns=["session.age"], sort=False), {"limit": 1}, "limit goes across subjects"),
        (ViewBuilder(columns=["session.age"], sort=False), {"sort": "session.age"}, "sort goes across subjects"),
        (ViewBuilder(columns=["session.age"], group_by="subject.sex", sort=False), {}, "rows of different subjects"),
        (ViewBuilder(columns=["project.label"], sort=False), {}, "none for its subjects"),
        (ViewBuilder(container="session", filename="*.csv", sort=False), {}, "add them with file_column"),
    ],
)
async def test_views_that_cannot_be_split(view: ViewBuilder, more: dict[str, Any], message: str) -> None:
    fw, _ = recorded(untouched)
    with pytest.raises(ArgumentError, match=message):
        fw.iter_view_rows(view, "p", split=True, **more)
    with pytest.raises(ArgumentError, match=message):
        fw.iter_view_dataframes(view, "p", split=True, **more)
    with pytest.raises(ArgumentError, match=message):
        await fw.read_view_dataframe(view, "p", split=True, **more)


async def test_a_saved_view_that_cannot_be_split(site: Emulator, project: str) -> None:
    async with AsyncClient(site.api_key) as fw:
        saved = await fw.add_view(project, fw.View(label="sorted", columns=["session.age"]))
        with pytest.raises(ArgumentError, match="build it with sort=False"):
            await anext(fw.iter_view_rows(saved, project, split=True))


async def test_reading_like_a_file(site: Emulator, project: str, tmp_path: Path) -> None:
    async with AsyncClient(site.api_key) as fw:
        path = await fw.save_view_data(SESSIONS, project, tmp_path / "rows.csv", format="csv")
        whole = path.read_bytes()
        async with fw.read_view_data(SESSIONS, project, format="csv") as data:
            assert await data.readline() == whole.decode().splitlines(keepends=True)[0]
            assert await data.read(7) == whole.decode().partition("\n")[2][:7]
            rest = [line async for line in data]
            assert whole.decode().endswith("".join(rest))
            assert await data.read() == await data.readline() == ""
        async with fw.read_view_data(SESSIONS, project, decode=False, format="csv") as binary:
            assert await binary.read(3) + await binary.read() == whole
        late = fw.read_view_data(SESSIONS, project)
        assert json.loads(await late.read())["data"]  # without a block
        async with fw.read_view_data(SESSIONS, project) as left:
            await left.read(1)
        with pytest.raises(RuntimeError, match="closed"):
            await left.read()


def test_sync(site: Emulator, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Client(site.api_key) as fw:
        with fw.read_view_data(SESSIONS, project, format="csv") as data:
            rows = list(csv.DictReader(data))
        assert [row["session.label"] for row in rows] == ["baseline", "follow-up", "baseline"]
        with fw.read_view_data(SESSIONS, project) as data:
            assert len(json.load(data)["data"]) == 3
        with fw.read_view_data(SESSIONS, project, decode=False) as binary:
            assert binary.read(2) == b'{"'
            fw.get(project)  # while it is open
        assert b"".join(fw.read_view_data(SESSIONS, project, False, format="tsv")).startswith(b"project.label\t")
        listed = [row["session.label"] for row in fw.iter_view_rows(SESSIONS, project)]
        assert listed == ["baseline", "follow-up", "baseline"]
        assert len(fw.read_view_dataframe(SESSIONS, project)) == 3
        assert [len(frame) for frame in fw.iter_view_dataframes(SESSIONS, project, rows=2)] == [2, 1]
        assert fw.save_view_data(SESSIONS, project, tmp_path / "x.json").read_text().startswith('{"data":[')
        fw.print_view_columns()
        assert "subject.label (string): " in capsys.readouterr().out


async def test_saved_views(site: Emulator, project: str) -> None:
    async with AsyncClient(site.api_key) as fw:
        made = fw.View(label="mean", columns=[("session.age", "age", "int", "mean")], group_by="subject.sex")
        assert isinstance(made, types.ContainerPipelineInput)
        rows = [row async for row in fw.iter_view_rows(made, project)]
        saved_id = await fw.add_view(project, made)
        saved = await fw.get_view(saved_id)
        assert saved.label == "mean"
        assert saved_id in [view.id for view in await fw.get_views(project)]
        for view in (saved_id, saved, made, dict(saved.items())):
            assert [row async for row in fw.iter_view_rows(view, project)] == rows
        await fw.delete_view(saved_id)
        with pytest.raises(NotFound):
            await anext(fw.iter_view_rows(saved_id, project))
        assert [row async for row in fw.iter_view_rows(saved, project)] == rows


async def test_types_of_columns(site: Emulator, project: str) -> None:
    view = ViewBuilder(columns=["subject.label", "subject.info.iq"], include_ids=False, error_column=False)
    async with AsyncClient(site.api_key) as fw:
        plain = await fw.read_view_dataframe(view, project)
        assert plain["subject.info.iq"].dtype == "float64"
        kept = await fw.read_view_dataframe(view, project, dtype={"subject.info.iq": str})
        assert list(kept["subject.info.iq"])[:2] == ["101", "98"]
        as_opts = await fw.read_view_dataframe(view, project, {"dtype": {"subject.info.iq": str}})
        assert_frame_equal(kept, as_opts)
        parts = [p async for p in fw.iter_view_dataframes(view, project, rows=1, dtype={"subject.info.iq": str})]
        assert_frame_equal(pandas.concat(parts), kept)
        with pytest.raises(ArgumentError, match="dtype is given twice"):
            await fw.read_view_dataframe(view, project, {"dtype": False}, dtype=False)


async def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    fw, _ = recorded(untouched)
    with pytest.raises(ImportError, match=r"pip install 'flywheel-async\[pandas\]'"):
        await fw.read_view_dataframe(SESSIONS, "p")
    with pytest.raises(ImportError, match="pandas"):
        fw.iter_view_dataframes(SESSIONS, "p")


async def test_large_results_wait_on_disk(
    site: Emulator, project: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 10)
    monkeypatch.setattr(spool, "PAGE", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with AsyncClient(site.api_key) as fw:
        pager = fw.iter_view_rows(SESSIONS, project)
        page = await pager.next_page()
        assert page is not None
        assert page[0]["session.label"] == "baseline"
        assert list(tmp_path.iterdir()) == []  # it has no name
        del pager  # left early; a file left open would be a warning, which is an error here
        gc.collect()
        assert len([row async for row in fw.iter_view_rows(SESSIONS, project)]) == 3


async def test_no_row_is_lost_when_cancelled(site: Emulator, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PAGE", 10)
    async with AsyncClient(site.api_key) as fw:
        whole = [row async for row in fw.iter_view_rows(SESSIONS, project)]
        rows, lengths = fw.iter_view_rows(SESSIONS, project, split=True), list[int]()
        pages, found = fw.iter_view_dataframes(SESSIONS, project, rows=1, split=True), list[Any]()
        for pager, kept in ((rows, found), (pages, lengths)):
            for attempt in range(1, 200):
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await pager.next_page()
                with anyio.move_on_after(0.05 * attempt):  # at last there is time enough
                    page = await pager.next_page()
                    if page is None:
                        break
                    kept += page if pager is rows else [len(frame) for frame in page]
        assert found == whole
        assert lengths == [1] * len(whole)


async def test_mistakes_the_site_finds(site: Emulator, project: str, tmp_path: Path) -> None:
    unknown = ViewBuilder(columns=["subject.no such"])
    slow = ViewBuilder(columns=["session.label"]).file_container("session").file_filter(SLOW, regex=True)
    async with AsyncClient(site.api_key) as fw:
        await fw.upload_file_to_container((await fw.sessions.find_first()).id, b"x", name="a" * 40 + "b")  # type: ignore[union-attr]
        for view, error in ((unknown, Unprocessable), ({"columns": [{"src": "x"}]}, Unprocessable)):
            with pytest.raises(error):
                await fw.save_view_data(view, project, tmp_path / "x")
        with pytest.raises(WaitFailed, match="failed: .*pattern"):
            await fw.save_view_data(slow, project, tmp_path / "x")
        with pytest.raises(NotFound):
            await anext(fw.iter_view_rows(SESSIONS, "5d2761383289d60037e8f5e5"))
        with pytest.raises(ArgumentError, match="does not exist; create it first"):
            await fw.save_view_data(SESSIONS, project, tmp_path / "no" / "x")
        assert list(tmp_path.iterdir()) == []


def executing(*states: str, data: Any = b"{}\n") -> Any:
    """A site on which an execution has one state after the other; `data` answers the request for its result."""
    left = list(states)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/data"):
            return data(request) if callable(data) else httpx.Response(200, content=data)
        state = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(200, json={"_id": "e1", "state": state, "reason": "no space"})

    return answer


async def test_waiting() -> None:
    fw, recorder = recorded(executing("queued", "processing", "completed"))
    told: list[str | None] = []
    rows = [row async for row in fw.iter_view_rows(SESSIONS, "p", on_poll=lambda event: told.append(event.state))]
    assert rows == [{}]
    assert told == ["processing", "completed"]
    assert [request.method for request in recorder.seen] == ["POST", "GET", "GET", "GET"]
    assert dict(recorder.seen[0].url.params) == {"containerId": "p"}
    assert dict(recorder.seen[-1].url.params)["file_format"] == "ndjson"


async def test_failed_and_late() -> None:
    fw, _ = recorded(executing("queued", "failed"))
    with pytest.raises(WaitFailed, match="view execution e1 failed: no space"):
        await fw.read_view_dataframe(SESSIONS, "p")
    fw, _ = recorded(executing("processing"))
    with pytest.raises(WaitTimeout, match="is processing after"):
        await fw.read_view_dataframe(SESSIONS, "p", timeout=0.1)


async def test_results_that_break_off_are_fetched_again(site: Emulator, project: str, tmp_path: Path) -> None:
    async with AsyncClient(site.api_key, backoff_factor=0.01, total_retries=2) as fw:
        site.faults.add("get_data_view_execution_data", truncate=20, calls=[1])
        assert len([row async for row in fw.iter_view_rows(SESSIONS, project)]) == 3
        site.faults.add("get_data_view_execution_data", truncate=20)
        with pytest.raises(TransportError):
            await fw.save_view_data(SESSIONS, project, tmp_path / "x")
        with pytest.raises(TransportError):
            async with fw.read_view_data(SESSIONS, project) as data:
                await data.read()
        site.faults.clear()
        assert list(tmp_path.iterdir()) == []


async def test_leaving_and_cancelling(site: Emulator, project: str, tmp_path: Path) -> None:
    async with AsyncClient(site.api_key, max_connections=1) as fw:
        for _ in range(3):
            async with fw.read_view_data(SESSIONS, project) as data:
                await data.read(1)
        site.faults.add("get_data_view_execution", latency=5.0)
        with anyio.move_on_after(0.3) as scope:
            await fw.save_view_data(SESSIONS, project, tmp_path / "x")
        assert scope.cancelled_caught
        site.faults.clear()
        assert list(tmp_path.iterdir()) == []
        assert len([row async for row in fw.iter_view_rows(SESSIONS, project)]) == 3


@pytest.mark.parametrize("data", [b"<html>", b'{"a": 1}\n[1]\n', b'{"a": 1\n'])
async def test_bad_results(data: bytes) -> None:
    fw, _ = recorded(executing("completed", data=data))
    with pytest.raises(BadAnswer):
        await anext(fw.iter_view_rows(SESSIONS, "p"))
    with pytest.raises(BadAnswer):
        await anext(fw.iter_view_dataframes(SESSIONS, "p"))
    with pytest.raises(BadAnswer, match="pandas cannot read"):
        await fw.read_view_dataframe(SESSIONS, "p")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the site made of a function leaves a generator to trio
async def test_bad_text() -> None:
    fw, _ = recorded(executing("completed", data=b"\xff\xfe"))
    with pytest.raises(BadAnswer, match="decode=False"):
        async with fw.read_view_data(SESSIONS, "p") as data:
            await data.read()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fw: fw.iter_view_rows(3, "p"), "view must be the id of a saved view"),
        (lambda fw: fw.iter_view_rows("", "p"), "view"),
        (lambda fw: fw.iter_view_rows({}, "p"), "neither columns nor a fileSpec"),
        (lambda fw: fw.iter_view_rows(SESSIONS, ""), "container_id must be the id"),
        (lambda fw: fw.iter_view_rows(SESSIONS, "p", limit=-1), "limit must be a whole number"),
        (lambda fw: fw.iter_view_rows(SESSIONS, "p", filter=""), "filter must be a text"),
        (lambda fw: fw.iter_view_rows(SESSIONS, "p", timeout=0), "timeout must be a number of seconds"),
        (lambda fw: fw.iter_view_rows(SESSIONS, "p", concurrency=0), "concurrency must be"),
        (lambda fw: fw.read_view_data(SESSIONS, "p", "utf-8"), "decode must be True"),
        (lambda fw: fw.read_view_data(SESSIONS, "p", format="xlsx"), "format must be one of json, json-flat"),
        (lambda fw: fw.iter_view_dataframes(SESSIONS, "p", rows=0), "rows must be a whole number"),
        (lambda fw: fw.iter_view_dataframes(SESSIONS, "p", dtype=3), "dtype must be a type"),
    ],
)
async def test_mistakes_send_nothing(call: Any, message: str) -> None:
    fw, _ = recorded(untouched)
    with pytest.raises(ArgumentError, match=message):
        call(fw)


async def test_mistakes_before_saving() -> None:
    fw, _ = recorded(untouched)
    with pytest.raises(ArgumentError, match="needs a label"):
        await fw.add_view("p", SESSIONS)
    with pytest.raises(ArgumentError, match="not an id"):
        await fw.add_view("p", "v1")
    with pytest.raises(ArgumentError, match="opts must be a mapping"):
        await fw.read_view_dataframe(SESSIONS, "p", "records")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
