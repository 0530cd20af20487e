"""One script, two clients: what is written for the official client runs with our sync client and gives the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.compare import differences, plain
from tests.interop.conftest import Tree

import flywheel_async
import flywheel_async.sync
from flywheel_async.emulator import Emulator

pytestmark = QUIET

Client = Any
"""Either client; the scripts use only what both have."""

CHANGING = {"_id", "id", "created", "modified", "file_id", "parents", "parent_ref", "group", "project", "session"}
"""Members that differ between two runs of one script."""


@pytest.fixture(scope="module")
def ours(site: Emulator) -> Iterator[flywheel_async.sync.Client]:
    """Our sync client of the site admin."""
    with flywheel_async.sync.Client(site.api_key) as client:
        yield client


def steady(value: object) -> object:
    """Leaves out what differs between two runs, at every depth."""
    if isinstance(value, dict):
        return {key: steady(entry) for key, entry in value.items() if key not in CHANGING}
    if isinstance(value, list):
        return [steady(entry) for entry in value]
    return value


def script(fw: Client, group_id: str, models: ModuleType, files: ModuleType, folder: Path) -> list[object]:
    """Does a day's work and returns everything it has seen, at the moment it saw it."""
    seen: list[object] = []

    def see(*values: object) -> None:
        seen.extend(steady(plain(value)) for value in values)

    see(fw.get_current_user().id == fw.get_auth_status().origin.id)
    group = fw.get(fw.add_group(models.Group(group_id, "Lab")))
    project = group.add_project(label="Study", description="d", info={"a": {"b": 1}})
    for number in range(3):
        subject = project.add_subject(label=f"{number:04}", sex="female", info={"n": number})
        session = subject.add_session(label="visit", age=1009843200, timestamp="2024-05-06T07:08:09Z")
        scan = session.add_acquisition({"label": "T1w"})
        made = scan.upload_file(files.FileSpec("scan one.nii.gz", b"data %d" % number))
        see(subject, session, scan.reload(), made, scan.read_file("scan one.nii.gz"))
        scan.download_file("scan one.nii.gz", str(folder / f"{number}.nii.gz"))
        see((folder / f"{number}.nii.gz").read_bytes())
    see([item.label for item in project.subjects.find("info.n>0", sort="label:desc")])
    see([item.label for item in project.subjects.iter_find("label=~^000", limit=2)])
    see([item.label for item in project.sessions()])
    see([item.label for item in project.sessions.iter(limit=1)])
    see(project.subjects.find_first("label=none"), project.subjects.find_one('label="0001"'))
    for filters in ("label=none", "info.n>0"):
        try:
            project.subjects.find_one(filters)
        except ValueError:
            see(f"ValueError: {filters}")
    project.update(description="new")
    project.update({"label": "Study 2"})
    project = project.reload()
    see(project, project["label"], "label" in project, project.get("nothing", 5), project.to_dict()["label"])
    found = fw.lookup(f"{group_id}/Study 2/0001/visit/T1w/files/scan one.nii.gz")
    see(found.name, found.size, found.read())
    see([item.label for item in fw.resolve(f"{group_id}/Study 2").children])
    see([entry.name for entry in fw.files.find(f"parents.group={group_id}", limit="2")])
    see(len(fw.files.find(f"parents.group={group_id}", limit=None)))
    scan.delete_file("scan one.nii.gz")
    see(scan.reload().files)
    return seen


def test_one_script_runs_with_both(official: flywheel.Client, ours: flywheel_async.sync.Client, tmp_path: Path) -> None:
    theirs = script(official, "theirs", flywheel, flywheel, tmp_path)
    mine = script(ours, "ours", flywheel_async.sync, flywheel_async, tmp_path)
    assert len(theirs) == len(mine)
    for left, right in zip(theirs, mine, strict=True):
        assert differences(left, right) == []


MISTAKES: dict[str, Callable[[Client, Tree], object]] = {
    "no such container": lambda fw, tree: fw.get("5d2761383289d60037e8f5e5"),
    "no such path": lambda fw, tree: fw.lookup(f"{tree.group.id}/none"),
    "no such file": lambda fw, tree: fw.get(tree.acquisition.id).read_file("none"),
    "bad filter": lambda fw, tree: fw.sessions.find("label=~("),
    "taken label": lambda fw, tree: fw.get(tree.project.id).add_subject(label="0042"),
    "taken group": lambda fw, tree: fw.add_group({"_id": tree.group.id, "label": "x"}),
    "bad member": lambda fw, tree: fw.get(tree.session.id).update(age="old"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_give_the_same_answers(
    official: flywheel.Client, ours: flywheel_async.sync.Client, tree: Tree, mistake: str
) -> None:
    with pytest.raises(flywheel.ApiException) as theirs:
        MISTAKES[mistake](official, tree)
    with pytest.raises(flywheel_async.APIError) as mine:
        MISTAKES[mistake](ours, tree)
    assert (theirs.value.status, theirs.value.reason) == (mine.value.status, mine.value.reason)
    assert plain(theirs.value.detail) == mine.value.detail


def test_refused_keys(site: Emulator) -> None:
    """Both log in when they are made."""
    wrong = f"127.0.0.1:{site.port}:__force_insecure:wrong"
    for key, status in ((wrong, 401), (site.add_user("gone@example.org", disabled=True), 402)):
        with pytest.raises(flywheel.ApiException) as theirs:
            flywheel.Client(key)
        with pytest.raises(flywheel_async.APIError) as mine:
            flywheel_async.sync.Client(key)
        assert theirs.value.status == mine.value.status == status
        assert theirs.value.reason == mine.value.reason


@pytest.mark.parametrize("kind", ["group", "project", "subject", "session", "acquisition"])
def test_whole_objects(official: flywheel.Client, ours: flywheel_async.sync.Client, tree: Tree, kind: str) -> None:
    theirs = getattr(official, f"get_{kind}")(getattr(tree, kind).id)
    mine = ours.get(theirs.id)
    assert type(mine) is getattr(flywheel_async.sync, kind.capitalize())
    assert differences(theirs, mine) == []
    if kind == "group":  # a group goes only when it is empty
        ours.get(tree.project.id).delete()
    mine.delete()
    with pytest.raises(flywheel.ApiException, match=r"\(404\)"):
        theirs.reload()


def test_both_in_many_threads(official: flywheel.Client, ours: flywheel_async.sync.Client, tree: Tree) -> None:
    """The two clients work side by side in one process, each in several threads."""
    found: list[int] = []

    def add(fw: Client, number: int) -> None:
        project = fw.get(tree.project.id)
        for step in range(3):
            subject = project.add_subject(label=f"{type(fw).__module__}-{number}-{step}")
            subject.upload_file(
                flywheel_async.FileSpec("a.txt", b"x") if fw is ours else flywheel.FileSpec("a.txt", b"x")
            )
            found.append(len(subject.reload().files))

    threads = [threading.Thread(target=add, args=(fw, number)) for number in range(4) for fw in (official, ours)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 24
    assert len(tree.project.subjects()) == 25
