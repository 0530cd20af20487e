"""O6 (b) and (c): a script that deletes what is empty, and one that copies files between projects."""

from __future__ import annotations

from pathlib import Path

from flywheel_async.sync import Client, Project


def delete_empty(fw: Client, project: Project) -> list[str]:
    """Acquisitions without files, then sessions without acquisitions, then subjects without sessions."""
    deleted: list[str] = []
    for subject in project.subjects():
        for session in subject.sessions():
            for acquisition in session.acquisitions():
                if not acquisition["files"]:
                    fw.delete_acquisition(acquisition["_id"])
                    deleted.append(f"{subject['label']}/{session['label']}/{acquisition['label']}")
            if not session.acquisitions():
                fw.delete_session(session.id)
                deleted.append(f"{subject['label']}/{session['label']}")
        if not subject.sessions():
            fw.delete_subject(subject.id)
            deleted.append(subject["label"])
    return deleted


def copy_images(fw: Client, source: Project, target: Project, folder: Path) -> list[str]:
    """Copies images to the acquisitions of the same labels, as far as there are any."""
    copied: list[str] = []
    for session in source.sessions.iter():
        subject = target.subjects.find_first(f'label="{session.subject.label}"')
        if subject is None:
            continue
        there = subject.sessions.find_first(f'label="{session.label}"')
        if there is None:
            continue
        for acquisition in session.acquisitions.iter():
            destination = there.acquisitions.find_first(f'label="{acquisition.label}"')
            for file in acquisition.files:
                if destination and file.type == "nifti" and file.name not in [f.name for f in destination.files]:
                    path = folder / file.name
                    acquisition.download_file(file.name, path)
                    destination.upload_file(str(path))
                    path.unlink()
                    copied.append(f"{subject.label}/{session.label}/{acquisition.label}/{file.name}")
    return copied


def labels(project: Project) -> set[str]:
    found = {subject.label for subject in project.subjects()}
    for session in project.sessions():
        found.add(f"{session.subject.label}/{session.label}")
        found.update(f"{session.subject.label}/{session.label}/{a.label}" for a in session.acquisitions())
    return found


def fill(fw: Client, path: str, *names: str) -> None:
    acquisition = fw.ensure_path(path)
    for name in names:
        acquisition.upload_file(f"{path} {name}".encode(), name=name)


def test_delete_empty(fw: Client) -> None:
    fill(fw, "lab/Study/01/a/full", "x.txt")
    fill(fw, "lab/Study/01/a/empty")
    fill(fw, "lab/Study/01/b/empty")
    fill(fw, "lab/Study/02/a/empty")
    fw.ensure_path("lab/Study/03/no scans")
    fw.ensure_path("lab/Study/04")
    fill(fw, "lab/Other/01/a/empty")
    study, other = fw.lookup("lab/Study"), fw.lookup("lab/Other")
    gone = ["01/a/empty", "01/b", "01/b/empty", "02", "02/a", "02/a/empty", "03", "03/no scans", "04"]
    before = labels(study)
    assert sorted(delete_empty(fw, study)) == gone
    assert before - labels(study) == set(gone)
    assert labels(study) == {"01", "01/a", "01/a/full"}
    assert labels(other) == {"01", "01/a", "01/a/empty"}
    assert delete_empty(fw, study) == []


def test_copy_images(fw: Client, tmp_path: Path) -> None:
    for subject in ("0042", "with, comma", "only here"):
        fill(fw, f"lab/From/{subject}/v 1/T1", "a b.nii.gz", "b.nii", "notes.txt")
    fill(fw, "lab/From/0042/v 2/T1", "late.nii")
    fill(fw, "lab/To/0042/v 1/T1", "b.nii")
    fill(fw, "lab/To/with, comma/v 1/T1")
    fill(fw, "lab/To/with, comma/v 1/T2", "other.txt")
    source, target = fw.lookup("lab/From"), fw.lookup("lab/To")
    before = {file.file_id: file.hash for file in fw.files.find()}
    copied = copy_images(fw, source, target, tmp_path)
    assert copied == [
        "0042/v 1/T1/a b.nii.gz",
        "with, comma/v 1/T1/a b.nii.gz",
        "with, comma/v 1/T1/b.nii",
    ]
    for path in copied:
        *labels_, name = path.split("/")
        one, two = (fw.lookup(["lab", project, *labels_]).get_file(name) for project in ("From", "To"))
        assert one.read() == two.read() == f"lab/From/{'/'.join(labels_)} {name}".encode()
        assert one.hash == two.hash
        assert two.version == 1
    after = {file.file_id: file.hash for file in fw.files.find()}
    assert len(after) == len(before) + 3
    assert {key: after[key] for key in before} == before
    assert fw.lookup("lab/To/0042/v 1/T1").read_file("b.nii") == b"lab/To/0042/v 1/T1 b.nii"
    assert list(tmp_path.iterdir()) == []
    assert copy_images(fw, source, target, tmp_path) == []
