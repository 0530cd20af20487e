"""Settings of projects, and the catalogue of the projects that are shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.metadata import merged
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.project_inputs import ProjectSettings
from flywheel_async.emulator.query.compiler import Sql
from flywheel_async.emulator.wire import BadJson, Doc, Json, loads

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.database import Tx

_SHARED: Final = "json_extract(d.body, '$.settings.sharing.share_level') IS NOT NULL"
_SHARING: Final[Doc] = {
    "share_level": None,
    "project_institutions": [],
    "project_contacts": [],
    "summary": "",
    "therapeutic_areas": [],
    "body_regions": [],
    "organ_systems": [],
}
_SETTINGS: Final[Doc] = {
    "viewer_apps": None,
    "deid_profile": None,
    "forms": None,
    "external_routing_id": None,
    "sharing": None,
    "workspaces": None,
    "cvat": None,
}
_YEAR: Final = 31_557_600
_AGES: Final = ((2, "0-1"), (13, "2-12"), (18, "13-17"), (65, "18-64"))


def settings(project: Node) -> Doc:
    """Returns the settings of a project."""
    kept = project.body.get("settings")
    return {**_SETTINGS, **(kept if isinstance(kept, dict) else {})}


def change_settings(call: Call, project: Node, given: ProjectSettings) -> Doc:
    """Changes the settings that were sent; of `sharing`, `workspaces` and `cvat` the members that were sent.

    Returns:
        All settings, as they are kept from now on.

    Raises:
        Problem: 422, a profile given as text is not a JSON object.
    """
    sent: Doc = given.model_dump(mode="json", exclude_unset=True)
    if isinstance(given.deid_profile, str):
        sent["deid_profile"] = _profile(given.deid_profile)
    apps = sent.get("viewer_apps")
    for app in apps if isinstance(apps, list) else []:
        if isinstance(app, dict):
            app["id"] = app.get("id") or call.site.new_id()
            app["origin"] = app.get("origin") or call.caller.origin
    found = settings(project)
    for name, value in sent.items():
        before = found.get(name)
        if name in ("sharing", "workspaces", "cvat") and isinstance(value, dict):
            start = _SHARING if name == "sharing" else {}
            value = merged({**start, **(before if isinstance(before, dict) else {})}, value)
        found[name] = value
    project.body["settings"] = found
    return found


def _profile(text: str) -> Doc:
    try:
        found = loads(text)
    except BadJson as error:
        raise invalid(f"the profile is not acceptable JSON: {error}", "body", "deid_profile") from None
    if not isinstance(found, dict):
        raise invalid("the profile must be an object", "body", "deid_profile")
    return found


def catalogue(call: Call) -> object:
    """Lists the projects that are shared, whoever asks; `search_string` looks at label, summary and tags."""
    within = Sql(_SHARED)
    wanted = call.text("search_string")
    if wanted is not None:
        like = "%" + wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        looked = ("d.label", "json_extract(d.body, '$.settings.sharing.summary')", "json_extract(d.body, '$.tags')")
        fits = " OR ".join(f"{text} LIKE ? ESCAPE '\\'" for text in looked)
        within = Sql(f"{_SHARED} AND ({fits})", (like,) * len(looked))
    return list_nodes(call, "catalog", lambda found: [_entry(call.tx, node) for node in found], within=within)


def _entry(tx: Tx, project: Node) -> Doc:
    sharing = settings(project)["sharing"]
    shown: Doc = {**_SHARING, **(sharing if isinstance(sharing, dict) else {})}
    del shown["share_level"]
    tags = project.body.get("tags")
    return {"id": project.id, "label": project.label, "tags": tags or [], **shown, "stats": stats(tx, project.id)}


def stats(tx: Tx, project: str) -> Doc:
    """Counts what is in a project."""
    rows = tx.all(
        "SELECT kind, COUNT(*) AS n FROM node WHERE project = ? AND deleted IS NULL GROUP BY kind", (project,)
    )
    kinds = {row["kind"]: row["n"] for row in rows}
    files = tx.all(
        "SELECT COUNT(*) AS n, SUM(parent_kind = 'acquisition') AS scans FROM file WHERE project = ? AND current = 1",
        (project,),
    )[0]
    sessions = tx.all(
        "SELECT SUM(json_extract(body, '$.satisfies_template') = 1) AS good,"
        " SUM(json_extract(body, '$.satisfies_template') = 0) AS bad"
        " FROM node WHERE kind = 'session' AND project = ? AND deleted IS NULL",
        (project,),
    )[0]
    number_of: Doc = {name: kinds.get(name.removesuffix("s"), 0) for name in ("subjects", "sessions", "acquisitions")}
    number_of.update(
        files=files["n"],
        acquisition_files=files["scans"] or 0,
        jobs=0,
        analyses=kinds.get("analysis", 0),
        compliant_sessions=sessions["good"] or 0,
        noncompliant_sessions=sessions["bad"] or 0,
    )
    ages = tx.all(
        "SELECT DISTINCT json_extract(body, '$.age') AS age FROM node"
        " WHERE kind = 'session' AND project = ? AND deleted IS NULL AND age IS NOT NULL",
        (project,),
    )
    groups: set[str] = {_age_group(row["age"]) for row in ages}
    return {
        "number_of": number_of,
        "age_groups": [*sorted(groups)],
        "measurements": _distinct(tx, project, _MEASUREMENTS),
        "modalities": _distinct(tx, project, "SELECT json_extract(f.body, '$.modality') AS word FROM file f"),
        "file_types": _distinct(tx, project, "SELECT f.type AS word FROM file f"),
    }


_MEASUREMENTS: Final = "SELECT m.value AS word FROM file f, json_each(f.body, '$.classification.Measurement') m"


def _distinct(tx: Tx, project: str, start: str) -> list[Json]:
    rows = tx.all(
        f"SELECT DISTINCT word FROM ({start} WHERE f.project = ? AND f.current = 1)"
        " WHERE word IS NOT NULL ORDER BY word",
        (project,),
    )
    return [row["word"] for row in rows]


def _age_group(seconds: float) -> str:
    years = seconds / _YEAR
    return next((name for least, name in _AGES if years < least), "65+")


def filter_options(tx: Tx) -> Doc:
    """Returns the words that describe the shared projects, each once."""
    entries = [
        _entry(tx, Node.from_row(row))
        for row in tx.all(f"SELECT * FROM node d WHERE d.kind = 'project' AND d.deleted IS NULL AND {_SHARED}")
    ]
    names = ("therapeutic_areas", "body_regions", "organ_systems", "tags")
    counted = ("age_groups", "measurements", "modalities", "file_types")
    found: Doc = {name: _words(entry[name] for entry in entries) for name in names}
    found.update({name: _words(_member(entry["stats"], name) for entry in entries) for name in counted})
    return found


def _member(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def _words(lists: Iterable[Json]) -> list[Json]:
    found = {word for words in lists if isinstance(words, list) for word in words if isinstance(word, str)}
    return [*sorted(found)]
