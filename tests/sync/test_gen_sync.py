"""The generator of the sync facade, on a small package of the same build as the real one.

`fixture_pkg/sync` holds what the generator has to make of `fixture_pkg`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = Path(__file__).parent / "fixture_pkg"

Failing = Callable[..., str]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("gen_sync")
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def rules(generator: ModuleType) -> Any:
    names = importlib.import_module("sync_names")
    return names.Rules(
        twins={
            "AsyncPager": names.Twin("flywheel_async.sync._streams", "Pager"),
            "AsyncIterator": names.Twin("collections.abc", "Iterator"),
            "Awaitable": names.Twin("", names.UNWRAP),
        },
        words={
            r"\ban async (?=[^aeiou])": "a ",
            r"\b(?:await|async) ": "",
            r"\baclose\b": "close",
        },
        kept=("httpx.AsyncBaseTransport",),
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return shutil.copytree(FIXTURE, tmp_path / "fixture_pkg", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def facade(generator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fixture's sync package, ready for use."""
    monkeypatch.syspath_prepend(str(FIXTURE.parent))
    models = importlib.import_module("fixture_pkg.sync.models")
    client = importlib.import_module("fixture_pkg.sync.client")
    monkeypatch.setattr(client, "SYNC", SimpleNamespace(registry=models.registry))
    return importlib.import_module("fixture_pkg.sync")


def test_the_fixture_gives_exactly_the_expected_text(generator: ModuleType, rules: Any) -> None:
    files = generator.render(FIXTURE, "fixture_pkg", rules)
    expected = {path: path.read_text() for path in (FIXTURE / "sync").rglob("*.py")}
    assert sorted(files) == sorted(expected)
    for path, text in files.items():
        assert text == expected[path], path


def test_nothing_async_is_left(generator: ModuleType, rules: Any) -> None:
    for path, text in generator.render(FIXTURE, "fixture_pkg", rules).items():
        nodes = list(ast.walk(ast.parse(text)))
        assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await)], path


def test_every_method_has_the_parameters_of_the_core(facade: ModuleType) -> None:
    core = importlib.import_module("fixture_pkg.client").AsyncClient
    for name in ("get", "all_of", "read", "each", "apply", "describe", "__init__"):
        ours = inspect.signature(getattr(facade.Client, name)).parameters.values()
        theirs = inspect.signature(getattr(core, name)).parameters.values()
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs]


def test_the_generated_code_runs(facade: ModuleType) -> None:
    models = importlib.import_module("fixture_pkg.sync.models")
    with facade.Client("key") as fw:
        assert repr(fw) == "<Client of nothing>"
        assert fw.timeout == 1.5
        assert fw.name() == "n"
        assert fw.describe("long") == "long key"
        thing = fw.get("a")
        assert type(thing) is models.Thing
        assert thing.ref() == "thing/a"
        thing.rename("b")
        assert thing.reload() is thing
        box = thing.box(label="in")
        assert (type(box), box.name, box.kind, box.things) == (models.Box, "in b", "box", [thing])
        assert (type(thing.twin), thing.twin.name) == (models.Box, "twin of b")
        assert type(thing.boxes) is facade.Finder
        assert [type(found) for found in thing.boxes.iter_find("1", "2", "3", limit=2)] == [models.Box] * 2
        assert fw.things.find_first("x", "y").name == "x y"
        assert fw.things.find_first("") is None
        assert fw.things(limit=3, sort="a")[0].name == "3 {'sort': 'a'}"
        assert repr(fw.things) == "<Finder of Thing>"
        assert fw.all_of(thing, self_="s", fn=1)[0].name.endswith("{'self_': 's', 'fn': 1}")
        assert fw.read() == b"data"
        assert fw.apply(divmod, 7, 2) == (3, 1)
        inner = fw._inner
    assert inner.calls == ["check", "enter", "close"]


def test_the_constructor_checks_the_key_and_cleans_up(facade: ModuleType) -> None:
    with pytest.raises(PermissionError):
        facade.Client("wrong")
    fw = facade.Client("wrong", disable_auth_check=True)
    assert fw._inner.calls == []
    fw.close()
    assert fw._inner.calls == ["close"]


def test_exports_are_imported_when_they_are_first_used(facade: ModuleType) -> None:
    assert sorted(facade.__all__) == ["Box", "Client", "Finder", "Pager", "Thing"]
    assert {name: getattr(facade, name).__name__ for name in facade.__all__} == {name: name for name in facade.__all__}
    assert set(facade.__all__) <= set(dir(facade))
    with pytest.raises(AttributeError, match="Nothing"):
        _ = facade.Nothing


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def message(generator: ModuleType, rules: Any, package: Path, capsys: pytest.CaptureFixture[str]) -> Failing:
    """What the generator says when it refuses the package."""

    def run(*flags: str) -> str:
        assert generator.main([*flags], package, "fixture_pkg", rules) == 1
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "models/container.py",
            "rename(self, name: str) -> None",
            "rename(self, name, *, far=1) -> None",
            "container.py:15: Container: rename: no annotation for name, far",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "async def get(self, id: str):",
            "client.py:85: AsyncClient: get: no annotation for the result",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "async def get(self, id: AsyncThing) -> Anything:",
            "client.py:85: AsyncThing has no sync twin",
        ),
        (
            "client.py",
            "httpx.AsyncBaseTransport",
            "httpx.AsyncClient",
            "client.py:42: httpx.AsyncClient has no sync twin",
        ),
        (
            "client.py",
            '"""Gets one."""',
            '"""Gets one.\n\n        See AsyncOther.\n        """',
            "client.py:88: 'Async' is left in the text: 'See AsyncOther.'",
        ),
        (
            "client.py",
            '-> AsyncFinder[Thing]:\n        """All things."""',
            '-> AsyncFinder[Thing] | None:\n        """All things."""',
            "AsyncFinder inside another type cannot be wrapped",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "async def again(self) -> Self:\n        return self\n\n    async def get(self, id: str) -> Anything:",
            "again would return the object of the core",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "async def stream(self) -> Anything:\n        yield 1\n\n    async def get(self, id: str) -> Anything:",
            "stream is an async generator; return a pager instead",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "@property\n    async def me(self) -> int:\n        ...\n\n    async def get(self, id: str) -> Anything:",
            "me is a property to be awaited, which only models may have",
        ),
        (
            "client.py",
            "async def get(self, id: str) -> Anything:",
            "@staticmethod\n    async def get(id: str) -> Anything:",
            "get: decorator staticmethod is not understood",
        ),
        ("client.py", "(AsyncGetting):", "(AsyncGetting, AsyncOther):", "its base AsyncOther has no sync twin"),
        ("client.py", "    async def get(", "    limit = 3\n\n    async def get(", "class variable limit is not"),
        ("client.py", "async def get(self, id: str)", 'async def get(self, id: "str")', "write the annotation 'str'"),
        (
            "models/thing.py",
            "made.things = [self]",
            "await self.rename('b')",
            "thing.py:32: Thing: box calls self.rename, which is a blocking call on the twin",
        ),
        (
            "models/thing.py",
            "made.things = [self]",
            "self._note(made)\n        return made\n\n    def _note(self, box: Box) -> None:\n        pass",
            "thing.py:32: Thing: box uses self._note, which the twin does not have",
        ),
        (
            "models/container.py",
            "return self\n",
            "return super().reload()\n",
            "reload uses super(), which does not know the twin",
        ),
        (
            "models/thing.py",
            '    kind: ClassVar[str] = "thing"\n',
            '    kind: ClassVar[str] = "thing"\n    if TYPE_CHECKING:\n        x: int\n',
            "thing.py:18: Thing: a If in a class body is not understood",
        ),
        (
            "models/thing.py",
            '    kind: ClassVar[str] = "thing"\n',
            '    kind: ClassVar[str] = "thing"\n    hint: ClassVar[str] = "use await it"\n',
            "thing.py:15: 'await' is left in the generated text",
        ),
        ("client.py", "Awaitable[None]", "None", "rules that nothing needs: Awaitable"),
        ("client.py", "call `aclose` when", "call it when", r"rules that nothing needs: \baclose\b"),
    ],
)
def test_what_cannot_be_turned_is_refused(
    package: Path, message: Failing, file: str, old: str, new: str, expected: str
) -> None:
    edit(package / file, old, new)
    assert expected in message()


def test_a_generated_file_that_nothing_generates_is_refused(package: Path, message: Failing) -> None:
    old = package / "sync" / "models" / "old.py"
    old.write_text("# Generated by tools/gen_sync.py from elsewhere.\n")
    assert message().startswith(f"{old}:1: says that it is generated")


def test_check_names_the_first_stale_line_and_writes_nothing(package: Path, message: Failing) -> None:
    target = package / "sync" / "models" / "thing.py"
    edit(target, '"""Puts it into a box."""', '"""Puts it elsewhere."""')
    before = target.read_text()
    number = before.splitlines().index('        """Puts it elsewhere."""') + 1
    said = message("--check")
    assert (
        said == f'{target}:{number} is stale, should be \'        """Puts it into a box."""\'; run: nox -s generate\n'
    )
    assert target.read_text() == before


def test_writing_makes_the_check_pass(
    generator: ModuleType, rules: Any, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (package / "sync").rglob("[a-z]*.py"):
        path.unlink()
    assert generator.main([], package, "fixture_pkg", rules) == 0
    assert f"wrote {package / 'sync' / 'client.py'}" in capsys.readouterr().out
    assert generator.main(["--check"], package, "fixture_pkg", rules) == 0
    assert capsys.readouterr().out == ""
