"""Archives of many files: what goes in, under which paths, and how they are sent."""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, archives, downloads, files
from flywheel_async.emulator.archives import Archives, Entry, ZipPacker
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import Problem


def put(http: httpx.Client, kind: str, node: str, name: str, content: bytes = b"x", **metadata: Any) -> dict[str, Any]:
    data = {"metadata": json.dumps({"name": name, **metadata})}
    response = http.post(f"/{kind}/{node}/files", files=[("file", ("x", content))], data=data)
    assert response.status_code == 200, response.text
    return dict(response.json()[0])


def node(level: str, node_id: str) -> dict[str, str]:
    return {"level": level, "_id": node_id}


def ticket(http: httpx.Client, *nodes: dict[str, str], **body: Any) -> dict[str, Any]:
    params = body.pop("params", {})
    response = http.post("/download", json={"optional": True, "nodes": [*nodes], **body}, params=params)
    assert response.status_code == 200, response.text
    return dict(response.json())


def members(http: httpx.Client, *nodes: dict[str, str], **body: Any) -> dict[str, bytes]:
    """Returns what is in the tar, by path; a path that is there twice counts once."""
    made = ticket(http, *nodes, **body)
    response = http.get("/download", params={"ticket": made["ticket"]})
    assert response.status_code == 200, response.text
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(response.content), mode="r:") as archive:
        for member in archive:
            assert member.isreg()
            source = archive.extractfile(member)
            assert source is not None
            found[member.name] = source.read()
    return found


def names(http: httpx.Client, *nodes: dict[str, str], **body: Any) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in members(http, *nodes, **body))


def test_a_project_with_everything_in_it(http: httpx.Client, tree: Any) -> None:
    put(http, "projects", tree.project, "p.txt", b"project")
    put(http, "subjects", tree.subject, "s.txt", b"subject")
    put(http, "sessions", tree.session, "e.bin", b"\0" * 2_500_000)
    put(http, "acquisitions", tree.acquisition, "ü" * 100, b"long name")
    made = ticket(http, node("project", tree.project))
    assert (made["file_cnt"], made["size"]) == (5, 7 + 7 + 2_500_000 + 9 + 7)
    assert re.fullmatch(r"scitran_\d{8}_\d{6}\.tar", made["filename"])
    top = f"scitran/{tree.group}/project"
    assert members(http, node("project", tree.project)) == {
        f"{top}/p.txt": b"project",
        f"{top}/subject/s.txt": b"subject",
        f"{top}/subject/session/e.bin": b"\0" * 2_500_000,
        f"{top}/subject/session/scan/{'ü' * 100}": b"long name",
        f"{top}/subject/session/scan/a.txt": b"content",
    }
    (path,) = members(
        http, node("acquisition", tree.acquisition), params={"prefix": "my"}, filters=[{"types": {"plus": ["text"]}}]
    )
    assert path == f"my/{tree.group}/project/subject/session/scan/a.txt"


def test_a_file_that_is_asked_for_twice_comes_once(http: httpx.Client, tree: Any) -> None:
    asked = [node("session", tree.session), node("acquisition", tree.acquisition), node("subject", tree.subject)]
    assert ticket(http, *asked)["file_cnt"] == 1


def test_a_zip_has_the_same_files(http: httpx.Client, tree: Any) -> None:
    content = bytes(range(256)) * 9000
    put(http, "acquisitions", tree.acquisition, "big.bin", content)
    put(http, "acquisitions", tree.acquisition, "empty", b"")
    made = ticket(http, node("project", tree.project))
    response = http.get("/download", params={"ticket": made["ticket"], "format": "zip"})
    assert made["filename"].replace(".tar", ".zip") in response.headers["content-disposition"]
    assert "content-length" not in response.headers
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        found = {item.filename.rpartition("/")[2]: archive.read(item) for item in archive.infolist()}
    assert found == {"a.txt": b"content", "big.bin": content, "empty": b""}
    assert http.get("/download", params={"ticket": made["ticket"], "format": "rar"}).status_code == 422


FILTERS: list[tuple[list[dict[str, Any]], set[str]]] = [
    ([{"types": {"plus": ["nifti"]}}], {"n.nii", "tagged.nii"}),
    ([{"types": {"+": ["nifti"]}}], {"n.nii", "tagged.nii"}),
    ([{"types": {"minus": ["nifti"]}}], {"a.txt", "none"}),
    ([{"types": {"-": ["nifti", "null"]}}], {"a.txt"}),
    ([{"types": {"plus": ["null"]}}], {"none"}),
    ([{"types": {"plus": ["null", "text"]}}], {"none", "a.txt"}),
    ([{"tags": {"plus": ["t"]}}], {"tagged.nii"}),
    ([{"tags": {"minus": ["null"]}}], {"tagged.nii"}),
    ([{"types": {"plus": ["nifti"]}, "tags": {"minus": ["t"]}}], {"n.nii"}),
    ([{"types": {"plus": ["text"]}}, {"tags": {"plus": ["t"]}}], {"a.txt", "tagged.nii"}),
    ([{"since": 0.0}], {"a.txt", "none", "n.nii", "tagged.nii"}),
    ([{}], {"a.txt", "none", "n.nii", "tagged.nii"}),
    ([], {"a.txt", "none", "n.nii", "tagged.nii"}),
]


@pytest.mark.parametrize(("filters", "wanted"), FILTERS)
def test_filters(http: httpx.Client, tree: Any, filters: Any, wanted: set[str]) -> None:
    for name, metadata in (("none", {}), ("n.nii", {}), ("tagged.nii", {"tags": ["t", "u"]})):
        put(http, "acquisitions", tree.acquisition, name, **metadata)
    assert set(names(http, node("project", tree.project), filters=filters)) == wanted


def test_files_changed_since(http: httpx.Client, tree: Any) -> None:
    moment = time.time() + 0.002
    time.sleep(0.005)
    put(http, "acquisitions", tree.acquisition, "new")
    assert names(http, node("project", tree.project), filters=[{"since": moment}]) == ["new"]


def test_containers_are_filtered_by_their_tags(http: httpx.Client, tree: Any) -> None:
    put(http, "projects", tree.project, "p.txt")
    http.post(f"/sessions/{tree.session}/tags", json={"value": "good"})
    wanted = node("project", tree.project)

    def fit(**tags: Any) -> list[str]:
        return names(http, wanted, container_filters=[{"tags": tags}])

    assert fit(plus=["good"]) == ["a.txt"]
    assert fit(minus=["good"]) == ["p.txt"]
    assert fit(plus=["null"]) == ["p.txt"]
    assert fit(type="session", plus=["good"]) == ["a.txt"]
    assert fit(type="session", minus=["good"]) == ["p.txt"]
    body = {"nodes": [wanted], "container_filters": [{"tags": {"type": "project", "plus": ["good"]}}]}
    assert http.post("/download", json=body).status_code == 404


def test_analyses(http: httpx.Client, tree: Any) -> None:
    source = {"type": "acquisition", "id": tree.acquisition, "name": "a.txt"}
    body = {"label": "fit", "inputs": [source]}
    made = http.post(f"/sessions/{tree.session}/analyses", json=body).json()["_id"]
    put(http, "analyses", made, "out.csv", b"1,2")
    assert ticket(http, node("analysis", made))["filename"] == "analysis_fit.tar"
    assert members(http, node("analysis", made)) == {"fit/input/a.txt": b"content", "fit/output/out.csv": b"1,2"}
    assert names(http, node("session", tree.session)) == ["a.txt"], "analyses come on request only"
    full = {"type": "full", "analyses": "true", "metadata": "true"}
    found = members(http, node("session", tree.session), params=full)
    top = f"scitran/{tree.group}/project/subject/session"
    contents = {f"{top}/scan/a.txt", f"{top}/analyses/fit/input/a.txt", f"{top}/analyses/fit/output/out.csv"}
    assert set(found) == contents | {f"{path}.flywheel.json" for path in contents}
    assert json.loads(found[f"{top}/scan/a.txt.flywheel.json"])["file_id"] == tree.file_id


def test_the_entries_of_files_are_announced_and_made_while_they_are_sent(http: httpx.Client, tree: Any) -> None:
    params = {"type": "full", "metadata": "true"}
    made = ticket(http, node("project", tree.project), params=params)
    found = members(http, node("project", tree.project), params=params)
    assert (made["file_cnt"], made["size"]) == (2, sum(len(content) for content in found.values()))
    http.put(f"/files/{tree.file_id}/info", json={"key": "value"})
    later = http.get("/download", params={"ticket": made["ticket"], "format": "zip"})
    with zipfile.ZipFile(io.BytesIO(later.content)) as archive:
        (sidecar,) = [item for item in archive.namelist() if item.endswith(".flywheel.json")]
        assert json.loads(archive.read(sidecar))["info"] == {"key": "value"}


def test_bulk_paths_are_ids(http: httpx.Client, tree: Any) -> None:
    wanted = {f"acquisitions/{tree.acquisition}/a.txt": b"content"}
    for params in ({"type": "bulk"}, {"bulk": "true"}):
        assert members(http, node("project", tree.project), params=params) == wanted


def test_siblings_of_one_label_get_folders_of_their_own(http: httpx.Client, tree: Any) -> None:
    for content in (b"1", b"2"):
        body = {"session": tree.session, "label": "scan"}
        put(http, "acquisitions", http.post("/acquisitions", json=body).json()["_id"], "a.txt", content)
    found = members(http, node("session", tree.session))
    top = f"scitran/{tree.group}/project/subject/session"
    assert found == {f"{top}/scan/a.txt": b"content", f"{top}/scan_0/a.txt": b"1", f"{top}/scan_1/a.txt": b"2"}


HOSTILE = ["../up", "/abs", "a/../../b", "C:\\x", "line\nbreak", "..\\up", "a/b"]


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_hostile_labels_and_names_are_passed_on(http: httpx.Client, tree: Any, form: str) -> None:
    for name in HOSTILE:
        made = http.post("/acquisitions", json={"session": tree.session, "label": name}).json()["_id"]
        put(http, "acquisitions", made, name)
    # One path that is there twice: as a folder with a file, and as a name with a slash.
    put(http, "sessions", tree.session, "scan/a.txt", b"twice")
    made = ticket(http, node("session", tree.session))
    content = http.get("/download", params={"ticket": made["ticket"], "format": form}).content
    if form == "tar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = [member.name for member in archive]
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = [item.filename for item in archive.infolist()]
    top = f"scitran/{tree.group}/project/subject/session"
    wanted = [f"{top}/{name}/{name}" for name in HOSTILE] + 2 * [f"{top}/scan/a.txt"]
    assert sorted(found) == sorted(wanted)


def test_only_what_the_caller_may_download(
    site: Emulator, api: Callable[[str], httpx.Client], http: httpx.Client, plant: Callable[[], Any]
) -> None:
    mine, other = plant(), plant()
    reader = api(site.add_user("archive@example.com"))
    both = [node("project", mine.project), node("project", other.project)]
    assert reader.post("/download", json={"nodes": both}).status_code == 404
    grant = {"_id": "archive@example.com", "role_ids": [site.roles["ro"]]}
    http.post(f"/projects/{mine.project}/permissions", json=grant)
    assert list(members(reader, *both)) == [f"scitran/{mine.group}/project/subject/session/scan/a.txt"]
    made = ticket(reader, *both)
    with httpx.Client(base_url=site.url, trust_env=False) as bare:
        assert bare.get("/download", params={"ticket": made["ticket"]}).status_code == 200, "the ticket is enough"
        http.put("/users/archive@example.com", json={"disabled": True})
        assert bare.get("/download", params={"ticket": made["ticket"]}).status_code == 402


def test_requests_that_are_refused(http: httpx.Client, tree: Any) -> None:
    def status(body: Any, **params: str) -> int:
        return http.post("/download", json=body, params=params).status_code

    wanted = {"nodes": [node("project", tree.project)]}
    assert status({"nodes": []}) == 404
    assert status({"nodes": [node("project", "0" * 24)]}) == 404
    assert status({"nodes": [node("galaxy", tree.project)]}) == 422
    assert status({}) == 422
    assert status({**wanted, "filters": [{"colour": {}}]}) == 422
    assert status(wanted, type="read_task") == 422
    assert http.get("/download").status_code == 422
    assert http.get("/download", params={"ticket": "x"}).status_code == 404


def test_deleted_files_and_older_versions_stay_out(http: httpx.Client, tree: Any) -> None:
    put(http, "acquisitions", tree.acquisition, "gone")
    http.delete(f"/acquisitions/{tree.acquisition}/files/gone")
    put(http, "acquisitions", tree.acquisition, "a.txt", b"second")
    assert list(members(http, node("project", tree.project)).values()) == [b"second"]


def test_an_archive_that_nobody_waits_for_is_not_made(
    http: httpx.Client, tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = 60
    put(http, "acquisitions", tree.acquisition, "big.bin", bytes(chunks * downloads.CHUNK))
    made = ticket(http, node("project", tree.project))
    batch, packed = archives._batch, [0]

    def counting(pieces: Iterator[bytes]) -> bytes | None:
        packed[0] += 1
        return batch(pieces)

    monkeypatch.setattr(archives, "_batch", counting)
    with http.stream("GET", "/download", params={"ticket": made["ticket"]}) as response:
        next(response.iter_raw(1000))
    before = -1
    while before != packed[0]:
        before = packed[0]
        time.sleep(0.1)
    assert 0 < packed[0] < chunks


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_many_small_files_hold_nobody_up(
    site: Emulator, http: httpx.Client, tree: Any, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(http, "acquisitions", tree.acquisition, "f", b"")
    count = 1000

    def multiply(tx: Tx) -> None:
        (row,) = [row for row in files.of_container(tx, tree.acquisition) if row.name == "f"]
        for number in range(count):
            row.file_id, row.name = site.server.site.new_id(), f"f{number}"
            files.insert(tx, row)

    site.server.site.db.write_now(multiply)
    made = ticket(http, node("project", tree.project))
    assert made["file_cnt"] == count + 2
    batch, taken = archives._batch, 0

    def answered(pieces: Iterator[bytes]) -> bytes | None:
        """Packs a batch while others ask: the site answers them before the batch ends."""
        nonlocal taken
        taken += 1
        if taken % 200 == 1:
            assert httpx.get(f"{site.url}/version", trust_env=False, timeout=30).status_code == 200
        return batch(pieces)

    monkeypatch.setattr(archives, "_batch", answered)
    monkeypatch.setattr(archives, "_TURN", 0.0)
    response = http.get("/download", params={"ticket": made["ticket"], "format": form}, timeout=60)
    source = io.BytesIO(response.content)
    if form == "zip":
        with zipfile.ZipFile(source) as archive:
            assert len(archive.infolist()) == count + 2
    else:
        with tarfile.open(fileobj=source) as tar:
            assert len(tar.getnames()) == count + 2
    assert taken > count, "a batch whose time is over does not end"


def test_tickets_are_bound_to_an_address_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Archives()
    caller: Any = None
    name = known.issue(caller, "1.2.3.4", "a.tar", [])
    assert known.redeem(name, "1.2.3.4").filename == "a.tar"
    with pytest.raises(Problem, match="another address"):
        known.redeem(name, "5.6.7.8")
    late = time.monotonic() + 3601
    monkeypatch.setattr(time, "monotonic", lambda: late)
    with pytest.raises(Problem, match="not found"):
        known.redeem(name, "1.2.3.4")


def test_what_a_zip_holds_back_is_small() -> None:
    packer = ZipPacker()
    packer.begin(Entry("a", Path("a"), 1 << 30, 0))
    given = taken = 0
    for _ in range(20):
        given += 1 << 20
        taken += len(packer.add(bytes(1 << 20)))
        assert abs(given - taken) < 200_000
