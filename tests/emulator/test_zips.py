"""Members of zip archives, also of archives that are damaged, odd or hostile."""

from __future__ import annotations

import io
import json
import struct
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flywheel_async.emulator import Emulator, zips

LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def archive(*names: str, method: int = zipfile.ZIP_STORED, content: bytes = b"content") -> bytearray:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", method) as file:
        for name in names:
            file.writestr(name, b"" if name.endswith("/") else content)
    return bytearray(found.getvalue())


@pytest.fixture
def put(http: httpx.Client, tree: Any) -> Callable[[bytes], str]:
    """Uploads an archive and returns its path."""

    def work(content: bytes) -> str:
        path = f"/acquisitions/{tree.acquisition}/files"
        sent = {"files": [("file", ("x", bytes(content)))], "data": {"metadata": json.dumps({"name": "a.zip"})}}
        assert http.post(path, **sent).status_code == 200
        return f"{path}/a.zip"

    return work


def test_a_member_without_a_date_has_none(http: httpx.Client, put: Callable[[bytes], str]) -> None:
    data = archive("a.txt")
    at = data.rindex(CENTRAL)
    data[at + 12 : at + 16] = bytes(4)
    path = put(data)
    (member,) = http.get(path, params={"info": "true"}).json()["members"]
    assert member == {"path": "a.txt", "size": 7, "timestamp": None, "comment": ""}
    assert http.get(path, params={"member": "a.txt"}).content == b"content"


def test_a_folder_is_no_member(http: httpx.Client, put: Callable[[bytes], str]) -> None:
    path = put(archive("d/", "d/x"))
    assert [item["path"] for item in http.get(path, params={"info": "true"}).json()["members"]] == ["d/x"]
    assert http.get(path, params={"member": "d/"}).status_code == 400
    response = http.get(path, params={"member": "d/x"})
    assert (response.content, response.headers["content-length"]) == (b"content", "7")
    assert response.headers["content-disposition"] == 'attachment; filename="x"'


def test_an_empty_member(http: httpx.Client, put: Callable[[bytes], str]) -> None:
    assert http.get(put(archive("a", content=b"")), params={"member": "a"}).content == b""


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_not_served(
    http: httpx.Client, put: Callable[[bytes], str], method: int
) -> None:
    path = put(archive("a", method=method, content=bytes(1 << 20)))
    response = http.get(path, params={"member": "a"})
    assert (response.status_code, "neither stored nor deflated" in response.text) == (400, True)
    assert http.get(path, params={"info": "true"}).json()["members"][0]["size"] == 1 << 20


def unknown_method(data: bytearray) -> None:
    for mark, offset in ((CENTRAL, 10), (LOCAL, 8)):
        at = data.rindex(mark) + offset
        data[at : at + 2] = struct.pack("<H", 9)


def bad_local_header(data: bytearray) -> None:
    data[:4] = b"XXXX"


def outside_the_file(data: bytearray) -> None:
    at = data.rindex(CENTRAL) + 42
    data[at : at + 4] = struct.pack("<I", 1 << 30)


def bad_content(data: bytearray) -> None:
    data[data.index(b"content")] ^= 1


def encrypted(data: bytearray) -> None:
    data[data.rindex(CENTRAL) + 8] |= 1


@pytest.mark.parametrize("damage", [unknown_method, bad_local_header, outside_the_file, bad_content, encrypted])
def test_damaged_members(
    http: httpx.Client, put: Callable[[bytes], str], damage: Callable[[bytearray], None], caplog: Any
) -> None:
    data = archive("a.txt")
    damage(data)
    path = put(data)
    response = http.get(path, params={"member": "a.txt"})
    assert response.status_code == 400, response.text
    assert http.get(path, params={"info": "true"}).status_code == 200
    assert caplog.records == []


def bad_name(data: bytearray) -> None:
    data[data.index("é".encode(), data.rindex(CENTRAL))] = 0xFF


def cut_short(data: bytearray) -> None:
    del data[-5:]


@pytest.mark.parametrize("damage", [bad_name, cut_short])
def test_damaged_lists_of_members(
    http: httpx.Client, put: Callable[[bytes], str], damage: Callable[[bytearray], None], caplog: Any
) -> None:
    data = archive("é")
    damage(data)
    path = put(data)
    assert http.get(path, params={"info": "true"}).status_code == 400
    assert http.get(path, params={"member": "é"}).status_code == 400
    assert caplog.records == []


def test_too_many_members(http: httpx.Client, put: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(archive(*map(str, range(100))))
    assert len(http.get(path, params={"info": "true"}).json()["members"]) == 100
    monkeypatch.setattr(zips, "MAX_DIRECTORY", 4000)
    assert http.get(path, params={"info": "true"}).status_code == 400
    assert http.get(path, params={"member": "1"}).status_code == 400


def broken_in_the_middle() -> bytearray:
    data = archive("a", content=bytes(3 << 20))
    data[(5 << 20) // 2] ^= 1
    return data


def longer_than_it_is() -> bytearray:
    data = archive("a")
    at = data.rindex(CENTRAL) + 24
    data[at : at + 4] = struct.pack("<I", 1 << 20)
    return data


@pytest.mark.parametrize("make", [broken_in_the_middle, longer_than_it_is])
def test_a_member_that_breaks_off_breaks_the_answer(
    http: httpx.Client, put: Callable[[bytes], str], make: Callable[[], bytearray]
) -> None:
    path = put(make())
    with pytest.raises(httpx.RemoteProtocolError), http.stream("GET", path, params={"member": "a"}) as response:
        assert response.status_code == 200
        response.read()


def test_an_archive_is_read_once_for_a_member(
    http: httpx.Client, put: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(archive("a"))
    read, times = zips._Archive._RealGetContents, [0]  # type: ignore[attr-defined]

    def counting(self: zipfile.ZipFile) -> None:
        times[0] += 1
        read(self)

    monkeypatch.setattr(zips._Archive, "_RealGetContents", counting)
    assert http.get(path, params={"member": "a"}).content == b"content"
    assert times == [1]


def test_reading_archives_holds_up_no_other_request(
    site: Emulator,
    api: Callable[[str], httpx.Client],
    http: httpx.Client,
    put: Callable[[bytes], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = put(archive("a"))
    listing, go = zips._listing, threading.Event()

    def slow(*given: Any) -> bytes:
        go.wait(10)
        return listing(*given)

    monkeypatch.setattr(zips, "_listing", slow)
    asking = [threading.Thread(target=lambda: api(site.api_key).get(path, params={"info": "true"})) for _ in range(5)]
    for thread in asking:
        thread.start()
    time.sleep(0.2)
    start = time.monotonic()
    assert http.get("/auth/status").status_code == 200
    waited = time.monotonic() - start
    go.set()
    for thread in asking:
        thread.join()
    assert waited < 2
