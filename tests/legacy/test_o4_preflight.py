"""O4: a script that looks whether it may do its work, then repairs timestamps from what the headers say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.errors import APIError
from flywheel_async.sync import Client, Group, Project

WANTED = {"containers_view_metadata", "containers_modify_metadata"}
ZONE = ZoneInfo("America/New_York")


def missing_rights(fw: Client, group: Group, project: Project) -> set[str]:
    """What the current user lacks to change the project."""
    me = fw.get_current_user()
    assert me.roles == me["roles"]
    if "site_admin" in me["roles"]:
        return set()
    for permission in group.permissions:
        if permission["_id"] == me["_id"] == me.email and permission.access == "admin":
            return set()
    allowed: set[str] = set()
    for entry in project.permissions or []:
        if entry.id == me.id:
            for role_id in entry.role_ids:
                allowed.update(fw.get_role(role_id).actions)
    return WANTED - allowed


def header_time(file: Any) -> datetime | None:
    header = file.info.get("header", {}).get("dicom", {})
    if "AcquisitionDate" not in header:
        return None
    text = header["AcquisitionDate"] + header["AcquisitionTime"].split(".")[0]
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=ZONE)


def repair(fw: Client, project: Project) -> list[str]:
    """Returns the labels of the acquisitions it changed."""
    changed: list[str] = []
    for session in project.sessions():
        for acquisition in session.acquisitions():
            acquisition = acquisition.reload()
            for file in acquisition.files:
                wanted = header_time(file)
                if wanted is not None and acquisition.timestamp != wanted:
                    acquisition.update({"timestamp": wanted})
                    changed.append(acquisition.label)
    return changed


@pytest.fixture
def project(fw: Client) -> Project:
    session = fw.ensure_path("lab/Study/0042/visit")
    cases = {
        "wrong": ("20260131", "100000.125", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        "right": ("20260131", "110000", datetime(2026, 1, 31, 11, tzinfo=ZONE)),
        "summer": ("20260701", "120000", None),
        "no header": ("", "", datetime(2026, 3, 1, tzinfo=UTC)),
    }
    for label, (date, clock, stored) in cases.items():
        acquisition = session.add_acquisition(label=label)
        if stored is not None:
            acquisition.update(timestamp=stored)
        header = {"dicom": {"AcquisitionDate": date, "AcquisitionTime": clock}} if date else {}
        acquisition.upload_file(b"x", name="i.dcm", metadata={"info": {"header": header}})
    return fw.lookup("lab/Study")


def test_repair(fw: Client, project: Project) -> None:
    assert sorted(repair(fw, project)) == ["summer", "wrong"]
    stored = {a.label: a.timestamp for a in project.acquisitions.find()}
    assert stored == {
        "wrong": datetime(2026, 1, 31, 15, tzinfo=UTC),
        "right": datetime(2026, 1, 31, 16, tzinfo=UTC),
        "summer": datetime(2026, 7, 1, 16, tzinfo=UTC),
        "no header": datetime(2026, 3, 1, tzinfo=UTC),
    }
    assert all(when.utcoffset() is not None for when in stored.values())
    assert repair(fw, project) == []


def test_naive_times_need_a_zone(site: Emulator, fw: Client, project: Project) -> None:
    acquisition = project.acquisitions.find_one("label=wrong")
    naive = datetime(2026, 5, 1, 12)
    with pytest.raises(ValueError, match=r"timestamp.*tzinfo"):
        acquisition.update({"timestamp": naive})
    with Client(site.api_key, default_timezone=ZONE) as here:
        here.get_acquisition(acquisition.id).update({"timestamp": naive})
    assert acquisition.reload().timestamp == datetime(2026, 5, 1, 16, tzinfo=UTC)
    acquisition.update(timestamp="2026-05-01T12:00:00+02:00")
    assert acquisition.reload().timestamp == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_preflight(site: Emulator, fw: Client, project: Project) -> None:
    group = fw.get_group("lab")
    keys = {user: site.add_user(f"{user}@example.org") for user in ("writer", "reader", "boss", "nobody")}
    project.add_permission(id="writer@example.org", role_ids=[site.roles["ro"], site.roles["rw"]])
    project.add_permission(id="reader@example.org", role_ids=[site.roles["ro"]])
    group.add_permission(id="boss@example.org", access="admin")
    assert missing_rights(fw, group, project) == set()
    for user, lacking in (("writer", set()), ("reader", {"containers_modify_metadata"}), ("boss", set())):
        with Client(keys[user]) as theirs:
            assert missing_rights(theirs, group.reload(), project.reload()) == lacking, user
    with Client(keys["writer"]) as writer:
        assert len(repair(writer, writer.get_project(project.id))) == 2
    for user in ("reader", "nobody"):
        with Client(keys[user]) as theirs:
            with pytest.raises(APIError) as caught:
                theirs.modify_project(project.id, {"description": "mine"})
            assert caught.value.status == 403
            assert caught.value.reason
    assert project.reload().description == ""
