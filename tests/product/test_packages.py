"""The wheel and the sdist build, and install in a clean environment."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def sh(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    sh(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def test_what_is_in_them(dist: Path) -> None:
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "py.typed",
        "raw/operations.json",
        "raw/models.json",
        "raw/signatures.pyi",
        "sync/_signatures.pyi",
        "types/__init__.pyi",
        "sync/client.py",
        "emulator/app.py",
    ):
        assert f"flywheel_async/{name}" in names
    assert all(name.startswith(("flywheel_async/", "flywheel_async-")) for name in names)
    assert wheel.stat().st_size < 1_500_000
    with tarfile.open(sdist) as archive:
        members = archive.getnames()
    for name in ("LICENSE", "README.md", "noxfile.py", "tools/generate.py", "tests/conftest.py"):
        assert any(member.endswith(f"/{name}") for member in members), name


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
@pytest.mark.timeout(300)
def test_clean_install(dist: Path, tmp_path: Path, kind: str) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    (package,) = dist.glob(kind)
    sh(python, "-m", "pip", "install", "--quiet", package)
    code = (
        "import flywheel_async, flywheel_async.sync as s; from flywheel_async.raw.table import operations; "
        "from flywheel_async.sync import Group; "
        "c = s.Client('localhost:1:__force_insecure:not-a-real-key', disable_auth_check=True); "
        "print(len(operations()), Group('a', 'b').label, c)"
    )
    out = sh(python, "-I", "-c", code, cwd=tmp_path)
    assert out.startswith("535 b <Client")
    assert "not-a-real-key" not in out
    missing = subprocess.run([tmp_path / "env" / "bin" / "fwa", "emulator"], capture_output=True, text=True, timeout=60)
    assert missing.returncode == 2
    assert "pip install 'flywheel-async[emulator]'" in missing.stderr
    same = subprocess.run([python, "-m", "flywheel_async.emulator"], capture_output=True, text=True, timeout=60)
    assert same.returncode == 2
    assert "pip install 'flywheel-async[emulator]'" in same.stderr
