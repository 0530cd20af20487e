"""Searches over HTTP find what a plain evaluation in Python finds, for every user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.emulator.search_queries import a_query, day, written
from tests.emulator.search_reference import SEARCHED, document, search
from tests.emulator.search_site import PROJECTS, SEEN, THINGS, found_by, settle

from flywheel_async.emulator import Emulator
from flywheel_async.emulator.search.tree import Query

LOOKS = [
    *(("all", kind) for kind in SEARCHED),
    ("some", "file"),
    ("some", "session"),
    ("collector", "file"),
    ("none", "project"),
]


@pytest.fixture(scope="module")
def users(site: Emulator, api: Callable[[str], httpx.Client]) -> dict[str, httpx.Client]:
    """A client per user."""
    return settle(site, api)


Look = Callable[[str], Any]
"""Gives a field of a document by its path, or None."""


def looking_at(doc: dict[str, Any]) -> Look:
    def look(path: str) -> Any:
        value: Any = doc
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    return look


WRITTEN: list[tuple[str, Callable[[Look], object]]] = [
    ('project.label = "neuro Study 0"', lambda d: d("project.label") == "neuro Study 0"),
    ("group._id = neuro AND file.type = nifti", lambda d: d("group._id") == "neuro" and d("file.type") == "nifti"),
    (
        "file.type = dicom AND subject.label = sub-01",
        lambda d: d("file.type") == "dicom" and d("subject.label") == "sub-01",
    ),
    ("subject.code == sub-01", lambda d: d("subject.label") == "sub-01"),
    ('subject.label = "1001"', lambda d: d("subject.label") == "1001"),
    ("subject.label = 1001", lambda d: False),
    ('subject.label = "AND"', lambda d: d("subject.label") == "AND"),
    (r'subject.label = "say \"x\""', lambda d: d("subject.label") == 'say "x"'),
    ("session.age <= 946728000", lambda d: (d("session.age") or 1e99) <= 946728000),
    ("session.weight > 60.5", lambda d: (d("session.weight") or 0) > 60.5),
    ("session.timestamp >= 2020-01-02", lambda d: (d("session.timestamp") or day("1970-01-01")) >= day("2020-01-02")),
    (
        "session.timestamp > 2020-01-02T01:00:00.0005+01:00",
        lambda d: d("session.timestamp") == day("2020-01-02T00:00:00.001"),
    ),
    ('session.label = "2020-01-01"', lambda d: d("session.label") == "2020-01-01"),
    ("session.label = 2020-01-01", lambda d: d("session.label") == "2020-01-01"),
    ("file.classification.Measurement = T1", lambda d: "T1" in (d("file.classification.Measurement") or [])),
    ("file.classification.Measurement CONTAINS t2", lambda d: d("file.classification.Measurement") == ["T2*"]),
    ('file.name LIKE "%.nii.gz"', lambda d: str(d("file.name")).endswith(".nii.gz")),
    ("file.name like T1_.*", lambda d: str(d("file.name")).startswith("T1w.")),
    ("file.name =~ rest.*", lambda d: str(d("file.name")).startswith("rest")),
    ("file.name =~ rest", lambda d: False),
    ("file.name !~ rest.*", lambda d: not str(d("file.name")).startswith("rest")),
    ("file.name != T1w.nii.gz", lambda d: d("file.name") != "T1w.nii.gz"),
    ("file.type IN [dicom, nifti]", lambda d: d("file.type") in ("dicom", "nifti")),
    ("NOT file.type EXISTS", lambda d: d("file") is None),
    ("session.tags = v1", lambda d: "v1" in (d("session.tags") or [])),
    (
        "subject.tags = shared OR file.tags = checked AND NOT session.operator EXISTS",
        lambda d: (
            "shared" in (d("subject.tags") or []) or ("checked" in (d("file.tags") or []) and not d("session.operator"))
        ),
    ),
    (
        "(subject.tags = shared OR file.tags = checked) AND NOT session.operator EXISTS",
        lambda d: (
            ("shared" in (d("subject.tags") or []) or "checked" in (d("file.tags") or [])) and not d("session.operator")
        ),
    ),
    ("session.notes.text CONTAINS moved", lambda d: "Moved" in str(d("session.notes"))),
    ("session.info.done = true", lambda d: d("session.info.done") is True),
    ("session.info.list = 2.5", lambda d: d("session") is not None),
    ('"session.info.deep.a b.k" = 1', lambda d: d("session.info.visit") == 1),
    ("session.info.deep.when < 2020-01-02", lambda d: d("session.info.visit") == 0),
    ("session.info.mixed = 1", lambda d: type(d("session.info.mixed")) is int),
    ('session.info.mixed = "1"', lambda d: d("session.info.mixed") == "1"),
    ("session.info.empty exists", lambda d: bool(d("session.info.empty"))),
    ("project.info.site CONTAINS kÖL", lambda d: d("project") is not None),
    ("subject.date_of_birth < 1981-01-01", lambda d: str(d("subject.date_of_birth")).startswith("1980")),
    ("analysis.label = fit AND file EXISTS", lambda d: d("analysis") and d("file")),
    ("parent.type = analysis", lambda d: d("parent.type") == "analysis"),
    ("parent.label = T1w", lambda d: d("parent.label") == "T1w"),
    (f"parent._id IN [x, {PROJECTS[1].id}]", lambda d: d("parent._id") == PROJECTS[1].id),
    (
        "file.created < 2020-01-01T00:00:10.001Z",
        lambda d: (d("file.created") or day("9999-01-01")) < day("2020-01-01T00:00:10.001"),
    ),
    ("file.size >= 100 AND file.size < 120", lambda d: 100 <= (d("file.size") or 0) < 120),
    ("nothing.like = this", lambda d: False),
]
"""Queries as people write them, each with what it means."""


@pytest.mark.parametrize(("text", "rule"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_queries_as_people_write_them(
    users: dict[str, httpx.Client], text: str, rule: Callable[[Look], object]
) -> None:
    for user, kind in LOOKS:
        seen = SEEN[user]
        wanted = {
            above.id
            for thing in THINGS
            if thing.kind in SEARCHED
            and (owner := thing.above("project") or thing.above("collection"))
            and (seen is None or owner.id in seen)
            and (above := thing.above(kind))
            and rule(looking_at(document(thing)))
        }
        found = found_by(users[user], text, kind)
        assert set(found) == wanted, (user, kind)
        assert len(found) == len(wanted)


LIVE = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LIVE
@given(query=a_query(), user=st.sampled_from(sorted(SEEN)), kind=st.sampled_from(SEARCHED))
def test_any_query_finds_what_the_reference_finds(
    users: dict[str, httpx.Client], query: Query, user: str, kind: str
) -> None:
    text = written(query)
    assert found_by(users[user], text, kind) == search(THINGS, query, kind, SEEN[user])
