"""Analyses, collections, copying and moving, read back from the site."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.conftest import Traffic
from tests.client.tree import ODD_NAMES, Tree, grow

from flywheel_async import Acquisition, Analysis, AsyncClient, Group, Session, Subject
from flywheel_async.emulator import Emulator
from flywheel_async.errors import APIError, ArgumentError, NotFound
from flywheel_async.fields.common import FileReference
from flywheel_async.fields.copies import CopyFilter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tree(watched: AsyncClient, group: Group) -> Tree:
    return await grow(watched, group)


@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition"])
async def test_analyses(tree: Tree, traffic: Traffic, kind: str) -> None:
    item: Any = getattr(tree, kind)
    name = "it's 50%, a/b.txt"
    (file,) = await tree.acquisition.upload_file(b"input", name=name)
    reference = FileReference(type="acquisition", id=tree.acquisition.id, name=name)
    traffic.take()
    analysis = await item.add_analysis(label="made, by 'hand'", inputs=[file], info={"a": 1}, description="d")
    assert [line.partition("?")[0] for line in traffic.take()] == [
        f"POST /{kind}s/{item.id}/analyses",
        f"GET /analyses/{analysis.id}",
    ]
    assert type(analysis) is Analysis
    assert (analysis.label, analysis.info, analysis.description) == ("made, by 'hand'", {"a": 1}, "d")
    assert [entry.name for entry in analysis.inputs or []] == [name]
    assert await (analysis.inputs or [])[0].read() == b"input"
    for given in (reference, {"type": "acquisition", "id": tree.acquisition.id, "name": name}):
        again = await item.add_analysis({"label": "second", "inputs": [given]})
        assert [entry.file_id for entry in again.inputs or []] == [file.file_id]
    traffic.take()
    found = await item.get_analyses()
    assert len(traffic.take()) == 1
    assert {analysis.id, again.id} <= {one.id for one in found}
    assert all(type(one) is Analysis for one in found)
    parent = await analysis.get_parent()
    assert (type(parent), parent.id) == (type(item), item.id)
    assert analysis.parents.project == tree.project.id
    assert analysis.ref().type == "analysis"


async def test_outputs(watched: AsyncClient, tree: Tree) -> None:
    analysis = tree.analysis
    assert [entry.name for entry in await analysis.upload_output(b"1", name="one")] == ["one"]
    from flywheel_async import FileSpec

    await analysis.upload_output([FileSpec("two", "zwei"), FileSpec("three", b"3")], metadata={"info": {"x": 1}})
    await analysis.reload()
    assert sorted(entry.name for entry in analysis.files or []) == ["one", "three", "two"]
    assert await analysis.read_file("two") == b"zwei"
    assert (await analysis.get_file("three")).info == {"x": 1}
    await analysis.update(label="changed", description="text")
    await analysis.reload()
    assert (analysis.label, analysis.description) == ("changed", "text")
    assert (await watched.get(analysis.id)).label == "changed"
    (embedded,) = (await tree.session.reload()).analyses or []
    assert embedded.id == analysis.id
    await embedded.add_tag("through the session")
    assert (await analysis.reload()).tags == ["through the session"]
    await analysis.delete()
    with pytest.raises(NotFound):
        await analysis.reload()


@pytest.mark.parametrize("bad", ["name", 5, None, {"type": "session", "id": "x"}, {"name": "x"}, Group("a", "b")])
async def test_bad_inputs_are_refused_before_any_request(tree: Tree, traffic: Traffic, bad: Any) -> None:
    traffic.take()
    with pytest.raises(ArgumentError, match="an input must be a file"):
        await tree.session.add_analysis(label="x", inputs=[bad])
    for whole in ("name", {"type": "session"}, tree.session.ref()):
        with pytest.raises(ArgumentError, match="inputs must be a list"):
            await tree.session.add_analysis(label="x", inputs=whole)
    assert traffic.take() == []


async def test_an_analysis_with_a_missing_input_is_not_made(tree: Tree) -> None:
    with pytest.raises(APIError) as caught:
        await tree.project.add_analysis(label="x", inputs=[tree.acquisition.file_ref("absent")])
    assert caught.value.status in (400, 404, 422)
    assert await tree.project.get_analyses() == []


async def test_a_made_analysis_that_cannot_be_read_is_named(site: Emulator, tree: Tree) -> None:
    site.faults.add("get_analysis", status=500)
    with pytest.raises(APIError) as caught:
        await tree.project.add_analysis(label="half way")
    site.faults.clear()
    (made,) = await tree.project.get_analyses()
    assert caught.value.__notes__ == [f"the analysis {made.id} was created"]


async def test_collections(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    collection = tree.collection
    other = await tree.session.add_acquisition(label="B")
    second = await tree.subject.add_session(label="W")
    third = await second.add_acquisition(label="X")
    traffic.take()
    await collection.add_sessions(tree.session)
    await collection.add_acquisitions(third.id)
    assert traffic.take() == [f"PUT /collections/{collection.id}"] * 2
    assert {s.id for s in await collection.sessions.find()} == {tree.session.id, second.id}
    assert {a.id for a in await collection.acquisitions.find()} == {tree.acquisition.id, other.id, third.id}
    assert [type(s) for s in await collection.sessions.find(limit=1)] == [Session]
    assert [type(a) for a in await collection.acquisitions.find("label=X")] == [Acquisition]
    await collection.remove_acquisitions(other, third)
    assert [a.id for a in await collection.acquisitions.find()] == [tree.acquisition.id]
    await collection.remove_sessions(tree.session.id, second)
    assert await collection.sessions.find() == []
    await collection.update(label="Renamed", description="d")
    await collection.reload()
    assert (collection.label, collection.description) == ("Renamed", "d")
    assert collection.id in [c.id for c in await watched.get_all_collections()]
    assert (await tree.session.reload()).label == "V"
    traffic.take()
    for verb, wrong in (
        (collection.add_sessions, tree.acquisition),
        (collection.add_acquisitions, tree.session),
        (collection.add_sessions, 5),
        (collection.remove_sessions, ""),
    ):
        with pytest.raises(ArgumentError, match="wanted here"):
            await verb(wrong)  # type: ignore[operator]
    with pytest.raises(ArgumentError, match="no session given"):
        await collection.add_sessions()
    assert traffic.take() == []
    await collection.delete()
    assert (await tree.session.reload()).label == "V"


async def settled(item: Any) -> Any:
    """A copy, once the site is through with it."""
    import anyio

    with anyio.fail_after(10):
        while (await item.reload()).copy_status != "completed":
            await anyio.sleep(0.02)
    return item


async def test_copies(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    await tree.acquisition.upload_file(b"x", name="f", metadata={"info": {"a": 1}})
    await tree.acquisition.add_note("note")
    await tree.session.add_tag("kept")
    other = await tree.group.add_project(label="other")
    target = await other.add_subject(label="target")
    traffic.take()
    acquisition = await tree.acquisition.copy_to(tree.session, "A2", filter=CopyFilter(exclude_notes=True))
    session = await tree.session.copy_to(target, "V2")
    second = await tree.session.copy_to(other.ref(), filter={"exclude_tags": True})
    subject = await tree.subject.copy_to(other.id, "s2")
    begun = await tree.project.copy_to(tree.group, "P2")
    assert [line.rpartition("/")[2] for line in traffic.take()] == ["copy"] * 5
    assert (type(acquisition), type(session), type(subject)) == (Acquisition, Session, Subject)
    await settled(acquisition)
    assert (acquisition.label, acquisition.session, acquisition.notes) == ("A2", tree.session.id, [])
    assert acquisition.copy_of == tree.acquisition.id
    (copied,) = await acquisition.get_files()
    assert (copied.name, copied.info, await copied.read()) == ("f", {"a": 1}, b"x")
    await settled(session)
    assert (session.label, session.subject.id, session.tags) == ("V2", target.id, ["kept"])
    assert [a.label for a in await session.acquisitions.find()] == ["A", "A2"]
    await settled(second)
    assert (second.project, second.label, second.tags) == (other.id, "V", [])
    await settled(subject)
    assert (subject.label, subject.project) == ("s2", other.id)
    project = await settled(await watched.get_project(begun.project_id))
    assert (project.label, project.group) == ("P2", tree.group.id)
    assert [s.label for s in await project.sessions.find()] == ["V"]
    assert (await tree.acquisition.reload()).session == tree.session.id


async def test_moves(fw: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    other_group = await fw.get_group(await fw.add_group(id=f"{tree.group.id}.other", label="O"))
    other = await other_group.add_project(label="other")
    target = await other.add_subject(label="target")
    visit = await target.add_session(label="visit")
    traffic.take()
    await tree.acquisition.move_to(visit)
    await tree.session.move_to(target)
    await tree.subject.move_to(other.id)
    await tree.project.move_to({"type": "group", "id": other_group.id})
    assert [line.split()[0] for line in traffic.take()] == ["PUT"] * 4
    assert (await tree.acquisition.reload()).session == visit.id
    assert (await tree.session.reload()).subject.id == target.id
    assert (await tree.subject.reload()).project == other.id
    assert (await tree.project.reload()).group == other_group.id
    await tree.session.move_to(tree.project.ref())
    assert (await tree.session.reload()).project == tree.project.id


async def test_wrong_destinations_are_refused_before_any_request(tree: Tree, traffic: Traffic) -> None:
    traffic.take()
    wrong: list[tuple[Any, Any]] = [
        (tree.acquisition, tree.project),
        (tree.session, tree.acquisition),
        (tree.session, {"type": "session", "id": "x"}),
        (tree.subject, tree.session.ref()),
        (tree.project, tree.project),
        (tree.acquisition, None),
        (tree.acquisition, ""),
        (tree.acquisition, {"type": "session", "id": None}),
    ]
    for item, destination in wrong:
        for verb in (item.move_to, lambda place, item=item: item.copy_to(place, "x")):
            with pytest.raises(ArgumentError, match="destination must be|wanted here"):
                await verb(destination)
    with pytest.raises(ArgumentError, match="an id alone does not say"):
        await tree.session.move_to(tree.subject.id)  # type: ignore[arg-type]
    assert traffic.take() == []


async def test_deleting_many_by_id(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    more = [await tree.subject.add_session(label=f"{number}") for number in range(3)]
    ids = [session.id for session in more]
    traffic.take()
    answer = await watched.delete_sessions_by_ids([*ids[:2], "5d2761383289d60037e8f5e5"], delete_reason="test_data")
    assert len(traffic.take()) == 1
    assert (answer.deleted, answer.not_found) == (2, 1)
    assert {s.label for s in await tree.subject.sessions.find()} == {"V", "2"}


@pytest.mark.parametrize("label", [*ODD_NAMES, "日" * 85])
async def test_labels(tree: Tree, label: str) -> None:
    session = await tree.subject.add_session(label=label)
    acquisition = await session.add_acquisition(label=label)
    analysis = await acquisition.add_analysis(label=label)
    for item in (session, acquisition, analysis):
        assert item.label == label
        await item.update(label=label[::-1])
        assert (await item.reload()).label == label[::-1]
