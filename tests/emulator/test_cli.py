"""The command: options, the key line, signals, and what happens without the extra."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flywheel_async import emulator
from flywheel_async.emulator import EmulatorProcess, cli
from flywheel_async.raw.table import operations


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flywheel_async.emulator", *arguments]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_key_and_ends_on_signals(tmp_path: Path, stop: signal.Signals) -> None:
    arguments = command("--data", str(tmp_path / "site"), "--port", "0", "--seed", "demo")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            place, key_line = process.stdout.readline(), process.stdout.readline()
            found = re.fullmatch(r"API key: 127\.0\.0\.1:(\d+):__force_insecure:([A-Za-z0-9]{40})\n", key_line)
            assert found is not None
            port, key = found.groups()
            assert f"http://127.0.0.1:{port}/api" in place
            headers = {"authorization": f"scitran-user {key}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, trust_env=False) as http:
                assert [item["label"] for item in http.get("/subjects").json()] == ["sub-01", "sub-02"]
                file = http.post("/lookup", json={"path": ["demo", "Demo study", "files", "README.txt"]}).json()
                assert http.get(f"/projects/{file['parent_ref']['id']}/files/README.txt").text.startswith("A demo")
                assert http.get("/_faults").status_code == 404
            arguments_seen = Path(f"/proc/{process.pid}/cmdline")
            if arguments_seen.exists():
                assert key.encode() not in arguments_seen.read_bytes()
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    assert key not in rest + errors
    assert "Traceback" not in errors


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    site = EmulatorProcess(tmp_path, faults=True).start()
    pid = site.pid
    assert httpx.get(f"{site.url}/version", trust_env=False).status_code == 200
    assert httpx.get(f"{site.url}/_faults", trust_env=False).status_code == 401
    site.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_taken_port_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["--data", str(tmp_path), "--port", str(port)]) == 2
    assert "cannot start" in capsys.readouterr().err


def test_routes_are_listed_with_their_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--routes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["GET", "/projects/{project_id}"] and "on the project" in line for line in lines)
    gears = lines[lines.index("gears: 0 of 17 operations") + 1 :]
    assert gears[0].split() == ["GET", "/gears", "MISSING", "(part", "F)", "get_all_gears"]
    assert any(line.split() == ["GET", "/report/site", "MISSING", "(later)", "get_site_report"] for line in lines)
    assert "modalities: 5 of 5 operations" in lines
    listed = [name.strip(",") for line in lines if line.startswith("  ") for name in line[8:].split()]
    assert set(operations()) <= set(listed)
    (end,) = (re.fullmatch(r"all: (\d+) of (\d+) operations", line) for line in lines[-1:])
    assert end is not None
    counts = [re.fullmatch(r"[a-z_]+: (\d+) of (\d+) operations", line) for line in lines[:-1]]
    found = [(int(count[1]), int(count[2])) for count in counts if count is not None]
    assert (sum(served for served, _ in found), sum(total for _, total in found)) == (int(end[1]), int(end[2]))
    assert int(end[2]) == len(operations())


def test_a_missing_extra_names_the_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(emulator, "find_spec", lambda name: None if name == "regex" else object())
    monkeypatch.setattr(cli, "missing_extra", emulator.missing_extra)
    assert cli.main(["--routes"]) == 2
    assert "pip install 'flywheel-async[emulator]'" in capsys.readouterr().err
    monkeypatch.delitem(vars(emulator), "Emulator", raising=False)
    with pytest.raises(ImportError, match="flywheel-async\\[emulator\\]"):
        emulator.__getattr__("Emulator")


def test_other_addresses_are_warned_about(tmp_path: Path) -> None:
    arguments = command("--data", str(tmp_path), "--port", "0", "--host", "0.0.0.0", "--until-stdin-closes")
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert "warning" in done.stderr
    assert done.returncode == 0
