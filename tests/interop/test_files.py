"""Files that one client uploads arrive whole at the other one, whatever their names are."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import flywheel
import pytest
from tests.interop.clients import BOTH_LOOPS, QUIET, Ours
from tests.interop.compare import differences
from tests.interop.conftest import Tree

from flywheel_async import Acquisition, FileSpec

pytestmark = QUIET


NAMES = [
    "scan.nii.gz",
    "with space.txt",
    " edges ",
    "100%.txt",
    "a%2Fb.txt",
    "%",
    "a#b.txt",
    "a?b=c&d.txt",
    "a+b.txt",
    "a;b,c=d.txt",
    "it's.txt",
    "~tilde~!*().txt",
    "ünï 文 🧠.nii.gz",
    "e\u0301.txt",
    "...",
    ".hidden",
    "a..b",
    "<x>|y:z*.txt",
    "back\\slash.txt",
    "x" * 251 + ".txt",
    "ü" * 127 + "x",
]
"""Names both forms of upload carry as they are."""

METADATA_NAMES = [*NAMES, "a/b.txt", "/", 'say "hi".txt', "two\nlines.txt", "a%22b.txt"]
"""Names that travel in the metadata; a multipart filename has no one spelling for some of these."""


LEFT_OPEN = pytest.mark.filterwarnings("ignore:unclosed file <_io.BufferedReader:ResourceWarning")
"""The official client does not close the files it uploads by path; ours opens its files another way."""


@pytest.fixture(scope="module")
def shelf(plant: Callable[[], Tree]) -> Tree:
    """One tree for the whole module."""
    return plant()


def sha(data: bytes) -> str:
    return f"v0-sha384-{hashlib.sha384(data).hexdigest()}"


def same_file(official: flywheel.Client, ours: Ours, acquisition_id: str, name: str, data: bytes) -> None:
    """Compares entry and content of a file through both clients."""
    scan = official.get_acquisition(acquisition_id)
    theirs = [entry for entry in scan.files if entry.name == name]
    own = ours(lambda fw: fw.get(acquisition_id))
    mine = [entry for entry in own.files if entry.name == name]
    assert len(theirs) == len(mine) == 1
    assert (mine[0].size, mine[0].hash) == (len(data), sha(data))
    assert differences(theirs, mine) == []
    assert scan.read_file(name) == theirs[0].read() == data
    assert ours(lambda fw: own.read_file(name)) == ours(lambda fw: mine[0].read()) == data
    assert differences(scan.get_file(name), ours(lambda fw: own.get_file(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_the_official_client_uploads(official: flywheel.Client, ours: Ours, shelf: Tree, name: str) -> None:
    data = f"content of {name}".encode()
    made = shelf.acquisition.upload_file(flywheel.FileSpec(name, data))
    assert [entry.name for entry in made] == [name]
    same_file(official, ours, shelf.acquisition.id, name, data)


@pytest.mark.parametrize("name", METADATA_NAMES)
def test_what_ours_uploads(official: flywheel.Client, ours: Ours, shelf: Tree, name: str) -> None:
    data = f"content of {name}".encode()
    session = ours(lambda fw: fw.get(shelf.session.id))
    scan = ours(lambda fw: session.add_acquisition(label="of ours"))
    made = ours(lambda fw: scan.upload_file(FileSpec(name, data)))
    assert [entry.name for entry in made] == [name]
    same_file(official, ours, scan.id, name, data)
    official.delete_acquisition_file(scan.id, name)
    assert ours(lambda fw: scan.reload()).files == []


@pytest.mark.parametrize("name", METADATA_NAMES)
def test_names_in_the_metadata(official: flywheel.Client, ours: Ours, shelf: Tree, name: str) -> None:
    """The official client sends the name as multipart filename; given metadata, that name counts."""
    data = f"other content of {name}".encode()
    scan = shelf.session.add_acquisition(label="by metadata")
    made = scan.upload_file(flywheel.FileSpec("other.txt", data), metadata=json.dumps({"name": name}))
    assert [entry.name for entry in made] == [name]
    same_file(official, ours, scan.id, name, data)
    own = ours(lambda fw: fw.get(scan.id))
    ours(lambda fw: own.delete_file(name))
    assert scan.reload().files == []


def test_a_folder_in_the_multipart_filename_is_refused(official: flywheel.Client, shelf: Tree) -> None:
    """It may be part of the name or not; such names, and those with quotes, need the metadata."""
    scan = shelf.session.add_acquisition(label="by filename")
    with pytest.raises(flywheel.ApiException, match=r"\(422\).*metadata"):
        scan.upload_file(flywheel.FileSpec("a/b.txt", b"x"))
    assert scan.reload().files == []


@BOTH_LOOPS
@LEFT_OPEN
@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition"])
def test_every_container_holds_files(
    official: flywheel.Client, ours: Ours, tree: Tree, kind: str, tmp_path: Path
) -> None:
    theirs = getattr(tree, kind)
    own = ours(lambda fw: fw.get(theirs.id))
    source = tmp_path / "input data.bin"
    source.write_bytes(bytes(range(256)) * 1000)
    theirs.upload_file(str(source))
    ours(lambda fw: own.upload_file(source, name="ours.bin"))
    whole = theirs.reload()
    assert [entry.name for entry in whole.files] == ["input data.bin", "ours.bin"]
    assert {entry.hash for entry in whole.files} == {sha(source.read_bytes())}
    assert differences(whole, ours(lambda fw: own.reload())) == []
    theirs.download_file("ours.bin", str(tmp_path / "theirs"))
    ours(lambda fw: own.download_file("input data.bin", tmp_path / "ours"))
    whole.files[1].download(str(tmp_path / "theirs too"))
    ours(lambda fw: own.files[0].download(tmp_path / "ours too"))
    for copy in ("theirs", "ours", "theirs too", "ours too"):
        assert (tmp_path / copy).read_bytes() == source.read_bytes()
    theirs.delete_file("ours.bin")
    ours(lambda fw: own.delete_file("input data.bin"))
    assert theirs.reload().files == ours(lambda fw: own.reload()).files == []


@BOTH_LOOPS
@LEFT_OPEN
def test_several_at_once(official: flywheel.Client, ours: Ours, tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "path.txt"
    path.write_bytes(b"from a path")
    contents = {"text.txt": b"t", "bytes.bin": b"\0\xff", "stream.bin": b"s" * 70000, "path.txt": b"from a path"}
    theirs = tree.acquisition.upload_file(
        [
            flywheel.FileSpec("text.txt", "t"),
            flywheel.FileSpec("bytes.bin", b"\0\xff"),
            flywheel.FileSpec("stream.bin", io.BytesIO(b"s" * 70000)),
            str(path),
        ]
    )
    own = ours(lambda fw: fw.get(tree.session.id))
    mine = ours(
        lambda fw: own.upload_file(
            [
                FileSpec("text.txt", "t"),
                FileSpec("bytes.bin", b"\0\xff"),
                FileSpec("stream.bin", io.BytesIO(b"s" * 70000)),
                path,
            ]
        )
    )
    described = [
        {entry.name: (entry.hash, entry.size, entry.type, entry.mimetype) for entry in side} for side in (theirs, mine)
    ]
    assert described[0] == described[1]
    assert list(described[0]) == list(contents)
    for name, data in contents.items():
        same_file(official, ours, tree.acquisition.id, name, data)


@BOTH_LOOPS
def test_versions(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    scan = ours(lambda fw: fw.get(tree.acquisition.id))
    assert isinstance(scan, Acquisition)
    tree.acquisition.upload_file(flywheel.FileSpec("v.txt", b"one"))
    ours(lambda fw: scan.upload_file(FileSpec("v.txt", b"two")))
    theirs = tree.acquisition.upload_file(flywheel.FileSpec("v.txt", b"three"))[0]
    assert (theirs.version, theirs.size) == (3, 5)
    mine = ours(lambda fw: scan.reload()).files
    assert [(entry.version, entry.file_id) for entry in mine] == [(3, theirs.file_id)]
    assert differences(theirs, mine[0]) == []
    for number, content in enumerate((b"one", b"two", b"three"), 1):
        entry = official.get_file(theirs.file_id, version=number)
        assert entry.read() == content
        assert entry.hash == sha(content)
    assert sorted(item.version for item in official.get_file_versions(theirs.file_id)) == [1, 2, 3]


def test_empty_files(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    scan = ours(lambda fw: fw.get(tree.acquisition.id))
    ours(lambda fw: scan.upload_file(FileSpec("ours.txt", b"")))
    tree.acquisition.upload_file(flywheel.FileSpec("theirs.txt", b""))
    for name in ("ours.txt", "theirs.txt"):
        same_file(official, ours, tree.acquisition.id, name, b"")


def test_metadata_of_files(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    official.add_modality({"_id": "CT", "classification": {"Intent": ["Structural", "Localizer"]}})
    metadata = {
        "type": "special",
        "modality": "MR",
        "classification": {"Intent": ["Structural"], "Measurement": ["T1"]},
        "tags": ["a b", "ü"],
        "info": {"a": {"b": [1, 2.5, None, True]}},
    }
    scan = ours(lambda fw: fw.get(tree.acquisition.id))
    ours(lambda fw: scan.upload_file(FileSpec("ours.dcm", b"x"), metadata=metadata))
    tree.acquisition.upload_file(flywheel.FileSpec("theirs.dcm", b"x"), metadata=json.dumps(metadata))
    for name in ("ours.dcm", "theirs.dcm"):
        entry = ours(lambda fw, name=name: scan.get_file(name))
        assert {key: entry[key] for key in metadata} == metadata
        assert entry.mimetype == "application/dicom"
        same_file(official, ours, tree.acquisition.id, name, b"x")

    theirs = tree.acquisition.reload().files[0]
    theirs.update(type="dicom", modality="CT")
    theirs.update_info({"more": 1})
    theirs.delete_info("a")
    theirs.add_tag("new")
    theirs.update_classification({"Intent": ["Localizer"]})
    again = ours(lambda fw: scan.reload()).files[0]
    assert (again.type, again.modality, again.info, again.tags) == ("dicom", "CT", {"more": 1}, ["a b", "ü", "new"])
    assert differences(theirs.reload(), again) == []
    ours(lambda fw: again.update(type="nifti", modality="MR"))
    assert (theirs.reload().type, theirs.reload().modality) == ("nifti", "MR")


def test_what_the_guess_from_the_name_gives(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    names = ["a.dcm", "a.dcm.zip", "a.nii.gz", "a.bval", "a.csv", "a.json", "a.png", "a.pdf", "a.zip", "a", "a.unknown"]
    scan = ours(lambda fw: fw.get(tree.acquisition.id))
    theirs = tree.session.upload_file([flywheel.FileSpec(name, b"x") for name in names])
    mine = ours(lambda fw: scan.upload_file([FileSpec(name, b"x") for name in names]))
    left, right = ([(entry.name, entry.type, entry.mimetype) for entry in side] for side in (theirs, mine))
    assert left == right
