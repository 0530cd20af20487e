"""Searching: every hit once while the site changes, complete objects, deletion, errors; both flavours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import anyio
import httpx
import pytest
from tests.client.answers import recorded, untouched
from tests.emulator.search_site import START, Thing, World, plant

import flywheel_async.sync
from flywheel_async import Acquisition, AsyncClient, File, Project, SearchTruncated, Session, Subject, q, types
from flywheel_async.emulator import Emulator, permissions
from flywheel_async.emulator.database import Tx
from flywheel_async.errors import APIError, ArgumentError, BadAnswer, Forbidden
from flywheel_async.search import searches
from flywheel_async.sync import Client

pytestmark = pytest.mark.anyio

CROWD = 60
"""Acquisitions that were made at the same instant, each with two files of that instant."""


def study(world: World, name: str, files: int) -> None:
    """A project of sessions with 10 acquisitions of 10 files each."""
    group = world.add("group", None, name, label=name, tags=[])
    project = world.add("project", group, label=name, info={}, tags=[])
    for number in range(files // 100):
        subject = world.add("subject", project, label=f"{number:04}", code=f"{number:04}", tags=[])
        session = world.add("session", subject, label="visit", age=number, tags=[], info={"n": number}, timestamp=None)
        for scan in range(10):
            acquisition = world.add("acquisition", session, label=f"scan{scan}", tags=[], info={}, timestamp=None)
            for part in range(10):
                world.add("file", acquisition, name=f"{part}.nii.gz", type="nifti", tags=[], info={})


def crowd(world: World) -> None:
    """A project in which everything below the subjects was made at the same instant."""
    at = START + timedelta(days=400)
    group = world.add("group", None, "crowd", label="crowd", tags=[])
    project = world.add("project", group, label="crowd", info={}, tags=[])
    for number in range(CROWD):
        if number % 20 == 0:
            subject = world.add("subject", project, label=f"c{number}", code=f"c{number}", tags=[])
        fields: dict[str, Any] = {"tags": [], "info": {}, "timestamp": None, "created": at}
        session = world.add("session", subject, label=f"visit {number}", **fields)
        acquisition = world.add("acquisition", session, label="scan", **fields)
        for part in "ab":
            world.add("file", acquisition, name=part, type="text", tags=[], info={}, created=at)


def own(site: Emulator, things: list[Thing]) -> None:
    """Makes the site admin an admin of groups and projects."""
    inner = site.server.site

    def work(tx: Tx) -> None:
        for thing in things:
            if thing.kind == "project":
                permissions.set_roles(tx, thing.id, site.admin_user, [inner.roles["admin"]])
            else:
                permissions.set_access(tx, thing.id, site.admin_user, "admin")

    inner.db.write_now(work)


def site_with(files: int) -> tuple[Emulator, list[Thing]]:
    world = World()
    study(world, "study", files)
    crowd(world)
    site = Emulator(faults=True)
    return site, world.things


@pytest.fixture(scope="module", params=[2_500, pytest.param(25_000, marks=pytest.mark.acceptance)])
def planted(request: pytest.FixtureRequest) -> Iterator[tuple[Emulator, list[Thing]]]:
    site, things = site_with(request.param)
    with site:
        plant(site, things, {})
        own(site, [thing for thing in things if thing.kind in ("group", "project")])
        yield site, things


@pytest.fixture(scope="module")
def site(planted: tuple[Emulator, list[Thing]]) -> Emulator:
    return planted[0]


@pytest.fixture
def things(planted: tuple[Emulator, list[Thing]]) -> list[Thing]:
    return planted[1]


def of(things: list[Thing], kind: str, project: str) -> list[Thing]:
    return [
        thing
        for thing in things
        if thing.kind == kind and (found := thing.above("project")) and found.fields["label"] == project
    ]


def place(hit: types.SearchResponse) -> tuple[str, str]:
    assert hit.parent is not None
    assert hit.file is not None
    return str(hit.parent.id), str(hit.file.name)


async def test_each_file_once_while_others_are_added(site: Emulator, things: list[Thing]) -> None:
    there = of(things, "file", "study")
    target = next(thing.id for thing in things if thing.kind == "acquisition")
    added = 0
    async with AsyncClient(site.api_key) as fw, AsyncClient(site.api_key) as other:
        found: Counter[tuple[str, str]] = Counter()

        async def add() -> None:
            nonlocal added
            while True:
                await other.upload_file_to_container(target, b"x", name=f"new {anyio.current_time()}.txt")
                added += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add)
            async for hit in fw.iter_search(q.project.label == "study", limit=len(there) // 10):
                found[place(hit)] += 1
            tasks.cancel_scope.cancel()
    assert added > 3
    assert set(found.values()) == {1}
    assert {(thing.parent.id, thing.fields["name"]) for thing in there if thing.parent} <= found.keys()
    assert all(
        name.startswith("new ")
        for _, name in found.keys() - {(t.parent.id, t.fields["name"]) for t in there if t.parent}
    )


@pytest.mark.parametrize(
    ("kind", "limit"),
    # One request per hit takes long, so only the kinds with few hits are tried with it.
    [*product(["session", "acquisition", "file", "subject"], [7, 1000]), ("session", 1), ("subject", 1)],
)
async def test_what_was_made_at_one_instant(site: Emulator, things: list[Thing], kind: Any, limit: int) -> None:
    """Sessions are found by their own documents and by those below them, which are in other containers."""
    there = of(things, kind, "crowd")
    async with AsyncClient(site.api_key) as fw:
        hits = [hit async for hit in fw.iter_search("project.label = crowd", return_type=kind, limit=limit)]
    if kind == "file":
        assert Counter(map(place, hits)) == Counter((t.parent.id, t.fields["name"]) for t in there if t.parent)
    else:
        assert Counter(hit[kind].id for hit in hits) == Counter(thing.id for thing in there)


async def test_what_cannot_be_cut_is_an_error(site: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncClient(site.api_key) as fw:
        monkeypatch.setattr(searches, "MOST_HITS", 15)  # as if the site had so few at most
        with pytest.raises(SearchTruncated, match="cannot be cut any smaller; add conditions"):
            async for _ in fw.iter_search("project.label = crowd", return_type="session", limit=10):
                pass
        with pytest.raises(SearchTruncated, match="only a structured_query can be cut"):
            async for _ in fw.iter_search({"search_string": "crowd", "return_type": "session"}, limit=10):
                pass


async def test_a_site_that_ignores_conditions_is_not_asked_for_ever() -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        created = (START + timedelta(seconds=asked)).isoformat()
        hits = [{"parent": {"_id": f"{asked}-{n}"}, "file": {"name": "x", "created": created}} for n in range(2)]
        return httpx.Response(200, json=hits)

    fw, _ = recorded(answer)
    with pytest.raises(BadAnswer, match="gives hits that do not fit NOT file.created EXISTS"):
        async for _ in fw.iter_search("a = b", limit=2):
            assert asked < 1000


async def test_hits_and_sizes(site: Emulator) -> None:
    async with AsyncClient(site.api_key) as fw:
        legacy = {"structured_query": "project.label = study", "return_type": "file"}
        assert len(await fw.search(legacy)) == 100
        assert len(await fw.search(legacy, size=150)) == 150
        assert len(await fw.search({**legacy, "size": 3})) == 3
        assert len(await fw.search({**legacy, "size": 3}, size=4)) == 4
        (hit,) = await fw.search((q.session.age == 7) & (q.project.label == "study"), return_type="session")
        assert isinstance(hit, types.SearchResponse)
        assert hit.session is not None
        assert hit.session.label == "visit"
        assert (await fw.get(str(hit.session.id)))["age"] == 7
        assert [found async for found in fw.iter_search("file.name = nothing")] == []


async def test_complete_objects(site: Emulator, things: list[Thing]) -> None:
    async with AsyncClient(site.api_key) as fw:
        files = [file async for file in fw.iter_search(q.session.age == 3, return_type="file", full=True, limit=40)]
        assert all(type(file) is File for file in files)
        assert {file.file_id for file in files} == {
            thing.id for thing in of(things, "file", "study") if (s := thing.above("session")) and s.fields["age"] == 3
        }
        wanted = {"session": Session, "subject": Subject, "acquisition": Acquisition, "project": Project}
        for kind, cls in wanted.items():
            pager = fw.iter_search({"structured_query": "session.age = 3", "return_type": kind}, full=True)
            found = [item async for item in pager]
            assert {type(item) for item in found} == {cls}
    with Client(site.api_key) as sync:
        (session,) = sync.iter_search("session.age = 3", return_type="session", full=True)
        assert type(session) is flywheel_async.sync.Session
        assert session.info == {"n": 3}


async def test_what_is_deleted_meanwhile_is_left_out(site: Emulator) -> None:
    async with AsyncClient(site.api_key) as fw:
        group = await fw.get("study")
        project = await group.add_project(label="vanishing")  # type: ignore[union-attr]  # a group
        subjects = [await project.add_subject(label=f"s{n}") for n in range(4)]
        pager = fw.iter_search("project.label = vanishing", return_type="subject", full=True)
        inner: Any = pager._source
        page = inner._waiting = await inner._source.next_page()  # the hits are there, the objects not yet
        assert len(page) == 4
        await subjects[1].delete()
        assert {subject.id async for subject in pager} == {subjects[n].id for n in (0, 2, 3)}
        await project.delete()


async def test_users_find_what_they_may_see(site: Emulator, things: list[Thing], anyio_backend: str) -> None:
    reader = f"{anyio_backend}@example.com"
    key = site.add_user(reader)
    project = next(thing for thing in things if thing.kind == "project" and thing.fields["label"] == "crowd")
    async with AsyncClient(site.api_key) as fw:
        found = await fw.get_project(project.id)
        roles = await fw.get_all_roles()
        read_only = next(role for role in roles if role.label == "read-only")
        await found.add_permission({"_id": reader, "role_ids": [read_only.id]})
    async with AsyncClient(key) as fw:
        sessions = [hit async for hit in fw.iter_search("session.label EXISTS", return_type="session", limit=20)]
        assert len(sessions) == CROWD
        with pytest.raises(Forbidden):
            await fw.search("session.label EXISTS", all_data=True)
        with pytest.raises(Forbidden):
            await fw.delete_by_search("project.label = crowd", return_type="file", dry_run=False)
        assert len([hit async for hit in fw.iter_search("project.label = crowd")]) == 2 * CROWD


async def test_deleting_what_was_found(site: Emulator) -> None:
    async with AsyncClient(site.api_key) as fw:
        group = await fw.get("study")
        project = await group.add_project(label="doomed")  # type: ignore[union-attr]  # a group
        for name in ("a.tmp", "b.tmp", "c.txt"):
            await fw.upload_file_to_container(project.id, b"x", name=name)
        query = (q.project.label == "doomed") & q.file.name.like("*.tmp")
        dry = await fw.delete_by_search(query, return_type="file")
        assert (dry.matched, dry.deleted, dry.dry_run) == (2, 0, True)
        assert len((await project.reload()).files) == 3
        done = await fw.delete_by_search({"structured_query": query, "return_type": "file"}, dry_run=False)
        assert (done.matched, done.deleted, done.dry_run) == (2, 2, False)
        assert [file.name for file in (await project.reload()).files] == ["c.txt"]
        await project.delete()


async def test_help_with_the_query(site: Emulator) -> None:
    async with AsyncClient(site.api_key) as fw:
        assert (await fw.parse_search_query(q.file.type == "dicom")).valid
        parsed = await fw.parse_search_query("file.type = ")
        assert not parsed.valid
        assert [(error.line, error.pos, error.offset) for error in parsed.errors] == [(1, 13, 12)]
        found = await fw.get_search_query_suggestions("session.ag")
        assert "session.age" in "".join(suggestion.value for suggestion in found.suggestions)
        with pytest.raises(APIError) as caught:
            await fw.search("file.type = ")
        assert caught.value.status in (400, 422)
        with pytest.raises(APIError):
            await anext(fw.iter_search("(file.type = x"))


async def test_saved_searches(site: Emulator, things: list[Thing]) -> None:
    project = next(thing.id for thing in things if thing.kind == "project")
    async with AsyncClient(site.api_key) as fw:
        search = {"structured_query": "session.age = 3", "return_type": "session"}
        parent = {"type": "project", "id": project}
        saved_id = await fw.save_search({"label": "three", "search": search, "parent": parent})
        saved = await fw.get_saved_search(saved_id)
        assert len(await fw.search(saved)) == 1
        assert len([hit async for hit in fw.iter_search(saved, return_type="acquisition")]) == 10
        await fw.delete_save_search(saved_id)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fw: fw.search(""), "must be a text that is not empty"),
        (lambda fw: fw.search(3), "query must be a text in the query language"),
        (lambda fw: fw.search("a = b", return_type="files"), "return_type must be one of file, acquisition"),
        (lambda fw: fw.search("a = b", size=0), "size must be a whole number from 1 to 10000"),
        (lambda fw: fw.search("a = b", size=10_001), "iter_search gives hits without an end"),
        (lambda fw: fw.search({"structured_query": "a = b", "size": "7"}), "size must be a whole number"),
        (lambda fw: fw.iter_search("a = b", limit=0), "limit must be a whole number"),
        (lambda fw: fw.iter_search("a = b", full=True, concurrency=0), "concurrency must be a whole number"),
        (lambda fw: fw.iter_search({"structured_query": "a = b", "sort": {"field": "x"}}), "cannot be sorted"),
        (lambda fw: fw.delete_by_search("a = b"), "return_type: say what is to be deleted"),
        (lambda fw: fw.delete_by_search({"return_type": "file"}), "without a condition everything"),
        (lambda fw: fw.parse_search_query({"search_string": "x"}), "there is no structured_query in it"),
    ],
)
async def test_mistakes_send_nothing(call: Any, message: str) -> None:
    fw, _ = recorded(untouched)
    with pytest.raises(ArgumentError, match=message):
        await call(fw)


async def test_bad_answers() -> None:
    for body in ({}, "x"):
        fw, _ = recorded(lambda _, body=body: httpx.Response(200, json=body))
        with pytest.raises(BadAnswer):
            await fw.search("a = b")


def test_sync(site: Emulator, things: list[Thing]) -> None:
    there = of(things, "file", "study")
    with Client(site.api_key) as fw:
        files = list(fw.iter_search(q.project.label == "study", limit=900))
        assert Counter(map(place, files)) >= Counter((t.parent.id, t.fields["name"]) for t in there if t.parent)
        hits = fw.search({"structured_query": "session.age = 3", "return_type": "session"})
        assert [hit.session.label for hit in hits if hit.session] == ["visit"]
        assert fw.delete_by_search("session.age = 3", return_type="session").matched == 1
