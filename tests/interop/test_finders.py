"""Every form of every finder: both clients get the same objects in the same order."""

from __future__ import annotations

import re

import flywheel
import pytest
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences
from tests.interop.conftest import Tree

from flywheel_async import AsyncClient, AsyncFinder
from flywheel_async.emulator import Emulator

pytestmark = QUIET


FINDERS = ["users", "groups", "projects", "subjects", "sessions", "acquisitions", "files"]
LABELS = [
    "plain",
    "Plain",
    "with space",
    "a,b",
    "0042",
    "42",
    "4.2e1",
    "true",
    "null",
    "2024-01-31",
    'say "hi"',
    "it's",
    "back\\slash",
    "a=b",
    "x<y>z",
    "[v1,v2]",
    "ünï 文",
    "50%",
    "a+b&c#d?e",
    "5d2761383289d60037e8f5e5",
]


@pytest.fixture(scope="module")
def full(site: Emulator, official: flywheel.Client) -> Tree:
    """Three of everything, and a project with a subject for each awkward label."""
    for number in range(3):
        site.add_user(f"user{number}@example.org", firstname=f"First {number}")
    groups = [official.get(official.add_group(flywheel.Group(f"lab{number}", f"Lab {number}"))) for number in range(3)]
    projects = [groups[0].add_project(label=f"Study {number}", info={"n": number}) for number in range(3)]
    subjects = [projects[0].add_subject(label=f"{number:04}", sex="male", info={"n": number}) for number in range(3)]
    sessions = [
        subjects[0].add_session(
            label=f"visit {number}",
            age=number * 31557600,
            timestamp=f"2024-0{number + 1}-15T12:00:00Z",
            info={"n": number, "text": str(number), "nested": {"list": [number, "x"]}},
        )
        for number in range(3)
    ]
    scans = [sessions[0].add_acquisition(label=f"scan {number}", info={"n": number}) for number in range(3)]
    for number in range(3):
        scans[0].upload_file(flywheel.FileSpec(f"file {number}.txt", b"x" * number))
    sessions[1].add_tag("good")
    sessions[2].add_tag("good")
    sessions[2].add_tag("late, very")
    for label in LABELS:
        projects[1].add_subject(label=label)
    return Tree(groups[0], projects[0], subjects[0], sessions[0], scans[0])


def results(answer: object) -> list[object]:
    """The list in what the official call form returns; it hands out the bare page of files."""
    return list(getattr(answer, "results", answer))  # type: ignore[call-overload]


async def every(finder: AsyncFinder, *filters: str, **options: object) -> list[object]:
    return [item async for item in finder.iter_find(*filters, **options)]


def mine(fw: AsyncClient, name: str) -> AsyncFinder:
    return getattr(fw, name)


@pytest.mark.parametrize("name", FINDERS)
def test_call_form(official: flywheel.Client, ours: Ours, full: Tree, name: str) -> None:
    theirs = getattr(official, name)
    for options in ({}, {"limit": 2}, {"limit": 2, "page": 2}, {"limit": 2, "skip": 1}, {"sort": "created:desc"}):
        left = results(theirs(**options))
        assert left
        assert differences(left, ours(lambda fw, options=options: mine(fw, name)(**options))) == []
    key = "name" if name == "files" else "_id"
    left = results(theirs(filter=f"{key}!=nothing", limit=2))
    assert len(left) == 2
    assert differences(left, ours(lambda fw: mine(fw, name)(filter=f"{key}!=nothing", limit=2))) == []


@pytest.mark.parametrize("name", FINDERS)
def test_find(official: flywheel.Client, ours: Ours, full: Tree, name: str) -> None:
    theirs = getattr(official, name)
    everything = theirs.find()
    assert len(everything) >= 3
    for options in ({}, {"limit": None}, {"limit": 0}, {"limit": 2}, {"limit": "2"}, {"sort": "created:desc,_id:asc"}):
        left = theirs.find(**options)
        assert len(left) == (2 if options.get("limit") else len(everything))
        assert differences(left, ours(lambda fw, options=options: mine(fw, name).find(**options))) == []
    two = ("created>2000-01-01", "created<2100-01-01T00:00:00Z")
    assert len(theirs.find(*two)) == len(everything)
    assert differences(theirs.find(*two), ours(lambda fw: mine(fw, name).find(*two))) == []
    assert theirs.find("created<2000-01-01") == ours(lambda fw: mine(fw, name).find("created<2000-01-01")) == []


@pytest.mark.parametrize("name", FINDERS)
def test_find_first(official: flywheel.Client, ours: Ours, full: Tree, name: str) -> None:
    theirs = getattr(official, name)
    assert differences(theirs.find_first(), ours(lambda fw: mine(fw, name).find_first())) == []
    last = theirs.find_first(sort="created:desc")
    assert last.id != theirs.find_first(sort="created:asc").id
    assert differences(last, ours(lambda fw: mine(fw, name).find_first(sort="created:desc"))) == []
    assert theirs.find_first("created<2000-01-01") is None
    assert ours(lambda fw: mine(fw, name).find_first("created<2000-01-01")) is None


@pytest.mark.parametrize("name", FINDERS)
def test_find_one(official: flywheel.Client, ours: Ours, full: Tree, name: str) -> None:
    theirs = getattr(official, name)
    key = "file_id" if name == "files" else "_id"
    one = f"{key}={theirs.find_first().id}"
    assert differences(theirs.find_one(one), ours(lambda fw: mine(fw, name).find_one(one))) == []
    for filters in ("created<2000-01-01", "created>2000-01-01"):  # no match; more than one
        with pytest.raises(ValueError):
            theirs.find_one(filters)
        with pytest.raises(ValueError):
            ours(lambda fw, filters=filters: mine(fw, name).find_one(filters))


@pytest.mark.parametrize("name", FINDERS)
def test_iteration(official: flywheel.Client, ours: Ours, full: Tree, name: str) -> None:
    theirs = getattr(official, name)
    left = list(theirs.iter())
    ids = [item.get("file_id") or item.id for item in left]
    assert ids == sorted(ids)
    assert differences(left, ours(lambda fw: every(mine(fw, name)))) == []
    assert differences(list(theirs.iter(limit=2)), left) == []
    assert differences(left, ours(lambda fw: every(mine(fw, name), limit=2))) == []
    for options in ({"limit": 2}, {"limit": 2, "sort": "created:desc,_id:desc"}):
        left = list(theirs.iter_find("created>2000-01-01", **options))
        assert len(left) == len(ids)
        assert differences(left, ours(lambda fw, o=options: every(mine(fw, name), "created>2000-01-01", **o))) == []


@pytest.mark.parametrize("path", ["group.projects", "project.subjects", "project.sessions", "subject.sessions"])
def test_child_finders(official: flywheel.Client, ours: Ours, full: Tree, path: str) -> None:
    kind, name = path.split(".")
    parent = getattr(full, kind)
    theirs = getattr(parent, name)
    own = ours(lambda fw: fw.get(parent.id))
    for options in ({}, {"limit": 2}, {"sort": "label:desc"}):
        left = theirs(**options)
        assert left
        assert differences(left, ours(lambda fw, options=options: getattr(own, name)(**options))) == []
    assert differences(theirs.find("info.n>0"), ours(lambda fw: getattr(own, name).find("info.n>0"))) == []
    assert len(theirs.find("info.n>0")) == 2
    one = f"_id={theirs.find_first().id}"
    assert theirs.find_one(one).id == ours(lambda fw: getattr(own, name).find_one(one)).id
    assert differences(list(theirs.iter(limit=2)), ours(lambda fw: every(getattr(own, name), limit=2))) == []


def test_acquisition_finders(official: flywheel.Client, ours: Ours, full: Tree) -> None:
    session, project = ours(lambda fw: fw.get(full.session.id)), ours(lambda fw: fw.get(full.project.id))
    left = full.session.acquisitions.find()
    assert len(left) == 3
    assert differences(left, ours(lambda fw: session.acquisitions.find())) == []
    left = official.get_project_acquisitions(full.project.id)
    assert differences(left, ours(lambda fw: project.acquisitions())) == []


QUOTED = [label for label in LABELS if '"' not in label and "\\" not in label]


@pytest.mark.parametrize("label", QUOTED)
def test_quoted_labels(official: flywheel.Client, ours: Ours, full: Tree, label: str) -> None:
    """In double quotes, which the official client's manual recommends, a label is found whatever it looks like."""
    project = official.lookup("lab0/Study 1")
    filters = (f'label="{label}"', f"project={project.id}")
    found = official.subjects.find(*filters)
    wanted = project.subjects()
    assert [item.label for item in found] == [item.label for item in wanted if item.label == label] == [label]
    assert differences(found, ours(lambda fw: fw.subjects.find(*filters))) == []


FILTERS = {
    "label=plain": ["plain"],
    "label!=plain": [label for label in LABELS if label != "plain"],
    "label=with space": ["with space"],
    "label='with space'": ["with space"],
    "label=a\\,b": ["a,b"],
    'label="a,b"': ["a,b"],
    "label='a,b'": ["a,b"],
    "label=|[a,b]": [],
    "label=|[plain,with space]": ["plain", "with space"],
    'label=|["a,b",plain]': ["a,b", "plain"],
    "label=|['0042',\"42\"]": ["0042", "42"],
    'label="say \\"hi\\""': ['say "hi"'],
    'label="it\'s"': ["it's"],
    "label=it's": ["it's"],
    "label=~^p": ["plain"],
    "label=~lai": ["plain", "Plain"],
    "label=~(?i)^PLAIN$": ["plain", "Plain"],
    "label=~^[0-9.e]+$": ["0042", "42", "4.2e1"],
    "label=~a=b": ["a=b"],
    'label="a=b"': ["a=b"],
    "label=a=b": ["a=b"],
    'label=~"': ['say "hi"'],
    "label=ünï 文": ["ünï 文"],
    "label=~文": ["ünï 文"],
    'label="0042"': ["0042"],
    'label="42"': ["42"],
    'label="true"': ["true"],
    'label="null"': ["null"],
    'label="2024-01-31"': ["2024-01-31"],
    'label="5d2761383289d60037e8f5e5"': ["5d2761383289d60037e8f5e5"],
    'label="50%"': ["50%"],
    "label=50%": ["50%"],
    "label=a+b&c#d?e": ["a+b&c#d?e"],
    "label=~^a\\+b&c#d\\?e$": ["a+b&c#d?e"],
    'label="x<y>z"': ["x<y>z"],
    "label=~[xy]<": ["x<y>z"],
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters_on_text(official: flywheel.Client, ours: Ours, full: Tree, text: str) -> None:
    project = official.lookup("lab0/Study 1")
    found = project.subjects.find(text)
    assert sorted(item.label for item in found) == sorted(FILTERS[text])
    own = ours(lambda fw: fw.lookup("lab0/Study 1"))
    assert differences(found, ours(lambda fw: own.subjects.find(text))) == []


VALUES = {
    "info.n=1": [1],
    "info.n!=1": [0, 2],
    "info.n>=1": [1, 2],
    "info.n<1.5": [0, 1],
    "info.n=|[0,2]": [0, 2],
    'info.text="1"': [1],
    "info.nested.list=x": [0, 1, 2],
    "info.nested.list=2": [2],
    "info.missing=null": [0, 1, 2],
    "info.missing!=5": [0, 1, 2],
    "age=31557600": [1],
    "age>0": [1, 2],
    "tags=good": [1, 2],
    'tags="late, very"': [2],
    "tags!=good": [0],
    "tags=|[good,other]": [1, 2],
    "tags=~^late": [2],
    "timestamp>2024-02-01": [1, 2],
    "timestamp>=2024-02-15T12:00:00Z": [1, 2],
    "timestamp=2024-02-15T12:00:00Z": [1],
    "timestamp=2024-02-15T13:00:00+01:00": [1],
    "timestamp<2024-02-15T12:00:00.001Z": [0, 1],
    "created>2000-01-01": [0, 1, 2],
    "subject.label=0000": [],
    'subject.label="0000"': [0, 1, 2],
    "group=lab0": [0, 1, 2],
    "parents.group=lab0": [0, 1, 2],
    "info.n>0,info.n<2": [1],
}


@pytest.mark.filterwarnings("ignore::flywheel_async.filter_doubts.FilterWarning")
@pytest.mark.parametrize("text", VALUES)
def test_filters_on_values(official: flywheel.Client, ours: Ours, full: Tree, text: str) -> None:
    found = official.sessions.find(text, sort="label")
    labels = [f"visit {number}" for number in VALUES[text]]
    assert [item.label for item in found if re.match("visit", item.label)] == labels
    assert differences(found, ours(lambda fw: fw.sessions.find(text, sort="label"))) == []


@pytest.mark.parametrize(
    ("text", "names"),
    {
        "name=file 1.txt": ["file 1.txt"],
        "type=text": ["file 0.txt", "file 1.txt", "file 2.txt"],
        "size>0": ["file 1.txt", "file 2.txt"],
        "size=2": ["file 2.txt"],
        "name=~^file [01]": ["file 0.txt", "file 1.txt"],
        "mimetype=text/plain,size<1": ["file 0.txt"],
        "version=2": [],
    }.items(),
)
def test_filters_on_files(official: flywheel.Client, ours: Ours, full: Tree, text: str, names: list[str]) -> None:
    found = official.files.find(text, sort="name")
    assert [item.name for item in found] == names
    assert differences(found, ours(lambda fw: fw.files.find(text, sort="name"))) == []


def test_sorting(official: flywheel.Client, ours: Ours, full: Tree) -> None:
    for sort in (
        "label",
        "label:asc",
        "label:desc",
        "label:-1",
        "label:1",
        "info.n:desc",
        "age:desc,label",
        "_id:desc",
    ):
        left = official.sessions.find(sort=sort)
        assert differences(left, ours(lambda fw, sort=sort: fw.sessions.find(sort=sort))) == []
        assert [item.label for item in left] == sorted(
            (item.label for item in left), reverse=sort.endswith(("desc", "-1")) or "desc," in sort
        )
