"""Containers that one client makes and changes are the same to the other one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import flywheel
import pytest
from tests.interop.clients import BOTH_LOOPS, QUIET, Ours
from tests.interop.compare import differences
from tests.interop.conftest import Tree

from flywheel_async import Acquisition, Group, Project, Session, Subject
from flywheel_async.emulator import Emulator
from flywheel_async.errors import NotFound

pytestmark = QUIET


Plant = Callable[[], Tree]
INFO = {"a": {"b": [1, 2.5, None, True, "ü"]}, "empty": {}, "text": "2024-01-01", "10": 0, "deep": [[{}]]}
WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
SUBJECT = {
    "label": "0042",
    "sex": "female",
    "firstname": "Zoë",
    "lastname": "O'Hara",
    "cohort": "Study",
    "mlset": "Training",
    "type": "human",
    "race": "Unknown or Not Reported",
    "ethnicity": "Not Hispanic or Latino",
    "species": "Homo sapiens",
    "strain": "none",
    "state": "Alive",
    "date_of_birth": "2001-02-03",
    "master_code": None,
    "tags": ["left handed", "ünï"],
    "info": INFO,
}
SESSION = {
    "label": "visit 1",
    "uid": "1.2.840.1",
    "timestamp": WHEN.isoformat(),
    "timezone": "Europe/Berlin",
    "age": 31557600,
    "weight": 55.5,
    "operator": "op",
    "info": INFO,
}
ACQUISITION = {
    "label": "T1w",
    "uid": "1.2.840.2",
    "timestamp": WHEN.isoformat(),
    "timezone": "America/New_York",
    "info": INFO,
}
KINDS = ["group", "project", "subject", "session", "acquisition"]


def fetch(official: flywheel.Client, kind: str, container_id: str) -> object:
    return getattr(official, f"get_{kind}")(container_id)


def check(official: flywheel.Client, ours: Ours, kind: str, container_id: str) -> None:
    """Gets an object through both clients, in every way there is, and compares."""
    theirs = fetch(official, kind, container_id)
    mine = ours(lambda fw: fw.get(container_id))
    assert type(mine).__name__ == kind.capitalize()
    assert differences(theirs, official.get(container_id)) == []
    assert differences(theirs, ours(lambda fw: mine.reload())) == []
    listed = getattr(official, f"{kind}s").find(f"_id={container_id}")
    assert [item.id for item in listed] == [container_id]
    assert differences(listed, ours(lambda fw: getattr(fw, f"{kind}s").find(f"_id={container_id}"))) == []


@BOTH_LOOPS
def test_what_the_official_client_makes_ours_reads(official: flywheel.Client, ours: Ours, anyio_backend: str) -> None:
    name = f"theirs-{anyio_backend}"
    assert official.add_group(flywheel.Group(name, "Lab ü")) == name
    group = official.get(name)
    project = group.add_project(label="A/B study", description="all of it", info=INFO)
    subject = project.add_subject(dict(SUBJECT))
    session = subject.add_session(dict(SESSION))
    acquisition = session.add_acquisition(**ACQUISITION)
    made = [group, project, subject, session, acquisition]
    for kind, item in zip(KINDS, made, strict=True):
        check(official, ours, kind, item.id)

    mine = ours(lambda fw: fw.get(subject.id))
    assert isinstance(mine, Subject)
    assert {key: mine[key] for key in SUBJECT if key != "date_of_birth"} == {
        key: value for key, value in SUBJECT.items() if key != "date_of_birth"
    }
    visit = ours(lambda fw: fw.get(session.id))
    assert isinstance(visit, Session)
    assert visit.timestamp == WHEN == session.timestamp
    assert (visit.age, visit.weight, visit.info) == (31557600, 55.5, INFO)
    scan = ours(lambda fw: fw.get(acquisition.id))
    assert isinstance(scan, Acquisition)
    assert scan.parents.to_dict() == {
        "group": name,
        "project": project.id,
        "subject": subject.id,
        "session": session.id,
        "acquisition": None,
        "analysis": None,
    }


@BOTH_LOOPS
def test_what_ours_makes_the_official_client_reads(official: flywheel.Client, ours: Ours, anyio_backend: str) -> None:
    name = f"ours-{anyio_backend}"
    assert ours(lambda fw: fw.add_group(Group(name, "Lab ü"))) == name
    group = ours(lambda fw: fw.get(name))
    assert isinstance(group, Group)
    project = ours(lambda fw: group.add_project(label="A/B study", description="all of it", info=INFO))
    subject = ours(lambda fw: project.add_subject(dict(SUBJECT)))
    session = ours(lambda fw: subject.add_session(SESSION | {"timestamp": WHEN}))
    acquisition = ours(lambda fw: session.add_acquisition(**ACQUISITION))
    for kind, item in zip(KINDS, [group, project, subject, session, acquisition], strict=True):
        check(official, ours, kind, item["_id"])

    person = official.get_subject(subject.id)
    assert {key: person[key] for key in SUBJECT if key != "date_of_birth"} == {
        key: value for key, value in SUBJECT.items() if key != "date_of_birth"
    }
    visit = official.get_session(session.id)
    assert (visit.timestamp, visit.age, visit.weight, visit.info) == (WHEN, 31557600, 55.5, INFO)
    assert visit.parents.subject == subject.id
    assert official.get_acquisition(acquisition.id).parents.session == session.id
    assert differences(official.get_project(project.id), project) == []


def test_models_as_bodies(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    theirs = tree.group.add_project(flywheel.Project(label="theirs", description="by model"))
    group = ours(lambda fw: fw.get(tree.group.id))
    assert isinstance(group, Group)
    mine = ours(lambda fw: group.add_project(Project(label="ours", description="by model")))
    skipped = {"_id", "label", "created", "modified"}
    left = {key: value for key, value in theirs.items() if key not in skipped}
    right = {key: value for key, value in mine.items() if key not in skipped}
    assert differences(left, right) == []


def test_a_session_makes_its_subject_for_both(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    project = ours(lambda fw: fw.get(tree.project.id))
    assert isinstance(project, Project)
    tree.project.add_session(label="theirs", subject={"label": "new subject"})
    ours(lambda fw: project.add_session(label="ours", subject={"label": "new subject"}))
    found = tree.project.subjects.find("label=new subject")
    assert len(found) == 1
    assert sorted(session.label for session in found[0].sessions()) == ["ours", "theirs"]


@BOTH_LOOPS
@pytest.mark.parametrize("kind", KINDS)
def test_updates_are_seen_by_the_other(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    theirs = getattr(tree, kind)
    mine = ours(lambda fw: fw.get(theirs.id))
    theirs.update(label="by keyword")
    assert ours(lambda fw: mine.reload()).label == "by keyword"
    theirs.update({"label": "by dictionary"})
    assert ours(lambda fw: mine.reload()).label == "by dictionary"
    ours(lambda fw: mine.update(label="keyword of ours"))
    assert theirs.reload().label == "keyword of ours"
    ours(lambda fw: mine.update({"label": "dictionary of ours"}))
    again = theirs.reload()
    assert again.label == "dictionary of ours"
    assert differences(again, ours(lambda fw: mine.reload())) == []


@pytest.mark.filterwarnings("ignore:info.* will be stored as:UserWarning")
def test_values_are_stored_alike(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    """What the site changes about values (keys, fractions of a second) or clears, it does for both."""
    changes: list[dict[str, object]] = [
        {"age": 5, "weight": 1.5},
        {"age": None},
        {"timestamp": datetime(2024, 1, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=3)))},
        {"timestamp": None},
        {"info": {"a.b": {"$c": 1, "d.e": [{"f.g": 2}]}, "big": 2**70, "small": 5e-324}},
        {"info": {"a_b": {"more": 1}}},
        {"tags": ["one", "two"]},
        {"tags": []},
    ]
    other = tree.subject.add_session(label="of ours")
    mine = ours(lambda fw: fw.get(other.id))
    for change in changes:
        tree.session.update(dict(change))
        ours(lambda fw, change=change: mine.update(change))
        left, right = tree.session.reload(), ours(lambda fw: mine.reload())
        for key in change:
            assert differences(left[key], right[key]) == []


def test_a_move_is_seen_by_the_other(official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    elsewhere = tree.project.add_subject(label="elsewhere")
    session = ours(lambda fw: fw.get(tree.session.id))
    ours(lambda fw: session.update(subject={"_id": elsewhere.id}))
    assert tree.session.reload().parents.subject == elsewhere.id
    assert tree.acquisition.reload().parents.subject == elsewhere.id
    tree.session.update(subject={"_id": tree.subject.id})
    assert ours(lambda fw: session.reload()).parents.subject == tree.subject.id


@pytest.mark.parametrize("kind", KINDS[1:])
def test_metadata_of_the_official_methods(official: flywheel.Client, ours: Ours, tree: Tree, kind: str) -> None:
    """Tags, notes and info, which our models do not have methods for yet, arrive in our objects."""
    theirs = getattr(tree, kind)
    theirs.add_tag("first")
    theirs.add_tag("ä b")
    theirs.rename_tag("first", "second")
    theirs.add_note("a note\nof two lines")
    theirs.update_info({"kept": 1, "gone": 2})
    theirs.delete_info("gone")
    mine = ours(lambda fw: fw.get(theirs.id))
    assert mine.tags == ["second", "ä b"]
    assert [note.text for note in mine.notes] == ["a note\nof two lines"]
    assert mine.info == {"kept": 1}
    assert differences(theirs.reload(), ours(lambda fw: mine.reload())) == []
    theirs.replace_info({"all": "new"})
    theirs.delete_tag("second")
    theirs.delete_note(mine.notes[0].id)
    again = ours(lambda fw: mine.reload())
    assert (again.info, again.tags, again.notes) == ({"all": "new"}, ["ä b"], [])


def test_permissions_of_the_official_methods(site: Emulator, official: flywheel.Client, ours: Ours, tree: Tree) -> None:
    site.add_user("member@example.org")
    tree.group.add_permission({"_id": "member@example.org", "access": "ro"})
    tree.project.add_permission({"_id": "member@example.org", "role_ids": [site.roles["rw"]]})
    group, project = ours(lambda fw: fw.get(tree.group.id)), ours(lambda fw: fw.get(tree.project.id))
    assert isinstance(group, Group)
    assert isinstance(project, Project)
    assert {entry.id: entry.access for entry in group.permissions}["member@example.org"] == "ro"
    assert {entry.id: entry.role_ids for entry in project.permissions}["member@example.org"] == [site.roles["rw"]]
    assert differences(tree.group.reload(), ours(lambda fw: group.reload())) == []
    assert differences(tree.project.reload(), ours(lambda fw: project.reload())) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_deletes_is_gone_for_the_other(official: flywheel.Client, ours: Ours, plant: Plant, kind: str) -> None:
    below = KINDS[KINDS.index(kind) :]
    first, second = plant(), plant()
    if kind == "group":  # a group goes only when it is empty
        official.delete_project(first.project.id)
        official.delete_project(second.project.id)
        below = ["group"]
    getattr(official, f"delete_{kind}")(getattr(first, kind).id)
    for name in below:
        gone = getattr(first, name).id
        with pytest.raises(NotFound):
            ours(lambda fw, gone=gone: fw.get(gone))
    mine = ours(lambda fw: fw.get(getattr(second, kind).id))
    ours(lambda fw: mine.delete())
    for name in below:
        with pytest.raises(flywheel.ApiException) as caught:
            getattr(second, name).reload()
        assert caught.value.status == 404
