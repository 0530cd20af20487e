"""The examples of the other pages run, on an emulator in the place of the reader's site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.docs.conftest import ROOT, blocks

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.raw.flat import names
from flywheel_async.sync import Client


def test_readme(
    emulator: Emulator, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walking, making, local = blocks("README.md", {"my.flywheel.io:my-key": emulator.api_key, "/data/": f"{here}/"})
    assert not any(block.is_async for block in (walking, making, local))
    (here / "T1w.nii.gz").write_bytes(b"scan")
    exec(making.code, {})
    with Client(emulator.api_key) as fw:
        (session,) = fw.sessions.find('label="visit 1"')
        assert session.subject.label == "0042"
        (scan,) = session.acquisitions.find_one("label=T1w").files
        assert (scan.name, scan.modality, scan.read()) == ("T1w.nii.gz", "MR", b"scan")
        session.update(label="rested")
    monkeypatch.setenv("FLYWHEEL_API_KEY", emulator.api_key)
    exec(walking.code, {})
    assert (here / "rested-T1w.nii.gz").read_bytes() == b"scan"
    exec(local.code, {})
    assert capsys.readouterr().out == "admin@emulator.local\n"


@pytest.mark.anyio
async def test_client_page(emulator: Emulator, anyio_backend: str) -> None:
    """Its examples use a client that is there already."""
    examples = blocks("docs/client.md")
    assert examples
    async with AsyncClient(emulator.api_key) as fw:
        await fw.ensure_path("lab/Study/0042/0042")
        with Client(emulator.api_key) as sync:
            for block in examples:
                if block.is_async:
                    await eval(block.code, {"fw": fw})
                else:
                    exec(block.code, {"fw": sync})


@pytest.mark.anyio
async def test_raw_page(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], anyio_backend: str
) -> None:
    """Its examples go on from one another."""
    monkeypatch.setenv("FLYWHEEL_API_KEY", emulator.api_key)
    names: dict[str, Any] = {}
    for block in blocks("docs/raw.md"):
        if block.is_async:
            await eval(block.code, names)
        else:
            exec(block.code, names)
    printed = capsys.readouterr().out
    assert "200 application/json" in printed
    assert "\nMy Study\n" in printed
    assert "['notes.txt', 'log.txt']\n200 13\n13\n" in printed
    assert "completed" in printed
    assert names["notes"] == b"all went well"
    with Client(emulator.api_key) as fw:
        (copy,) = fw.projects.find()
        assert (copy.label, copy.id) == ("A copy", names["copy"].id)
        assert copy.reload().description == "A study"
    names["fw"].close()


def test_emulator_page(here: Path) -> None:
    start, faults = blocks("docs/emulator.md")
    made: dict[str, Any] = {}
    exec(start.code, made)
    assert made["key"] != made["reader"]
    with Emulator() as site:
        exec(faults.code, {"site": site})
        with Client(site.api_key) as fw:
            assert fw.projects.find() == []


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_page_compiles_and_its_inline_methods_exist(page: str) -> None:
    assert all(block.text.strip() for block in blocks(f"docs/{page}"))
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for name in re.findall(r"`fw\.(\w+)\(", text):
        assert name in {*dir(Client), *names()}, f"{page} tells about fw.{name}"
