"""Tags and notes of every kind of container, read back from the site."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.conftest import Traffic
from tests.client.tree import ODD_NAMES, Tree, grow

from flywheel_async import AsyncClient, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, Conflict, NotFound

pytestmark = pytest.mark.anyio

ALL = ("group", "project", "subject", "session", "acquisition", "analysis", "collection")


@pytest.fixture
async def tree(watched: AsyncClient, group: Group) -> Tree:
    return await grow(watched, group)


async def tags(item: Any) -> list[str]:
    return (await item.reload()).tags or []


@pytest.mark.parametrize("kind", ALL)
async def test_tags(tree: Tree, traffic: Traffic, kind: str) -> None:
    item: Any = getattr(tree, kind)
    traffic.take()
    await item.add_tag("one")
    await item.add_tag({"value": "two"})
    await item.rename_tag("one", "uno")
    assert len(traffic.take()) == 3
    assert await tags(item) == ["uno", "two"]
    await item.add_tags(["two", "three", "four"])
    assert await tags(item) == ["uno", "two", "three", "four"]
    await item.delete_tag("uno")
    await item.delete_tags(["four", "absent"])
    assert await tags(item) == ["two", "three"]
    with pytest.raises(Conflict):
        await item.add_tag("two")
    with pytest.raises(NotFound):
        await item.delete_tag("absent")
    assert await tags(item) == ["two", "three"]


@pytest.mark.parametrize("kind", ALL)
async def test_tags_with_odd_texts(tree: Tree, kind: str) -> None:
    item: Any = getattr(tree, kind)
    for odd in ODD_NAMES:
        await item.add_tag(odd)
        assert await tags(item) == [odd]
        await item.rename_tag(odd, odd[::-1])
        assert await tags(item) == [odd[::-1]]
        await item.delete_tag(odd[::-1])
        assert await tags(item) == []


async def test_a_group_tag_reaches_what_is_below(tree: Tree) -> None:
    below = (tree.project, tree.session, tree.acquisition)
    await tree.group.add_tag("shared")
    assert await tags(tree.project) == []
    for item in below:
        await item.add_tags(["shared", "own"])
    await tree.group.rename_tag("shared", "common")
    for item in (tree.group, *below):
        assert "common" in await tags(item)
        assert "shared" not in await tags(item)
    await tree.group.delete_tag("common")
    for item in below:
        assert await tags(item) == ["own"]


@pytest.mark.parametrize("bad", [None, "", 5, ["x"], {"valu": "x"}, b"x"])
async def test_bad_tags_and_notes_are_refused_before_any_request(tree: Tree, traffic: Traffic, bad: Any) -> None:
    file = (await tree.acquisition.upload_file(b"x", name="f"))[0]
    traffic.take()
    for call in (tree.session.add_tag, file.add_tag, tree.session.delete_tag, tree.session.add_note):
        with pytest.raises(ArgumentError, match="a (tag|note) must be"):
            await call(bad)
    for several in (tree.session.add_tags, tree.session.delete_tags, file.add_tags, file.set_tags):
        with pytest.raises((ArgumentError, TypeError)):
            await several([bad])
        with pytest.raises(ArgumentError, match="list"):
            await several("abc")
    with pytest.raises(ArgumentError):
        await tree.session.rename_tag("a", bad)
    assert traffic.take() == []


@pytest.mark.parametrize("kind", ALL[1:])
async def test_notes(tree: Tree, traffic: Traffic, site: Emulator, kind: str) -> None:
    item: Any = getattr(tree, kind)
    traffic.take()
    note = await item.add_note("first")
    second = await item.add_note({"text": ODD_NAMES[5] + ODD_NAMES[7]})
    await item.update_note(note, "changed")
    assert len(traffic.take()) == 3
    assert (note.text, note.user) == ("first", site.admin_user)
    stored = (await item.reload()).notes
    assert [(n.id, n.text) for n in stored] == [(note.id, "changed"), (second.id, ODD_NAMES[5] + ODD_NAMES[7])]
    assert stored[0].created.tzinfo is not None
    await item.delete_note(note.id)
    await item.delete_note(second)
    assert (await item.reload()).notes == []
    with pytest.raises(NotFound):
        await item.delete_note(note.id)


async def test_file_tags(tree: Tree, traffic: Traffic) -> None:
    (file,) = await tree.acquisition.upload_file(b"x", name="a/b 50%.txt")
    traffic.take()
    await file.add_tag("one")
    await file.add_tags(["one", "two", "three"])
    assert [line.split()[0] for line in traffic.take()] == ["PATCH", "PATCH"]
    assert (await file.reload()).tags == ["one", "two", "three"]
    traffic.take()
    await file.rename_tag("one", "uno")
    assert len(traffic.take()) == 3
    assert sorted((await file.reload()).tags or []) == ["three", "two", "uno"]
    await file.delete_tag("uno")
    await file.delete_tag("absent")
    await file.delete_tags(["two", "absent"])
    assert (await file.reload()).tags == ["three"]
    await file.set_tags([*ODD_NAMES, ODD_NAMES[0]])
    assert (await file.reload()).tags == list(ODD_NAMES)
    await file.set_tags([])
    assert (await file.reload()).tags == []
    with pytest.raises(ArgumentError, match="no tag 'absent'"):
        await file.rename_tag("absent", "x")


async def test_renaming_a_file_tag_loses_no_tag_that_another_client_adds(
    fw: AsyncClient, tree: Tree, traffic: Traffic
) -> None:
    (file,) = await tree.acquisition.upload_file(b"x", name="f")
    await file.set_tags(["old"])
    other = await fw.get_file(file.file_id)
    send, began = traffic.handle_async_request, False

    async def between(request: Any) -> Any:
        nonlocal began
        if request.method != "GET" and not began:
            began = True
            await other.add_tag("meanwhile")
        return await send(request)

    traffic.handle_async_request = between  # type: ignore[method-assign]
    await file.rename_tag("old", "new")
    assert began
    assert sorted((await other.reload()).tags or []) == ["meanwhile", "new"]
