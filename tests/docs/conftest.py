"""Code blocks of the documentation pages, by flavour."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import pytest

from flywheel_async.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


@dataclass(frozen=True)
class Block:
    """One example of a page.

    Attributes:
        section: The heading above it.
        text: What stands there.
        code: The same, compiled so that errors name the page and the line.
        is_async: Whether it waits for something.
    """

    section: str
    text: str = field(repr=False)
    code: CodeType = field(repr=False)
    is_async: bool


def blocks(page: str, replacing: dict[str, str] | None = None) -> list[Block]:
    """Extracts the Python examples of a page.

    Args:
        page: Its path in the project.
        replacing: Texts to put others in the place of; each must be there.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    for old, new in (replacing or {}).items():
        assert old in text, f"{page} no longer says {old!r}"
        text = text.replace(old, new)
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        headings = [h.group(1) for h in _HEADING.finditer(text, 0, match.start())]
        lines = "\n" * text.count("\n", 0, match.start(1))
        tree = ast.parse(lines + match.group(1), page)
        code = compile(tree, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waits = any(isinstance(node, _AWAITS) for node in _top_level(tree))
        found.append(Block(headings[-1] if headings else "", match.group(1), code, waits))
    return found


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node outside functions, whose own awaits do not make a block async."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from _top_level(node)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and home, and no key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLYWHEEL_API_KEY", "")
    return tmp_path


@pytest.fixture
def emulator(here: Path) -> Iterator[Emulator]:
    with Emulator() as site:
        yield site
