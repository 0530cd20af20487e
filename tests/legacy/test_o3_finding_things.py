"""O3: a notebook that finds things: by path, by id, by a structured query."""

from __future__ import annotations

import json
import logging
import pprint
import re
from itertools import pairwise
from typing import Any

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.sync import APIError, Client

log = logging.getLogger("finding")

PATH = ["lab", "Veggies, 2nd try", "dragon_fruit", "session 1.5", "acq1"]
FILE = "IM 0001.dcm"
DICOMS = 'file.type = dicom AND subject.label = dragon_fruit AND project.label = "Veggies, 2nd try"'


def find(fw: Client, path: str) -> Any:
    """What a path leads to, or None, which goes to the log with its trace."""
    try:
        found = fw.lookup(path)
    except APIError:
        log.error("nothing at %s", path, exc_info=True)
        return None
    log.info("%s is a %s", found.get("label") or found.get("name"), found.container_type)
    return found


def link(fw: Client, container: Any) -> str | None:
    """The address of a container's page."""
    page = re.sub(r"(:\d+)?/api", "", fw.get_config().site.api_url) + "/#/projects"
    if container.container_type == "project":
        return f"{page}/{container.id}"
    if container.container_type in ("subject", "session"):
        return f"{page}/{container.project}/{container.container_type}s/{container.id}"
    return None


@pytest.fixture(autouse=True)
def veggies(fw: Client) -> None:
    for subject in (PATH[2], "turnip"):
        acquisition = fw.ensure_path([*PATH[:2], subject, *PATH[3:]])
        for name in (FILE, "IM 0002.dcm", "readme.txt"):
            acquisition.upload_file(name.encode(), name=name)
            acquisition.update_file(name, type="dicom" if name.endswith("dcm") else "text")
    session = fw.lookup(PATH[:4])
    session.upload_file(b"form", name="consent.pdf")
    session.add_analysis(label="qa")


def test_lookups(fw: Client, caplog: pytest.LogCaptureFixture) -> None:
    kinds = ["group", "project", "subject", "session", "acquisition"]
    with caplog.at_level(logging.INFO, logger="finding"):
        found = [find(fw, "/".join(PATH[: depth + 1])) for depth in range(len(PATH))]
        file = find(fw, "/".join([*PATH, "files", FILE]))
    assert [each.container_type for each in found] == kinds
    assert [each.get("label") for each in found] == [fw.get_group("lab").label, *PATH[1:]]
    assert all(each.get("name") is None for each in found)
    assert [record.getMessage() for record in caplog.records] == [
        *(f"{each.label} is a {kind}" for each, kind in zip(found, kinds, strict=True)),
        f"{FILE} is a file",
    ]
    assert (file.get("label"), file.get("name"), file["name"]) == (None, FILE, FILE)
    assert file.file_id == found[-1].get_file(FILE).file_id
    for parent, child in pairwise(found):
        assert child.parents[parent.container_type] == parent.id
    group, project, subject, session, acquisition = found
    assert project.group == group.id
    assert subject.project == subject["project"] == session.project == session["project"] == project.id
    assert (session.subject.id, session.subject["label"]) == (subject.id, PATH[2])
    assert acquisition.session == session.id


def test_other_paths(fw: Client) -> None:
    session = fw.lookup("/".join(PATH[:4]))
    assert fw.lookup(PATH[:4]).id == session.id
    assert fw.lookup(f"lab/Veggies, 2nd try/dragon_fruit/<id:{session.id}>/acq1").label == "acq1"
    assert fw.lookup([*PATH[:4], "analyses", "qa"]).container_type == "analysis"
    assert fw.lookup([*PATH[:4], "files", "consent.pdf"]).name == "consent.pdf"
    resolved = fw.resolve("/".join(PATH[:4]))
    assert [node.id for node in resolved.path] == [node["_id"] for node in resolved["path"]]
    assert resolved.path[-1].id == session.id
    assert {(node.container_type, node.get("label") or node.get("name")) for node in resolved.children} >= {
        ("acquisition", "acq1"),
        ("file", "consent.pdf"),
    }
    assert sorted(resolved.to_dict()) == ["children", "path"]
    assert resolved.to_dict()["path"][1]["label"] == PATH[1]


def test_nothing_there(fw: Client, caplog: pytest.LogCaptureFixture) -> None:
    acquisition = "/".join(PATH)
    for path in (
        "group/does/not/exist",
        "lab/Veggies",
        f"{acquisition}/files/IM_0009",
        f"{acquisition}/{FILE}",
    ):
        caplog.clear()
        with caplog.at_level(logging.ERROR, logger="finding"):
            assert find(fw, path) is None
        (record,) = caplog.records
        assert record.getMessage() == f"nothing at {path}"
        assert record.exc_info is not None
        error = record.exc_info[1]
        assert isinstance(error, APIError)
        assert (error.status, bool(error.reason)) == (404, True)
        assert "Traceback" in caplog.text
        assert "404" in caplog.text


def test_any_container_by_id(fw: Client) -> None:
    session = fw.lookup(PATH[:4])
    collection_id = fw.add_collection({"label": "picked"})
    containers = [fw.lookup(PATH[: depth + 1]) for depth in range(len(PATH))]
    for one in [*containers, session.analyses[0], fw.get_collection(collection_id)]:
        got = fw.get(one.id)
        kind = got.container_type
        assert (kind, got.label, got.id, got["_id"]) == (one.container_type, one.label, one.id, one.id)
        named = getattr(fw, f"get_{kind}")(one.id)
        assert (type(named), named.id) == (type(got), got.id)
        assert {"label", "id", "created", "tags", "reload", "update", "to_dict"} <= set(dir(got))
        plain = got.to_dict()
        assert (type(plain), plain["id"], plain["label"]) == (dict, one.id, one.label)
        assert one.label in pprint.pformat(plain)
        assert json.loads(json.dumps(plain, default=str))["id"] == one.id
    for unknown in ("0123456789abcdef01234567", "nosuchgroup"):
        with pytest.raises(APIError) as caught:
            fw.get(unknown)
        assert caught.value.status == 404


def test_links(site: Emulator, fw: Client) -> None:
    config = fw.get_config()
    assert config.site.api_url == config["site"]["api_url"] == config.get("site").get("api_url")
    assert re.fullmatch(r"https?://[^/]+/api", config.site.api_url)
    assert site.api_key.split(":")[0] in config.site.api_url
    project, subject, session, acquisition = (fw.lookup(PATH[:depth]) for depth in (2, 3, 4, 5))
    page = config.site.api_url.rsplit(":", 1)[0] + "/#/projects"
    assert link(fw, project) == f"{page}/{project.id}"
    assert link(fw, subject) == f"{page}/{project.id}/subjects/{subject.id}"
    assert link(fw, fw.sessions.find_first(f"_id={session.id}")) == f"{page}/{project.id}/sessions/{session.id}"
    assert link(fw, acquisition) is None


def test_structured_search(fw: Client, capsys: pytest.CaptureFixture[str]) -> None:
    files = fw.search({"structured_query": DICOMS, "return_type": "file"})
    assert type(files) is list
    assert sorted(hit.file.name for hit in files) == [FILE, "IM 0002.dcm"]
    for hit in files:
        assert (hit.return_type, hit["return_type"], hit["file"]["type"]) == ("file", "file", "dicom")
        assert (hit.group.id, hit.project.label, hit.subject.get("code")) == ("lab", PATH[1], PATH[2])
        assert (hit.session.label, hit["acquisition"]["label"]) == (PATH[3], PATH[4])
        assert fw.get(hit.parent.id).get_file(hit.file.name).type == "dicom"
    print(files)
    pprint.pprint(files)
    assert capsys.readouterr().out.count("IM 0002.dcm") >= 2
    acquisitions = fw.search({"return_type": "acquisition", "structured_query": DICOMS})
    assert [fw.get(hit.acquisition.id).label for hit in acquisitions] == ["acq1"]
    assert acquisitions[0].acquisition.id == fw.lookup(PATH).id
    assert acquisitions[0].get("file") is None


def test_other_queries(fw: Client) -> None:
    wanted = {
        'file.type = "dicom" AND subject.label = "turnip"': ["IM 0001.dcm", "IM 0002.dcm"],
        'file.name = "IM 0001.dcm" AND subject.label IN [turnip, potato]': ["IM 0001.dcm"],
        "file.type = dicom AND NOT subject.label = turnip": ["IM 0001.dcm", "IM 0002.dcm"],
        'subject.label = turnip AND (file.type = text OR file.name LIKE "%2.dcm")': ["IM 0002.dcm", "readme.txt"],
        "file.type = dicom AND subject.label = potato": [],
        "file.type = nifti AND subject.label = turnip": [],
    }
    for query, names in wanted.items():
        hits = fw.search({"structured_query": query, "return_type": "file"}, size=10000)
        assert sorted(hit.file.name for hit in hits) == names, query
        assert bool(hits) is bool(names)


def test_search_that_cannot_be(site: Emulator, fw: Client) -> None:
    with pytest.raises(APIError) as caught:
        fw.search({"structured_query": "file.type = dicom AND subject.label =", "return_type": "file"})
    assert caught.value.status == 422
    assert "line 1" in caught.value.reason
    with Client(site.add_user("guest@example.org")) as guest:
        assert guest.search({"structured_query": DICOMS, "return_type": "file"}) == []
