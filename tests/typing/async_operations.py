"""Types of the operations of the async client, at least one of every tag, checked by mypy and pyright; never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, assert_type

from flywheel_async import (
    Acquisition,
    Analysis,
    AsyncClient,
    AsyncPager,
    Collection,
    File,
    FileSpec,
    Group,
    Project,
    Session,
    Subject,
    User,
    fields,
    types,
)
from flywheel_async.raw.response import AsyncRawStream, RawResponse

Container = Group | Project | Subject | Session | Acquisition | Analysis | Collection


async def raw(fw: AsyncClient) -> None:
    at = fw.raw
    assert_type(await at.get_acquisition("x"), RawResponse[Acquisition])
    assert_type(await at.get_analysis("x", inflate_job=False), RawResponse[Analysis])
    assert_type(await at.list_audit_trail_reports(limit=5), RawResponse[list[types.AuditTrailReport]])
    assert_type(await at.get_auth_status(), RawResponse[fields.AuthStatus])
    assert_type(await at.cancel_batch("x"), RawResponse[types.CancelledBatchOutput])
    assert_type(await at.bulk_move_sessions({"sources": ["x"]}), RawResponse[list[types.MoveConflict]])
    assert_type(await at.get_change_log("session", "x", version=2), RawResponse[types.ChangeLogDocument])
    assert_type(await at.get_collection_sessions("x"), RawResponse[list[Session]])
    assert_type(await at.get_config(), RawResponse[fields.SiteConfig])
    assert_type(await at.get_task_parent_container_ids("x", types.ContainerType.SESSION), RawResponse[list[str]])
    assert_type(await at.cleanup_info("session", "a.b"), RawResponse[types.ModifiedResult])
    assert_type(await at.get_container("x", join="origin"), RawResponse[Container])
    assert_type(await at.get_all_custom_filters(), RawResponse[types.PageGenericFilter])
    assert_type(await at.get_custom_form("x"), RawResponse[types.CoreWorkflowsFormsModelsForm])
    assert_type(await at.get_data_view_execution_data("x", file_format="csv"), RawResponse[bytes])
    assert_type(await at.parse_search_query({"structured_query": "x"}), RawResponse[types.ParsedQueryResponse])
    assert_type(await at.get_all_devices_status(), RawResponse[dict[str, types.DeviceStatusEntry]])
    assert_type(await at.delete_service_aet("x"), RawResponse[dict[str, int]])
    assert_type(await at.create_download_ticket({"nodes": []}, bulk=True), RawResponse[types.DownloadTicketStub])
    assert_type(await at.get_file_versions("x"), RawResponse[list[fields.FileVersionOutput]])
    assert_type(await at.list_task_responses("x"), RawResponse[types.PageGenericFormResponseOutput])
    assert_type(await at.get_gear("x"), RawResponse[types.GearDocument])
    assert_type(await at.add_group(Group("a", "b")), RawResponse[types.InsertedId])
    assert_type(await at.get_job("x"), RawResponse[types.JobOutput])
    assert_type(await at.get_jupyterlab_server("x"), RawResponse[types.JupyterlabServerResponse])
    assert_type(await at.get_modality("x"), RawResponse[fields.Modality])
    assert_type(await at.clean_packfiles(), RawResponse[types.PackfileCleanupOutput])
    assert_type(await at.get_project("x", join="origin", join_avatars=True), RawResponse[Project])
    assert_type(await at.get_task_protocol("x"), RawResponse[types.ValidProtocol | types.WIPProtocol])
    assert_type(await at.get_usage_data_summary(start_date=date(2026, 1, 1), end_date="2026-02-01", group="x"), Summary)
    assert_type(await at.resolve_path({"path": ["x"]}, full_tree=True), RawResponse[types.ResolveOutput])
    assert_type(await at.get_role("x"), RawResponse[fields.Role])
    assert_type(await at.get_session("x"), RawResponse[Session])
    assert_type(await at.get_project_settings("x"), RawResponse[types.ProjectSettingsOutput])
    assert_type(await at.get_provider_config("x"), RawResponse[dict[str, Any]])
    assert_type(await at.find_all_api_staffing_pools_get(), RawResponse[types.PageGenericStaffingPool])
    assert_type(await at.get_subject("x"), RawResponse[Subject])
    assert_type(await at.complete_reader_task("x", body={}), RawResponse[types.ReaderTask])
    assert_type(await at.get_tree_graph(), RawResponse[dict[str, types.TreeGraphNode]])
    assert_type(await at.check_uids_exist({"sessions": ["x"]}), RawResponse[types.UidCheckOutput])
    assert_type(await at.upload_by_uid(files=["a", "b"], metadata={}), RawResponse[Uploaded])
    assert_type(await at.get_current_user(), RawResponse[User])
    assert_type(await at.queue_saved("x", "y", limit=3), RawResponse[types.DataViewExecution])
    response = await at.get_project("x", _request_timeout=(1, 2.5))
    assert_type(response.parse(), Project)
    assert_type(response.status, int)


Summary = RawResponse[list[types.UsageSummaryItem] | str]
Uploaded = list[File] | types.UploadTicketOutput


async def flat(fw: AsyncClient) -> None:
    assert_type(await fw.add_acquisition({"label": "x", "session": "y"}), str)
    assert_type(await fw.rename_analysis_tag("x", "old", "new"), str)
    assert_type(await fw.download_audit_trail_report("x"), bytes)
    assert_type(await fw.get_all_batches(), list[types.Batch])
    assert_type(await fw.cancel_batch("x"), int)
    assert_type(await fw.bulk_move_sessions(types.BulkMoveInput()), list[types.MoveConflict])
    assert_type(await fw.get_field_change_log("session", "x", "label"), types.FieldChangeLogDocument)
    assert_type(await fw.add_collection(Collection(label="x")), str)
    assert_type(await fw.get_task_parent_container_ids("x", "session"), list[str])
    assert_type(await fw.cleanup_info("session", "a.b"), types.ModifiedResult)
    assert_type(await fw.delete_sessions_by_ids(["x"], delete_reason="test"), types.DeletedResult)
    assert_type(await fw.create_custom_filter(types.FilterInput()), types.Filter)
    assert_type(await fw.find_custom_forms(limit=2), types.PageGenericForm)
    assert_type(await fw.save_data_view_execution("x", file_format=types.FileFormat.CSV), File)
    assert_type(await fw.save_search({"label": "x"}), str)
    assert_type(await fw.get_all_devices(), list[fields.Device])
    assert_type(await fw.get_all_project_aets(), list[types.ProjectAET])
    assert_type(await fw.download_ticket("x", format="tar"), bytes)
    assert_type(await fw.get_file_tags("x"), list[str])
    assert_type(await fw.submit_response("x"), types.CoreWorkflowsFormResponsesModelsFormResponseOutput)
    assert_type(await fw.add_gear("x", {}), str)
    assert_type(await fw.get_all_groups(sort="label:desc", exhaustive=True), list[Group])
    assert_type(await fw.add_group_permission("x", {"_id": "y", "access": "ro"}), fields.AccessPermission)
    assert_type(await fw.add_job({}), str)
    assert_type(await fw.modify_jupyterlab_server("x", {}), types.ModifiedResult)
    assert_type(await fw.get_all_modalities(), list[fields.Modality])
    assert_type(await fw.clean_packfiles(), types.PackfileCleanupOutput)
    assert_type(await fw.get_all_projects(filter="label=x", x_accept_feature=["exclude-files"]), list[Project])
    assert_type(await fw.get_project_rules("x"), list[types.GearRuleOutput])
    assert_type(await fw.add_project_rule("x", types.GearRuleInput("p", "g")), types.GearRuleOutput)
    assert_type(await fw.start_project_packfile_upload("x"), str)
    assert_type(await fw.delete_task_protocol("x"), None)
    assert_type(await fw.get_legacy_usage_report("x", start_date=datetime.now(UTC)), list[types.LegacyUsageReport])
    assert_type(await fw.get_all_roles(), list[fields.Role])
    assert_type(await fw.get_session_acquisitions("x", collection_id="y"), list[Acquisition])
    assert_type(await fw.modify_project_settings("x", {}), types.ProjectSettingsOutput)
    assert_type(await fw.modify_bookmark_list([{"url": "x"}, types.Bookmark()]), list[types.Bookmark])
    assert_type(await fw.get_staffing_pool("x"), types.StaffingPool)
    assert_type(await fw.add_subject_note("x", "text"), fields.Note)
    assert_type(await fw.batch_create_reader_task({}), list[types.ReaderTask])
    assert_type(await fw.fetch_tree({"groups": {}}), list[Any])
    assert_type(await fw.check_uids_exist(types.UidCheckInputSessions()), types.UidCheckOutput)
    assert_type(await fw.create_signed_upload_url({"size": 1}), types.SignedUrlUploadOutput)
    assert_type(await fw.get_current_user_info(fields="x"), dict[str, Any])
    assert_type(await fw.get_view("x"), types.ViewOutput)


async def derived(fw: AsyncClient, session: Session) -> None:
    assert_type(await fw.set_project_info("x", {"a": 1}), types.ModifiedResult)
    assert_type(await fw.delete_session_info_fields("x", ["a", "b"]), types.ModifiedResult)
    assert_type(await fw.delete_session_info_fields("x", "a"), types.ModifiedResult)
    assert_type(await fw.replace_acquisition_file_info("x", "a.txt", {}), types.ModifiedResult)
    assert_type(
        await fw.set_project_file_classification("x", "a.txt", {"Intent": ["Structural"]}), types.ModifiedResult
    )
    assert_type(await fw.add_sessions_to_collection("x", [session, "y"]), None)
    assert_type(await fw.add_nodes_to_collection("x", "acquisition", ["y"]), None)
    assert_type(await fw.get_project_download_url("x", "a.txt", version=2), str)
    assert_type(await fw.upload_file_to_project("x", [FileSpec("a", b"b")], metadata={"type": "text"}), list[File])
    assert_type(await fw.upload_output_to_analysis("x", Path("a.txt")), list[File])
    assert_type(await fw.download_file_from_session("x", "a.txt", "b.txt", version=1), Path)
    assert_type(await fw.download_file_from_session_as_data("x", "a.zip", member="b"), bytes)


async def streaming(fw: AsyncClient) -> None:
    stream = fw.raw.streaming
    opening = stream.download_file_from_project("x", "a.txt", member="b")
    assert_type(opening, AbstractAsyncContextManager[AsyncRawStream])
    assert_type(stream.evaluate_view("x", "y", format="csv"), AbstractAsyncContextManager[AsyncRawStream])
    assert_type(stream.get_all_jobs(limit=1), AbstractAsyncContextManager[AsyncRawStream])
    assert_type(stream.add_file_tags("x", ["a"]), AbstractAsyncContextManager[AsyncRawStream])
    async with stream.download_ticket("x") as answer:
        assert_type(answer, AsyncRawStream)
        assert_type(answer.status, int)
        assert_type(await answer.aread(), bytes)
        async for chunk in answer:
            assert_type(chunk, bytes)


async def iterate(fw: AsyncClient) -> None:
    walk = fw.raw.iterate
    assert_type(walk.get_all_projects(), AsyncPager[Project])
    assert_type(walk.get_all_files(filter="name=x", limit=10), AsyncPager[File])
    assert_type(walk.get_all_users(sort="email"), AsyncPager[User])
    assert_type(walk.get_all_jobs(), AsyncPager[types.JobListOutput])
    assert_type(walk.get_session_jobs("x", states=["running"]), AsyncPager[types.JobListOutput])
    assert_type(walk.get_all_custom_filters(), AsyncPager[types.Filter])
    assert_type(walk.find_task_protocols(), AsyncPager[types.ValidProtocol | types.WIPProtocol])
    assert_type(walk.get_views("x"), AsyncPager[types.ViewOutput])
    assert_type(walk.get_project_analyses("x"), AsyncPager[Analysis])
    assert_type(walk.get_all_roles(), AsyncPager[fields.Role])
    assert_type(walk.fetch_tree({}), AsyncPager[Any])
    async for gear in walk.get_all_gears(all_versions=True):
        assert_type(gear, types.GearDocument)


async def wrong_calls(fw: AsyncClient) -> None:
    """Every line is an error; a comment that hides none is one too."""
    await fw.raw.get_projct("x")  # type: ignore[attr-defined]
    await fw.raw.get_project()  # type: ignore[call-arg]
    await fw.raw.get_project(1)  # type: ignore[arg-type]
    await fw.raw.get_project("x", "origin")  # type: ignore[call-arg]
    await fw.raw.get_project("x", joins="origin")  # type: ignore[call-arg]
    await fw.raw.get_project("x", join_avatars="yes")  # type: ignore[arg-type]
    await fw.raw.get_project("x", x_accept_feature=3)  # type: ignore[arg-type]
    await fw.raw.get_all_projects(limit="many")  # type: ignore[arg-type]
    await fw.raw.add_project(["label"])  # type: ignore[arg-type]
    await fw.raw.add_project(types.SessionInput("p", "l"))  # type: ignore[arg-type]
    await fw.raw.add_project(Session())  # type: ignore[arg-type]
    await fw.raw.modify_bookmark_list({"url": "x"})  # type: ignore[arg-type]
    await fw.raw.add_file_tags("x", "tag")  # type: ignore[arg-type]
    await fw.raw.upload_file_to_project("x")  # type: ignore[call-arg]
    await fw.raw.upload_file_to_project("x", 3)  # type: ignore[arg-type]
    await fw.raw.queue_saved("x")  # type: ignore[call-arg]
    await fw.get_projct_rules("x")  # type: ignore[attr-defined]
    await fw.get_project_rules()  # type: ignore[call-arg]
    await fw.get_project_rules(project="x")  # type: ignore[call-arg]
    await fw.add_project_rule("x", types.GearRule())  # type: ignore[arg-type]
    await fw.modify_project("x", "label")  # type: ignore[arg-type]
    await fw.set_project_info("x", ["a"])  # type: ignore[arg-type]
    await fw.add_nodes_to_collection("x", "project", ["y"])  # type: ignore[arg-type]
    await fw.download_file_from_session("x", "a.txt")  # type: ignore[call-arg]
    fw.raw.streaming.get_project("x", limit=1)  # type: ignore[call-arg]
    fw.raw.iterate.get_project("x")  # type: ignore[attr-defined]
    fw.raw.iterate.get_all_projects(page=2)  # type: ignore[call-arg]
    fw.raw.iterate.get_all_projects(limit="all")  # type: ignore[arg-type]
