"""Searches on a large site: they answer soon, and without reading the site into memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.emulator.conftest import ok
from tests.emulator.search_site import Thing, World, plant

from flywheel_async.emulator import Emulator


def _large(files: int) -> list[Thing]:
    """Sessions with 10 acquisitions of 10 files each."""
    world = World()
    group = world.add("group", None, "large", label="Large", tags=[])
    project = world.add("project", group, label="Large", info={}, tags=[])
    for number in range(files // 100):
        subject = world.add("subject", project, label=f"sub-{number:04}", code=f"sub-{number:04}", tags=[])
        session = world.add("session", subject, label="visit", age=number, tags=[], info={"n": number}, timestamp=None)
        for scan in range(10):
            acquisition = world.add("acquisition", session, label=f"scan{scan}", tags=[], info={}, timestamp=None)
            for part in range(10):
                classification = {"Measurement": ["T1" if part else "T2"], "Intent": ["Structural"]}
                info = {"EchoTime": part / 10, "header": {"dicom": {"SeriesNumber": scan, "Name": "x" * 50}}}
                world.add(
                    "file",
                    acquisition,
                    name=f"{part}.nii.gz",
                    type="nifti",
                    classification=classification,
                    tags=["a"],
                    info=info,
                )
    return world.things


@pytest.fixture(scope="module", params=[2_000, pytest.param(100_000, marks=pytest.mark.acceptance)])
def large(request: pytest.FixtureRequest) -> Iterator[tuple[int, Emulator, list[Thing]]]:
    files: int = request.param
    with Emulator() as site:
        things = _large(files)
        plant(site, things, {site.admin_user: [thing.id for thing in things if thing.kind in ("group", "project")]})
        yield files, site, things


def _queries(files: int) -> list[tuple[str, str, int]]:
    sessions = files // 100
    return [
        ("file", "project.label = Large", files),
        ("file", "session.info.n = 7 AND acquisition.label = scan3", 10),
        ("file", "file.classification.Measurement = T2 AND file.info.header.dicom.SeriesNumber = 4", sessions),
        ("file", "NOT file.classification.Measurement = T1 AND session.age < 3", 30),
        ("file", 'file.name LIKE "3%" AND file.info.EchoTime > 0.25', sessions * 10),
        ("session", 'file.name =~ "9.*" AND subject.label CONTAINS SUB', sessions),
        ("acquisition", "file.info.header.dicom.SeriesNumber IN [1, 2] OR file.name = missing", sessions * 2),
        ("project", "file.tags = a AND NOT session.info.n = 0", 1),
        ("file", "file.created >= 2020-01-01T00:00:30 AND file.created < 2020-01-01T00:00:40", -1),
    ]


def test_searches_answer_soon(large: tuple[int, Emulator, list[Thing]], api: Callable[[str], httpx.Client]) -> None:
    files, site, things = large
    client = httpx.Client(base_url=site.url, headers={"authorization": f"scitran-user {site.api_key.split(':')[-1]}"})
    with client:
        for kind, query, wanted in _queries(files):
            if wanted < 0:
                first, last = (things[0].fields["created"].replace(second=second) for second in (30, 40))
                wanted = sum(thing.kind == "file" and first <= thing.fields["created"] < last for thing in things)
            body = {"return_type": kind, "structured_query": query, "size": 10_000}
            started = time.monotonic()
            hits = ok(client.post("/dataexplorer/search", params={"simple": "true"}, json=body, timeout=60)).json()
            took = time.monotonic() - started
            print(f"{files} files, {took:.2f} s, {len(hits)} {kind}s: {query}")
            assert len(hits) == min(wanted, 10_000), query
            assert took < 5, query
