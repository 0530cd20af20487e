"""The mistakes everybody makes give one clear error each, and no request where none is needed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, ConfigError, ConnectionFailed, NotFound, Unauthorized
from flywheel_async.sync import Client

KEY = "a1b2c3d4e5f6g7h8i9"


def test_wrong_key(site: Emulator) -> None:
    host, port, insecure, _ = site.api_key.split(":")
    with pytest.raises(Unauthorized) as caught:
        Client(f"{host}:{port}:{insecure}:{KEY}")
    assert caught.value.status == 401
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.__dict__)


def test_unknown_host() -> None:
    start = time.monotonic()
    with pytest.raises(ConnectionFailed, match=r"unknown host 'no-such-site\.invalid'") as caught:
        Client(f"no-such-site.invalid:{KEY}")
    assert time.monotonic() - start < 10
    assert KEY not in str(caught.value)


def test_nobody_listens() -> None:
    with pytest.raises(ConnectionFailed, match="127.0.0.1:9") as caught:
        Client(f"127.0.0.1:9:__force_insecure:{KEY}", backoff_factor=0.01)
    assert KEY not in str(caught.value)


def test_missing_login_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FLYWHEEL_API_KEY", raising=False)
    for key in (None, ""):
        with pytest.raises(ConfigError, match=r"user\.json"):
            Client(key)


def test_everything_else(site: Emulator, tmp_path: Path) -> None:
    with Client(site.api_key) as fw:
        project = fw.get_group(fw.add_group(id="errors")).add_project(label="P")
        with pytest.raises(NotFound):
            fw.lookup("errors/nothing")
        fault = site.faults.add("*", status=500)
        with pytest.raises(ArgumentError, match="does not exist|No such file"):
            project.upload_file(tmp_path / "missing.nii")
        with pytest.raises(ArgumentError, match="no value after"):
            fw.projects.find("label=")
        for name in ("..", ".", ""):
            with pytest.raises(ArgumentError, match="name"):
                project.delete_file(name)
            with pytest.raises(ArgumentError, match="name"):
                project.read_file(name)
        with pytest.raises(ArgumentError, match="container_id"):
            fw.get("..")
        site.faults.remove(fault)
        assert project.reload().label == "P"
