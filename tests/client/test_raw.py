"""`fw.raw` and `fw.request`: one request each, the whole answer, in both flavours."""

from __future__ import annotations

import copy
import gzip
import inspect
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.client.answers import KEY, recorded, untouched
from tests.client.conftest import Traffic

from flywheel_async import AsyncClient, File, FileSpec, Group, Project, types
from flywheel_async.emulator import Emulator
from flywheel_async.errors import (
    APIError,
    ArgumentError,
    BadAnswer,
    NotFound,
    RequestTimeout,
    ServerError,
    TransportError,
)
from flywheel_async.sync import Client
from flywheel_async.sync import File as SyncFile
from flywheel_async.sync import Project as SyncProject

pytestmark = pytest.mark.anyio

# Whole answers


async def test_an_answer_has_everything(fw: AsyncClient, group: Group) -> None:
    made = await fw.raw.add_project({"label": "P", "group": group.id})
    assert made.status == 200
    assert made.headers["Content-Type"] == made.headers["content-type"]
    assert made.headers["content-type"].startswith("application/json")
    assert "X-No-Such" not in made.headers
    assert made.json() == {"_id": made.parse().id}
    assert type(made.parse()).__name__ == "InsertedId"
    got = await fw.raw.get_project(project_id=made.parse().id)
    assert type(got.parse()) is Project
    assert got.parse() is got.parse()
    assert json.loads(got.text) == json.loads(got.content) == got.json()
    assert repr(got) == f"<RawResponse 200 of get_project, {len(got.content)} bytes>"
    await got.parse().update(label="Q")  # bound to the client
    assert (await fw.raw.get_project(made.parse().id)).parse().label == "Q"


async def test_request_ids_encodings_and_answers_that_are_no_json() -> None:
    page = httpx.Response(200, content="<p>ü</p>".encode("latin-1"), headers={"X-Request-ID": "r1"})
    page.headers["content-type"] = "text/html; charset=latin-1"
    fw, _ = recorded(lambda request: page)
    answer = await fw.raw.get_version()
    assert (answer.request_id, answer.text) == ("r1", "<p>ü</p>")
    with pytest.raises(BadAnswer, match="get_version"):
        answer.parse()
    odd = httpx.Response(200, content=b"x", headers={"content-type": "text/plain; charset=no-such"})
    fw, _ = recorded(lambda request: odd)
    assert (await fw.raw.get_version()).text == "x"
    fw, _ = recorded(lambda request: httpx.Response(200))
    assert (await fw.raw.get_version()).json() is None


async def test_an_answer_that_a_hook_or_a_mock_has_read() -> None:
    async def read(answer: httpx.Response) -> None:
        await answer.aread()

    body = json.dumps({"release": "x" * 1000}).encode()
    packed = httpx.ByteStream(gzip.compress(body))
    for made, hooks in (
        (httpx.Response(200, content=body), []),
        (httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"}), [read]),
    ):
        transport = httpx.MockTransport(lambda request, made=made: made)
        async with httpx.AsyncClient(transport=transport, event_hooks={"response": hooks}) as own:
            fw = AsyncClient(KEY, disable_auth_check=True, http_client=own)
            assert (await fw.raw.get_version()).content == body
    mocked = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    fw = AsyncClient(KEY, disable_auth_check=True, transport=mocked)
    async with fw.raw.streaming.get_version() as stream:
        assert await stream.aread() == body


def test_mistakes_are_found_at_the_call() -> None:
    fw, recorder = recorded(untouched)
    with pytest.raises(ArgumentError, match=r"get_project: unknown argument 'projct_id'; did you mean 'project_id'"):
        fw.raw.get_project(projct_id="5")
    with pytest.raises(TypeError, match="get_project: the argument 'project_id' is missing"):
        fw.raw.get_project()
    with pytest.raises(ValueError, match="at most 1 positional"):
        fw.raw.get_project("5", "6")
    with pytest.raises(ArgumentError, match="'file' is missing"):
        fw.raw.upload_file_to_project("5")
    with pytest.raises(ArgumentError, match="metadata is a text that is not JSON"):
        fw.raw.upload_file_to_project("5", FileSpec("x", b""), metadata="{")
    with pytest.raises(ArgumentError, match="body"):
        fw.raw.streaming.modify_project("5")
    with pytest.raises(ArgumentError, match=r"raw\.streaming\.get_project"):
        fw.raw.get_project("5", _preload_content=False)
    with pytest.raises(ArgumentError, match="AsyncClient"):
        fw.raw.get_project("5", async_=True)
    for timeout in (0, -1, "5", True, (1, 2, 3), float("inf")):
        with pytest.raises(ArgumentError, match="_request_timeout must be seconds"):
            fw.raw.get_project("5", _request_timeout=timeout)
    with pytest.raises(AttributeError, match="did you mean 'get_project'"):
        fw.raw.get_projct  # noqa: B018
    assert not hasattr(fw.raw.streaming, "nothing_like_it")
    assert recorder.seen == []


async def test_a_missing_file_is_noticed_before_anything_is_sent(tmp_path: Path) -> None:
    fw, recorder = recorded(untouched)
    with pytest.raises(ArgumentError, match="no-such-file"):
        await fw.raw.upload_file_to_project("5", tmp_path / "no-such-file")
    assert recorder.seen == []


def test_help_and_completion_know_the_operations() -> None:
    fw, _ = recorded(untouched)
    assert list(inspect.signature(fw.raw.get_project).parameters) == [
        "project_id",
        "join",
        "join_avatars",
        "x_accept_feature",
    ]
    assert inspect.getdoc(fw.raw.get_project) == "GET /projects/{project_id}"
    assert repr(fw.raw.get_project) == "<operation get_project: GET /projects/{project_id}>"
    assert {"get_project", "streaming", "iterate"} <= {*dir(fw.raw)}
    assert "get_project" in dir(fw.raw.streaming)
    assert {"get_all_files", "get_project"} & {*dir(fw.raw.iterate)} == {"get_all_files"}
    assert "secret" not in repr(fw.raw)


async def test_uploads_are_one_request(watched: AsyncClient, fw: AsyncClient, group: Group, traffic: Traffic) -> None:
    project = await group.add_project(label="P")
    metadata = [{"name": "a.txt", "info": {"run": 1}}, {"name": "b.txt"}]
    files = [FileSpec("a.txt", "one"), FileSpec("b.txt", b"two", "application/x-two")]
    answer = await watched.raw.upload_file_to_project(project.id, files, metadata=metadata)
    assert traffic.take() == [f"POST /projects/{project.id}/files"]
    stored = answer.parse()
    assert isinstance(stored, list)
    assert [(type(entry), entry.name, entry.info) for entry in stored] == [
        (File, "a.txt", {"run": 1}),
        (File, "b.txt", {}),
    ]
    assert [await project.read_file(name) for name in ("a.txt", "b.txt")] == [b"one", b"two"]


async def test_timeouts_of_one_call(site: Emulator, group: Group) -> None:
    project = await group.add_project(label="P")
    site.faults.add("get_project", latency=1)
    async with AsyncClient(site.api_key, total_retries=0) as fw:
        site.faults.add("get_all_projects", latency=1)
        with pytest.raises(RequestTimeout):
            await fw.raw.get_project(project.id, _request_timeout=(5, 0.1))
        with pytest.raises(RequestTimeout):
            await fw.get_all_projects(_request_timeout=0.1)
        with pytest.raises(RequestTimeout):
            await fw.request("GET", f"/projects/{project.id}", timeout=0.1)
        with pytest.raises(RequestTimeout):
            async with fw.raw.streaming.get_project(project.id, _request_timeout=0.1):
                pass
        with pytest.raises(RequestTimeout):
            await fw.raw.iterate.get_all_projects(_request_timeout=0.1).next_page()
        site.faults.clear()
        assert (await fw.raw.get_project(project.id)).status == 200


# Streams


async def test_streams(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    data = bytes(range(256)) * 4000
    await project.upload_file(data, name="x.bin")
    async with fw.raw.streaming.download_file_from_project(project.id, "x.bin") as stream:
        assert stream.status == 200
        assert stream.headers["Content-Length"] == str(len(data))
        chunks = [chunk async for chunk in stream]
        assert await stream.aread() == b""
    assert b"".join(chunks) == data
    async with fw.raw.streaming.get_project(project.id) as stream:
        assert json.loads(await stream.aread())["label"] == "P"
    with pytest.raises(RuntimeError, match="closed"):
        await stream.chunk()
    opening = fw.raw.streaming.get_project(project.id)
    async with opening:
        with pytest.raises(RuntimeError, match="opened already"):
            async with opening:
                pytest.fail("entered")
    with pytest.raises(NotFound):
        async with fw.raw.streaming.download_file_from_project(project.id, "no.bin"):
            pytest.fail("entered")


async def test_a_stream_left_early_leaves_the_client_usable(site: Emulator, group: Group) -> None:
    project = await group.add_project(label="P")
    await project.upload_file(b"x" * 3_000_000, name="x.bin")
    async with AsyncClient(site.api_key, max_connections=1) as fw:
        for _ in range(3):
            async with fw.raw.streaming.download_file_from_project(project.id, "x.bin") as stream:
                async for _chunk in stream:
                    break
                with anyio.fail_after(5):  # the one slot is taken by the stream itself
                    assert (await fw.raw.get_project(project.id)).status == 200
        with anyio.fail_after(5):
            assert (await fw.raw.get_project(project.id)).status == 200


async def test_a_body_that_breaks_off(fw: AsyncClient, site: Emulator, group: Group) -> None:
    project = await group.add_project(label="P")
    await project.upload_file(b"x" * 300_000, name="x.bin")
    site.faults.add("download_file_from_project", truncate=100_000)
    with pytest.raises(TransportError) as caught:
        async with fw.raw.streaming.download_file_from_project(project.id, "x.bin") as stream:
            await stream.aread()
    assert caught.value.in_body


# Lists


async def test_iterating(watched: AsyncClient, group: Group, traffic: Traffic) -> None:
    labels = [f"P{number}" for number in range(5)]
    for label in labels:
        await group.add_project(label=label)
    found = [project async for project in watched.raw.iterate.get_group_projects(group.id, limit=2)]
    assert [type(project) for project in found] == [Project] * 5
    assert [project.label for project in found] == labels
    assert len(traffic.take()) == 3  # the site states that the third page is the last
    backwards = watched.raw.iterate.get_all_projects(filter=f"group={group.id}", sort="label:desc", limit=2)
    assert [project.label async for project in backwards] == labels[::-1]
    assert len(traffic.take()) == 4
    await found[0].upload_file(b"x", name="x.txt")
    await found[0].upload_file(b"y", name="y.txt")
    files = watched.raw.iterate.get_all_files(filter=f"parents.project={found[0].id}", limit=1)
    assert [type(file).__name__ + file.name async for file in files if file.name] == ["Filex.txt", "Filey.txt"]


def test_mistakes_when_iterating() -> None:
    fw, recorder = recorded(untouched)
    for keywords, said in (
        ({"limit": 0}, "limit"),
        ({"limit": "2"}, "limit"),
        ({"page": 2}, "page"),
        ({"skip": "5"}, "skip"),
        ({"colour": 1}, "unknown argument 'colour'"),
        ({"after_id": "5", "sort": "label"}, "after_id"),
    ):
        with pytest.raises(ArgumentError, match=said):
            fw.raw.iterate.get_all_projects(**keywords)
    with pytest.raises(AttributeError, match="AsyncIterate has no attribute 'get_project'; did you mean 'get_"):
        fw.raw.iterate.get_project  # noqa: B018
    assert recorder.seen == []


async def test_a_feature_may_be_given_alone() -> None:
    fw, recorder = recorded(lambda request: httpx.Response(200, json=[]))
    for walk in (
        fw.raw.iterate.get_all_projects(x_accept_feature="slim-containers"),
        fw.raw.iterate.get_all_projects(x_accept_feature=["slim-containers"]),
    ):
        assert await walk.next_page() is None
    features = {request.headers["x-accept-feature"].partition("multipart_signed_url,")[2] for request in recorder.seen}
    assert features == {"slim-containers,pagination"}


async def test_lists_without_totals_go_on_until_a_page_is_empty() -> None:
    pages = iter([[{"_id": "a"}, {"_id": "b"}], [{"_id": "c"}], []])
    fw, recorder = recorded(lambda request: httpx.Response(200, json=next(pages)))
    assert [rule.id async for rule in fw.raw.iterate.get_site_rules(limit=2)] == ["a", "b", "c"]
    assert [dict(request.url.params)["after_id"] for request in recorder.seen] == ["", "b", "c"]


@pytest.mark.parametrize("member", ["jobs", "results"])
async def test_a_list_inside_an_object(member: str) -> None:
    left = iter([[{"_id": "a", "state": "pending"}], []])
    fw, recorder = recorded(lambda request: httpx.Response(200, json={member: next(left)}))
    jobs = [job async for job in fw.raw.iterate.get_session_jobs("5", limit=1)]
    assert [(type(job).__name__, job.id, job.state) for job in jobs] == [("JobListOutput", "a", "pending")]
    assert dict(recorder.seen[1].url.params)["after_id"] == "a"


# Any path


async def test_any_path(fw: AsyncClient, group: Group) -> None:
    made = await fw.request("post", "/projects", json={"label": "P", "group": group.id})
    identifier = made.json()["_id"]
    found = await fw.request("GET", "/projects", params={"filter": f"_id={identifier}", "limit": 1, "sort": None})
    assert isinstance(found.parse(), list)
    assert found.json()[0]["label"] == "P"
    body = json.dumps({"label": "Q"})
    await fw.request("PUT", f"/projects/{identifier}", content=body, headers={"Content-Type": "application/json"})
    assert (await fw.get_project(identifier)).label == "Q"
    with pytest.raises(NotFound) as caught:
        await fw.request("GET", "/projects/5d2761383289d60037e8f5e5")
    assert caught.value.operation == "GET /projects/5d2761383289d60037e8f5e5"


async def test_what_a_request_to_any_path_sends() -> None:
    fw, recorder = recorded(lambda request: httpx.Response(200, json={}))
    when = datetime(2026, 1, 31, tzinfo=UTC)
    await fw.request(
        "GET",
        "/x/a%2Fb/",
        params={"t": ["a", "b c"], "on": True, "at": when},
        headers={"X-Own": "1", "Accept": "text/csv"},
    )
    await fw.request("DELETE", "/x", json=["1"])
    await fw.request("POST", "/x", content=b"\0", timeout=(1, 2))
    got, deleted, posted = recorder.seen
    assert got.url.raw_path == b"/api/x/a%2Fb/?t=a&t=b%20c&on=true&at=2026-01-31T00%3A00%3A00%2B00%3A00"
    assert (got.headers["x-own"], got.headers["accept"]) == ("1", "text/csv")
    assert (deleted.content, deleted.headers["content-type"]) == (b'["1"]', "application/json")
    assert (posted.content, posted.headers["content-type"]) == (b"\0", "application/octet-stream")
    assert posted.extensions["timeout"] == {"connect": 1, "read": 2, "write": 2, "pool": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("GET", "projects"), "path must be like"),
        (("GET", "https://elsewhere.org/x"), "path must be like"),
        (("GET", "//elsewhere.org/x"), "path must be like"),
        (("GET", "/x?y=1"), "query in params"),
        (("GET", "/x y"), "special characters"),
        (("GET", "/a//b"), "path must be like"),
        (("GET", "/a/../b"), r"'\.'"),
        (("GET", "/a/%2e%2E"), r"'\.'"),
        (("GET", "/a/."), r"'\.'"),
        (("GET", "/x\r\nHost: y"), "path must be like"),
        (("GET", "/x\n"), "path must be like"),
        (("GET", "/api/projects"), "below /api already"),
        (("TRACE", "/x"), "method must be one of"),
        ((None, "/x"), "method must be one of"),
        (("GET", None), "path must be like"),
    ],
)
async def test_refused_paths_and_methods(arguments: tuple[Any, Any], said: str) -> None:
    fw, recorder = recorded(untouched)
    with pytest.raises(ArgumentError, match=said):
        await fw.request(*arguments)
    assert recorder.seen == []


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"json": {}, "content": b""}, "not both"),
        ({"content": [1]}, "content must be bytes or text, not list"),
        ({"content": "\ud800"}, "UTF-8"),
        ({"params": "a=b"}, "params must be a dictionary, not str"),
        ({"params": {1: 2}}, "params: the name 1"),
        ({"headers": [("X-A", "my-own-secret")]}, "headers must be a dictionary, not list"),
        ({"json": {"a": object()}}, r"body\.a"),
        ({"headers": {"Authorization": "my-own-secret"}}, "Authorization"),
        ({"headers": {"X-SciTran-Auth": "my-own-secret"}}, "X-SciTran-Auth"),
        ({"headers": {"Content-Length": "my-own-secret"}}, "Content-Length"),
        ({"headers": {"X-A\r\nX-B": "my-own-secret"}}, "headers"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "X-A"),
        ({"params": {"a": object()}}, "params"),
        ({"timeout": 0}, "timeout must be seconds"),
    ],
)
async def test_refused_parts_of_a_request(keywords: dict[str, Any], said: str) -> None:
    fw, recorder = recorded(untouched)
    with pytest.raises(ArgumentError, match=said) as caught:
        await fw.request("POST", "/x", **keywords)
    assert "my-own-secret" not in str(caught.value)
    assert recorder.seen == []


async def test_only_what_is_safe_is_sent_again() -> None:
    answers: Iterator[httpx.Response] = iter([httpx.Response(503), httpx.Response(200, json=1)])
    fw, recorder = recorded(lambda request: next(answers))
    assert (await fw.request("PUT", "/x")).json() == 1
    assert len(recorder.seen) == 2
    fw, recorder = recorded(lambda request: httpx.Response(503))
    with pytest.raises(ServerError):
        await fw.request("POST", "/x")
    assert len(recorder.seen) == 1


async def test_own_headers_do_not_go_to_another_host() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "localhost":
            return httpx.Response(302, headers={"location": "http://store.example.org/x"})
        return httpx.Response(200, content=b"data")

    fw, recorder = recorded(answer)
    given = {"X-Own": "mine", "Range": "bytes=0-3"}
    assert (await fw.request("GET", "/x", headers=given)).content == b"data"
    first, second = recorder.seen
    assert (first.headers["x-own"], first.headers["range"]) == ("mine", "bytes=0-3")
    assert second.headers["range"] == "bytes=0-3"
    assert not {"x-own", "authorization", "x-accept-feature"} & {*second.headers}


# The sync flavour


def test_the_sync_client_has_it_all(site: Emulator) -> None:
    with Client(site.api_key) as fw:
        fw.add_group(id="sync_raw", label="G")
        identifier = fw.raw.add_project({"label": "P", "group": "sync_raw"}).parse().id
        answer = fw.raw.get_project(identifier)
        project = answer.parse()
        assert type(project) is SyncProject
        assert (answer.status, project.reload().label) == (200, "P")
        fw.raw.upload_file_to_project(identifier, FileSpec("x.bin", b"x" * 300_000))
        with fw.raw.streaming.download_file_from_project(identifier, "x.bin") as stream:
            assert stream.headers["content-length"] == "300000"
            first = next(stream)
            assert fw.request("GET", f"/projects/{identifier}").json()["label"] == "P"
            assert len(first) + len(stream.read()) == 300_000
        with fw.raw.streaming.download_file_from_project(identifier, "x.bin") as stream:
            assert sum(len(chunk) for chunk in stream) == 300_000
        files = fw.raw.iterate.get_all_files(filter=f"parents.project={identifier}", limit=1)
        assert [type(file) for file in files] == [SyncFile]
        with pytest.raises(ArgumentError, match="did you mean 'project_id'"):
            fw.raw.get_project(projct_id="5")
        with pytest.raises(ArgumentError, match="missing"):
            fw.raw.streaming.get_project()
        with pytest.raises(ArgumentError, match="limit"):
            fw.raw.iterate.get_all_files(limit=0)
        with pytest.raises(AttributeError, match="^Raw has no attribute 'get_projct'; did you mean"):
            fw.raw.get_projct  # noqa: B018
        with pytest.raises(AttributeError, match="^Iterate has no attribute 'get_project'"):
            fw.raw.iterate.get_project  # noqa: B018
        assert copy.copy(fw.raw).get_version().status == 200
        assert "get_project" in dir(fw.raw)
        assert list(inspect.signature(fw.raw.get_version).parameters) == []
        assert repr(fw.raw).startswith("<raw operations of <Client of http")


def test_a_sync_stream_belongs_to_its_thread_and_shares_its_slot(site: Emulator) -> None:
    errors: list[BaseException] = []
    with Client(site.api_key, max_connections=1) as fw:
        fw.add_group(id="threads", label="G")
        identifier = fw.add_project({"label": "P", "group": "threads"})
        fw.upload_file_to_project(identifier, b"x" * 300_000, name="x.bin")
        with fw.raw.streaming.download_file_from_project(identifier, "x.bin") as stream:

            def steal() -> None:
                try:
                    stream.read()
                except BaseException as error:
                    errors.append(error)

            thread = threading.Thread(target=steal)
            thread.start()
            thread.join(5)
            assert fw.get_project(identifier).label == "P"  # does not wait for the slot that the stream holds
            assert len(stream.read()) == 300_000
        assert fw.get_project(identifier).label == "P"
    assert [type(error) for error in errors] == [RuntimeError]
    assert "thread" in str(errors[0])


# Flat names


async def test_flat_changes_are_checked_as_those_of_objects() -> None:
    fw, recorder = recorded(untouched)
    for name in ("modify_project", "modify_session", "modify_group", "modify_container"):
        for member in ("_id", "id", "created", "modified", "parents", "revision"):
            with pytest.raises(ArgumentError, match=f"{member}.*set by the site"):
                getattr(fw, name)("5", {member: "x", "label": "y"})
    with pytest.raises(ArgumentError, match="hash"):
        fw.modify_project_file("5", "x.txt", {"hash": "x"})
    with pytest.raises(ArgumentError, match="set by the site"):
        fw.modify_project("5", Project(label="x", created=datetime(2026, 1, 1, tzinfo=UTC)))
    for name in ("delete_project", "delete_session", "delete_container", "delete_sessions_by_ids"):
        with pytest.raises(ArgumentError, match="'because'.*known are duplicate_data"):
            getattr(fw, name)(["5"] if name.endswith("ids") else "5", delete_reason="because")
    for name in ("delete_project_info_fields", "delete_session_info_fields"):
        with pytest.raises(ArgumentError, match="no key given"):
            getattr(fw, name)("5", [])
    with pytest.raises(ArgumentError, match="NaN|nan"):
        fw.replace_file_info("5", body={"a": float("nan")})
    with pytest.raises(ArgumentError, match="did you mean 'project_id'"):
        fw.get_project_rules(projct_id="5")
    with pytest.raises(ArgumentError, match="'project_id' is missing"):
        fw.get_project_rules()
    assert recorder.seen == []


async def test_moments_without_a_zone_are_not_taken_for_utc() -> None:
    naive = datetime(2026, 1, 31, 12)
    change = types.SessionModify(timestamp=naive)
    fw, recorder = recorded(lambda request: httpx.Response(200, json={"modified": 1}))
    with pytest.raises(ArgumentError, match="time zone"):
        fw.modify_session("5", change)
    there = AsyncClient(
        KEY, disable_auth_check=True, default_timezone=timezone(timedelta(hours=-5)), transport=recorder
    )
    for body in (change, {"timestamp": naive}):
        await there.modify_session("5", body)
    bodies = [json.loads(request.content) for request in recorder.seen]
    assert bodies == [{"timestamp": "2026-01-31T12:00:00-05:00"}] * 2


async def test_members_that_a_schema_has_may_be_changed() -> None:
    fw, recorder = recorded(lambda request: httpx.Response(200, json={"modified": 1}))
    await fw.modify_view("5", {"origin": {"type": "user", "id": "x"}, "label": "y"})
    assert json.loads(recorder.seen[0].content)["origin"] == {"type": "user", "id": "x"}


async def test_answers_are_simplified_unless_asked_otherwise(fw: AsyncClient, group: Group) -> None:
    plain = await fw.add_project({"label": "P", "group": group.id})
    assert isinstance(plain, str)
    whole: Any = await fw.add_project({"label": "Q", "group": group.id}, _ignore_simplified_return_value=True)
    assert (await fw.get_project(whole.id)).label == "Q"


async def test_the_two_that_the_official_client_cannot_send(fw: AsyncClient, group: Group) -> None:
    project = await group.add_project(label="P")
    (file,) = await project.upload_file(b"x", name="x.txt", metadata={"info": {"a": 1, "b": 2}})
    assert file.file_id is not None
    await fw.modify_file_info(file.file_id, body={"b": 3})
    assert (await fw.get_file(file.file_id)).info == {"a": 1, "b": 3}
    await fw.raw.replace_file_info(file.file_id, body={"c": 4})
    assert (await fw.get_file(file.file_id)).info == {"c": 4}


async def test_timeouts_of_transfers_by_flat_name(site: Emulator, group: Group, tmp_path: Path) -> None:
    project = await group.add_project(label="P")
    await project.upload_file(b"x", name="x.txt")
    site.faults.add("download_file_from_project", latency=1)
    async with AsyncClient(site.api_key, total_retries=0) as fw:
        with pytest.raises(RequestTimeout):
            await fw.download_file_from_project(project.id, "x.txt", tmp_path / "x", _request_timeout=0.1)
    assert list(tmp_path.iterdir()) == []


def test_first_use_is_fast() -> None:
    code = f"""
from flywheel_async import AsyncClient
import time
fw = AsyncClient({KEY!r}, disable_auth_check=True)
start = time.process_time()
fw.raw.streaming.get_project("5")
print(time.process_time() - start)
"""
    times: list[float] = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        times.append(float(done.stdout))
        if times[-1] < 0.05:
            break
    assert min(times) < 0.05, times


async def test_an_error_answer_is_raised(fw: AsyncClient) -> None:
    with pytest.raises(APIError) as caught:
        await fw.raw.get_project("5d2761383289d60037e8f5e5")
    assert (caught.value.status, caught.value.operation) == (404, "get_project")
