"""Saved data views, with all three clients: whoever they belong to, and sent back as they were read."""

from __future__ import annotations

import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.compare import differences, plain
from tests.interop.conftest import Tree
from tests.interop.flavours import Flavour, Trio
from tests.interop.worlds import fresh

from flywheel_async.emulator import Emulator
from flywheel_async.errors import NotFound

pytestmark = QUIET

VIEW = {
    "description": "Scans",
    "columns": [{"src": "subject.label", "dst": "who", "type": "string"}, {"src": "session.age"}],
    "fileSpec": {
        "container": "acquisition",
        "filter": {"value": "*.csv"},
        "match": "all",
        "analysisFilter": {"label": {"value": "fit"}, "gear.name": {"value": "tool"}},
        "zipMember": {"value": "a", "match": "first"},
        "formatOptions": {"delimiter": ";"},
    },
    "includeIds": False,
    "missingDataStrategy": "drop-row",
    "sort": True,
}


@pytest.mark.parametrize("kind", ["site", "group", "project", "user"])
def test_views(client: Flavour, trio: Trio, site: Emulator, tree: Tree, kind: str) -> None:
    owner = {"site": "site", "group": tree.group.id, "project": tree.project.id, "user": site.admin_user}[kind]
    label = fresh("view ")
    view = client.call("add_view", owner, {**VIEW, "label": label})
    assert isinstance(view, str)
    found = trio.get("get_view", view)
    assert (found.label, found.include_ids, found.sort) == (label, False, True)
    assert [column.src for column in found.columns] == ["subject.label", "session.age"]
    spec = found.file_spec
    assert (spec.container, spec.filter.value, spec.zip_member.value) == ("acquisition", "*.csv", "a")
    assert spec.analysis_filter.gear_name.value == "tool"
    assert [item.id for item in trio.get("get_views", owner, filter=f"label={label}")] == [view]
    assert view in [item.id for item in trio.get("get_views", owner)]
    client.call("delete_view", view)
    with pytest.raises((flywheel.ApiException, NotFound)) as gone:
        client.call("get_view", view)
    assert gone.value.status == 404


def test_a_view_is_sent_back_as_it_was_read(client: Flavour, trio: Trio, tree: Tree) -> None:
    view = client.call("add_view", tree.project.id, {**VIEW, "label": "before"})
    read = client.call("get_view", view)
    before = plain(read)
    read.label = "after"
    assert client.call("modify_view", view, read).modified == 1
    found = trio.get("get_view", view)
    assert differences({**before, "label": "after"}, found) == []
    client.call("modify_view", view, {"columns": [{"src": "project.label"}]})
    found = trio.get("get_view", view)
    assert ([column.src for column in found.columns], found.label) == (["project.label"], "after")


def test_columns(trio: Trio) -> None:
    names = {column.name for column in trio.get("data_view_columns")}
    assert {"project", "subject.label", "file.name"} <= names
