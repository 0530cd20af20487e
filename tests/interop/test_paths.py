"""Both clients find the same things by path."""

from __future__ import annotations

import flywheel
import pytest
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences
from tests.interop.conftest import Tree

pytestmark = QUIET


@pytest.fixture
def filled(tree: Tree) -> Tree:
    """A tree with a file in each container that holds files, and two subjects."""
    tree.project.add_subject(label="0043")
    for container in (tree.project, tree.subject, tree.session, tree.acquisition):
        container.upload_file(flywheel.FileSpec("notes v1.txt", b"text"))
    return tree


def elements(tree: Tree) -> list[str]:
    return [tree.group.id, "Study", "0042", "visit 1", "T1w"]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("form", ["text", "list", "ids"])
def test_lookup_of_containers(official: flywheel.Client, ours: Ours, tree: Tree, depth: int, form: str) -> None:
    names = elements(tree)[:depth]
    path: str | list[str] = names if form == "list" else "/".join(names)
    if form == "ids":
        items = [tree.group, tree.project, tree.subject, tree.session, tree.acquisition]
        path = "/".join(f"<id:{item.id}>" for item in items[:depth])
    theirs, mine = official.lookup(path), ours(lambda fw: fw.lookup(path))
    assert type(mine).__name__ == type(theirs).__name__.removesuffix("Node").removesuffix("Output")
    assert differences(theirs, mine) == []


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_lookup_of_files(official: flywheel.Client, ours: Ours, filled: Tree, depth: int) -> None:
    path = "/".join([*elements(filled)[:depth], "files", "notes v1.txt"])
    theirs, mine = official.lookup(path), ours(lambda fw: fw.lookup(path))
    assert mine.name == "notes v1.txt"
    assert differences(theirs, mine) == []
    assert ours(lambda fw: mine.read()) == b"text"


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5])
def test_resolve(official: flywheel.Client, ours: Ours, filled: Tree, depth: int) -> None:
    path = elements(filled)[:depth]
    theirs, mine = official.resolve(path), ours(lambda fw: fw.resolve(path))
    assert len(mine.path) == depth
    assert mine.children
    assert differences(theirs.path, mine.path) == []
    assert differences(theirs.children, mine.children) == []
    as_text = ours(lambda fw: fw.resolve("/".join(path)))
    assert differences(mine.children, as_text.children) == []


@pytest.mark.parametrize("label", ["a.b", "files", "<id:5>", "50% #1?", "ünï 文", "x&y=z", "q\"uo'te", "-1", "null"])
def test_labels_of_all_kinds(official: flywheel.Client, ours: Ours, tree: Tree, label: str) -> None:
    made = tree.project.add_subject(label=label)
    if label in ("files", "<id:5>"):  # words of the path language; only an id reaches such a subject
        path = [tree.group.id, "Study", f"<id:{made.id}>"]
    else:
        path = [tree.group.id, "Study", label]
    assert official.lookup(path).id == ours(lambda fw: fw.lookup(path)).id == made.id


def test_a_file_is_hidden_behind_no_label(official: flywheel.Client, ours: Ours, filled: Tree) -> None:
    path = [filled.group.id, "Study", "notes v1.txt"]
    with pytest.raises(flywheel.ApiException) as theirs:
        official.lookup(path)
    with pytest.raises(Exception, match=r"\(404\).*files/") as mine:
        ours(lambda fw: fw.lookup(path))
    assert theirs.value.status == 404
    assert theirs.value.reason == mine.value.reason
