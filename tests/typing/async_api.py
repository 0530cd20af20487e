"""Types of the async client, checked by mypy and pyright; never run."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

from flywheel_async import (
    Acquisition,
    Analysis,
    AsyncClient,
    AsyncFinder,
    AsyncPager,
    Collection,
    File,
    FileSpec,
    Group,
    Project,
    Session,
    Subject,
    User,
    f,
)
from flywheel_async.events import Event
from flywheel_async.fields.access import AuthStatus
from flywheel_async.fields.common import ContainerReference, FileReference, Parents
from flywheel_async.fields.site import SiteConfig, Version
from flywheel_async.resources.paths import Resolved
from flywheel_async.transfer.archives import ArchiveSummary
from flywheel_async.transfer.stream import AsyncFileStream

Container = Group | Project | Subject | Session | Acquisition | Analysis | Collection


async def client(fw: AsyncClient) -> None:
    async with AsyncClient("h:1:k", request_timeout=5, max_connections=3) as entered:
        assert_type(entered, AsyncClient)
    assert_type(await fw.get_current_user(), User)
    assert_type(await fw.get_auth_status(), AuthStatus)
    assert_type(await fw.get_version(), Version)
    assert_type(await fw.get_config(), SiteConfig)
    assert_type(await fw.get("x"), Container)
    assert_type(await fw.get_group("x"), Group)
    assert_type(await fw.get_file("x"), File)
    assert_type(await fw.lookup("a/b"), Container | File)
    assert_type(await fw.resolve(["a", "b"]), Resolved[Container | File])
    assert_type(await fw.add_group(Group("my_group", "My Test Group")), str)
    assert_type(await fw.upload_file_to_container("x", "path"), list[File])
    assert_type(await fw.download_file_from_container("x", "name", "dest"), Path)
    assert_type(await fw.aclose(), None)


async def finders(fw: AsyncClient) -> None:
    assert_type(fw.users, AsyncFinder[User])
    assert_type(fw.groups, AsyncFinder[Group])
    assert_type(fw.projects, AsyncFinder[Project])
    assert_type(fw.subjects, AsyncFinder[Subject])
    assert_type(fw.sessions, AsyncFinder[Session])
    assert_type(fw.acquisitions, AsyncFinder[Acquisition])
    assert_type(fw.files, AsyncFinder[File])
    assert_type(await fw.projects(), list[Project])
    assert_type(await fw.projects.find("label=x", limit=5, sort="label"), list[Project])
    assert_type(await fw.projects.find_one("label=x"), Project)
    assert_type(await fw.projects.find_first("label=x"), Project | None)
    wanted = (f.label == "x") & f.info.hair.in_(["brown", None])
    assert_type(await fw.sessions.find(wanted, "label=x", f.timestamp >= datetime.now(UTC), full=True), list[Session])
    assert_type(await fw.sessions.find_first(f.tags.has("x"), full=True), Session | None)
    assert_type(await fw.sessions.find_one(f["info"]["x"] != 5, filter=f.label.matches("x")), Session)
    assert_type(fw.sessions.iter_find(wanted, full=True, concurrency=3), AsyncPager[Session])
    assert_type(await fw.sessions.get_or_create(label="x", subject="id"), Session)
    assert_type(await fw.reload_all([Session()]), list[Session])
    assert_type(await fw.ensure_path("a/b"), Group | Project | Subject | Session | Acquisition)
    assert_type(fw.walk(Project(), ["session", "file"], full=True), AsyncPager[Container | File])
    assert_type(fw.sessions.iter(limit=10), AsyncPager[Session])
    assert_type(fw.sessions.iter_find("label=x", limit=10), AsyncPager[Session])
    assert_type(fw.sessions.iter_find().pages(), AsyncGenerator[list[Session], None])
    async for session in fw.sessions.iter_find():
        assert_type(session, Session)


async def containers(
    group: Group, project: Project, subject: Subject, session: Session, acquisition: Acquisition, user: User
) -> None:
    assert_type(group.projects, AsyncFinder[Project])
    assert_type(await group.add_project(label="x"), Project)
    assert_type(project.subjects, AsyncFinder[Subject])
    assert_type(project.sessions, AsyncFinder[Session])
    assert_type(project.acquisitions, AsyncFinder[Acquisition])
    assert_type(await project.add_subject({"label": "x"}), Subject)
    assert_type(await project.add_session(label="x", subject=subject), Session)
    assert_type(subject.sessions, AsyncFinder[Session])
    assert_type(await subject.add_session(label="x"), Session)
    assert_type(session.acquisitions, AsyncFinder[Acquisition])
    assert_type(await session.add_acquisition(label="x"), Acquisition)
    assert_type(await project.update(label="x"), None)
    assert_type(await project.reload(), Project)
    assert_type(await user.reload(), User)
    assert_type(await project.delete(), None)
    assert_type(project.ref(), ContainerReference)
    assert_type(await acquisition.upload_file("x"), list[File])
    assert_type(await acquisition.upload_file([FileSpec("x", b""), FileSpec("y")]), list[File])
    assert_type(await acquisition.upload_file(b"x", name="x", on_progress=seen), list[File])
    assert_type(await acquisition.download_file("x", Path("y")), Path)
    assert_type(await acquisition.download_file("x", io.BytesIO()), None)
    assert_type(await acquisition.download_tar("x", include_tags=["y"]), ArchiveSummary)
    assert_type(await acquisition.read_file("x"), bytes)
    assert_type(await acquisition.read_file("x", deadline=5, stall_timeout=1, on_progress=print), bytes)
    assert_type(acquisition.stream_file("x", version=1, deadline=5), AsyncFileStream)
    assert_type(await acquisition.get_file("x"), File)
    assert_type(await acquisition.delete_file("x"), None)


def seen(event: Event) -> None:
    assert_type(event.done, int)
    assert_type(event.total, int | None)


async def files(file: File) -> None:
    assert_type(file.open_member("x"), AsyncFileStream)
    assert_type(file.open_member("x", stall_timeout=5, on_progress=print), AsyncFileStream)
    assert_type(await file.read(deadline=5), bytes)
    assert_type(await file.read_zip_member("x", deadline=5), bytes)
    assert_type(await file.download("x", resume=False, on_progress=seen), Path)
    assert_type(await file.download("x"), Path)
    assert_type(await file.read(), bytes)
    assert_type(await file.reload(), File)
    assert_type(await file.update(type="nifti"), None)
    assert_type(await file.delete(), None)
    assert_type(file.ref(), FileReference)


def data(project: Project, session: Session, acquisition: Acquisition, file: File) -> None:
    assert_type(project.id, str)
    assert_type(project.info, dict[str, Any])
    assert_type(project.files, list[File])
    assert_type(project.parents, Parents)
    assert_type(project.parents.session, str | None)
    assert_type(project.created, datetime)
    assert_type(session.subject, Subject)
    assert_type(session.age, int | None)
    assert_type(session.timestamp, datetime | None)
    assert_type(acquisition.files[0].size, int)
    assert_type(file.classification, dict[str, list[str]] | None)
    assert_type(Group("my_group", "My Test Group").id, str)
    assert_type(Project(label="x", info={"a": 1}).label, str)
    assert_type(project.get("label"), Any)
