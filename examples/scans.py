"""Real scans to play with: MR and CT images that ship inside nibabel and pydicom, laid out as a small study."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

SUBJECTS = ("sub-01", "sub-02", "sub-03")
SESSIONS = ("ses-1", "ses-2")
ACQUISITIONS = {
    "localizer": [("pydicom.data", "test_files/MR_small.dcm")],
    "T1w": [("nibabel.tests", "data/anatomical.nii"), ("nibabel.tests", "data/reoriented_anat_moved.nii")],
    "bold task-rest": [("nibabel.tests", "data/functional.nii"), ("nibabel.tests", "data/example4d.nii.gz")],
    "CT": [("pydicom.data", "test_files/CT_small.dcm")],
}


@dataclass(frozen=True)
class Scan:
    """One file of the study and where it belongs."""

    subject: str
    session: str
    acquisition: str
    path: Path


def lay_out(folder: Path) -> list[Scan]:
    """Copies the images into `folder` as subject/session/acquisition/file, as a scanner's export would look."""
    for subject in SUBJECTS:
        for session in SESSIONS:
            for acquisition, images in ACQUISITIONS.items():
                target = folder / subject / session / acquisition
                target.mkdir(parents=True)
                for package, name in images:
                    image = files(package).joinpath(name)
                    with image.open("rb") as source, (target / Path(name).name).open("wb") as copy:
                        shutil.copyfileobj(source, copy)
    return list(scans_in(folder))


def scans_in(folder: Path) -> Iterator[Scan]:
    """Reads a folder laid out as subject/session/acquisition/file."""
    for path in sorted(folder.glob("*/*/*/*")):
        subject, session, acquisition = path.relative_to(folder).parts[:3]
        yield Scan(subject, session, acquisition, path)


def sha384(path: Path) -> str:
    """The hash of a file, to compare copies with."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha384").hexdigest()
