"""Types of searches and data views in both flavours, checked by mypy and pyright; never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from pandas import DataFrame

import flywheel_async as fa
import flywheel_async.sync as fs
from flywheel_async import types
from flywheel_async.search.searches import SearchDeletion
from flywheel_async.sync._streams import Pager
from flywheel_async.sync._views import ViewData
from flywheel_async.views.reading import AsyncViewData


async def searches(fw: fa.AsyncClient) -> None:
    assert_type(await fw.search({"structured_query": "a = b", "return_type": "file"}), list[types.SearchResponse])
    assert_type(fw.iter_search(fa.q.file.name == "x"), fa.AsyncPager[types.SearchResponse])
    assert_type(fw.iter_search("a = b", return_type="file"), fa.AsyncPager[types.SearchResponse])
    assert_type(fw.iter_search("a = b", return_type="file", full=True), fa.AsyncPager[fa.File])
    assert_type(fw.iter_search("a = b", return_type="session", full=True), fa.AsyncPager[fa.Session])
    assert_type(fw.iter_search("a = b", return_type="subject", full=True), fa.AsyncPager[fa.Subject])
    assert_type(await fw.parse_search_query("a = b"), types.ParsedQueryResponse)
    assert_type(await fw.get_search_query_suggestions("a"), types.StructuredQuerySuggestions)
    assert_type(await fw.delete_by_search("a = b", return_type="file"), SearchDeletion)


async def views(fw: fa.AsyncClient) -> None:
    view = fw.View(columns=["subject.label", ("session.age", "age", "int")])
    assert_type(view, types.ContainerPipelineInput)
    assert_type(fa.ViewBuilder().column("a.b").build(), types.ContainerPipelineInput)
    assert_type(fw.read_view_data(view, "p"), AsyncViewData[str])
    assert_type(fw.read_view_data(view, "p", decode=False), AsyncViewData[bytes])
    async with fw.read_view_data("v", "p", format="csv") as data:
        assert_type(await data.read(5), str)
    assert_type(await fw.save_view_data(fa.ViewBuilder(), "p", "x.csv", format="csv"), Path)
    assert_type(fw.iter_view_rows({"columns": [{"src": "a.b"}]}, "p"), fa.AsyncPager[dict[str, Any]])
    assert_type(await fw.read_view_dataframe(view, "p", dtype={"a": str}), DataFrame)
    assert_type(fw.iter_view_dataframes(view, "p"), fa.AsyncPager[DataFrame])
    assert_type(await fw.add_view("p", view), str)


def sync(fw: fs.Client) -> None:
    assert_type(fw.search("a = b", size=5), list[types.SearchResponse])
    assert_type(fw.iter_search(fs.q.file.name == "x"), Pager[types.SearchResponse])
    assert_type(fw.iter_search("a = b", return_type="session", full=True), Pager[fs.Session])
    view = fw.View(columns="subject.label")
    assert_type(view, types.ContainerPipelineInput)
    assert_type(fw.read_view_data(view, "p"), ViewData[str])
    assert_type(fw.read_view_data(view, "p", False), ViewData[bytes])
    with fw.read_view_data(view, "p", decode=False) as data:
        assert_type(data.readline(), bytes)
    assert_type(fw.iter_view_rows(view, "p", split=True), Pager[dict[str, Any]])
    assert_type(fw.read_view_dataframe(view, "p"), DataFrame)
    assert_type(fw.iter_view_dataframes(view, "p"), Pager[DataFrame])
