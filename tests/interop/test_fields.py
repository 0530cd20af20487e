"""Field by field: both clients read the same value from the same object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import flywheel
import flywheel.models
import pytest
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences, plain
from tests.interop.conftest import Tree

from flywheel_async import models
from flywheel_async.fields.base import Model

pytestmark = QUIET

OFFICIAL = {
    "Group": ["GroupOutput"],
    "Project": ["ProjectOutput", "ProjectListOutput"],
    "Subject": ["SubjectOutput", "SubjectOutputForList"],
    "Session": ["SessionOutput", "SessionListOutput"],
    "Acquisition": ["AcquisitionOutput", "AcquisitionListOutput"],
    "File": ["FileOutput", "FileListOutput"],
    "User": ["UserOutput", "CurrentUserOutput"],
}
KINDS = ["group", "project", "subject", "session", "acquisition", "user", "file"]


@pytest.mark.parametrize("name", OFFICIAL)
def test_our_classes_have_exactly_the_official_members(name: str) -> None:
    ours: type[Model] = getattr(models, name)
    wire: dict[str, str] = {}
    for official in OFFICIAL[name]:
        table = getattr(flywheel.models, official).attribute_map
        wire.update({on_wire: python for python, on_wire in table.items()})
    declared = {field.alias or python: python for python, field in ours.model_fields.items()}
    assert declared == wire


@pytest.fixture
def full(official: flywheel.Client, tree: Tree) -> Tree:
    """A tree with something in every member that can be set."""
    words = {"timezone": "Europe/Berlin", "uid": "1.2.3", "timestamp": "2024-03-31T01:30:00.001+01:00"}
    tree.project.update(description="d", copyable=False)
    tree.subject.update(
        sex="male", cohort="Control", mlset="Testing", state="Dead", species="cat", date_of_birth="1999-12-31"
    )
    tree.session.update(age=-1, weight=0.1, operator="o", timestamp=words["timestamp"], timezone=words["timezone"])
    tree.acquisition.update(**words)
    tree.group.add_tag("g")
    for item in (tree.project, tree.subject, tree.session, tree.acquisition):
        item.add_tag("t")
        item.add_note("n")
        item.update_info({"a": {"b": [1, None]}, "BIDS": {"ok": True}})
        metadata = {"modality": "MR", "classification": {"Intent": ["Structural"]}, "tags": ["f"], "info": {"x": 1.0}}
        for content in (b"old", b"new"):
            item.upload_file(flywheel.FileSpec("scan.nii.gz", content), metadata=json.dumps(metadata))
    return tree


@pytest.mark.parametrize("kind", KINDS[:5])
def test_whole_objects(official: flywheel.Client, ours: Ours, full: Tree, kind: str) -> None:
    container_id = getattr(full, kind).id
    theirs = getattr(official, f"get_{kind}")(container_id)
    mine = ours(lambda fw: fw.get(container_id))
    assert differences(theirs, mine) == []
    # The same once more over the Python names and plain dictionaries that `to_dict` gives.
    left, right = theirs.to_dict(), mine.to_dict()
    assert left.keys() <= right.keys()
    assert {key for key in left if left[key] is not None and right[key] is None} == set()


@pytest.mark.parametrize("kind", ["projects", "subjects", "sessions", "acquisitions", "files"])
@pytest.mark.parametrize("whole", [False, True])
def test_listed_objects(official: flywheel.Client, ours: Ours, full: Tree, kind: str, whole: bool) -> None:
    wanted = f"parents.group={full.group.id}"
    more = {} if kind == "files" or not whole else {"include_all_info": True}  # the file list knows no such query
    theirs = getattr(official, kind).find(wanted, **more)
    mine = ours(lambda fw: getattr(fw, kind).find(wanted, **more))
    assert len(mine) == (4 if kind == "files" else 1)
    assert differences(theirs, mine) == []


def test_files(official: flywheel.Client, ours: Ours, full: Tree) -> None:
    theirs = full.acquisition.reload().files[0]
    scan = ours(lambda fw: fw.get(full.acquisition.id))
    mine = scan.files[0]
    assert (mine.version, mine.size, mine.type, mine.modality) == (2, 3, "nifti", "MR")
    assert differences(theirs, mine) == []
    assert differences(theirs.reload(), ours(lambda fw: mine.reload())) == []
    info = official.get_acquisition_file_info(full.acquisition.id, "scan.nii.gz")
    assert differences(info, ours(lambda fw: scan.get_file("scan.nii.gz"))) == []
    assert ours(lambda fw: fw.files.find_one(f"file_id={theirs.file_id}")).version == 2


FILLED_IN = {
    ("session", "project_has_template"): False,
    ("acquisition", "revision"): 1,
    ("file", "info_exists"): False,
    ("self", "root"): False,
}
"""What the official client reads where a member is missing; all other missing members are None."""

SPARSE: dict[str, dict[str, object]] = {
    "only an id": {"_id": "5"},
    "members of another version": {"_id": "5", "label": "l", "surprise": {"a": 1}, "tags": ["t"], "info": {"x": None}},
    "values of another version": {"_id": "5", "copy_status": "melting", "sex": "other", "file_group": "strange"},
    "nulls": {"_id": "5", "label": None, "info": None, "tags": None, "files": None, "notes": None, "parents": None},
    "embedded": {
        "_id": "5",
        "files": [{"name": "a", "version": 1}],
        "notes": [{"_id": "n", "text": "t"}],
        "permissions": [{"_id": "u@example.org"}],
        "parents": {"group": "g"},
        "subject": {"_id": "s", "label": "l"},
        "origin": {"type": "user", "id": "u@example.org"},
    },
    "times": {
        "_id": "5",
        "created": "2024-01-01T00:00:00.123456+00:00",
        "modified": "2024-03-10T01:02:03-08:00",
        "timestamp": "2024-03-10T01:02:03Z",
    },
}


@contextmanager
def canned(document: dict[str, object]) -> Iterator[str]:
    """Serves one document for every object and yields the key string of the site."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}:__force_insecure:key"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def missing(official: object, ours: object, place: str = "") -> Iterator[str]:
    """Lists what the official client reads and ours does not, apart from defaults of missing members."""
    if isinstance(official, dict) and isinstance(ours, dict):
        for key, value in official.items():
            yield from missing(value, ours.get(key), f"{place}.{key}")
    elif isinstance(official, list) and isinstance(ours, list) and len(official) == len(ours):
        for index, value in enumerate(official):
            yield from missing(value, ours[index], f"{place}[{index}]")
    elif official is not None and official != ours:
        defaults = {name: value for (_, name), value in FILLED_IN.items()}
        if ours is not None or defaults.get(place.rpartition(".")[2]) != official:
            yield f"{place}: official {official!r}, ours {ours!r}"


@pytest.mark.parametrize("document", SPARSE)
def test_answers_of_other_versions(document: str, anyio_backend: str) -> None:
    """What a newer or older site leaves out or adds: ours reads all that the official client reads."""
    with canned(SPARSE[document]) as key:
        official, ours = flywheel.Client(key), Ours(key, anyio_backend)
        found: list[str] = []
        for kind in KINDS:
            theirs = getattr(official, f"get_{kind}")("5")
            mine = ours(lambda fw, kind=kind: fw._containers.get(kind, "5"))
            found += [f"{kind}{line}" for line in missing(plain(theirs), plain(mine))]
        me = ours(lambda fw: fw.get_current_user())
        found += [f"self{line}" for line in missing(plain(official.get_current_user()), plain(me))]
    assert found == []


def test_missing_members(anyio_backend: str) -> None:
    """Members with a default have it in both clients when a site leaves them out."""
    with canned({"_id": "5"}) as key:
        official, ours = flywheel.Client(key), Ours(key, anyio_backend)
        theirs = {kind: getattr(official, f"get_{kind}")("5") for kind in KINDS}
        mine = {kind: ours(lambda fw, kind=kind: fw._containers.get(kind, "5")) for kind in KINDS}
        theirs["self"], mine["self"] = official.get_current_user(), ours(lambda fw: fw.get_current_user())
    assert {place: theirs[place[0]][place[1]] for place in FILLED_IN} == FILLED_IN
    assert {place: mine[place[0]][place[1]] for place in FILLED_IN} == FILLED_IN
