"""Types of the sync client, checked by mypy and pyright; never run."""

from __future__ import annotations

import io
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

from flywheel_async import FileSpec, f
from flywheel_async.events import Event
from flywheel_async.fields.access import AuthStatus
from flywheel_async.fields.common import ContainerReference, FileReference, Parents
from flywheel_async.fields.site import SiteConfig, Version
from flywheel_async.resources.paths import Resolved
from flywheel_async.sync import (
    Acquisition,
    Analysis,
    Client,
    Collection,
    File,
    FileStream,
    Finder,
    Group,
    Pager,
    Project,
    Session,
    Subject,
    User,
)
from flywheel_async.transfer.archives import ArchiveSummary

Container = Group | Project | Subject | Session | Acquisition | Analysis | Collection


def client(fw: Client) -> None:
    with Client("h:1:k", request_timeout=5, max_connections=3) as entered:
        assert_type(entered, Client)
    assert_type(fw.get_current_user(), User)
    assert_type(fw.get_auth_status(), AuthStatus)
    assert_type(fw.get_version(), Version)
    assert_type(fw.get_config(), SiteConfig)
    assert_type(fw.get("x"), Container)
    assert_type(fw.get_group("x"), Group)
    assert_type(fw.get_file("x"), File)
    assert_type(fw.lookup("a/b"), Container | File)
    assert_type(fw.resolve(["a", "b"]), Resolved[Container | File])
    assert_type(fw.add_group(Group("my_group", "My Test Group")), str)
    assert_type(fw.upload_file_to_container("x", "path"), list[File])
    assert_type(fw.download_file_from_container("x", "name", "dest"), Path)
    assert_type(fw.close(), None)


def finders(fw: Client) -> None:
    assert_type(fw.users, Finder[User])
    assert_type(fw.groups, Finder[Group])
    assert_type(fw.projects, Finder[Project])
    assert_type(fw.subjects, Finder[Subject])
    assert_type(fw.sessions, Finder[Session])
    assert_type(fw.acquisitions, Finder[Acquisition])
    assert_type(fw.files, Finder[File])
    assert_type(fw.projects(), list[Project])
    assert_type(fw.projects.find("label=x", limit=5, sort="label"), list[Project])
    assert_type(fw.projects.find_one("label=x"), Project)
    assert_type(fw.projects.find_first("label=x"), Project | None)
    wanted = (f.label == "x") & f.info.hair.in_(["brown", None])
    assert_type(fw.sessions.find(wanted, "label=x", f.timestamp >= datetime.now(UTC), full=True), list[Session])
    assert_type(fw.sessions.find_first(f.tags.has("x"), full=True), Session | None)
    assert_type(fw.sessions.find_one(f["info"]["x"] != 5, filter=f.label.matches("x")), Session)
    assert_type(fw.sessions.iter_find(wanted, full=True, concurrency=3), Pager[Session])
    assert_type(fw.sessions.get_or_create(label="x", subject="id"), Session)
    assert_type(fw.reload_all([Session()]), list[Session])
    assert_type(fw.ensure_path("a/b"), Group | Project | Subject | Session | Acquisition)
    assert_type(fw.walk(Project(), ["session", "file"], full=True), Pager[Container | File])
    assert_type(fw.sessions.iter(limit=10), Pager[Session])
    assert_type(fw.sessions.iter_find("label=x", limit=10), Pager[Session])
    assert_type(fw.sessions.iter_find().pages(), Generator[list[Session], None, None])
    for session in fw.sessions.iter_find():
        assert_type(session, Session)


def containers(
    group: Group, project: Project, subject: Subject, session: Session, acquisition: Acquisition, user: User
) -> None:
    assert_type(group.projects, Finder[Project])
    assert_type(group.add_project(label="x"), Project)
    assert_type(project.subjects, Finder[Subject])
    assert_type(project.sessions, Finder[Session])
    assert_type(project.acquisitions, Finder[Acquisition])
    assert_type(project.add_subject({"label": "x"}), Subject)
    assert_type(project.add_session(label="x", subject=subject), Session)
    assert_type(subject.sessions, Finder[Session])
    assert_type(subject.add_session(label="x"), Session)
    assert_type(session.acquisitions, Finder[Acquisition])
    assert_type(session.add_acquisition(label="x"), Acquisition)
    assert_type(project.update(label="x"), None)
    assert_type(project.reload(), Project)
    assert_type(user.reload(), User)
    assert_type(project.delete(), None)
    assert_type(project.ref(), ContainerReference)
    assert_type(acquisition.upload_file("x"), list[File])
    assert_type(acquisition.upload_file([FileSpec("x", b""), FileSpec("y")]), list[File])
    assert_type(acquisition.upload_file(b"x", name="x", on_progress=seen), list[File])
    assert_type(acquisition.download_file("x", Path("y")), Path)
    assert_type(acquisition.download_file("x", io.BytesIO()), None)
    assert_type(acquisition.download_tar("x", include_tags=["y"]), ArchiveSummary)
    assert_type(acquisition.read_file("x"), bytes)
    assert_type(acquisition.read_file("x", deadline=5, stall_timeout=1, on_progress=print), bytes)
    assert_type(acquisition.stream_file("x", version=1, deadline=5), FileStream)
    assert_type(acquisition.get_file("x"), File)
    assert_type(acquisition.delete_file("x"), None)


def seen(event: Event) -> None:
    assert_type(event.done, int)
    assert_type(event.total, int | None)


def files(file: File) -> None:
    assert_type(file.open_member("x"), FileStream)
    assert_type(file.open_member("x", stall_timeout=5, on_progress=print), FileStream)
    assert_type(file.read(deadline=5), bytes)
    assert_type(file.read_zip_member("x", deadline=5), bytes)
    assert_type(file.download("x", resume=False, on_progress=seen), Path)
    assert_type(file.download("x"), Path)
    assert_type(file.read(), bytes)
    assert_type(file.reload(), File)
    assert_type(file.update(type="nifti"), None)
    assert_type(file.delete(), None)
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
