"""The files that only type checkers read speak of operations of every tag, in both flavours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flywheel_async.raw.table import operations

TYPING = Path(__file__).resolve().parents[1] / "typing"


def section(flavour: str, name: str) -> set[str]:
    """The operations whose types one function of a file asserts."""
    text = (TYPING / f"{flavour}_operations.py").read_text()
    found = re.search(rf"^(?:async )?def {name}\(.*?(?=^\S)", text + "\nend", re.M | re.S)
    assert found is not None
    return set(re.findall(r"assert_type\(\s*(?:await )?(?:at|fw|stream|walk)\.(\w+)\(", found[0])) & set(operations())


@pytest.mark.parametrize("flavour", ["async", "sync"])
def test_every_tag(flavour: str) -> None:
    tags = {op.tag for op in operations().values()}
    raw, flat = section(flavour, "raw"), section(flavour, "flat")
    assert {operations()[name].tag for name in raw} == tags
    assert len(raw) >= 40
    assert len({operations()[name].tag for name in flat}) >= 40
    assert len(flat) >= 40
    assert len(section(flavour, "iterate")) >= 10


def test_both_flavours_speak_of_the_same() -> None:
    for name in ("raw", "flat", "derived", "streaming", "iterate"):
        assert section("async", name) == section("sync", name)
