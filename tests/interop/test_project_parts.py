"""Projects as a whole, with all three clients: session templates, settings, the catalogue of what is shared."""

from __future__ import annotations

from typing import Any

import pytest
from tests.interop.clients import QUIET
from tests.interop.compare import plain
from tests.interop.conftest import Tree
from tests.interop.flavours import Flavour, Trio, Witness
from tests.interop.worlds import fresh

pytestmark = QUIET


def test_templates(client: Flavour, trio: Trio, tree: Tree) -> None:
    project, session = tree.project.id, tree.session.id

    def state() -> tuple[bool, bool | None]:
        found = trio.get("get_session", session)
        return found.project_has_template, found.satisfies_template

    assert state() == (False, None)
    template = {"session": {"label": "^visit"}, "acquisitions": [{"label": "t2", "minimum": 1}]}
    assert client.call("set_project_template", project, {"templates": [template]}).modified == 1
    assert state() == (True, False)
    client.call("modify_acquisition", tree.acquisition.id, {"label": "T2w"})
    assert state() == (True, True)
    assert client.call("recalc_project", project).sessions_changed == []
    assert client.call("recalc_all_projects").sessions_changed == []
    (kept,) = trio.get("get_project", project).templates
    assert (kept.session.label, kept.acquisitions[0].label) == ("^visit", "t2")
    assert client.call("remove_project_template", project).deleted == 1
    assert state() == (False, None)


def test_settings(client: Flavour, trio: Trio, tree: Tree) -> None:
    project = tree.project.id
    assert trio.get("get_project_settings", project).viewer_apps is None
    given = {
        "viewer_apps": [{"name": "viewer", "url": "https://example.org/v", "type": "viewer", "options": {"a": [1]}}],
        "forms": {"first": [{"components": [{"key": "a"}]}]},
        "external_routing_id": "route",
        "workspaces": {"jupyterhub": {"enabled": True}},
    }
    changed = client.call("modify_project_settings", project, given)
    found = trio.get("get_project_settings", project)
    assert plain(found) == {**plain(found), "external_routing_id": "route", "workspaces": given["workspaces"]}
    assert plain(changed.viewer_apps[0].id) == found.viewer_apps[0].id
    assert (found.viewer_apps[0].name, found.viewer_apps[0].options) == ("viewer", {"a": [1]})
    client.call("modify_project_settings", project, {"workspaces": {"jupyterhub": {"enabled": False}}})
    found = trio.get("get_project_settings", project)
    assert (found.workspaces.jupyterhub.enabled, found.external_routing_id) == (False, "route")


@pytest.fixture
def shared(client: Flavour, witness: Witness) -> list[str]:
    """The ids of three projects that one client shares, under a word of their own."""
    group, word = fresh("lab"), fresh("heart")
    witness.post("groups", {"_id": group, "label": group})
    made = [witness.post("projects", {"group": group, "label": f"{word} {n}"})["_id"] for n in range(3)]
    for project in made:
        sharing = {"share_level": "high_level", "summary": f"about {word}", "organ_systems": ["Heart"]}
        client.call("modify_project_settings", project, {"sharing": sharing})
    return made


def listed(client: Flavour, **query: object) -> list[Any]:
    """Entries of the catalogue; the official client has it as a finder, which asks for more until there is no more."""
    if client.name == "official":
        return list(client.fw.catalog_list.iter_find(limit=2, **query))
    return client.call("catalog_list", **query)


def test_the_catalogue(trio: Trio, witness: Witness, shared: list[str]) -> None:
    word = witness.get(f"projects/{shared[0]}")["label"].split()[0]
    found = trio.same(lambda client: listed(client, search_string=word))
    assert [entry.id for entry in found] == shared
    assert (found[0].summary, plain(found[0].organ_systems)) == (f"about {word}", ["Heart"])
    assert found[0].stats.number_of.sessions == 0
    assert "Heart" in plain(trio.get("get_catalog_list_filter_options").organ_systems)
    finder = trio.official.fw.catalog_list
    assert finder.find_one(f"label={word} 1").id == shared[1]
    assert [entry.id for entry in finder.find(f"label=~^{word}", sort="label:desc")] == shared[::-1]
    assert finder.find_first("label=nothing") is None
    every = trio.get("catalog_list", filter=f"label=~^{word}", sort="label:desc", limit=2)
    assert [entry.id for entry in every] == shared[:0:-1]
