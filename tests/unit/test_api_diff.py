"""What is printed when the tables of the API were replaced: each kind of change, and nothing when nothing changed."""

from __future__ import annotations

import copy
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

Table = dict[str, Any]
Compare = Callable[[], list[str]]


@pytest.fixture(scope="module")
def tools() -> Iterator[Callable[[str], ModuleType]]:
    sys.path.insert(0, str(ROOT / "tools"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "tools"))


def read(name: str) -> Table:
    table: Table = json.loads((ROOT / "tools" / "api" / name).read_text())
    return table


@pytest.fixture
def operations() -> Table:
    """The operations of a new edition, for a test to change."""
    return read("operations.json")


@pytest.fixture
def models() -> Table:
    """The models of a new edition, for a test to change."""
    return read("models.json")


@pytest.fixture
def compare(
    tools: Callable[[str], ModuleType], operations: Table, models: Table, monkeypatch: pytest.MonkeyPatch
) -> Compare:
    """Compares the new edition, as it is when called, with the one in the package."""
    gen_table = tools("gen_table")
    sources = (operations, models, gen_table.sources()[2])
    monkeypatch.setattr(gen_table, "sources", lambda: sources)
    changes: Compare = gen_table.changes
    return changes


def row(table: list[Table], key: str, name: str) -> Table:
    return next(one for one in table if one[key] == name)


def test_nothing_changed(compare: Compare) -> None:
    assert compare() == []


def test_version(compare: Compare, operations: Table) -> None:
    operations["sdk_version"] = "24.1.0"
    assert compare() == ["API 23.0.0 → 24.1.0"]


def test_added_and_removed_operations(compare: Compare, operations: Table) -> None:
    new = copy.deepcopy(row(operations["operations"], "id", "get_project"))
    operations["operations"].append({**new, "id": "get_project_summary", "path": "/projects/{project_id}/summary"})
    operations["operations"].remove(row(operations["operations"], "id", "clean_packfiles"))
    assert compare() == [
        "operations: 1 added, 1 removed, 0 changed",
        "  + get_project_summary (GET /projects/{project_id}/summary, tag projects, returns ProjectOutput)",
        "  - clean_packfiles (POST /clean-packfiles, tag packfile, returns PackfileCleanupOutput)",
    ]


def test_every_kind_of_change_of_an_operation(compare: Compare, operations: Table) -> None:
    changed = row(operations["operations"], "id", "add_project")
    changed |= {"method": "PUT", "path": "/projects/new", "returns": None, "positional": ["parent", "body"]}
    changed["body"] = {"type": "ProjectModify", "required": False}
    inherit = changed["query_params"][0]
    changed["query_params"] = [
        {**inherit, "type": "str", "required": True, "default": "yes"},
        {"name": "parent", "python_name": "parent", "type": "int", "required": False, "default": 3},
    ]
    gone = row(operations["operations"], "id", "get_project")
    gone["query_params"] = [one for one in gone["query_params"] if one["name"] != "join_avatars"]
    gone["body"] = {"type": "Info", "required": True}
    assert compare() == [
        "operations: 0 added, 0 removed, 2 changed",
        "  ~ add_project",
        "      method: POST → PUT",
        "      path: /projects → /projects/new",
        "      returns: InsertedId → none",
        '      positional: ["body"] → ["parent", "body"]',
        "      body type: ProjectInput → ProjectModify",
        "      body no longer required",
        "      + query parameter parent: int = 3",
        "      ~ query parameter inherit: default: false → yes",
        "      ~ query parameter inherit: now required",
        "      ~ query parameter inherit: type: bool → str",
        "  ~ get_project",
        "      body: none → Info (required)",
        "      - query parameter join_avatars: bool = False",
    ]


def test_derived_names(compare: Compare, operations: Table) -> None:
    row(operations["derived"], "name", "set_project_info")["args"] = ["project_id", "body"]
    assert compare() == [
        "derived names: 0 added, 0 removed, 1 changed",
        "  ~ set_project_info",
        '      args: ["cid", "body"] → ["project_id", "body"]',
    ]


def test_models_enums_and_aliases(compare: Compare, models: Table) -> None:
    tag = row(models["models"], "name", "Tag")
    tag["fields"] = [{**tag["fields"][0], "type": "int", "required": False}]
    tag["fields"].append({"name": "color", "wire": "color", "type": "str", "required": True})
    page = row(models["models"], "name", "Page")
    page["fields"] = page["fields"][::-1][:2]
    models["models"].append({"name": "Label", "module": "label", "fields": tag["fields"]})
    members = row(models["enums"], "name", "AccessLevel")["members"]
    del members["RO"]
    members["OWNER"] = "owner"
    del models["aliases"]["Acquisition"]
    assert compare() == [
        "models: 1 added, 0 removed, 2 changed",
        "  + Label (value, color)",
        "  ~ Page",
        "      - field count: int",
        "      the order of its fields, which is that of the constructor's arguments",
        "  ~ Tag",
        "      + field color: str (required)",
        "      ~ field value: no longer required",
        "      ~ field value: type: str → int",
        "enums: 0 added, 0 removed, 1 changed",
        "  ~ AccessLevel",
        "      + OWNER = 'owner'",
        "      - RO = 'ro'",
        "aliases: 0 added, 1 removed, 0 changed",
        "  - Acquisition → AcquisitionOutput",
    ]


def test_overlay_fits(tools: Callable[[str], ModuleType], operations: Table) -> None:
    gen_table = tools("gen_table")
    overlay = gen_table.sources()[2]
    packed = gen_table.pack_operations(operations, overlay)["operations"]
    owners = {name: one["owner"] for name, one in packed.items()}
    assert set(owners.values()) == {"C", "D", "E", "F", "later"}
    assert (owners["get_view"], owners["queue_saved"], owners["get_project_rules"]) == ("C", "D", "F")
    assert {name for name, one in packed.items() if one["method"] == "POST" and one["retry"] == "safe"} == set(
        overlay["retry"]["safe"]
    )
    assert packed["get_next_job"]["retry"] == "never"
    assert (packed["evaluate_view"]["returns"], packed["get_project"]["returns"]) == ("bytes", "ProjectOutput")


def test_overlay_entries_that_no_longer_fit_are_named(tools: Callable[[str], ModuleType], operations: Table) -> None:
    gen_table = tools("gen_table")
    overlay = gen_table.sources()[2]
    operations["operations"].remove(row(operations["operations"], "id", "get_next_job"))
    row(operations["operations"], "id", "lookup_path")["method"] = "GET"
    row(operations["operations"], "id", "search")["method"] = "QUERY"
    row(operations["operations"], "id", "evaluate_view")["returns"] = "ViewRows"
    overlay["emulator"]["tags"]["F"].append("views")
    overlay["emulator"]["tags"]["D"].append("no_such_tag")
    overlay["emulator"]["operations"]["F"].append("get_view")
    with pytest.raises(gen_table.Misfit) as caught:
        gen_table.pack_operations(operations, overlay)
    assert str(caught.value).splitlines() == [
        "tools/overlay.toml no longer fits tools/api/operations.json:",
        "retry.safe: 'lookup_path' is safe anyway, being a GET",
        "retry.never: there is no operation 'get_next_job'",
        "retry.default: nothing is said of QUERY",
        "returns: 'evaluate_view' has a type of its own, ViewRows",
        "emulator.tags.D: there is no tag 'no_such_tag'",
        "emulator.tags.F: 'views' is also in emulator.tags.D",
        "emulator.operations.F: 'get_view' is also in emulator.operations.C",
    ]
