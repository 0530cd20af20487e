"""The examples of the pages about searches and data views run, one after the other, on an emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.docs.conftest import blocks

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client


@pytest.fixture
def study(emulator: Emulator) -> Iterator[Emulator]:
    with Client(emulator.api_key) as fw:
        session = fw.ensure_path("lab/Study/0042/visit 1")
        session.update(age=60 * 31557600)
        for name in ("T1.nii.gz", "old.tmp"):
            session.upload_file(b"x", name=name)
        yield emulator


async def run(page: str, site: Emulator) -> dict[str, Any]:
    """Runs a page's examples; they use a client and a project that are there already, and share names."""
    names: dict[str, Any] = {}
    async with AsyncClient(site.api_key) as fw:
        names["project"] = await fw.lookup("lab/Study")
        with Client(site.api_key) as sync:
            for block in blocks(page):
                names["fw"] = fw if block.is_async or "import ViewBuilder" in block.text else sync
                if block.is_async:
                    await eval(block.code, names)
                else:
                    exec(block.code, names)
    return names


@pytest.mark.anyio
async def test_search_page(study: Emulator, anyio_backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = await run("docs/search.md", study)
    out = capsys.readouterr().out
    assert "T1.nii.gz in " in out
    assert "T1.nii.gz 1" in out
    assert (names["found"].matched, names["hits"]) == (1, [])
    with Client(study.api_key) as fw:
        assert [hit.file.name for hit in fw.iter_search("file.name EXISTS")] == ["T1.nii.gz"]  # type: ignore[union-attr]


@pytest.mark.anyio
async def test_views_page(study: Emulator, anyio_backend: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = await run("docs/views.md", study)
    out = capsys.readouterr().out
    assert out.startswith("project.label,subject.label,session.label,age,")
    assert "visit 1 60.0" in out
    assert names["rows"][0]["age"] == 60
    assert (here / "ages.csv").read_text().count("\n") == 2
    assert list(names["part"]["subject.label"]) == ["0042"]
    assert names["volumes"].file_spec.filter.value == "*volumes*.csv"
