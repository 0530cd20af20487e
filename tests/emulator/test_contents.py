"""What uploads leave on disk, whether they succeed, fail, or break off; and what else may lie there."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, packfiles, placing
from flywheel_async.emulator.problems import Problem


def on_disk(site: Emulator) -> set[Path]:
    """Returns all contents, also unfinished ones."""
    return {path for path in (site.data / "blobs").rglob("*") if path.is_file()}


def parts(*names: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (name, os.urandom(1000))) for name in names]


@pytest.fixture
def scan(tree: Any) -> str:
    return f"/acquisitions/{tree.acquisition}"


def test_a_failed_upload_of_several_files_leaves_nothing(site: Emulator, http: httpx.Client, scan: str) -> None:
    before = on_disk(site)
    for metadata in ([{"name": "a", "bogus": 1}, {"name": "b"}], [{"name": "a"}, {"name": ".."}], [{"name": "a"}]):
        sent = http.post(f"{scan}/files", files=parts("a", "b"), data={"metadata": json.dumps(metadata)})
        assert sent.status_code == 422
    assert http.post(f"{scan}/files", files=parts("a", "b/c")).status_code == 422
    assert on_disk(site) == before


def test_an_upload_that_may_not_be_listed_in_the_end_leaves_nothing(
    site: Emulator, http: httpx.Client, tree: Any, api: Callable[[str], httpx.Client]
) -> None:
    grants = f"/projects/{tree.project}/permissions"
    writer = api(site.add_user("late@example.com"))
    http.post(grants, json={"_id": "late@example.com", "role_ids": [site.roles["rw"]]})
    before = on_disk(site)

    def body() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + os.urandom(3_000_000)
        http.delete(f"{grants}/late@example.com")
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = writer.post(f"/acquisitions/{tree.acquisition}/files", content=body(), headers=headers)
    assert answer.status_code == 403
    assert on_disk(site) == before


def test_an_upload_that_breaks_off_leaves_none_of_its_files(site: Emulator, http: httpx.Client, scan: str) -> None:
    before = on_disk(site)
    with socket.create_connection(("127.0.0.1", site.port)) as raw:
        lines = [f"POST /api{scan}/files HTTP/1.1", "Host: x", f"Authorization: {http.headers['authorization']}"]
        lines += ["Content-Type: multipart/form-data; boundary=b", "Content-Length: 99999999", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        for name in ("one", "two"):
            head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
            raw.sendall(head.encode() + os.urandom(3_000_000) + b"\r\n")
        while len(on_disk(site)) < len(before) + 2:
            time.sleep(0.01)
    for _ in range(200):
        if on_disk(site) == before:
            break
        time.sleep(0.01)
    assert on_disk(site) == before


def test_a_file_that_no_level_names_leaves_nothing(site: Emulator, http: httpx.Client, tree: Any) -> None:
    before = on_disk(site)
    metadata = {"group": {"_id": tree.group}, "project": {"label": "project", "files": [{"name": "kept"}]}}
    sent = [("files", (name, os.urandom(1000))) for name in ("kept", "other")]
    assert http.post("/upload/label", files=sent, data={"metadata": json.dumps(metadata)}).status_code == 200
    assert len(on_disk(site)) == len(before) + 1
    assert not any(path.parent.name == "incoming" for path in on_disk(site) - before)
    before = on_disk(site)
    metadata["colour"] = {}
    assert http.post("/upload/label", files=sent, data={"metadata": json.dumps(metadata)}).status_code == 422
    assert on_disk(site) == before


def begin(http: httpx.Client, tree: Any) -> tuple[str, dict[str, str]]:
    where = f"/projects/{tree.project}/packfile"
    return where, {"token": http.post(f"{where}-start").json()["token"]}


def end(http: httpx.Client, where: str, token: dict[str, str]) -> httpx.Response:
    levels = {"session": {"label": "packed"}, "acquisition": {"label": "packed"}, "packfile": {"type": "dicom"}}
    return http.get(f"{where}-end", params={**token, "metadata": json.dumps(levels)})


def test_packfiles_leave_nothing(
    site: Emulator, http: httpx.Client, tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = on_disk(site)
    where, token = begin(http, tree)
    assert http.post(where, params=token, files=parts("a", "b/c")).status_code == 422
    assert http.post(where, params=token, files=parts("a", "a")).status_code == 422
    assert on_disk(site) == before
    for _ in range(2):
        assert http.post(where, params=token, files=parts("a", "b")).status_code == 200
    assert len(on_disk(site)) == len(before) + 2, "files of the same name replace one another"
    assert end(http, where, token).status_code == 200
    assert len(on_disk(site)) == len(before) + 1
    before = on_disk(site)
    where, token = begin(http, tree)
    http.post(where, params=token, files=parts("a"))
    monkeypatch.setattr(packfiles, "LIFETIME", 0.0)
    http.post("/clean-packfiles")
    assert on_disk(site) == before


def test_a_packfile_is_completed_once(http: httpx.Client, tree: Any) -> None:
    where, token = begin(http, tree)
    http.post(where, params=token, files=[("file", ("a", os.urandom(8_000_000)))])
    answers: list[httpx.Response] = []
    ending = [threading.Thread(target=lambda: answers.append(end(http, where, token))) for _ in range(3)]
    for thread in ending:
        thread.start()
    for thread in ending:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    (answer,) = [answer for answer in answers if answer.status_code == 200]
    assert json.loads(answer.text.rpartition("data: ")[2])["info"]["version"] == 1


def test_a_packfile_that_could_not_be_completed_may_be_completed_again(
    site: Emulator, http: httpx.Client, tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, token = begin(http, tree)
    http.post(where, params=token, files=parts("a"))
    before = on_disk(site)

    def refuse(*_: Any, **__: Any) -> Any:
        raise Problem(409, "not now")

    with monkeypatch.context() as patch:
        patch.setattr(placing, "place", refuse)
        assert end(http, where, token).status_code == 409
    assert on_disk(site) == before
    assert end(http, where, token).status_code == 200


NAMES = [b'"a\xe9.txt"', b'"caf\xc3"', b"back\\slash", b'"a\\"b\\c"']


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_the_header_does_not_tell_byte_for_byte_is_refused(
    http: httpx.Client, tree: Any, scan: str, name: bytes
) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename=' + name + b"\r\n\r\nx\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}

    def post(path: str, metadata: Any = None, **params: str) -> httpx.Response:
        given = b"" if metadata is None else json.dumps(metadata).encode()
        form = b'--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n' + given + b"\r\n" if given else b""
        return http.post(path, content=part + form + b"--b--\r\n", headers=headers, params=params)

    assert post(f"{scan}/files").status_code == 422
    assert post(f"{scan}/files", {"name": "other"}).json()[0]["name"] == "other"
    place = {"group": {"_id": tree.group}, "project": {"label": "project", "files": [{"name": "x"}]}}
    assert post("/upload/label", place).status_code == 422
    where, token = begin(http, tree)
    assert post(where, **token).status_code == 422


SPELLINGS = [
    ("C:\\data.txt", "C:\\data.txt"),
    ("C:\\\\data.txt", "C:\\data.txt"),
    ("\\\\server\\x.txt", "\\\\server\\x.txt"),
    ("\\\\\\\\server\\\\x.txt", "\\\\server\\x.txt"),
    ("end\\", "end\\"),
    ("end\\\\", "end\\"),
    ("a\\b;c", "a\\b;c"),
    ('say \\"hi\\"', 'say "hi"'),
]


@pytest.mark.parametrize(("spelled", "name"), SPELLINGS)
def test_backslashes_are_sent_in_two_ways(http: httpx.Client, scan: str, spelled: str, name: str) -> None:
    form = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{spelled}"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert http.post(f"{scan}/files", content=form.encode(), headers=headers).json()[0]["name"] == name


def test_nobody_is_believed_who_says_he_comes_from_elsewhere(site: Emulator, http: httpx.Client, scan: str) -> None:
    elsewhere = {"x-forwarded-for": "10.9.8.7"}
    ticket = http.get(f"{scan}/files/a.txt", params={"ticket": ""}, headers=elsewhere).json()["ticket"]
    for headers in ({}, elsewhere):
        answer = httpx.get(f"{site.url}{scan}/files/a.txt", params={"ticket": ticket}, headers=headers, trust_env=False)
        assert answer.status_code == 200


def test_what_is_not_ours_in_the_data_folder_is_left_alone(tmp_path: Path) -> None:
    with Emulator(tmp_path) as site:
        strays = [site.data / "blobs" / ".DS_Store", site.data / "blobs" / "ab" / ".DS_Store"]
        strays.append(site.data / "blobs" / "incoming" / "folder" / "x")
        for stray in strays:
            stray.parent.mkdir(exist_ok=True)
            stray.write_bytes(b"x")
        site.restart()
        assert all(stray.exists() for stray in strays)
