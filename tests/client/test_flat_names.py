"""Operations by the names the official client has for them, on the client itself."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import httpx
import pytest
from tests.client.answers import KEY, recorded, untouched

from flywheel_async import AsyncClient, File, Group, InfoKeyWarning, Project, Session, types
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, NotFound
from flywheel_async.fields import Modality, Note, Role
from flywheel_async.raw.flat import names
from flywheel_async.raw.table import derived, operations
from flywheel_async.sync import Client
from flywheel_async.sync import Project as SyncProject

pytestmark = pytest.mark.anyio


async def test_create_read_change_delete(fw: AsyncClient, group: Group) -> None:
    identifier = await fw.add_project({"label": "P", "group": group.id})
    assert isinstance(identifier, str)
    assert (await fw.modify_project(identifier, {"label": "Q"})).modified == 1
    project = await fw.get_project(identifier)
    assert type(project) is Project
    assert project.label == "Q"
    (listed,) = await fw.get_all_projects(filter=f"_id={identifier}")
    assert type(listed) is Project
    assert await listed.reload() is listed
    session = await fw.add_session({"label": "s", "project": identifier, "subject": {"label": "x"}})
    assert [type(s) for s in await fw.get_project_sessions(identifier)] == [Session]
    assert (await fw.delete_session(session, delete_reason=None))["deleted"] == 1
    with pytest.raises(NotFound):
        await fw.get_session(session)


async def test_names_built_on_others(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    await fw.set_project_info(project.id, {"a": 1, "b": {"c": 2}})
    await fw.set_project_info(project.id, {"b": {"d": 3}})
    assert (await project.reload()).info == {"a": 1, "b": {"d": 3}}
    await fw.delete_project_info_fields(project.id, ["a"])
    assert (await project.reload()).info == {"b": {"d": 3}}
    await fw.delete_project_info_fields(project.id, "b")
    await fw.replace_project_info(cid=project.id, body={"z": 1})
    assert (await project.reload()).info == {"z": 1}


async def test_scalar_bodies_and_plain_models(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    await fw.add_project_tag(project.id, "one")
    note = await fw.add_project_note(project.id, "hello")
    assert type(note) is Note
    assert note.text == "hello"
    assert (await project.reload()).tags == ["one"]
    assert type(await fw.get_modality("MR")) is Modality
    assert {type(role) for role in await fw.get_all_roles()} == {Role}


async def test_files(fw: AsyncClient, group: Group, tmp_path: Path) -> None:
    project = await group.add_project(label="P")
    (tmp_path / "x.txt").write_text("content")
    metadata = json.dumps({"info": {"run": 1}, "modality": "MR"})
    (entry,) = await fw.upload_file_to_project(project.id, str(tmp_path / "x.txt"), metadata=metadata)
    assert type(entry) is File
    assert (entry.info, entry.modality) == ({"run": 1}, "MR")
    assert await fw.download_file_from_project(project.id, "x.txt", tmp_path / "back") == tmp_path / "back"
    assert (tmp_path / "back").read_text() == "content"
    assert await fw.download_file_from_project_as_data(project_id=project.id, file_name="x.txt") == b"content"
    await fw.upload_file_to_project(project.id, b"newer", name="x.txt")
    assert await fw.download_file_from_project_as_data(project.id, "x.txt", version=1) == b"content"
    await fw.download_file_from_project(project.id, "x.txt", tmp_path / "old", version=1)
    assert (tmp_path / "old").read_text() == "content"
    (named,) = await fw.upload_file_to_container(project.id, b"z", True, name="y", metadata='{"info": {"a": 1}}')
    assert named.info == {"a": 1}
    (named,) = await project.upload_file(tmp_path / "old", metadata={"name": "real"})
    assert named.name == "real"
    await project.delete_file("x.txt")
    await fw.upload_file_to_project(project.id, str(tmp_path / "x.txt"))
    url = await fw.get_project_download_url(project.id, "x.txt")
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(url)).content == b"content"
    assert (await fw.get_project_file_info(project.id, "x.txt")).name == "x.txt"
    assert type(await fw.modify_project_file(project.id, "x.txt", {"type": "text"})) is types.ModifiedResult


async def test_the_sync_client_has_them_too(site: Emulator, fw: AsyncClient, group: Group) -> None:
    made = await group.add_project(label="P")
    with Client(site.api_key) as sync:
        project = sync.get_all_projects(filter=f"_id={made.id}")[0]
        assert type(project) is SyncProject
        assert sync.set_project_info(made.id, {"a": 1}).modified == 1
        assert project.reload().info == {"a": 1}
        with pytest.raises(AttributeError, match="did you mean 'modify_project'"):
            sync.modify_projct  # noqa: B018
        assert {"modify_project", "find", "projects"} - {*dir(sync)} == {"find"}


async def test_keywords_may_come_in_any_order() -> None:
    fw, recorder = recorded(lambda request: httpx.Response(200, json={"modified": 1}))
    await fw.set_project_file_info(filename="x.txt", body={"a": 1}, cid="5")
    await fw.add_nodes_to_collection(node_ids=["7"], level="session", collection_id="6")
    await fw.add_acquisitions_to_collection(acquisition_ids="8", collection_id="6")
    assert [request.url.path for request in recorder.seen] == [
        "/api/projects/5/files/x.txt/info",
        "/api/collections/6",
        "/api/collections/6",
    ]
    nodes = [json.loads(request.content)["contents"]["nodes"] for request in recorder.seen[1:]]
    assert nodes == [[{"level": "session", "_id": "7"}], [{"level": "acquisition", "_id": "8"}]]


async def test_keywords_of_transfers_may_come_in_any_order(fw: AsyncClient, group: Group, tmp_path: Path) -> None:
    project = await group.add_project(label="P")
    await fw.upload_file_to_project(name="x.txt", file=b"content", container_id=project.id)
    await fw.download_file_from_project(dest_file=tmp_path / "x", file_name="x.txt", project_id=project.id)
    assert (tmp_path / "x").read_bytes() == b"content"
    assert await fw.download_file_from_project_as_data(file_name="x.txt", project_id=project.id) == b"content"


def test_names_show_what_they_take() -> None:
    fw, _ = recorded(untouched)
    with Client(KEY, disable_auth_check=True) as sync:
        for client in (fw, sync):
            shown = inspect.signature(client.get_project_download_url)
            assert list(shown.parameters)[:2] == ["project_id", "file_name"]
            assert "ticket" not in shown.parameters
            assert str(inspect.signature(client.set_project_info)) == "(cid, body)"
            assert inspect.getdoc(client.set_project_info) == "PATCH /projects/{cid}/info"
            assert repr(client.get_site_rules) == "<operation get_site_rules: GET /site/rules>"


async def test_mistakes_send_nothing(site: Emulator) -> None:
    site.faults.add("*", status=599)
    fw = AsyncClient(site.api_key, disable_auth_check=True)
    calls = [
        (fw.modify_project, ("5",), "body"),
        (fw.set_project_info, ("5",), "body"),
        (fw.set_project_info, ("5", {}, 1), "at most 2"),
        (fw.upload_file_to_project, ("5",), "file"),
        (fw.download_file_from_project, ("5", "x"), "dest_file"),
        (fw.get_project_download_url, ("5", ".."), "file_name"),
        (fw.upload_file_to_project, (None, b"x"), "container_id"),
        (fw.download_file_from_project_as_data, (None, "x"), "project_id"),
        (fw.modify_project, ("5", ["x"]), "must be a dictionary"),
        (fw.add_nodes_to_collection, ("5", "session", None), "node_ids"),
        (fw.add_sessions_to_collection, ("5", 5), "in a list, not int"),
        (fw.add_nodes_to_collection, ("5", "project", ["6"]), "session or acquisition"),
    ]
    for call, arguments, said in calls:
        with pytest.raises(ArgumentError, match=said):
            await call(*arguments)
    with pytest.raises(ArgumentError, match="not JSON"):
        await fw.upload_file_to_project("5", b"x", name="x", metadata="{")
    with pytest.raises(ArgumentError, match="'colour'"):
        await fw.set_project_info("5", {}, colour=1)
    with pytest.raises(ArgumentError, match=r"'range'; fw\.raw\.download_file_from_project\(\.\.\.\) takes it"):
        fw.download_file_from_project("5", "x", "y", range="bytes=0-1")  # at the call, not when awaited
    with pytest.raises(ArgumentError, match="did you mean 'file_name'"):
        fw.download_file_from_project("5", filename="x", dest_file="y")
    with pytest.raises(ArgumentError, match="'ticket'"):
        fw.get_project_download_url("5", "x", ticket="t")
    assert not hasattr(fw, "no_such_operation")
    await fw.aclose()


def test_every_name_leads_somewhere() -> None:
    assert names() >= set(operations())
    for name in names() - set(operations()):
        assert derived()[name]["calls"][0] in names()


async def test_lists_that_are_always_pages(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    await project.upload_file(b"x", name="x.txt")
    page = await fw.get_all_files(filter=f"parents.project={project.id}")
    assert [type(file) for file in page.results] == [File]
    assert page.total == 1


async def test_dotted_info_keys_do_not_reach_inside_another(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P", info={"a": {"b": 1}})
    with pytest.warns(InfoKeyWarning):
        await fw.set_project_info(project.id, {"a.b": 5})
    with pytest.warns(InfoKeyWarning):
        await fw.modify_project_info(project.id, {"set": {"c.d": 6}})
    assert (await project.reload()).info == {"a": {"b": 1}, "a_b": 5, "c_d": 6}
