"""Searches through the official client and ours: the same hits, and the same words about queries."""

from __future__ import annotations

from typing import Any

import flywheel
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.emulator.search_queries import a_query, written
from tests.emulator.search_site import PROJECTS, THINGS, plant
from tests.interop.clients import QUIET

from flywheel_async import q
from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client

pytestmark = [*QUIET, pytest.mark.timeout(180)]

KINDS = ("file", "acquisition", "session", "analysis", "project", "subject")

QUERIES: dict[str, Any] = {
    'project.label CONTAINS "study"': q.project.label.contains("study"),
    "session.age <= 978287200 AND file.type = nifti": None,
    'file.classification.Measurement IN [T1, "T2*"]': q.file.classification.Measurement.in_(["T1", "T2*"]),
    'subject.label = "say \\"x\\"" OR subject.label = "1001"': q.subject.label.in_(['say "x"', "1001"]),
    'file.name =~ ".*dicom.*" AND NOT subject.sex = male': q.file.name.matches("dicom") & ~(q.subject.sex == "male"),
    'session.label LIKE "follow%"': q.session.label.like("follow%"),
    "session.timestamp >= 2020-01-02": None,
    "NOT acquisition.label EXISTS": ~q.acquisition.label.exists(),
}
"""Queries as text, with the expressions that say the same."""


@pytest.fixture(scope="module")
def full(site: Emulator) -> Emulator:
    plant(site, THINGS, {site.admin_user: [project.id for project in PROJECTS]})
    return site


def found(hits: Any, kind: str) -> list[tuple[Any, ...]]:
    """What hits name, as either client tells it."""
    if kind == "file":
        return sorted((hit.parent.id, hit.file.name) for hit in hits)
    return sorted((hit[kind]["_id"],) for hit in hits)


def check(official: flywheel.Client, site: Emulator, query: str, expression: Any, kind: Any) -> None:
    theirs = found(official.search({"structured_query": query, "return_type": kind}, size=10_000), kind)
    with Client(site.api_key) as fw:
        assert found(fw.search({"structured_query": query, "return_type": kind}, size=10_000), kind) == theirs
        assert found(fw.iter_search(query, return_type=kind, limit=5), kind) == theirs
        if expression is not None:
            assert found(fw.search(expression, return_type=kind, size=10_000), kind) == theirs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", QUERIES)
def test_the_same_hits(official: flywheel.Client, full: Emulator, query: str, kind: str) -> None:
    check(official, full, query, QUERIES[query], kind)


@settings(
    deadline=None,
    max_examples=15,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(query=a_query(), kind=st.sampled_from(KINDS))
def test_the_same_hits_of_any_query(official: flywheel.Client, full: Emulator, query: Any, kind: str) -> None:
    check(official, full, written(query), None, kind)


@pytest.mark.parametrize("query", ["file.type = ", "(a = b", "a ~ b", "a = b"])
def test_the_same_words_about_queries(official: flywheel.Client, full: Emulator, query: str) -> None:
    theirs = official.parse_search_query({"structured_query": query})
    hints = official.get_search_query_suggestions({"structured_query": query})
    with Client(full.api_key) as fw:
        ours = fw.parse_search_query(query)
        assert ours.valid == theirs.valid
        told = [(error.line, error.pos, error.offset, error.message) for error in theirs.errors]
        assert [(error.line, error.pos, error.offset, error.message) for error in ours.errors] == told
        suggested = [(one.display, one.value) for one in hints.suggestions]
        assert [(one.display, one.value) for one in fw.get_search_query_suggestions(query).suggestions] == suggested


def test_saved_searches(official: flywheel.Client, full: Emulator) -> None:
    with Client(full.api_key, exhaustive=True) as fw:
        search = {"structured_query": "session.label = baseline", "return_type": "session"}
        made = fw.save_search({"label": "mine", "search": search, "parent": {"type": "user", "id": full.admin_user}})
        theirs = official.get_saved_search(made)
        assert found(fw.search(fw.get_saved_search(made)), "session") == found(
            official.search(theirs.search, size=100), "session"
        )
