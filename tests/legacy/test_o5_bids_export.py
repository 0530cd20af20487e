"""O5: a script that writes a project to disk as its BIDS info says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from flywheel_async.sync import Client, Project


def nested(item: Any, *keys: str) -> Any:
    """The value at the end of a chain of keys, or None where any is missing."""
    for key in keys:
        try:
            item = item[key]
        except (KeyError, TypeError):
            return None
    return item


def wanted(fw: Client, project: Project, subjects: list[str], sessions: list[str]) -> list[Any]:
    chosen: list[Any] = []
    for session in fw.get_project_sessions(project.id):
        assert session["subject"]["label"] == session.subject.label
        if subjects and session.subject.label not in subjects:
            continue
        if not sessions or session["label"] in sessions:
            chosen.append(fw.get(session["_id"]))
    return chosen


def export(
    fw: Client, label: str, root: Path, subjects: list[str], sessions: list[str], dry_run: bool = False
) -> list[str]:
    """Returns the files it fetched, as paths below the root."""
    project = fw.projects.find_first(f'label="{label}"')
    if project is None:
        raise ValueError(f"there is no project {label}")
    project = fw.get(project.id)
    fetched: list[str] = []
    root.mkdir(exist_ok=True)
    description = nested(project, "info", "BIDS", "dataset")
    if description is not None:
        (root / "dataset_description.json").write_text(json.dumps(description))
    for session in wanted(fw, project, subjects, sessions):
        if session.get("info").get("BIDS", {}).get("ignore"):
            continue
        for acquisition in session.acquisitions():
            acquisition = fw.get_acquisition(acquisition.id)
            for file in acquisition.files:
                folder, name = nested(file, "info", "BIDS", "Path"), nested(file, "info", "BIDS", "Filename")
                if not name or nested(file, "info", "BIDS", "ignore"):
                    continue
                path = root / folder / name
                if path.exists():
                    continue
                fetched.append(str(path.relative_to(root)))
                path.parent.mkdir(parents=True, exist_ok=True)
                if not dry_run:
                    fw.download_file_from_acquisition(acquisition.id, file.name, str(path))
                    sidecar = {key: value for key, value in file["info"].items() if key != "BIDS"}
                    path.with_name(name.partition(".")[0] + ".json").write_text(json.dumps(sidecar))
    if dry_run:
        shutil.rmtree(root)
    return fetched


@pytest.fixture
def project(fw: Client) -> Project:
    for subject in ("01", "0042"):
        for visit in ("A", "B"):
            base = f"sub-{subject}/ses-{visit}/anat"
            session = fw.ensure_path(["lab", "Study, #2", subject, visit])
            acquisition = session.add_acquisition(label="T1w 1.0")
            bids: dict[str, Any] = {"Path": base, "Filename": f"sub-{subject}_ses-{visit}_T1w.nii.gz"}
            for name, info in (
                ("T1 w.nii.gz", {"BIDS": bids, "EchoTime": 0.003, "Nested": {"list": [1, None]}}),
                ("ignored.nii.gz", {"BIDS": {**bids, "Filename": "x.nii.gz", "ignore": True}}),
                ("no bids.nii.gz", {"EchoTime": 1}),
                ("not yet.nii.gz", {"BIDS": "NA"}),
                ("bare.txt", {}),
            ):
                acquisition.upload_file(f"{base} {name}".encode(), name=name, metadata={"info": info})
    fw.lookup(["lab", "Study, #2", "01", "B"]).update_info({"BIDS": {"ignore": True}})
    project = fw.lookup(["lab", "Study, #2"])
    project.update_info({"BIDS": {"dataset": {"Name": "Study", "BIDSVersion": "1.8.0"}}})
    return project


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def images(*visits: tuple[str, str]) -> list[str]:
    return [f"sub-{s}/ses-{v}/anat/sub-{s}_ses-{v}_T1w.nii.gz" for s, v in visits]


def test_export_and_again(fw: Client, project: Project, tmp_path: Path) -> None:
    root = tmp_path / "out"
    expected = images(("01", "A"), ("0042", "A"), ("0042", "B"))
    assert sorted(export(fw, project.label, root, [], [])) == sorted(expected)
    found = tree(root)
    sidecars = [path.replace(".nii.gz", ".json") for path in expected]
    assert set(found) == {"dataset_description.json", *expected, *sidecars}
    for path, sidecar in zip(expected, sidecars, strict=True):
        assert found[path] == f"{Path(path).parent} T1 w.nii.gz".encode()
        assert json.loads(found[sidecar]) == {"EchoTime": 0.003, "Nested": {"list": [1, None]}}
    assert json.loads(found["dataset_description.json"]) == {"Name": "Study", "BIDSVersion": "1.8.0"}
    assert export(fw, project.label, root, [], []) == []
    assert tree(root) == found


def test_choice_and_dry_run(fw: Client, project: Project, tmp_path: Path) -> None:
    root = tmp_path / "out"
    assert export(fw, project.label, root, ["0042"], ["B"], dry_run=True) == images(("0042", "B"))
    assert not root.exists()
    assert export(fw, project.label, root, ["0042"], ["B"]) == images(("0042", "B"))
    assert len(tree(root)) == 3
    with pytest.raises(ValueError, match="no project"):
        export(fw, "Study", root, [], [])


def test_missing_levels_give_none(fw: Client, project: Project) -> None:
    session = fw.get(project.sessions()[0].id)
    for keys in (
        ("info", "BIDS", "x", "y"),
        ("nonsense",),
        ("subject", "info", "no"),
        ("timestamp", "x"),
        ("label", "x"),
    ):
        assert nested(session, *keys) is None, keys
    assert session.get("nonsense") is None
    assert session.get("nonsense", {}).get("x") is None
    assert session["subject"].get("info", {}).get("BIDS") is None
