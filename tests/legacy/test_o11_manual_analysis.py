"""O11: a script that makes a project-level analysis by hand out of another analysis' inputs and outputs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.errors import APIError, NotFound
from flywheel_async.sync import Analysis, Client

log = logging.getLogger("move")


def script(fw: Client, config: dict[str, Any], outputs: list[Path], text: str) -> Analysis | None:
    """Makes the analysis; without one of the inputs it makes none, and when the outputs fail it leaves none."""
    destination = fw.get(config["destination"]["id"])
    project = fw.get_project(destination.parents.project)
    inputs = []
    for name, entry in config["inputs"].items():
        container = fw.get(entry["hierarchy"]["id"])
        try:
            inputs.append(container.get_file(entry["location"]["name"]).ref())
        except NotFound:
            log.warning("input %s: there is no %s", name, entry["location"]["name"])
            return None
    analysis = project.add_analysis(label=f"moved: {destination['label']}", inputs=inputs)
    try:
        analysis.add_note(text)
        analysis.upload_output([str(path) for path in outputs])
    except APIError:
        log.warning("the outputs of %s were not stored", analysis.label)
        fw.delete_project_analysis(project.id, analysis.id)
        raise
    return analysis.reload()


@pytest.fixture
def config(fw: Client) -> dict[str, Any]:
    session = fw.ensure_path("lab/Study/0042/visit")
    inputs: dict[str, Any] = {}
    for label, name in (("T1", "T1 w.nii.gz"), ("dwi", "dwi.bval")):
        acquisition = session.add_acquisition(label=label)
        acquisition.upload_file(name.encode(), name=name)
        inputs[label] = {
            "base": "file",
            "hierarchy": {"type": "acquisition", "id": acquisition.id},
            "location": {"name": name, "path": f"/flywheel/v0/input/{label}/{name}"},
        }
    made = session.add_analysis(label="qsiprep, 1st try")
    return {"destination": {"type": "analysis", "id": made.id}, "inputs": inputs}


@pytest.fixture
def outputs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("report 1.html", "mask.nii.gz", "empty.txt")]
    for path in paths:
        path.write_bytes(b"" if path.name == "empty.txt" else path.name.encode())
    return paths


def test_analysis(site: Emulator, fw: Client, config: dict[str, Any], outputs: list[Path], tmp_path: Path) -> None:
    made = script(fw, config, outputs, "made by hand, see 50% of ü")
    assert made is not None
    project = fw.lookup("lab/Study")
    (listed,) = project.get_analyses()
    assert listed.id == made.id
    assert (made.label, made.parent.type, made.parent.id) == ("moved: qsiprep, 1st try", "project", project.id)
    assert {(file.name, file.parent_ref.id) for file in made.inputs} == {
        (entry["location"]["name"], entry["hierarchy"]["id"]) for entry in config["inputs"].values()
    }
    (note,) = made.notes
    assert (note.text, note.user) == ("made by hand, see 50% of ü", site.admin_user)
    assert abs(note.created - datetime.now(UTC)) < timedelta(minutes=1)
    assert {file.name for file in made.files} == {path.name for path in outputs}
    for path in outputs:
        assert made.download_file(path.name, tmp_path / "back").read_bytes() == path.read_bytes()
        assert made.get_file(path.name).parent.id == made.id
    for file in made.inputs:
        assert file.parent.id == file.parent_ref.id
        assert file.read() == file.name.encode()
    again = script(fw, config, outputs, "again")
    assert again is not None
    assert {each.id for each in project.get_analyses()} == {made.id, again.id}
    assert [each.text for each in made.reload().notes] == ["made by hand, see 50% of ü"]


def test_a_missing_input_makes_nothing(
    fw: Client, config: dict[str, Any], outputs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    config["inputs"]["dwi"]["location"]["name"] = "gone.bval"
    with caplog.at_level(logging.WARNING, logger="move"):
        assert script(fw, config, outputs, "text") is None
    assert [record.getMessage() for record in caplog.records] == ["input dwi: there is no gone.bval"]
    assert fw.lookup("lab/Study").get_analyses() == []


def test_failing_outputs_leave_nothing(
    site: Emulator, fw: Client, config: dict[str, Any], outputs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    site.faults.add("POST /analyses/*/files", status=500)
    with caplog.at_level(logging.WARNING, logger="move"), pytest.raises(APIError) as caught:
        script(fw, config, outputs, "text")
    assert caught.value.status == 500
    assert [record.getMessage() for record in caplog.records] == [
        "the outputs of moved: qsiprep, 1st try were not stored"
    ]
    assert fw.lookup("lab/Study").get_analyses() == []
    site.faults.clear()
    assert script(fw, config, outputs, "text") is not None
