"""O7: a script that runs a saved data view of one project on another, and keeps the result as CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.sync import APIError, Client

COLUMNS = {
    "participants": ["sex", "subject.label", "project.label"],
    "scans: size, type": ["acquisition.file.size", "subject.label", "acquisition.file.name", "acquisition.file.type"],
}
UNKNOWN = "0123456789abcdef01234567"


def pull(fw: Client, label: str, path: Path) -> list[dict[str, Any]]:
    """Gives the rows of a view, and saves them as CSV."""
    library = fw.lookup("metadata/views")
    for view in fw.get_views(library.id):
        print(f"label: {view.label} description: {view.description}")
    views = fw.get_views(library.id, filter=f"label={label}")
    view_id = views[0].id
    source = fw.lookup("lab/Study")
    with fw.read_view_data(view_id, source.id) as response:
        extract = json.load(response)
    fw.save_view_data(view_id, source.id, str(path), format="csv")
    rows: list[dict[str, Any]] = extract["data"]
    return rows


@pytest.fixture
def view_ids(fw: Client) -> dict[str, str]:
    library = fw.ensure_path("metadata/views")
    for subject, sex in (("0042", "female"), ('with, "comma"', "male"), ("ü", None)):
        acquisition = fw.ensure_path(["lab", "Study", subject, "visit", "T1"])
        if sex:
            fw.get_subject(acquisition.parents.subject).update(sex=sex)
        acquisition.upload_file(subject.encode(), name=f"scan {len(subject)}.nii.gz")
    fw.ensure_path("lab/Other/0001/visit/T1").upload_file(b"x", name="x.txt")
    plain = {"include_ids": False, "include_labels": False}
    participants = fw.View(
        label="participants",
        description="one row per subject",
        columns=[("subject.sex", "sex"), "subject.label", "project.label"],
        **plain,
    )
    scans = fw.View(label="scans: size, type", description="files", columns=COLUMNS["scans: size, type"], **plain)
    return {view.label: fw.add_view(library.id, view) for view in (participants, scans)}


@pytest.mark.usefixtures("view_ids")
@pytest.mark.parametrize("label", COLUMNS)
def test_pull(fw: Client, label: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows of view.csv"
    rows = pull(fw, label if "," not in label else f'"{label}"', path)
    assert capsys.readouterr().out.splitlines() == [
        "label: participants description: one row per subject",
        "label: scans: size, type description: files",
    ]
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert [name for name in header if name != "errors"] == COLUMNS[label]
    assert [list(row) for row in rows] == [header] * 3
    assert [["" if value is None else str(value) for value in row.values()] for row in rows] == lines
    assert {row["subject.label"] for row in rows} == {"0042", 'with, "comma"', "ü"}
    if label == "participants":
        assert {(row["subject.label"], row["sex"]) for row in rows} >= {("0042", "female"), ("ü", None)}
    else:
        assert {(row["acquisition.file.name"], row["acquisition.file.size"]) for row in rows} == {
            ("scan 4.nii.gz", 4),
            ("scan 13.nii.gz", 13),
            ("scan 1.nii.gz", 2),
        }


def test_views_are_objects(fw: Client, view_ids: dict[str, str]) -> None:
    library = fw.lookup("metadata/views")
    views = fw.get_views(library.id)
    assert {view["label"]: view["_id"] for view in views} == {view.label: view.id for view in views} == view_ids
    assert [view.label for view in fw.get_views(library.id, filter="label=~^scans")] == ["scans: size, type"]
    assert fw.get_views(library.id, filter="label=nothing") == []
    assert fw.get_views(fw.lookup("lab/Study").id) == []
    view = fw.get_view(view_ids["participants"])
    assert [column.src for column in view.columns] == ["subject.sex", "subject.label", "project.label"]
    assert view["columns"][0]["dst"] == "sex"
    assert (view.include_ids, view.get("includeLabels")) == (False, False)


def test_ways_to_read(fw: Client, view_ids: dict[str, str]) -> None:
    view_id, project = view_ids["participants"], fw.lookup("lab/Study")
    with fw.read_view_data(view_id, project.id) as text:
        wanted = json.load(text)["data"]
    with fw.read_view_data(view_id, project.id, decode=False) as data:
        assert json.loads(data.read())["data"] == wanted
    response = fw.read_view_data(view_id, project.id, format="json-flat")
    assert json.load(response) == wanted
    response.close()
    with fw.read_view_data(view_id, project.id, format="ndjson") as lines:
        assert [json.loads(line) for line in lines] == wanted
    for name, delimiter in (("csv", ","), ("tsv", "\t")):
        with fw.read_view_data(view_id, project.id, format=name) as table:
            labels = [row["subject.label"] for row in csv.DictReader(table, delimiter=delimiter)]
        assert labels == [row["subject.label"] for row in wanted]
    frame = fw.read_view_dataframe(view_id, project.id, opts={"dtype": {"subject.label": str}})
    assert list(frame.columns) == list(wanted[0])
    assert list(frame["subject.label"]) == [row["subject.label"] for row in wanted]
    with fw.read_view_data(view_id, project.id, filter='subject.label="0042"') as one:
        assert [row["sex"] for row in json.load(one)["data"]] == ["female"]
    with fw.read_view_data(view_id, fw.lookup("lab/Other").id) as other:
        assert [row["subject.label"] for row in json.load(other)["data"]] == ["0001"]


def status(call: Any) -> int:
    with pytest.raises(APIError) as caught:
        call()
    assert caught.value.reason
    return int(caught.value.status)


def read(fw: Client, view_id: str, container_id: str) -> str:
    with fw.read_view_data(view_id, container_id) as response:
        return str(response.read())


def test_no_such_view(site: Emulator, fw: Client, view_ids: dict[str, str], tmp_path: Path) -> None:
    view_id, project = view_ids["participants"], fw.lookup("lab/Study")
    path, kept = tmp_path / "new.csv", tmp_path / "kept.csv"
    fw.save_view_data(view_id, project.id, str(kept), format="csv")
    fw.delete_view(view_ids["scans: size, type"])
    for gone in (UNKNOWN, view_ids["scans: size, type"]):
        assert status(lambda gone=gone: fw.get_view(gone)) == 404
        assert status(lambda gone=gone: read(fw, gone, project.id)) == 404
        assert status(lambda gone=gone: fw.save_view_data(gone, project.id, str(path), format="csv")) == 404
    assert status(lambda: read(fw, view_id, UNKNOWN)) == 404
    assert status(lambda: fw.get_views(UNKNOWN)) == 404
    assert list(tmp_path.iterdir()) == [kept]
    with Client(site.add_user("guest@example.org")) as guest:
        assert status(lambda: read(guest, view_id, project.id)) == 403
