"""Files: upload, names, versions, download, ranges, metadata."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from flywheel_async.emulator import Emulator, tickets
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.downloads import disposition, parse_ranges
from flywheel_async.emulator.filetypes import guess_mimetype, guess_type
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.tickets import Tickets


def upload(http: httpx.Client, path: str, content: bytes, **metadata: Any) -> httpx.Response:
    data = {"metadata": json.dumps(metadata)} if metadata else {}
    return http.post(f"{path}/files", files=[("file", ("part.bin", content))], data=data)


def sent(http: httpx.Client, path: str, content: bytes, **metadata: Any) -> dict[str, Any]:
    response = upload(http, path, content, **metadata)
    assert response.status_code == 200, response.text
    (entry,) = response.json()
    return dict(entry)


@pytest.fixture
def scan(tree: Any) -> str:
    return f"/acquisitions/{tree.acquisition}"


def test_an_upload_and_its_entry(http: httpx.Client, scan: str, tree: Any) -> None:
    content = b"some bytes"
    entry = sent(http, scan, content, name="b.nii.gz", modality="MR", info={"a.b": 1}, tags=["t"])
    assert entry["hash"] == "v0-sha384-" + hashlib.sha384(content).hexdigest()
    assert (entry["size"], entry["version"], entry["type"]) == (10, 1, "nifti")
    assert entry["info"] == {"a_b": 1}
    assert entry["parent_ref"] == {"type": "acquisition", "id": tree.acquisition}
    assert entry["parents"]["session"] == tree.session
    assert entry["origin"] == {"type": "user", "id": "admin@emulator.local"}
    assert http.get(f"{scan}/files/b.nii.gz").content == content
    assert http.get(f"{scan}/files/b.nii.gz/info").json() == entry
    assert http.get(f"/files/{entry['file_id']}").json() == entry
    listed = http.get(scan).json()["files"]
    assert [item["name"] for item in listed] == ["a.txt", "b.nii.gz"]
    assert listed[1] == entry


@pytest.mark.parametrize("name", ["folder/two.csv", 'say "hi"', "two\nlines", "100%22"])
def test_a_name_that_the_header_cannot_carry_is_refused(http: httpx.Client, scan: str, name: str) -> None:
    sent = [("file", (name, b"x"))]
    assert http.post(f"{scan}/files", files=sent).status_code == 422
    entry = http.post(f"{scan}/files", files=sent, data={"metadata": json.dumps({"name": name})}).json()[0]
    assert entry["name"] == name


def test_several_files_in_one_request(http: httpx.Client, scan: str) -> None:
    files = [("file", ("one.txt", b"1")), ("file", ("folder/two.csv", b"22"))]
    metadata = json.dumps([{"type": "special"}, {"name": "zwei.csv", "size": 2}])
    entries = http.post(f"{scan}/files", files=files, data={"metadata": metadata}).json()
    assert [(entry["name"], entry["type"]) for entry in entries] == [
        ("one.txt", "special"),
        ("zwei.csv", "tabular data"),
    ]
    assert http.post(f"{scan}/files", files=files[:1]).json()[0]["version"] == 2


NAMES = [
    "a/b",
    "a%2Fb",
    "%2F",
    "a b+c&d=e?f#g;h",
    "ünïcödé 日本.txt",
    "...",
    "..a",
    "~'\"<>|*",
    "line\nbreak",
    "x" * 255,
    "ü" * 127,
    "files",
    "+",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_survive_the_round_trip(http: httpx.Client, scan: str, name: str) -> None:
    content = name.encode()
    assert sent(http, scan, content, name=name)["name"] == name
    path = f"{scan}/files/{quote(name, safe='')}"
    response = http.get(path)
    assert response.content == content
    assert "attachment" in response.headers["content-disposition"]
    assert http.get(f"{path}/info").json()["name"] == name
    assert http.put(path, json={"type": "text"}).status_code == 200
    assert http.delete(path).json() == {"deleted": 1}
    assert http.get(path).status_code == 404


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "x" * 256, "ü" * 128])
def test_names_that_are_refused(http: httpx.Client, scan: str, name: str) -> None:
    assert upload(http, scan, b"x", name=name).status_code == 422
    assert len(http.get(scan).json()["files"]) == 1


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e"])
def test_dot_names_in_a_path_do_not_reach_the_container(
    site: Emulator, http: httpx.Client, scan: str, name: str
) -> None:
    # httpx would resolve the dots before sending, so the request is written by hand.
    key = http.headers["authorization"]
    with socket.create_connection(("127.0.0.1", site.port)) as raw:
        head = (
            f"DELETE /api{scan}/files/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nConnection: close\r\n\r\n"
        )
        raw.sendall(head.encode())
        answer = raw.makefile("rb").readline()
    assert b" 422 " in answer
    assert http.get(scan).status_code == 200


def test_a_second_upload_is_a_new_version(http: httpx.Client, scan: str) -> None:
    first = sent(http, scan, b"one", name="v.txt", tags=["old"], info={"a": 1})
    second = sent(http, scan, b"second", name="v.txt")
    assert (second["file_id"], second["version"]) == (first["file_id"], 2)
    assert (second["tags"], second["info"]) == ([], {}), "metadata starts afresh"
    kept = http.post(
        f"{scan}/files",
        params={"preserve_metadata": "true"},
        files=[("file", ("v.txt", b"third"))],
        data={"metadata": json.dumps({"name": "v.txt", "info": {"new": 1}})},
    ).json()[0]
    assert (kept["version"], kept["tags"], kept["info"]) == (3, [], {"new": 1})
    assert http.get(f"{scan}/files/v.txt").content == b"third"
    assert http.get(f"{scan}/files/v.txt", params={"version": 1}).content == b"one"
    assert http.get(f"{scan}/files/v.txt", params={"version": 9}).status_code == 404
    assert http.get(f"{scan}/files/v.txt", params={"version": "x"}).status_code == 422
    versions = http.get(f"/files/{first['file_id']}/versions").json()
    assert [item["version"] for item in versions] == [1, 2, 3]
    assert http.delete(f"/files/{first['file_id']}", params={"version": 3}).json() == {"deleted": 1}
    assert http.get(f"{scan}/files/v.txt").content == b"second"
    assert [item["name"] for item in http.get(scan).json()["files"]] == ["a.txt", "v.txt"]


def test_the_hash_can_be_asked_for(http: httpx.Client, scan: str) -> None:
    entry = sent(http, scan, b"content", name="h")
    path = f"{scan}/files/h"
    assert http.get(path, params={"hash": entry["hash"]}).status_code == 200
    assert http.get(path, params={"hash": "v0-sha384-0"}).status_code == 409


def test_uploads_that_are_refused(site: Emulator, http: httpx.Client, scan: str) -> None:
    part = [("file", ("x.txt", b"x"))]
    assert http.post(f"{scan}/files", json={}).status_code == 400
    assert http.post(f"{scan}/files", files=[("other", (None, b"x"))]).status_code == 422
    assert http.post(f"{scan}/files", files=part, data={"metadata": "{"}).status_code == 400
    assert http.post(f"{scan}/files", files=part, data={"metadata": "[]"}).status_code == 422
    assert http.post(f"{scan}/files", files=part, data={"metadata": '{"size": 2}'}).status_code == 422
    assert http.post(f"{scan}/files", files=part, data={"metadata": '{"colour": "red"}'}).status_code == 422
    assert http.post(f"{scan}/files?ticket=", json={"metadata": {}, "filenames": []}).status_code == 400
    broken = http.post(
        f"{scan}/files", content=b"--b\r\nno header", headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert broken.status_code == 400
    assert http.post(f"/acquisitions/{'0' * 24}/files", files=part).status_code == 404
    assert len(http.get(scan).json()["files"]) == 1
    assert list((site.data / "blobs" / "incoming").iterdir()) == []


def test_an_upload_cut_off_in_the_middle_leaves_nothing(site: Emulator, http: httpx.Client, scan: str) -> None:
    def body() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="cut.bin"\r\n\r\n' + b"x" * 3_000_000
        raise RuntimeError("the caller breaks off")

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "9000000"}
    with pytest.raises(RuntimeError):
        http.post(f"{scan}/files", content=body(), headers=headers)
    incoming = site.data / "blobs" / "incoming"
    deadline = threading.Event()
    for _ in range(100):
        if not list(incoming.iterdir()):
            break
        deadline.wait(0.05)
    assert list(incoming.iterdir()) == []
    assert [item["name"] for item in http.get(scan).json()["files"]] == ["a.txt"]


def test_large_files_are_streamed(http: httpx.Client, scan: str, tmp_path: Path) -> None:
    block = bytes(range(256)) * 4096
    source = tmp_path / "large.bin"
    source.write_bytes(block * 6 + b"tail")
    with source.open("rb") as file:
        response = http.post(
            f"{scan}/files", files=[("file", ("large.bin", file))], data={"metadata": '{"name": "large.bin"}'}
        )
    entry = response.json()[0]
    digest = hashlib.sha384()
    with http.stream("GET", f"{scan}/files/large.bin") as stream:
        assert stream.headers["content-length"] == str(entry["size"]) == str(6 * len(block) + 4)
        for part in stream.iter_raw():
            digest.update(part)
    assert entry["hash"] == "v0-sha384-" + digest.hexdigest()


def test_an_empty_file(http: httpx.Client, scan: str) -> None:
    assert sent(http, scan, b"", name="empty")["size"] == 0
    response = http.get(f"{scan}/files/empty")
    assert (response.content, response.headers["content-length"]) == (b"", "0")


def test_viewing_and_ranges(http: httpx.Client, scan: str) -> None:
    sent(http, scan, b"0123456789", name="r.csv")
    path = f"{scan}/files/r.csv"
    viewed = http.get(path, params={"view": "true"})
    assert viewed.headers["content-type"] == "text/csv"
    assert "content-disposition" not in viewed.headers
    ignored = http.get(path, headers={"range": "bytes=2-3"})
    assert (ignored.status_code, ignored.content) == (200, b"0123456789")

    def ranged(value: str) -> httpx.Response:
        return http.get(path, params={"view": "true"}, headers={"range": value})

    one = ranged("bytes=2-4")
    assert (one.status_code, one.content, one.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert ranged("bytes=7-").content == b"789"
    assert ranged("bytes=-2").headers["content-range"] == "bytes 8-9/10"
    assert ranged("bytes=5-99").content == b"56789"
    assert ranged("lines=1-2").status_code == 200
    outside = ranged("bytes=10-")
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
    several = ranged("bytes=0-1, 8-9")
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert several.headers["content-length"] == str(len(several.content))
    for piece in (b"bytes 0-1/10\r\n\r\n01", b"bytes 8-9/10\r\n\r\n89"):
        assert piece in several.content


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-0,-1", [(0, 1), (9, 10)]),
        ("bytes=-99", [(0, 10)]),
        ("bytes=-0", []),
        ("bytes=20-30", []),
        ("bytes=20-30,1-1", [(1, 2)]),
        ("bytes=3-2", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes", None),
        ("bytes=" + ",".join(["0-0"] * 101), None),
    ],
)
def test_range_headers(header: str, ranges: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(header, 10) == ranges


def test_tickets_download_without_a_key(site: Emulator, http: httpx.Client, scan: str) -> None:
    sent(http, scan, b"first", name="t.txt")
    path = f"{site.url}{scan}/files/t.txt"
    stub = http.get(f"{path}?ticket=").json()
    assert (stub["filename"], stub["file_cnt"], stub["size"]) == ("t.txt", 1, 5)
    sent(http, scan, b"second", name="t.txt")
    with httpx.Client(trust_env=False) as nobody:
        for _ in range(2):
            assert nobody.get(path, params={"ticket": stub["ticket"]}).content == b"first"
        assert nobody.get(path).status_code == 401
        assert nobody.get(path, params={"ticket": "unknown"}).status_code == 404
        other = path.replace("t.txt", "a.txt")
        assert nobody.get(other, params={"ticket": stub["ticket"]}).status_code == 400
        assert nobody.get(f"{path}/info", params={"ticket": stub["ticket"]}).status_code == 401
        http.delete(f"{scan}/files/t.txt")
        assert nobody.get(path, params={"ticket": stub["ticket"]}).status_code == 404


def test_a_ticket_is_only_as_good_as_its_owner(site: Emulator, http: httpx.Client, tree: Any, api: Any) -> None:
    reader = api(site.add_user("ticket@example.com"))
    permissions = f"/projects/{tree.project}/permissions"
    http.post(permissions, json={"_id": "ticket@example.com", "role_ids": [site.roles["ro"]]})
    path = f"/acquisitions/{tree.acquisition}/files/a.txt"
    ticket = reader.get(f"{path}?ticket=").json()["ticket"]
    assert httpx.get(site.url + path, params={"ticket": ticket}, trust_env=False).content == b"content"
    http.delete(f"{permissions}/ticket@example.com")
    assert httpx.get(site.url + path, params={"ticket": ticket}, trust_env=False).status_code == 403


def test_old_and_foreign_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Tickets()
    name = known.issue(Caller("user", ()), "1.2.3.4", "file", 1, None)
    assert known.redeem(name, "1.2.3.4").file_id == "file"
    with pytest.raises(Problem) as foreign:
        known.redeem(name, "4.3.2.1")
    assert foreign.value.status == 400
    monkeypatch.setattr(tickets, "LIFETIME", -1.0)
    name = known.issue(Caller("user", ()), "1.2.3.4", "file", 1, None)
    with pytest.raises(Problem) as old:
        known.redeem(name, "1.2.3.4")
    assert old.value.status == 404


def test_zip_archives(http: httpx.Client, scan: str) -> None:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/inner.txt", b"inner " * 1000)
    entry = sent(http, scan, found.getvalue(), name="z.zip")
    path = f"{scan}/files/z.zip"
    members = http.get(path, params={"info": "true"}).json()["members"]
    assert [(item["path"], item["size"]) for item in members] == [("folder/inner.txt", 6000)]
    assert http.get(f"/files/{entry['file_id']}/zip_info").json()["members"] == members
    assert http.get(path, params={"member": "folder/inner.txt"}).content == b"inner " * 1000
    assert http.get(path, params={"member": "none"}).status_code == 400
    assert http.get(f"{scan}/files/a.txt", params={"info": "true"}).status_code == 400


def test_metadata_of_files(http: httpx.Client, scan: str) -> None:
    entry = sent(http, scan, b"x", name="m.txt", info={"a": 1})
    path, by_id = f"{scan}/files/m.txt", f"/files/{entry['file_id']}"
    http.put(path, json={"modality": "MR", "type": "dicom"})
    http.patch(f"{path}/info", json={"set": {"b": {"c": 2}}})
    http.patch(f"{path}/classification", json={"add": {"Intent": ["Structural"], "Custom": ["x"]}})
    http.patch(f"{path}/classification", json={"delete": {"Custom": ["x"]}})
    http.patch(f"{by_id}/tags", json=["t", "u"])
    http.request("DELETE", f"{by_id}/tags", json=["u"])
    found = http.get(by_id).json()
    assert (found["modality"], found["type"]) == ("MR", "dicom")
    assert found["info"] == {"a": 1, "b": {"c": 2}}
    assert found["classification"] == {"Intent": ["Structural"]}
    assert found["tags"] == http.get(f"{by_id}/tags").json() == ["t"]
    assert found["revision"] == 7
    http.put(f"{by_id}/info", json={"only": 1})
    http.patch(f"{by_id}/info", json={"more": 2})
    assert http.get(f"{by_id}/info").json() == {"only": 1, "more": 2}
    assert http.put(path, json={"name": "new"}).status_code == 422


def test_deleting_files(http: httpx.Client, scan: str) -> None:
    one, two = (sent(http, scan, b"x", name=name)["file_id"] for name in ("one", "two"))
    assert http.delete(f"/files/{one}").json() == {"deleted": 1}
    assert http.delete(f"/files/{one}").status_code == 404
    assert http.request("DELETE", "/files", json=[one, two]).json() == {"deleted": 1, "not_found": 1}
    again = sent(http, scan, b"x", name="one")
    assert again["file_id"] != one
    assert again["version"] == 1


def test_types_and_media_types() -> None:
    types = {
        "a.dcm": "dicom",
        "A.DCM.ZIP": "dicom",
        "x.nii.gz": "nifti",
        "b.bval": "bval",
        "c.zip": "archive",
        "sub-01.v2.nii": "nifti",
        "d.gz": None,
        "noending": None,
        "qa.json": "source code",
        "x.qa.json": "qa",
        "t.tsv.gz": "tabular data",
    }
    assert {name: guess_type(name) for name in types} == types
    media = {
        "a.dcm": "application/dicom",
        "a.nii.gz": "application/octet-stream",
        "a.csv": "text/csv",
        "a.json": "application/json",
        "a.unheard": "application/octet-stream",
        "noending": "application/octet-stream",
    }
    assert {name: guess_mimetype(name) for name in media} == media


def test_a_name_cannot_break_out_of_its_header() -> None:
    header = disposition('a"b\\c\r\nX: y\x7fü')
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="a_b_c__X: y__"; filename*=UTF-8' + "''a%22b%5Cc")


BAD_MEDIA_TYPES = [
    "text/html\r\nSet-Cookie: evil=1",
    "text/\u2603",
    "bad\ntype",
    "text",
    "text/",
    "a/b; c",
    "a/" + "b" * 300,
]


@pytest.mark.parametrize("media_type", BAD_MEDIA_TYPES)
def test_a_media_type_that_no_header_can_carry_is_refused(http: httpx.Client, tree: Any, media_type: str) -> None:
    scan = f"/acquisitions/{tree.acquisition}"
    assert upload(http, scan, b"x", name="m", mimetype=media_type).status_code == 422
    reference = {
        "provider_id": "p",
        "reference": True,
        "path": "/x",
        "name": "r",
        "size": 1,
        "origin": {"type": "user"},
    }
    reference["parent_ref"] = {"type": "acquisition", "id": tree.acquisition}
    assert http.post("/files", json={**reference, "mimetype": media_type}).status_code == 422
    assert http.post("/files", json={**reference, "mimetype": "a/b"}).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-8", 'a/b;c="d e"', "application/vnd.x+json"])
def test_media_types_come_back(http: httpx.Client, scan: str, media_type: str) -> None:
    assert sent(http, scan, b"x", name="m", mimetype=media_type)["mimetype"] == media_type
    assert http.get(f"{scan}/files/m", params={"view": "true"}).headers["content-type"] == media_type


def test_a_bad_media_type_of_old_breaks_no_answer(site: Emulator, http: httpx.Client, scan: str) -> None:
    entry = sent(http, scan, b"0123", name="old")
    site.server.site.db.write_now(
        lambda tx: tx.run(
            "UPDATE file SET body = json_set(body, '$.mimetype', ?) WHERE file_id = ?", ("a\nb: c", entry["file_id"])
        )
    )
    for ranges in ({}, {"range": "bytes=1-2"}, {"range": "bytes=0-0,2-2"}):
        response = http.get(f"{scan}/files/old", params={"view": "true"}, headers=ranges)
        assert response.is_success
        assert "a\nb" not in str(response.headers) + response.text


@pytest.mark.parametrize("size", [-5, 2**70, 10**400])
def test_sizes_that_no_file_has(http: httpx.Client, scan: str, size: int) -> None:
    assert upload(http, scan, b"x", name="s", size=size).status_code == 422
    body = f'{{"provider_id": "000000000000000000000001", "size": {size}}}'
    assert http.post("/upload/signed-url", content=body).status_code == 422
