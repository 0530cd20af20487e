"""Projects as a whole: session templates, settings, the catalogue of shared projects."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator


def got(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def state(http: httpx.Client, tree: Any) -> tuple[bool, bool | None]:
    session = got(http.get(f"/sessions/{tree.session}"))
    return session["project_has_template"], session["satisfies_template"]


def template(http: httpx.Client, tree: Any, *templates: dict[str, object]) -> None:
    assert got(http.post(f"/projects/{tree.project}/template", json={"templates": templates})) == {"modified": 1}


def scan(http: httpx.Client, session: str, label: str) -> str:
    return str(got(http.post("/acquisitions", json={"session": session, "label": label}))["_id"])


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ({}, True),
        ({"session": {"label": "^SESS"}}, True),
        ({"session": {"label": "other"}}, False),
        ({"session": {"label": "sess"}, "regex": False}, False),
        ({"session": {"label": "Session"}, "regex": False}, True),
        ({"acquisitions": [{"label": "sc.n"}]}, True),
        ({"acquisitions": [{"label": "sc.n"}], "regex": False}, False),
        ({"acquisitions": [{"label": "scan", "minimum": 2}]}, False),
        ({"acquisitions": [{"label": "scan"}, {"label": "none"}]}, False),
        ({"acquisitions": [{"label": "none", "minimum": 0}]}, True),
        ({"acquisitions": [{"files": [{}]}]}, True),
        ({"acquisitions": [{"files": [{"minimum": 2}]}]}, False),
        ({"acquisitions": [{"files": [{"classification": "func"}]}]}, True),
        ({"acquisitions": [{"files": [{"classification": "struct"}]}]}, False),
    ],
)
def test_what_a_template_asks_for(http: httpx.Client, tree: Any, wanted: dict[str, object], held: bool) -> None:
    change = {"modality": "MR", "replace": {"Intent": ["Functional"]}}
    got(http.patch(f"/acquisitions/{tree.acquisition}/files/a.txt/classification", json=change))
    template(http, tree, wanted)
    assert state(http, tree) == (True, held)
    template(http, tree, wanted, {"session": {"label": "session"}})  # one of them is enough
    assert state(http, tree) == (True, True)


def test_sessions_follow_what_happens_in_them(http: httpx.Client, tree: Any) -> None:
    assert state(http, tree) == (False, None)
    template(http, tree, {"acquisitions": [{"label": "scan", "files": [{"minimum": 1}]}]})
    project = got(http.get(f"/projects/{tree.project}"))
    assert project["templates"] == [{"acquisitions": [{"label": "scan", "files": [{"minimum": 1}]}]}]
    assert state(http, tree) == (True, True)
    got(http.put(f"/acquisitions/{tree.acquisition}", json={"label": "other"}))
    assert state(http, tree) == (True, False)
    got(http.put(f"/acquisitions/{tree.acquisition}", json={"label": "scan"}))
    got(http.delete(f"/acquisitions/{tree.acquisition}/files/a.txt"))
    assert state(http, tree) == (True, False)
    sent = http.post(f"/acquisitions/{tree.acquisition}/files", files=[("file", ("b.txt", b"x"))])
    assert got(sent)[0]["name"] == "b.txt"
    assert state(http, tree) == (True, True)
    body = {"project": tree.project, "subject": tree.subject, "label": "second"}
    second = got(http.post("/sessions", json=body))["_id"]
    got(http.put(f"/acquisitions/{tree.acquisition}", json={"session": second}))
    assert state(http, tree) == (True, False)
    found = got(http.get(f"/projects/{tree.project}/sessions", params={"filter": "satisfies_template=true"}))
    assert [item["_id"] for item in found] == [second]
    got(http.delete(f"/acquisitions/{tree.acquisition}"))
    assert got(http.get(f"/sessions/{second}"))["satisfies_template"] is False
    got(http.put(f"/projects/{tree.project}", json={"info": {"a": 1}}))
    assert got(http.post(f"/projects/{tree.project}/recalc")) == {"sessions_changed": []}
    assert got(http.delete(f"/projects/{tree.project}/template")) == {"deleted": 1}
    assert state(http, tree) == (False, None)
    assert got(http.delete(f"/projects/{tree.project}/template")) == {"deleted": 0}
    assert got(http.post("/projects/recalc")) == {"sessions_changed": []}


def test_a_session_that_moves_answers_to_the_template_there(http: httpx.Client, plant: Any) -> None:
    here, there = plant(), plant()
    template(http, there, {"session": {"label": "nothing fits"}})
    got(http.put(f"/sessions/{here.session}", json={"project": there.project, "subject": {"label": "moved"}}))
    assert state(http, here) == (True, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"templates": {}},
        {"templates": [{"session": {"code": "x"}}]},
        {"templates": [{"session": {"label": "("}}]},
        {"templates": [{"acquisitions": [{"minimum": -1}]}]},
        {"templates": [{"acquisitions": [{"files": [{"classification": "[" * 10}]}]}]},
        {"templates": [{"session": {"label": "x" * 2000}}]},
    ],
)
def test_templates_are_checked(http: httpx.Client, tree: Any, wrong: dict[str, object]) -> None:
    assert http.post(f"/projects/{tree.project}/template", json=wrong).status_code == 422
    assert state(http, tree) == (False, None)


def test_a_slow_pattern_is_refused(http: httpx.Client, tree: Any) -> None:
    got(http.put(f"/sessions/{tree.session}", json={"label": "a" * 200 + "!"}))
    slow = {"templates": [{"session": {"label": "^(a|aa)+$"}}]}
    refused = http.post(f"/projects/{tree.project}/template", json=slow)
    assert refused.status_code == 422
    assert "took longer" in refused.json()["message"]
    assert got(http.get(f"/projects/{tree.project}"))["templates"] == []


def test_settings(http: httpx.Client, site: Emulator, tree: Any) -> None:
    path = f"/projects/{tree.project}/settings"
    assert set(got(http.get(path)).values()) == {None}
    given = {
        "viewer_apps": [{"name": "v", "url": "https://viewer", "type": "viewer", "options": {"a": [1]}}],
        "deid_profile": '{"name": "p"}',
        "forms": {"f": [{"components": [{"a": 1}]}]},
        "workspaces": {"jupyterhub": {"enabled": True}},
        "cvat": {"enabled": True, "tags": ["t"]},
    }
    found = got(http.put(path, json=given))
    (app,) = found["viewer_apps"]
    assert (app["name"], app["origin"]) == ("v", {"type": "user", "id": site.admin_user})
    assert len(app["id"]) == 24
    assert found["deid_profile"] == {"name": "p"}
    assert got(http.put(path, json={"cvat": {"enabled": False}}))["cvat"] == {"enabled": False, "tags": ["t"]}
    assert got(http.get(path))["forms"] == given["forms"]
    assert got(http.get(f"/projects/{tree.project}"))["settings"] == got(http.get(path))
    wrong = (
        {"sharing": {"share_level": "all"}},
        {"sharing": {"body_regions": ["Knee joint"]}},
        {"deid_profile": "{"},
        {"deid_profile": "[]"},
        {"viewer_apps": [{"name": "x"}]},
        {"unknown": 1},
    )
    for body in wrong:
        assert http.put(path, json=body).status_code == 422, body


def test_the_catalogue_shows_what_is_shared(http: httpx.Client, site: Emulator, plant: Any, api: Any) -> None:
    stranger = api(site.add_user("stranger@example.com"))
    shared, other, hidden = plant(), plant(), plant()

    def share(tree: Any, **sharing: object) -> None:
        got(http.put(f"/projects/{tree.project}/settings", json={"sharing": {"share_level": "high_level", **sharing}}))

    share(shared, summary="About 100% of hearts", organ_systems=["Heart"], project_institutions=[])
    share(other, body_regions=["Head"], therapeutic_areas=["Neurology", "Oncology"])
    got(http.put(f"/projects/{hidden.project}/settings", json={"sharing": {"summary": "Hearts, too"}}))
    got(http.post(f"/projects/{other.project}/tags", json={"value": "brain"}))
    got(http.put(f"/sessions/{shared.session}", json={"age": 31557600 * 20}))
    change = {"modality": "MR", "replace": {"Measurement": ["T1"]}}
    got(http.patch(f"/acquisitions/{shared.acquisition}/files/a.txt/classification", json=change))

    def listed(**query: object) -> list[str]:
        return [item["id"] for item in got(stranger.get("/projects/catalog-list", params=query))]

    assert listed() == [shared.project, other.project]
    assert listed(search_string="100% of HEARTS") == [shared.project]
    assert listed(search_string="10_") == []
    assert listed(search_string="brain") == [other.project]
    assert listed(filter="therapeutic_areas=Oncology") == [other.project]
    assert listed(filter="tags=brain") == [other.project]
    assert listed(limit=1, sort="created:desc") == [other.project]
    assert listed(after_id=shared.project) == [other.project]
    first = got(stranger.get("/projects/catalog-list"))[0]
    assert (first["summary"], first["organ_systems"], first["tags"]) == ("About 100% of hearts", ["Heart"], [])
    assert first["stats"] == {
        "number_of": {
            "subjects": 1,
            "sessions": 1,
            "acquisitions": 1,
            "files": 1,
            "acquisition_files": 1,
            "jobs": 0,
            "analyses": 0,
            "compliant_sessions": 0,
            "noncompliant_sessions": 0,
        },
        "age_groups": ["18-64"],
        "measurements": ["T1"],
        "modalities": ["MR"],
        "file_types": ["text"],
    }
    options = got(stranger.get("/projects/catalog-list-filter-options"))
    assert options["therapeutic_areas"] == ["Neurology", "Oncology"]
    assert (options["tags"], options["modalities"], options["organ_systems"]) == (["brain"], ["MR"], ["Heart"])
    page = stranger.get("/projects/catalog-list", params={"limit": 1}, headers={"x-accept-feature": "pagination"})
    assert (got(page)["count"], got(page)["total"]) == (1, 2)
    assert stranger.get(f"/projects/{shared.project}").status_code == 403
