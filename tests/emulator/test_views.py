"""Results of data views against a plain-Python evaluation, in every format."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from tests.emulator.view_shapes import FORMATS, SHAPES
from tests.emulator.view_site import Thing, plant
from tests.emulator.views_reference import cells, evaluate

from flywheel_async.emulator import Emulator, nodes
from flywheel_async.emulator.database import Tx

Row = dict[str, Any]


@pytest.fixture(scope="module")
def project(site: Emulator, http: httpx.Client) -> Thing:
    """The tree of `view_site`, with one analysis that a gear seems to have made."""
    found = plant(http, "views")
    analysis = found.children[0].children[0].analyses[0]

    def by_gear(tx: Tx) -> None:
        node = nodes.get(tx, "analysis", analysis.id)
        node.body["gear_info"] = {"name": "afq", "version": "1.2.0"}
        nodes.save(tx, node)

    site.server.site.db.write_now(by_gear)
    analysis.document = http.get(f"/analyses/{analysis.id}").json()
    return found


def container(project: Thing, on: list[int]) -> Thing:
    found = project
    for position in on:
        found = found.children[position]
    return found


def read(http: httpx.Client, project: Thing, shape: Row, format_: str) -> httpx.Response:
    params = {"containerId": container(project, shape["on"]).id, "format": format_, **shape["params"]}
    response = http.post("/views/data", params=params, json=shape["view"])
    assert response.status_code == 200, response.text
    return response


def plain(response: httpx.Response, format_: str) -> tuple[list[str], list[Row]]:
    """Returns names and rows of a JSON answer."""
    if format_ == "ndjson":
        rows = [json.loads(line) for line in response.text.splitlines()]
    else:
        body = response.json()
        rows = body if format_ == "json-flat" else body["data"]
    if format_ == "json-row-column":
        return rows["columns"], [dict(zip(rows["columns"], row, strict=True)) for row in rows["rows"]]
    return (list(rows[0]) if rows else []), rows


def rounded(value: Any) -> Any:
    """Returns a value with floats that differ only in how they were summed made equal."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return {key: rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


def without_words(rows: list[Row]) -> list[Row]:
    """Returns rows with errors told only as yes or no."""
    return [{key: bool(item) if key == "errors" else rounded(item) for key, item in row.items()} for row in rows]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["name"])
def test_results_equal_a_plain_evaluation(http: httpx.Client, project: Thing, shape: Row) -> None:
    names, rows = evaluate(project, shape["on"], shape["view"], shape["params"])
    wanted = [{key: rounded(item) for key, item in row.items()} for row in rows]
    for format_ in ("json", "ndjson", "json-flat", "json-row-column"):
        found_names, found = plain(read(http, project, shape, format_), format_)
        assert without_words(found) == wanted, format_
        assert found_names == names or not found, format_
    free = {
        column.get("dst", column["src"])
        for column in shape["view"].get("columns", [])
        if column["src"].endswith(".info")
    }
    header, table = cells(names, rows, free)
    for format_, delimiter in (("csv", ","), ("tsv", "\t")):
        text = read(http, project, shape, format_).content.decode()
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        assert lines[0] == header, format_
        found = [dict(zip(header, line, strict=True)) for line in lines[1:]]
        for row in found:
            if "errors" in row:
                row["errors"] = "true" if row["errors"] else "false"
        assert [_numbers(row) for row in found] == [_numbers(dict(zip(header, row, strict=True))) for row in table], (
            format_
        )


def _numbers(row: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in row.items():
        try:
            found[key] = rounded(float(value))
        except ValueError:
            found[key] = value
    return found


def test_the_shapes_show_something(project: Thing) -> None:
    """A comparison of nothing with nothing would always hold."""
    empty = [shape["name"] for shape in SHAPES if not evaluate(project, shape["on"], shape["view"], shape["params"])[1]]
    assert empty == ["no rows"]
    assert len(SHAPES) >= 30
    assert len(FORMATS) == 6


def test_an_execution_gives_the_same_result(http: httpx.Client, project: Thing) -> None:
    shape = next(shape for shape in SHAPES if shape["name"] == "rows of tables")
    queued = http.post("/views/queue", params={"containerId": project.id}, json=shape["view"]).json()
    while (state := http.get(f"/data_view_executions/{queued['_id']}").json()["state"]) in ("queued", "processing"):
        pass
    assert state == "completed"
    for format_ in FORMATS:
        data = http.get(f"/data_view_executions/{queued['_id']}/data", params={"file_format": format_})
        assert data.content == read(http, project, shape, format_).content


def test_errors_say_what_went_wrong(http: httpx.Client, project: Thing) -> None:
    found: dict[str, list[str]] = {}
    for name in ("types", "expressions", "rows of tables", "given format", "all archive members"):
        shape = next(shape for shape in SHAPES if shape["name"] == name)
        rows = read(http, project, shape, "json").json()["data"]
        found[name] = [row["errors"] for row in rows if row["errors"]]
    assert found["types"][0] == "no number: 'sub-01' is not possible here"
    assert found["expressions"][0] == "no number: 'baseline' is not possible here; by zero: '1' is not possible here"
    assert any(error.startswith("behav_9.csv: 'utf-8' codec") for error in found["rows of tables"])
    assert "no file matches" in found["given format"]
    assert "archive.zip: File is not a zip file" in found["all archive members"]
