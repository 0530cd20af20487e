"""Names that break naive paths, filters and headers: byte-equal round trips, or a refusal that says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.client.conftest import Traffic
from tests.client.tree import Tree, grow

from flywheel_async import AsyncClient, FileSpec, Group, f
from flywheel_async.emulator import Emulator
from flywheel_async.errors import APIError, ArgumentError, NotFound, Unprocessable

pytestmark = pytest.mark.anyio

LONGEST = "ü" * 127 + "x"
"""255 bytes of UTF-8, the most a file name may have."""

NAMES = (
    " a b ",
    "a/b",
    "/files/",
    "50%",
    "%2F",
    "%252F",
    "a#b",
    "a?b=c&d",
    """it's "so\"""",
    "a,b",
    "[a,b]",
    "line\nbreak",
    "...",
    "back\\slash",
    "<id:5>",
    "0042",
    "null",
    LONGEST,
)


@pytest.fixture
async def tree(watched: AsyncClient, group: Group) -> Tree:
    return await grow(watched, group)


def odd(*names: str) -> pytest.MarkDecorator:
    """Every name on asyncio, every sixth on trio too: a name takes the same way on both."""
    cases = [("asyncio", name) for name in names] + [("trio", name) for name in names[::6]]
    ids = [f"{backend}-{ascii(name)[1:-1][:12]}" for backend, name in cases]
    return pytest.mark.parametrize(("anyio_backend", "name"), cases, ids=ids, indirect=["anyio_backend"])


@odd(*NAMES)
async def test_labels(watched: AsyncClient, tree: Tree, name: str) -> None:
    """Made, found, looked up and renamed at every level."""
    project = await tree.group.add_project(label=name)
    subject = await project.add_subject(label=name)
    session = await subject.add_session(label=name)
    acquisition = await session.add_acquisition(label=name)
    analysis = await session.add_analysis(label=name)
    chain = (project, subject, session, acquisition, analysis)
    assert [item.label for item in chain] == [name] * 5
    for finder, item in (
        (tree.group.projects, project),
        (project.subjects, subject),
        (subject.sessions, session),
        (session.acquisitions, acquisition),
        (watched.projects, project),
        (watched.acquisitions, acquisition),
    ):
        mine = f.parents.group == tree.group.id
        assert (await finder.find_one(f.label == name, mine)).id == item.id
        assert (await finder.find_one(f.label.in_([name, "x"]), mine)).id == item.id
        assert item.id not in [other.id for other in await finder.find(f.label != name)]
    for finder, item in ((tree.group.projects, project), (project.subjects, subject), (subject.sessions, session)):
        assert (await finder.get_or_create(label=name)).id == item.id
    if not name.startswith("<id:"):  # in paths this selects by id
        path = [tree.group.id, name, name, name, name]
        assert (await watched.lookup(path)).id == acquisition.id
        assert [node["label"] for node in (await watched.resolve(path)).path[1:]] == [name] * 4
        assert (await watched.lookup([*path[:4], "analyses", name])).id == analysis.id
        assert (await watched.ensure_path(path)).id == acquisition.id
    for item in chain:
        await item.update(label="plain")
        await item.update(label=name)
        assert (await item.reload()).label == name
    assert session.subject.label == name


@odd(*NAMES)
async def test_group_and_collection_labels(watched: AsyncClient, tree: Tree, name: str) -> None:
    for item in (tree.group, tree.collection):
        await item.update(label=name)
        assert (await item.reload()).label == name
    assert tree.group.id in [found.id for found in await watched.groups.find(f.label == name)]
    made = await watched.get(await watched.add_collection({"label": name, "description": name}))
    assert (made["label"], made["description"]) == (name, name)


@odd(*NAMES)
async def test_tags_and_notes(watched: AsyncClient, tree: Tree, name: str) -> None:
    session: Any = tree.session
    note = await session.add_note(name)
    await session.update_note(note, name * 2)
    assert [each.text for each in (await session.reload()).notes] == [name * 2]
    if len(name) > 64:
        with pytest.raises(Unprocessable, match="64"):
            await session.add_tag(name)
        name = name[:64]
    (file,) = await tree.acquisition.upload_file(b"x", name="f")
    for item in (session, file):
        await item.add_tag(name)
        assert (await item.reload()).tags == [name]
        await item.rename_tag(name, "x")
        await item.rename_tag("x", name)
        assert (await item.reload()).tags == [name]
    found = await tree.project.sessions.find(f.tags.has(name), f.tags.in_([name, "y"]))
    assert [each.id for each in found] == [session.id]
    for item in (session, file):
        await item.delete_tag(name)
        assert (await item.reload()).tags == []


@odd(*NAMES)
async def test_info(tree: Tree, name: str) -> None:
    """Keys and values; a key with a dot or a dollar sign is renamed by sites, which the client says."""
    (file,) = await tree.acquisition.upload_file(b"x", name="f")
    finders = {"Session": tree.project.sessions, "Project": tree.group.projects}
    for item in (tree.project, tree.session, tree.analysis, tree.collection, file):
        await item.replace_info({"value": name, "list": [name]})
        if "." in name:
            with pytest.warns(UserWarning, match="stored as"):
                await item.update_info({name: 1})
            assert (await item.reload()).info[name.replace(".", "_")] == 1
            continue
        await item.update_info({name: {name: name}})
        assert (await item.reload()).info == {"value": name, "list": [name], name: {name: name}}
        finder = finders.get(type(item).__name__)
        if finder is not None:
            assert item.id in [found.id for found in await finder.find(f.info.value == name, f.info.list.has(name))]
            by_key = f.info[name][name] == name
            if name.strip() == name and not set(name) & set(",=<>!~"):
                assert item.id in [found.id for found in await finder.find(by_key)]
            else:
                with pytest.raises(ArgumentError, match="cannot stand in a finder filter"):
                    await finder.find(by_key)
        await item.delete_info(name)
        assert (await item.reload()).info == {"value": name, "list": [name]}


@odd(*NAMES)
async def test_file_names(watched: AsyncClient, tree: Tree, tmp_path: Path, name: str) -> None:
    data = name.encode()
    for item in (tree.acquisition, tree.project, tree.analysis, tree.collection):
        (file,) = await item.upload_file(FileSpec(name, data))
        assert (file.name, file.size) == (name, len(data))
        assert await item.read_file(name) == await file.read() == data
        assert (await item.download_file(name, tmp_path / "copy")).read_bytes() == data
        await item.update_file_info(name, {"a": 1})
        entry = await item.get_file(name)
        assert (entry.name, entry.info) == (name, {"a": 1})
        assert item.file_ref(name).name == name
        assert [each.name for each in (await item.reload()).files or []] == [name]
    found = await watched.files.find(f.name == name, f.parents.acquisition == tree.acquisition.id)
    assert [each.name for each in found] == [name]
    acquisition = tree.acquisition
    if not name.startswith("<id:"):
        path = [tree.group.id, "P", "s", "V", "A", "files", name]
        assert (await watched.lookup(path))["name"] == name
    (again,) = await watched.upload_file_to_container(acquisition.id, FileSpec(name, b"2"))
    assert (again.name, again.version) == (name, 2)
    await watched.download_file_from_container(acquisition.id, name, tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == b"2"
    if "/" not in name and name not in (".", ".."):
        on_disk = tmp_path / name
        on_disk.write_bytes(b"3")
        (third,) = await acquisition.upload_file(on_disk)
        assert (third.name, await third.read()) == (name, b"3")
    await acquisition.delete_file(name)
    with pytest.raises(NotFound):
        await acquisition.get_file(name)


@odd(*NAMES)
async def test_renaming_copying_and_addresses(watched: AsyncClient, tree: Tree, name: str) -> None:
    acquisition = tree.acquisition
    (file,) = await acquisition.upload_file(b"x", name="plain")
    await file.move_to(name=name)
    entry = await acquisition.get_file(name)
    assert (entry.file_id, entry.name) == (file.file_id, name)
    async with httpx.AsyncClient(trust_env=False) as browser:
        for address in (await acquisition.get_file_download_url(name), await entry.url()):
            assert (await browser.get(address)).content == b"x"
    await entry.update_classification({"Custom": [name]})
    assert (await entry.reload()).classification == {"Custom": [name]}
    copies = (
        await acquisition.copy_to(tree.session, name),
        await tree.session.copy_to(tree.subject, name),
        await tree.subject.copy_to(tree.project, name),
    )
    for copy in copies:
        assert (await copy.reload()).label == name
    walked = [node.label async for node in watched.walk(tree.project) if node.id in [copy.id for copy in copies]]
    assert walked == [name] * 3
    await watched.delete_session(copies[1].id)
    await acquisition.delete_file(name)
    assert (await acquisition.reload()).files == []


@odd(*NAMES)
async def test_roles_and_templates(watched: AsyncClient, tree: Tree, anyio_backend: str, name: str) -> None:
    label = f"{name} {anyio_backend}"
    role = await watched.add_role({"label": label, "actions": ["containers_view_metadata"]})
    assert (await watched.get_role(role.id)).label == label
    await tree.group.add_permission_template(id=name, role_ids=[role.id])
    assert (await tree.group.get_permission_template(name)).role_ids == [role.id]
    project = await tree.group.add_project(label=name)
    assert (await project.get_permission(name)).role_ids == [role.id]
    await tree.group.delete_permission_template(name)
    assert (await tree.group.reload()).permissions_template == []


@odd(*NAMES)
async def test_inputs_of_an_analysis(tree: Tree, name: str) -> None:
    (file,) = await tree.acquisition.upload_file(FileSpec(name, b"x"))
    made = await tree.session.add_analysis(label=name, description=name, inputs=[file.ref()])
    assert (made.label, made.description) == (name, name)
    assert [each.name for each in made.inputs or []] == [name]
    await made.upload_output(FileSpec(name, b"out"))
    assert await made.read_file(name) == b"out"


@odd(*NAMES)
async def test_users(watched: AsyncClient, tree: Tree, name: str) -> None:
    """A user id is an e-mail address. A permission may be given to a user who is not there yet, whatever the id."""
    with pytest.raises((APIError, ArgumentError)):
        await watched.add_user({"_id": name, "firstname": "A", "lastname": "B"})
    for ask in (watched.get_user, tree.group.get_permission, tree.project.get_permission):
        with pytest.raises((NotFound, Unprocessable)):
            await ask(name)
    role = (await watched.get_all_roles())[0].id
    for item, members in ((tree.group, {"access": "ro"}), (tree.project, {"role_ids": [role]})):
        before = (await item.reload()).permissions
        assert (await item.add_permission(id=name, **members)).id == name
        assert (await item.update_permission(name, **members)).id == name
        assert (await item.get_permission(name)).id == name
        assert [each.id for each in (await item.reload()).permissions] == [*(each.id for each in before), name]
        await item.delete_permission(name)
        assert (await item.reload()).permissions == before


@odd("ann+x'%2F#?\"@example.org", "ann/../self@example.org")
async def test_user_ids_with_odd_letters(
    site: Emulator, watched: AsyncClient, tree: Tree, anyio_backend: str, name: str
) -> None:
    name = f"{anyio_backend}-{name}"
    site.add_user(name)
    assert (await watched.get_user(name)).id == name
    assert (await watched.users.find_one(f.id == name)).id == name
    await tree.group.add_permission(id=name, access="ro")
    assert (await tree.group.update_permission(name, access="rw")).access == "rw"
    await tree.group.delete_permission(name)
    with pytest.raises(NotFound):
        await tree.group.get_permission(name)


@odd("", ".", "..", "x\0", "\ud800", "ü" * 127 + "xy")
async def test_refused_file_names(tree: Tree, traffic: Traffic, name: str) -> None:
    traffic.take()
    with pytest.raises((ArgumentError, Unprocessable), match="name"):
        await tree.acquisition.upload_file(b"x", name=name)
    sent = [request for request in traffic.take() if request != "GET /config"]
    assert len(sent) <= (1 if len(name) > 3 or "\0" in name else 0)
    assert (await tree.acquisition.reload()).files == []


@odd("", "x\0", "\ud800", "x" * 257)
async def test_refused_labels(tree: Tree, name: str) -> None:
    for add in (tree.group.add_project, tree.project.add_subject, tree.session.add_acquisition):
        with pytest.raises((ArgumentError, Unprocessable), match="label"):
            await add(label=name)
    with pytest.raises((ArgumentError, Unprocessable), match="label"):
        await tree.session.update(label=name)
    assert (await tree.session.reload()).label == "V"


@odd(*(name for name in NAMES if name not in ("...", "0042", "null")))
async def test_refused_group_ids(watched: AsyncClient, traffic: Traffic, name: str) -> None:
    with pytest.raises(ArgumentError, match="group's id"):
        await watched.add_group(id=name, label="x")
    assert [line for line in traffic.take() if line.startswith("POST")] == []
