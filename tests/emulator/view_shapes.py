"""Views of many shapes, as plain JSON, for the site of `view_site`.

Each has a name, the container to run on (a path of positions below the project), the view, and what the query adds.
"""

from __future__ import annotations

from typing import Any

FORMATS = ("csv", "tsv", "json", "ndjson", "json-flat", "json-row-column")
BARE: dict[str, Any] = {"includeIds": False, "includeLabels": False, "errorColumn": False}


def _files(container: str, value: str, **more: Any) -> dict[str, Any]:
    return {"container": container, "filter": {"value": value}, **more}


def _columns(*names: str | dict[str, Any]) -> list[dict[str, Any]]:
    return [{"src": name} if isinstance(name, str) else name for name in names]


BEHAVIOUR: dict[str, Any] = _files("session", "behav_*", match="all")
AFQ: dict[str, Any] = _files("session", "mean_*.csv", analysisFilter={"label": {"value": "afq*"}})

_SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("labels and ids of subjects", {"columns": _columns("subject.label")}),
    ("group of columns", {"columns": _columns("subject"), "errorColumn": False}),
    ("group under another name", {"columns": _columns({"src": "session", "dst": "s"}), **BARE}),
    ("all levels", {"columns": _columns("project", "subject.sex", "session.age", "acquisition.label")}),
    ("acquisitions without ids", {"columns": _columns("acquisition.label"), "includeIds": False}),
    ("project only", {"columns": _columns("project.label", "project.tags", "project.info.target.n"), **BARE}),
    ("all of info", {"columns": _columns("subject.info", "subject.label"), **BARE}),
    ("parts of info", {"columns": _columns("subject.info.iq", "subject.info.list.1", "session.info.visit"), **BARE}),
    (
        "types",
        {
            "columns": _columns(
                {"src": "subject.info.iq", "dst": "int", "type": "int"},
                {"src": "subject.info.iq", "dst": "float", "type": "float"},
                {"src": "subject.info.iq", "dst": "string", "type": "string"},
                {"src": "subject.info.b", "dst": "bool", "type": "bool"},
                {"src": "subject.info.b", "dst": "as int", "type": "int"},
                {"src": "subject.info.list", "dst": "list", "type": "string"},
                {"src": "subject.label", "dst": "no number", "type": "int"},
            )
        },
    ),
    (
        "expressions",
        {
            "columns": _columns(
                "session.age_years",
                {"src": "session.weight", "dst": "pounds", "expr": "x * 2.2046 + (1 - 1)", "type": "int"},
                {"src": "session.label", "dst": "no number", "expr": "-x"},
                {"src": "session.info.visit", "dst": "by zero", "expr": "x / (x - 1)"},
            )
        },
    ),
    ("complete rows only", {"columns": _columns("session.age", "session.weight"), "missingDataStrategy": "drop-row"}),
    (
        "attributes of files",
        {"columns": _columns("file"), "fileSpec": _files("session", "*", match="all", processFiles=False)},
    ),
    (
        "as the builder writes files",
        {
            "columns": _columns(
                {"src": "file.name", "dst": "acquisition.file.name"}, {"src": "file.size", "dst": "size"}
            ),
            "fileSpec": _files("acquisition", "*", match="all", processFiles=False, formatOptions={}, columns=[]),
            "errorColumn": False,
            "missingDataStrategy": "drop-row",
        },
    ),
    ("rows of tables", {"columns": _columns("subject.label"), "fileSpec": BEHAVIOUR}),
    ("complete rows of tables", {"fileSpec": BEHAVIOUR, "missingDataStrategy": "drop-row"}),
    ("first file", {"columns": _columns("file.name"), "fileSpec": _files("session", "behav*", match="first")}),
    ("last file", {"columns": _columns("file.name"), "fileSpec": _files("session", "behav*", match="last")}),
    ("newest file", {"columns": _columns("file.name"), "fileSpec": _files("session", "BEHAV*", match="newest")}),
    ("oldest file", {"columns": _columns("file.name"), "fileSpec": _files("session", "behav*", match="oldest")}),
    (
        "files by regular expression",
        {
            "columns": _columns("file.name"),
            "fileSpec": {"container": "session", "filter": {"value": r"behav_\d\.[ct]", "regex": True}, "match": "all"},
        },
    ),
    (
        "columns of tables",
        {
            "fileSpec": {
                **BEHAVIOUR,
                "columns": _columns(
                    {"src": "rt", "dst": "time", "type": "float"},
                    {"src": "correct", "type": "bool"},
                    {"src": "rt", "dst": "ms", "expr": "x * 1000"},
                    "no such column",
                ),
            }
        },
    ),
    (
        "json object",
        {"fileSpec": _files("subject", "traits.json", columns=_columns("height", "deep.er.1", "deep", "none"))},
    ),
    ("json rows", {"fileSpec": _files("session", "*.json")}),
    (
        "other delimiter",
        {
            "fileSpec": _files(
                "project",
                "summary.csv",
                formatOptions={"delimiter": ";"},
                columns=_columns({"src": "n", "type": "int"}),
            )
        },
    ),
    ("given format", {"fileSpec": _files("session", "notes.txt", format="csv")}),
    ("gzipped table", {"fileSpec": _files("acquisition", "*.csv.gz")}),
    ("first archive member", {"fileSpec": _files("acquisition", "*.zip", zipMember={"value": "*.csv"})}),
    ("all archive members", {"fileSpec": _files("acquisition", "*.zip", zipMember={"value": "*.csv", "match": "all"})}),
    (
        "newest archive member",
        {
            "fileSpec": _files(
                "acquisition", "*.zip", zipMember={"value": r"(in/)?[ab]\.csv", "regex": True, "match": "newest"}
            )
        },
    ),
    ("analysis outputs", {"columns": _columns("analysis.label", "file.name"), "fileSpec": {**AFQ, "match": "all"}}),
    ("newest analysis", {"columns": _columns("analysis.label"), "fileSpec": {**AFQ, "match": "newest"}}),
    (
        "outputs of a gear",
        {
            "columns": _columns("analysis.label"),
            "fileSpec": {
                **_files("session", "*.csv", match="all"),
                "analysisFilter": {"gear.name": {"value": "afq"}, "gear.version": {"value": r"1\.", "regex": True}},
            },
        },
    ),
    (
        "groups",
        {
            "columns": _columns(
                {"src": "session.id", "dst": "sessions", "accumulator": "count"},
                {"src": "session.age", "dst": "mean", "accumulator": "mean"},
                {"src": "session.age", "dst": "sd", "accumulator": "standard_deviation"},
                {"src": "session.weight", "dst": "sum", "accumulator": "sum"},
                {"src": "session.weight", "dst": "most", "accumulator": "maximum"},
                {"src": "session.label", "dst": "least", "accumulator": "minimum"},
            ),
            "groupBy": {"columns": [{"src": "subject.sex", "dst": "sex"}]},
        },
    ),
    (
        "groups of table rows",
        {
            "fileSpec": {
                **BEHAVIOUR,
                "columns": _columns("trial", {"src": "rt", "dst": "mean rt", "type": "float", "accumulator": "mean"}),
            },
            "groupBy": {"columns": ["subject.label", "trial"]},
        },
    ),
]

_FILTERED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "filter of the view",
        {"columns": _columns("session.label"), "filter": "subject.sex=female,session.age>1050000000"},
        {},
    ),
    ("filter of the query", {"columns": _columns("session.label")}, {"filter": "session.weight=|[60.5,1]"}),
    (
        "filter on table values",
        {"columns": _columns("subject.label"), "fileSpec": BEHAVIOUR},
        {"filter": "rt>=1.7,trial=~^s"},
    ),
    (
        "filter on dates and texts",
        {"columns": _columns("session.id")},
        {"filter": "session.timestamp<2022-01-01,session.label!=x"},
    ),
    (
        "order",
        {"columns": _columns("session.weight", "acquisition.label")},
        {"sort": "session.weight:desc,acquisition.label"},
    ),
    ("order of table rows", {"fileSpec": BEHAVIOUR, "columns": _columns("session.label")}, {"sort": "rt,trial:desc"}),
    ("part of the rows", {"columns": _columns("acquisition.label")}, {"skip": 1, "limit": 2}),
    (
        "part of the ordered rows",
        {"columns": _columns("acquisition.label")},
        {"sort": "acquisition.label:desc", "skip": 1, "limit": 2},
    ),
]

_ELSEWHERE: list[tuple[str, dict[str, Any], list[int]]] = [
    ("on a subject", {"columns": _columns("acquisition.label")}, [0]),
    (
        "on a session",
        {"columns": _columns("acquisition.label"), "fileSpec": _files("acquisition", "*", processFiles=False)},
        [0, 0],
    ),
    ("on an acquisition", {"columns": _columns("acquisition.label", "session.label")}, [0, 1, 0]),
    ("above the container", {"columns": _columns("subject.label")}, [1, 0]),
    ("no rows", {"columns": _columns("session.label")}, [2]),
]

SHAPES: list[dict[str, Any]] = [
    *({"name": name, "on": [], "view": view, "params": {}} for name, view in _SHAPES),
    *({"name": name, "on": [], "view": view, "params": params} for name, view, params in _FILTERED),
    *({"name": name, "on": on, "view": view, "params": {}} for name, view, on in _ELSEWHERE),
]
"""Every shape: `name`, `on`, `view`, `params`."""
