"""Types of the verbs of the async objects, checked by mypy and pyright; never run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import assert_type

from flywheel_async import Acquisition, Analysis, AsyncFinder, Collection, File, Group, Project, Session, Subject
from flywheel_async.fields.access import Role
from flywheel_async.fields.common import AccessPermission, FileReference, Note, RolePermission
from flywheel_async.fields.copies import CopyFilter, ProjectCopyOutput
from flywheel_async.fields.file_parts import FileVersionOutput, ZipfileInfo


async def files(item: Acquisition, file: File) -> None:
    assert_type(await item.get_files(), list[File])
    assert_type(item.file_ref("x"), FileReference)
    assert_type(await item.get_file_download_url("x"), str)
    assert_type(await item.update_file("x", type="y"), None)
    assert_type(await item.update_file_info("x", {"a": 1}, b=2), None)
    assert_type(await item.replace_file_info("x", {}), None)
    assert_type(await item.delete_file_info("x", "a", ["b"]), None)
    assert_type(await item.update_file_classification("x", {"Intent": ["Structural"]}, modality="MR"), None)
    assert_type(await item.get_file_zip_info("x"), ZipfileInfo)
    assert_type(await item.download_file_zip_member("x", "y", Path("z")), Path)
    assert_type(await item.read_file_zip_member("x", "y"), bytes)
    assert_type(await file.parent, Project | Subject | Session | Acquisition | Analysis | Collection)
    assert_type(await file.get_parent(), Project | Subject | Session | Acquisition | Analysis | Collection)
    assert_type(await file.url(), str)
    assert_type(await file.get_zip_info(), ZipfileInfo)
    assert_type(await file.read_zip_member("x"), bytes)
    assert_type(await file.update_info(a=1), None)
    assert_type(await file.update_classification({"Intent": ("Structural",)}), None)
    assert_type(await file.set_tags(["a"]), None)
    assert_type(await file.rename_tag("a", "b"), None)
    assert_type(await file.get_versions(), list[FileVersionOutput])
    assert_type(await file.restore(2), File)
    assert_type(await file.move_to(item, name="x"), None)
    assert_type(await file.move_to({"type": "session", "id": "x"}), None)
    assert_type(file.local_replaced, datetime | None)


async def containers(
    group: Group, project: Project, subject: Subject, session: Session, collection: Collection
) -> None:
    assert_type(await group.add_tag("x"), None)
    assert_type(await project.add_tags(["x"]), None)
    assert_type(await session.add_note("x"), Note)
    assert_type(await session.update_info({"a": 1}, b=2), None)
    assert_type(await session.replace_info({}), None)
    assert_type(await session.delete_info("a", ["b"]), None)
    assert_type(await group.add_permission(id="x", access="ro"), AccessPermission)
    assert_type(await group.add_permission_template({"_id": "x", "role_ids": []}, propagate=True), RolePermission)
    assert_type(await group.get_roles(), list[Role])
    assert_type(await project.get_permission("x"), RolePermission)
    assert_type(await project.update_permission("x", role_ids=[]), RolePermission)
    analysis = await session.add_analysis(label="x", inputs=[File(), session.file_ref("x")])
    assert_type(analysis, Analysis)
    assert_type(await analysis.upload_output("x"), list[File])
    assert_type(await analysis.get_parent(), Project | Subject | Session | Acquisition)
    assert_type(await session.get_analyses(), list[Analysis])
    assert_type(collection.sessions, AsyncFinder[Session])
    assert_type(collection.acquisitions, AsyncFinder[Acquisition])
    assert_type(await collection.add_sessions(session, "id"), None)
    assert_type(await session.copy_to(subject, "x", filter=CopyFilter(exclude_notes=True)), Session)
    assert_type(await subject.copy_to("id"), Subject)
    assert_type(await project.copy_to(group, "x"), ProjectCopyOutput)
    assert_type(await session.move_to(project), None)
    assert_type(session.local_timestamp, datetime | None)
    assert_type(session.original_timestamp, datetime | None)
    assert_type(session.local_created, datetime | None)
    assert_type(session.age_years, float | None)
