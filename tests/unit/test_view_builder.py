"""The view builder: its JSON with all defaults, its model, its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async import ViewBuilder, types
from flywheel_async.errors import ArgumentError
from flywheel_async.raw.encode import json_bytes
from flywheel_async.views.execution import definition, to_save

DEFAULTS: dict[str, Any] = {"includeIds": True, "includeLabels": True, "errorColumn": True, "sort": True}
Made = Callable[[], ViewBuilder]


def sent(builder: ViewBuilder) -> dict[str, Any]:
    """The view as JSON, the same from the builder itself, from what it builds, and from a copy of that as a mapping."""
    built = builder.build()
    assert isinstance(built, types.ContainerPipelineInput)
    texts = [json_bytes(definition(view)) for view in (builder, built, dict(built.items()))]
    found: dict[str, Any] = json.loads(texts[0])
    assert json.loads(texts[1]) == found
    assert {key: value for key, value in json.loads(texts[2]).items() if value is not None} == found
    assert json.loads(json_bytes(built)) == found
    return found


def test_columns_and_defaults() -> None:
    view = sent(
        ViewBuilder(columns=["subject.label", ("session.age", "age", "int"), {"src": "session.id", "expr": "x"}])
    )
    columns = [
        {"src": "subject.label"},
        {"src": "session.age", "dst": "age", "type": "int"},
        {"src": "session.id", "expr": "x"},
    ]
    assert view == {**DEFAULTS, "columns": columns}


def test_everything_about_files() -> None:
    builder = ViewBuilder(label="L", description="D", columns="subject.label", filter="subject.sex=female", sort=False)
    builder.file_container("session").file_filter(r".*\.csv", regex=True).file_match("newest").file_format("csv")
    builder.file_format_options(delimiter=";").file_column("c", "d", "float").zip_member_filter("m", match="all")
    builder.analysis_filter("a*", "gear", "1.*").missing_data_strategy("drop-row").include_ids(False)
    assert sent(builder) == {
        **DEFAULTS,
        "label": "L",
        "description": "D",
        "columns": [{"src": "subject.label"}],
        "filter": "subject.sex=female",
        "sort": False,
        "includeIds": False,
        "missingDataStrategy": "drop-row",
        "errorColumn": False,
        "fileSpec": {
            "container": "session",
            "filter": {"value": r".*\.csv", "regex": True},
            "match": "newest",
            "format": "csv",
            "formatOptions": {"delimiter": ";"},
            "zipMember": {"value": "m", "regex": False, "match": "all"},
            "analysisFilter": {
                "label": {"value": "a*", "regex": False},
                "gear.name": {"value": "gear", "regex": False},
                "gear.version": {"value": "1.*", "regex": False},
            },
            "processFiles": True,
            "columns": [{"src": "c", "dst": "d", "type": "float"}],
        },
    }


def test_columns_about_files_choose_them() -> None:
    view = sent(ViewBuilder(columns=["acquisition.file.name", ("acquisition.file.size", "size")]))
    assert view["columns"] == [
        {"src": "file.name", "dst": "acquisition.file.name"},
        {"src": "file.size", "dst": "size"},
    ]
    spec = {"container": "acquisition", "filter": {"value": "*"}, "match": "all", "processFiles": False}
    assert view["fileSpec"] == {**spec, "formatOptions": {}, "columns": []}
    assert (view["errorColumn"], view["missingDataStrategy"]) == (False, "drop-row")
    of_analyses = sent(ViewBuilder(columns="session.analysis.file.name"))["fileSpec"]
    assert of_analyses["analysisFilter"] == {"label": {"value": "*"}}
    chosen = sent(ViewBuilder(columns="session.file.name", container="session", filename="*.csv"))
    assert chosen["fileSpec"]["filter"] == {"value": "*.csv"}
    assert "missingDataStrategy" not in chosen


def test_groups() -> None:
    builder = ViewBuilder(columns=[("session.age", "age", None, "mean")], group_by=["subject.sex"])
    builder.group_by("project.label", "p")
    view = sent(builder)
    assert view["groupBy"] == {"columns": [{"src": "subject.sex"}, {"src": "project.label", "dst": "p"}]}
    assert view["columns"] == [{"src": "session.age", "dst": "age", "accumulator": "mean"}]


def test_the_model_acts_like_the_official_one() -> None:
    view = ViewBuilder(label="ages", columns=["subject.label"]).build()
    assert view.columns is not None
    assert view.columns[0].src == view["columns"][0]["src"] == "subject.label"
    assert view.include_ids is view["includeIds"] is True
    view.label = "other"
    assert json.loads(json_bytes(definition(view)))["label"] == "other"


def test_saved_views_are_sent_without_what_makes_them_saved() -> None:
    saved = {"_id": "v", "parent": "p", "origin": {"type": "user"}, "label": "x", "columns": [{"src": "a.b"}]}
    saved["groupBy"] = {"columns": ["a.b"]}
    assert definition(saved) == {
        "label": "x",
        "columns": [{"src": "a.b"}],
        "groupBy": {"columns": [{"src": "a.b"}]},
    }
    model = types.ViewOutput.model_validate(saved)
    assert definition(model) == definition(saved)
    assert to_save(saved)["label"] == "x"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ViewBuilder(columns=[""]), "src must be a text that is not empty"),
        (lambda: ViewBuilder(columns=[("a", "b", "text")]), "type must be one of int, float, string, bool, object"),
        (lambda: ViewBuilder(columns=[{"dst": "a"}]), "columns: a column is a text"),
        (lambda: ViewBuilder(columns=[("a.b", "c", "int", "median")]), "accumulator must be one of count, sum"),
        (lambda: ViewBuilder(filename="*.csv"), "container: files are found by both"),
        (lambda: ViewBuilder(container="group", filename="*"), "container must be one of project, subject"),
        (lambda: ViewBuilder(container="session", analysis_label="a"), "give container and filename too"),
        (lambda: ViewBuilder(match="any", container="session", filename="x"), "match must be one of first, last"),
        (lambda: ViewBuilder(sort="yes"), "sort must be True or False"),
        (lambda: ViewBuilder(columns=["acquisition.file.name", "session.file.name"]), "acquisition is chosen already"),
        (lambda: ViewBuilder().file_container("session").build(), "file_filter: files are found by container and name"),
        (lambda: ViewBuilder().file_column("x").build(), "file_container: files are found by"),
        (lambda: ViewBuilder().missing_data_strategy("drop"), "missing_data_strategy must be one of none, drop-row"),
        (lambda: ViewBuilder().analysis_filter(), "needs label, gear_name or gear_version"),
        (lambda: ViewBuilder().filter(""), "filter must be a text that is not empty"),
    ],
)
def test_mistakes(make: Made, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_methods_chain_and_do_not_share() -> None:
    builder = ViewBuilder().label("x").description("d").public().column("a.b").error_column(False)
    first = builder.members()
    builder.column("c.d")
    assert first["columns"] == [{"src": "a.b"}]
    assert (first["label"], first["errorColumn"]) == ("x", False)


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable()), min_size=1, max_size=5))
def test_any_names_come_through(names: list[str]) -> None:
    builder = ViewBuilder(columns=[(f"session.info.{name}", name) for name in names])
    assert [column["dst"] for column in sent(builder)["columns"]] == names
