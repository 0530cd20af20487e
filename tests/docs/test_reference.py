"""Every example of the reference page runs, in both flavours and with both kinds of login, and keeps its promise."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.docs.conftest import blocks

from flywheel_async.emulator import Emulator
from flywheel_async.filter_doubts import FilterWarning
from flywheel_async.sync import Client

PAGE = "docs/reference.md"
PREPARATION, *EXAMPLES = blocks(PAGE)


@pytest.fixture
def prepared(here: Path) -> Iterator[Emulator]:
    """What the page's preparation makes."""
    names: dict[str, Any] = {}
    exec(PREPARATION.code, names)
    yield names["site"]
    names["site"].stop()


@pytest.fixture
def login(here: Path, prepared: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key in the login file instead of the environment."""
    monkeypatch.delenv("FLYWHEEL_API_KEY")
    file = Path("~/.config/flywheel/user.json").expanduser()
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"key": prepared.api_key}))


def test_the_page_has_every_task_in_both_flavours() -> None:
    assert PREPARATION.section == "Preparation"
    assert not PREPARATION.is_async
    for section, group in groupby(EXAMPLES, lambda block: block.section):
        flavours = [block.is_async for block in group]
        assert flavours == [False, True] * (len(flavours) // 2), section
    assert len((Path(__file__).parents[2] / PAGE).read_text().splitlines()) < 450


def test_sync_examples(prepared: Emulator, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in EXAMPLES:
        if not block.is_async:
            exec(block.code, names)
    check(prepared, here, names, capsys.readouterr().out)


@pytest.mark.anyio
async def test_async_examples(
    prepared: Emulator, here: Path, login: None, capsys: pytest.CaptureFixture[str], anyio_backend: str
) -> None:
    names: dict[str, Any] = {}
    for block in EXAMPLES:
        if block.is_async:
            await eval(block.code, names)
    output = capsys.readouterr().out
    await anyio.to_thread.run_sync(check, prepared, here, names, output)


def check(site: Emulator, here: Path, names: dict[str, Any], output: str) -> None:
    """Looks for what the examples promise: in their variables, on the site, on disk and in what they print."""
    labels = {name: sorted(x.label for x in names[name]) for name in ("projects", "men", "left_handed", "later")}
    assert labels == {
        "projects": ["Study"],
        "men": ["0042"],
        "left_handed": ["0042", "0043"],
        "later": ["visit 1"],
    }
    for name in ("everywhere", "same", "resting", "acquisitions", "all_scans", "complete", "tagged", "scans"):
        assert len(names[name]) == (1 if name in ("tagged", "scans") else 2), name
    assert [session.subject.label for session in names["young"]] == ["0042"]
    assert [subject.info for subject in names["complete"]] == [{"hand": "left"}] * 2
    assert names["first"].id == names["session"].id
    assert names["holder"].id == names["acquisition"].id
    assert names["again"].id == names["new_subject"].id
    assert names["same_project"].id == names["study"].id
    assert (here / "copy.txt").read_text() == names["text"] == "fine"
    assert (here / "resting state-T1w.nii.gz").read_bytes() == b"scan"
    for printed in (
        "admin@emulator.local",
        "subject 0042",
        "2026-02-01 08:30:00+00:00",
        "2026-02-01 09:30:00+01:00",
        "{'scanner': {'coil': 'head'}}",
        "'Structural'",
        "['checked'] [1]",
        "25.0 304.375",
        "report.txt {'run': 1} ['new']",
    ):
        assert printed in output, printed
    with Client(site.api_key) as fw:
        session = fw.get_session(names["session"].id)
        assert (session.label, session.operator, session.tags, session.notes) == ("resting state 1", "Ann", [], [])
        scan = fw.get_acquisition(names["acquisition"].id).get_file("T1w.nii.gz")
        assert (scan.modality, scan.classification) == ("MR", {"Intent": ["Structural"]})
        assert scan.info == {"run": 1, "echo": {"time": 0.03}}
        study = fw.get_project(names["study"].id)
        assert {p.id: p.role_ids for p in study.permissions if p.id != site.admin_user} == {
            "ann@example.org": [names["reader"].id],
            "bob@example.org": [names["reader"].id],
        }
        assert fw.get_group("new_lab").get_permission("ann@example.org").access == "admin"
        pilot = fw.lookup("new_lab/Pilot")
        assert pilot.get_permission("bob@example.org").role_ids == [names["own"].id]
        assert pilot.read_file("report.txt") == b"fine"
        tree = [len(fw.get_project(study.id).subjects.find()), len(names["new_subject"].parents.project)]
        assert tree == [3, 24]
        with pytest.warns(FilterWarning, match="946728000"):
            fw.sessions.find("age<30,subject.sex=male")
        with pytest.raises(ValueError, match=r"info\.a\.b"):
            session.update_info(a={"b": float("nan")})
        with pytest.raises(ValueError, match="created"):
            session.update(created="2026-01-01T00:00:00Z")
    assert os.getcwd() == str(here)
