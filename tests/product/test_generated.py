"""Generated files are up to date, a stale one is noticed, and a new edition of the API takes one command."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

Table = dict[str, Any]


def generate(*options: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/generate.py", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, for a test to change."""
    for name in ("src", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_up_to_date() -> None:
    done = generate("--check")
    assert done.returncode == 0, done.stdout


def test_a_changed_file_is_noticed(project: Path) -> None:
    path = project / "src" / "flywheel_async" / "sync" / "finder.py"
    path.write_text(path.read_text().replace("def find(", "def find_changed("))
    done = generate("--check", root=project)
    assert done.returncode == 1
    assert "stale: src/flywheel_async/sync/finder.py: line" in done.stdout


def test_a_new_edition_of_the_api(project: Path) -> None:
    operations, models = (project / "tools" / "api" / f"{name}.json" for name in ("operations", "models"))
    table: Table = json.loads(operations.read_text())
    row = next(one for one in table["operations"] if one["id"] == "get_project")
    path = "/projects/{project_id}/summary"
    table["operations"].append({**copy.deepcopy(row), "id": "get_project_summary", "path": path, "returns": "Summary"})
    row["query_params"].append({"name": "deep", "python_name": "deep", "required": False, "type": "bool"})
    operations.write_text(json.dumps(table))
    schemas: Table = json.loads(models.read_text())
    label = {"name": "label", "wire": "label", "type": "str", "required": True}
    schemas["models"].append({"name": "Summary", "module": "summary", "fields": [label]})
    models.write_text(json.dumps(schemas))

    done = generate(root=project)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.splitlines()
    assert printed[:6] == [
        "operations: 1 added, 0 removed, 1 changed",
        f"  + get_project_summary (GET {path}, tag projects, returns Summary)",
        "  ~ get_project",
        "      + query parameter deep: bool",
        "models: 1 added, 0 removed, 0 changed",
        "  + Summary (label)",
    ]
    assert all(line.startswith("wrote ") for line in printed[6:])
    stubs = [project / "src" / "flywheel_async" / name for name in ("raw/signatures.pyi", "sync/_signatures.pyi")]
    for stub in stubs:
        assert "def get_project_summary(self, project_id: str, *, join:" in stub.read_text()
        assert "deep: bool | None = None" in stub.read_text()
    again = generate("--check", root=project)
    assert (again.returncode, again.stdout) == (0, "")


def test_an_overlay_that_no_longer_fits_stops_everything(project: Path) -> None:
    operations = project / "tools" / "api" / "operations.json"
    table: Table = json.loads(operations.read_text())
    table["operations"] = [one for one in table["operations"] if one["id"] != "get_next_job"]
    operations.write_text(json.dumps(table))
    packed = project / "src" / "flywheel_async" / "raw" / "operations.json"
    before = packed.read_text()
    done = generate(root=project)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "operations: 0 added, 1 removed, 0 changed",
        "  - get_next_job (GET /jobs/next, tag jobs, returns Job)",
        "tools/overlay.toml no longer fits tools/api/operations.json:",
        "retry.never: there is no operation 'get_next_job'",
    ]
    assert packed.read_text() == before
