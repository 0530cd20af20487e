"""Data views through the official client and ours: the same bodies, rows and data frames."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flywheel
import httpx
import pandas
import pytest
from pandas.testing import assert_frame_equal
from tests.emulator.view_shapes import SHAPES
from tests.emulator.view_site import Thing, plant
from tests.interop.clients import QUIET, Ours

import flywheel_async
from flywheel_async.emulator import Emulator
from flywheel_async.raw.encode import json_bytes
from flywheel_async.sync import Client

pytestmark = [*QUIET, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def root(site: Emulator) -> Iterator[Thing]:
    headers = {"authorization": f"scitran-user {site.api_key.rpartition(':')[2]}"}
    with httpx.Client(base_url=site.url, headers=headers, trust_env=False) as http:
        yield plant(http, "views")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks for results more often than users need it; the official client waits for a second each time."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("flywheel_async.views.options.INTERVAL", 0.01)


def container(thing: Thing, on: list[int]) -> str:
    for place in on:
        thing = thing.children[place]
    return thing.id


UNSORTED = [shape for shape in SHAPES if "sort" not in shape["params"]]
"""Those the official client can ask for: it passes `sort` on to a request that has no such parameter, and raises."""


@pytest.mark.parametrize("shape", UNSORTED, ids=lambda shape: shape["name"])
def test_the_same_data_frame(official: flywheel.Client, ours: Ours, root: Thing, shape: dict[str, Any]) -> None:
    view, on, params = shape["view"], container(root, shape["on"]), shape["params"]
    theirs = official.read_view_dataframe(view, on, **params)
    assert_frame_equal(ours(lambda fw: fw.read_view_dataframe(view, on, **params)), theirs)

    async def parts(fw: flywheel_async.AsyncClient) -> list[pandas.DataFrame]:
        return [frame async for frame in fw.iter_view_dataframes(view, on, rows=2, **params)]

    frames = ours(parts)
    assert_frame_equal(
        pandas.concat(frames) if frames else pandas.DataFrame(), theirs, check_index_type=False, check_column_type=False
    )


Builders = Any
"""The module of either client, with its `ViewBuilder`."""


def _files(fw: Builders) -> Any:
    builder = fw.ViewBuilder(columns=["subject.label"], match="all", process_files=True)
    builder.file_container("session")
    builder.file_filter(r"behav_\d.*", regex=True)
    builder.file_format("csv")
    builder.file_format_options(delimiter=",")
    builder.file_column("rt", dst="time", type="float")
    return builder.build()


def _grouped(fw: Builders) -> Any:
    builder = fw.ViewBuilder(sort=False)
    builder.column("session.age", dst="age", accumulator="mean")
    builder.group_by("subject.sex", "sex")
    return builder.build()


BUILT: dict[str, Callable[[Builders], Any]] = {
    "columns": lambda fw: fw.ViewBuilder(label="x", columns=["subject.label", ("session.age", "age", "int")]).build(),
    "attributes": lambda fw: fw.ViewBuilder(columns=["acquisition.file.name", "acquisition.file.size"]).build(),
    "analyses": lambda fw: fw.ViewBuilder(columns=["session.analysis.file.size"]).build(),
    "outputs": lambda fw: fw.ViewBuilder(container="session", filename="*.csv", analysis_label="afq*").build(),
    "archives": lambda fw: fw.ViewBuilder(container="acquisition", filename="*.zip", zip_files="*.csv").build(),
    "files": _files,
    "groups": _grouped,
    "bare": lambda fw: fw.ViewBuilder(
        columns=["session.id"], include_ids=False, include_labels=False, error_column=False, filter="session.id=x"
    ).build(),
}


@pytest.mark.parametrize("name", BUILT)
def test_the_same_view(official: flywheel.Client, root: Thing, site: Emulator, name: str) -> None:
    theirs, made = BUILT[name](flywheel), BUILT[name](flywheel_async)
    body = official.api_client.sanitize_for_serialization(theirs)
    assert json.loads(json_bytes(made)) == body
    with Client(site.api_key) as fw:
        assert_frame_equal(fw.read_view_dataframe(made, root.id), official.read_view_dataframe(theirs, root.id))
        if name == "columns":
            assert json.loads(json_bytes(fw.View(label="x", columns=["a.b"]))) == (
                official.api_client.sanitize_for_serialization(official.View(label="x", columns=["a.b"]))
            )


@pytest.mark.parametrize("format", ["json", "json-flat", "json-row-column", "ndjson", "csv", "tsv"])
def test_the_same_bytes(official: flywheel.Client, root: Thing, site: Emulator, tmp_path: Path, format: Any) -> None:
    view = {"columns": [{"src": "subject.label"}, {"src": "session.info"}]}
    official.save_view_data(view, root.id, str(tmp_path / "theirs"), format=format)
    with (
        contextlib.closing(official.read_view_data(view, root.id, format=format)) as theirs,
        Client(site.api_key) as fw,
    ):
        fw.save_view_data(view, root.id, tmp_path / "ours", format=format)
        with fw.read_view_data(view, root.id, format=format) as data:
            assert data.read() == theirs.read()
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_saved_views_and_the_catalogue(official: flywheel.Client, root: Thing, site: Emulator) -> None:
    with Client(site.api_key) as fw:
        made = fw.add_view(root.id, fw.View(label="ages", columns=["subject.label", "session.age"]))
        theirs = official.read_view_dataframe(made, root.id)
        assert_frame_equal(fw.read_view_dataframe(made, root.id), theirs)
        assert_frame_equal(official.read_view_dataframe(official.get_view(made), root.id), theirs)
        printed = [io.StringIO(), io.StringIO()]
        official.print_view_columns(file=printed[0])
        fw.print_view_columns(file=printed[1])
        # The official client stops after 25 names.
        assert printed[0].getvalue().count("\n") == 25
        assert printed[1].getvalue().startswith(printed[0].getvalue())
