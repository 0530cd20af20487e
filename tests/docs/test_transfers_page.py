"""The examples of the page about transfers run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.docs.conftest import blocks

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("signed", [None, "s3"])
async def test_uploads(signed: Any, here: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "state"))
    (here / "scan.nii.gz").write_bytes(b"scan")
    with Emulator(signed_urls=signed) as site:
        async with AsyncClient(site.api_key) as fw:
            names: dict[str, Any] = {"fw": fw}
            for block in blocks("docs/transfers.md"):
                if block.section == "Uploads":
                    await eval(block.code, names)
            files = {file.name: file for file in (await names["project"].reload()).files}
    assert sorted(files) == ["notes.txt", "scan.nii.gz", "table.csv"]
    assert files["scan.nii.gz"].modality == "MR"
    assert files["table.csv"].mimetype == "text/csv"
