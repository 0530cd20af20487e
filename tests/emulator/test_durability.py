"""What survives: restarts, and kill -9 in the middle of a burst of writes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import threading
from pathlib import Path

import httpx
import pytest

from flywheel_async.emulator import Emulator, EmulatorProcess
from flywheel_async.emulator.database import DataFolderInUse

WRITERS = 6


def client(url: str, key: str) -> httpx.Client:
    headers = {"authorization": f"scitran-user {key.rpartition(':')[2]}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20)


class Burst:
    """Threads that write until the server is gone, and remember what was answered."""

    def __init__(self, site: EmulatorProcess, project: str) -> None:
        self.subjects: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.half_done = threading.Event()
        self._site = site
        self._project = project
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        with client(self._site.url, self._site.api_key) as http:
            for turn in range(10_000):
                try:
                    self._one(http, f"{number}-{turn}")
                except httpx.TransportError:
                    return
                if len(self.subjects) > 60:
                    self.half_done.set()

    def _one(self, http: httpx.Client, name: str) -> None:
        response = http.post("/subjects", json={"project": self._project, "label": name, "info": {"n": name}})
        self.subjects[name] = response.json()["_id"]
        content = name.encode() * 20_000
        sent = http.post(
            f"/projects/{self._project}/files",
            files=[("file", ("x", content))],
            data={"metadata": json.dumps({"name": name})},
        )
        assert sent.status_code == 200
        self.files[name] = hashlib.sha384(content).hexdigest()


def test_kill_in_a_burst_of_writes(tmp_path: Path) -> None:
    site = EmulatorProcess(tmp_path)
    site.start()
    try:
        with client(site.url, site.api_key) as http:
            http.post("/groups", json={"_id": "burst", "label": "Burst"})
            project = http.post("/projects", json={"group": "burst", "label": "p"}).json()["_id"]
        key = site.api_key
        burst = Burst(site, project)
        burst.start()
        assert burst.half_done.wait(30)
        site.kill()
        burst.join()
        site.start()
        assert site.api_key == key, "port and key stay the same"
        with client(site.url, site.api_key) as http:
            check(http, project, burst)
    finally:
        site.stop()
    blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert {path.parent.name for path in blobs}.isdisjoint({"incoming"})


def check(http: httpx.Client, project: str, burst: Burst) -> None:
    listed = {item["label"]: item for item in http.get(f"/projects/{project}/subjects?include_all_info=true").json()}
    for label, subject in burst.subjects.items():
        assert listed[label]["_id"] == subject
    for label, item in listed.items():
        assert item["info"] == {"n": label}, "nothing is listed half-written"
    entries = {item["name"]: item for item in http.get(f"/projects/{project}").json()["files"]}
    assert entries.keys() >= burst.files.keys()
    for name, entry in entries.items():
        content = http.get(f"/projects/{project}/files/{name}").content
        digest = hashlib.sha384(content).hexdigest()
        assert entry["hash"] == f"v0-sha384-{digest}"
        assert entry["size"] == len(content)
        assert burst.files.get(name, digest) == digest


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with Emulator(tmp_path) as site:
        key = site.api_key
        other = site.add_user("other@example.com")
        with client(site.url, key) as http:
            http.post("/groups", json={"_id": "kept", "label": "Kept"})
        site.restart()
        assert site.api_key == key
        with client(site.url, key) as http:
            assert http.get("/groups/kept").json()["label"] == "Kept"
        with client(site.url, other) as http:
            assert http.get("/users/self").json()["_id"] == "other@example.com"
    with Emulator(tmp_path) as again:
        assert again.api_key.rpartition(":")[2] == key.rpartition(":")[2]
        assert again.add_user("other@example.com").rpartition(":")[2] == other.rpartition(":")[2]


def test_leftover_contents_are_removed_at_the_start(tmp_path: Path) -> None:
    with Emulator(tmp_path):
        pass
    orphan = tmp_path / "blobs" / "ab" / ("ab" + "0" * 94)
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    half = tmp_path / "blobs" / "incoming" / "half"
    half.write_bytes(b"x")
    with Emulator(tmp_path):
        assert not orphan.exists()
        assert not half.exists()


def test_the_key_store_is_private_and_the_database_has_no_key(tmp_path: Path) -> None:
    with Emulator(tmp_path) as site:
        key = site.api_key.rpartition(":")[2]
    store = tmp_path / "keys.json"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert holders == [store]


def test_a_key_store_made_beforehand_is_used(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": {"admin@emulator.local": "chosen"}}))
    with Emulator(tmp_path) as site, client(site.url, "chosen") as http:
        assert http.get("/auth/status").json()["user_is_admin"] is True


def test_a_data_folder_has_one_emulator(tmp_path: Path) -> None:
    with Emulator(tmp_path), pytest.raises(DataFolderInUse):
        Emulator(tmp_path).start()
    with Emulator(tmp_path):
        pass


def test_a_temporary_folder_is_removed() -> None:
    with Emulator() as site:
        folder = site.data
        assert folder.is_dir()
    assert not folder.exists()


def test_a_folder_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    with Emulator(tmp_path) as site, client(site.url, site.api_key) as http:
        http.post("/groups", json={"_id": "old"})
        project = http.post("/projects", json={"group": "old", "label": "p"}).json()["_id"]
        body = {"project": project, "subject": {"label": "s"}, "label": "v"}
        session = http.post("/sessions", json=body).json()["_id"]
        scan = http.post("/acquisitions", json={"session": session, "label": "a"}).json()["_id"]
    with sqlite3.connect(tmp_path / "site.sqlite") as database:
        database.execute("DROP TABLE member")
        database.execute("DROP TABLE change")
        database.execute("DROP INDEX node_acquisition")
        for name in ("listed", "of_project", "of_subject", "of_session", "of_acquisition"):
            database.execute(f"DROP INDEX file_{name}")
        database.execute("CREATE INDEX file_current ON file (current, file_id)")
        database.execute("CREATE INDEX file_project ON file (project)")
        for table, column in [
            ("node", "acquisition"),
            ("node", "delete_reason"),
            ("file", "delete_reason"),
            ("api_key", "id"),
            ("api_key", "expires"),
            ("api_key", "is_device"),
        ]:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with Emulator(tmp_path) as site, client(site.url, site.api_key) as http:
        analysis = http.post(f"/acquisitions/{scan}/analyses", json={"label": "x"}).json()["_id"]
        assert http.get(f"/analyses/{analysis}").json()["parents"]["acquisition"] == scan
        assert http.get("/users/self").json()["api_keys"][0]["key"] is not None


def test_a_folder_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with Emulator(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "site.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RuntimeError, match="newer version"):
        Emulator(tmp_path).start()
