"""O1: a script that finds or creates a whole path, uploads what is missing and updates the metadata."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flywheel_async.sync import Client, Group

Metadata = dict[str, Any]


def find_or_create_group(fw: Client, group_id: str, label: str) -> Group:
    group = fw.groups.find_first(f'label="{label}"')
    if not group:
        new_id = fw.add_group(Group(id=group_id, label=label))
        assert type(new_id) is str
        group = fw.get_group(new_id)
    return group.reload()


def find_or_create_child(parent: Any, kind: str, label: str, **metadata: Any) -> Any:
    child = getattr(parent, f"{kind}s").find_first(f'label="{label}"')
    if not child:
        child = getattr(parent, f"add_{kind}")(label=label)
    info = metadata.pop("info", None)
    if info:
        child.update_info(info)
    if metadata:
        child.update(**metadata)
    return child.reload()


def upload_once(fw: Client, acquisition: Any, path: Path, fields: Metadata, info: Metadata) -> bool:
    """Returns whether it was uploaded."""
    new = path.name not in [file.name for file in acquisition.files]
    if new:
        acquisition.upload_file(str(path))
        for _ in range(50):
            acquisition = fw.get_acquisition(acquisition.id)
            if path.name in [file.name for file in acquisition.files]:
                break
            time.sleep(0.05)
    file = acquisition.get_file(path.name)
    file.update(**fields)
    file.update_info(info)
    return new


def script(fw: Client, folder: Path, operator: str) -> list[bool]:
    group = find_or_create_group(fw, "neuro_lab", "Neuro Lab, 2nd floor")
    project = find_or_create_child(group, "project", "Study 1, part 2", info={"grant": {"number": 7}})
    subject = find_or_create_child(project, "subject", "0042", sex="female", info={"hand": "left"})
    session = find_or_create_child(subject, "session", "visit 1, 2026", operator=operator)
    acquisition = find_or_create_child(session, "acquisition", "3", info={"run": 1})
    return [
        upload_once(fw, acquisition, path, {"modality": "MR"}, {operator: {"checked": True}})
        for path in sorted(folder.iterdir())
    ]


def all_ids(fw: Client) -> list[str]:
    return [
        item.id
        for finder in (fw.groups, fw.projects, fw.subjects, fw.sessions, fw.acquisitions, fw.files)
        for item in finder()
    ]


def test_twice(fw: Client, tmp_path: Path) -> None:
    for name in ("T1 w.nii.gz", "notes, old.txt"):
        (tmp_path / name).write_text(name)
    assert script(fw, tmp_path, "ann") == [True, True]
    made = all_ids(fw)
    assert len(made) == 7
    assert script(fw, tmp_path, "bob") == [False, False]
    assert all_ids(fw) == made
    path = ["neuro_lab", "Study 1, part 2", "0042", "visit 1, 2026", "3"]
    group, project, subject, session, acquisition = [fw.get(node.id) for node in fw.resolve(path).path]
    assert (group.label, project["info"]) == ("Neuro Lab, 2nd floor", {"grant": {"number": 7}})
    assert (subject["sex"], subject["info"]) == ("female", {"hand": "left"})
    assert (session["operator"], acquisition["info"]) == ("bob", {"run": 1})
    for file in acquisition["files"]:
        assert (file.version, file.modality, file.read()) == (1, "MR", file.name.encode())
        assert file.reload().info == {"ann": {"checked": True}, "bob": {"checked": True}}
