"""The examples run, as a new user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client, Session

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(script: str, *arguments: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo() -> None:
    out = run("demo.py")
    assert "all files came back as they were" in out
    for flavour in ("async", "sync"):
        assert f"{flavour}: 36 files" in out
        assert "0 different" in out


def test_demo_fails_on_a_difference() -> None:
    broken = (
        "import sys; sys.path.insert(0, sys.argv[1]); import demo, roundtrip_sync; fetch = roundtrip_sync.fetch; "
        "roundtrip_sync.fetch = lambda p, d: [path.write_bytes(b'x') for path in fetch(p, d)[:1]]; "
        "sys.exit(demo.main())"
    )
    done = subprocess.run([sys.executable, "-c", broken, str(EXAMPLES)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "DIFFERENT" in done.stdout


def test_scripts(tmp_path: Path) -> None:
    study = tmp_path / "study" / "s1" / "ses-1" / "a 1"
    study.mkdir(parents=True)
    (study / "x.txt").write_text("content")
    with Emulator() as site:
        for flavour in ("async", "sync"):
            out = run(
                f"roundtrip_{flavour}.py",
                tmp_path / "study",
                f"lab/Study {flavour}",
                tmp_path / flavour,
                FLYWHEEL_API_KEY=site.api_key,
            )
            assert "7 bytes uploaded" in out
            assert "1 files downloaded" in out
            assert (tmp_path / flavour / "s1" / "ses-1" / "a 1" / "x.txt").read_text() == "content"
        found = run("search.py", 'project.label CONTAINS "study" AND file.name = x.txt', FLYWHEEL_API_KEY=site.api_key)
        assert found == "Study async/s1/ses-1/a 1 x.txt\nStudy sync/s1/ses-1/a 1 x.txt\n2 files\n"
        fetched: int | None = None
        for _ in range(2):
            out = run("export.py", "lab/Study async", tmp_path / "out", "text", FLYWHEEL_API_KEY=site.api_key)
            assert out == f"1 of 1 files are in {tmp_path / 'out'}\n"
            exported = tmp_path / "out" / "s1" / "ses-1" / "a 1" / "x.txt"
            assert exported.read_text() == "content"
            inode = exported.stat().st_ino
            assert fetched in (None, inode)  # the second time nothing was fetched
            fetched = inode
        with Client(site.api_key) as fw:
            session = fw.lookup("lab/Study async/s1/ses-1")
            assert isinstance(session, Session)
            session.add_acquisition(label="a 1").upload_file(b"namesake", name="x.txt")
            again = fw.get_subject(session.parents.subject or "").add_session(label="ses-1")
            again.add_acquisition(label="a 1").upload_file(b"another", name="x.txt")
        out = run("export.py", "lab/Study async", tmp_path / "out", "text", FLYWHEEL_API_KEY=site.api_key)
        assert out == f"3 of 3 files are in {tmp_path / 'out'}\n"
        assert sorted(path.read_text() for path in (tmp_path / "out").rglob("x.txt")) == [
            "another",
            "content",
            "namesake",
        ]
        table = tmp_path / "sessions.csv"
        assert run("view_to_csv.py", "lab/Study sync", table, FLYWHEEL_API_KEY=site.api_key) == "s1: 1 sessions\n"
        assert "Study sync,s1,ses-1," in table.read_text()


def test_labels_lead_nowhere_else(tmp_path: Path) -> None:
    fetch = (
        "import asyncio, sys; from pathlib import Path; from flywheel_async import AsyncClient\n"
        "from flywheel_async.sync import Client; import roundtrip_async, roundtrip_sync\n"
        "async def main(fw, project): await roundtrip_async.fetch(await fw.get_project(project), Path(sys.argv[3]))\n"
        "roundtrip_sync.fetch(Client().get_project(sys.argv[1]), Path(sys.argv[2]))\n"
        "asyncio.run(main(AsyncClient(), sys.argv[1]))\n"
    )
    with Emulator() as site, Client(site.api_key) as fw:
        session = fw.ensure_path("lab/Study/s1/ses-1")
        assert isinstance(session, Session)
        session.add_acquisition(label="../../../../outside").upload_file(b"x", name="x.txt")
        arguments = [session.parents.project or "", str(tmp_path / "sync" / "in"), str(tmp_path / "async" / "in")]
        environment = {**os.environ, "FLYWHEEL_API_KEY": site.api_key}
        subprocess.run([sys.executable, "-c", fetch, *arguments], check=True, cwd=EXAMPLES, env=environment)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("x.txt"))
    name = "..%2F..%2F..%2F..%2Foutside"
    assert found == [f"{flavour}/in/s1/ses-1/{name}/x.txt" for flavour in ("async", "sync")]
