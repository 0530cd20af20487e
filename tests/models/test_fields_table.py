"""Every data class against the model table it is generated from."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import flywheel_async
from flywheel_async import fields, models
from flywheel_async.fields import Model, Parents
from flywheel_async.fields.load import load_one, load_page, load_python

ROOT = Path(__file__).resolve().parents[2]
TABLE: dict[str, dict[str, Any]] = {
    row["name"]: row for row in json.loads((ROOT / "tools" / "api" / "models.json").read_text())["models"]
}
CLASSES: list[type[Model]] = [getattr(fields, name) for name in fields.__all__ if name != "Model"]
DETAIL = {
    "GroupFields": "GroupOutput",
    "ProjectFields": "ProjectOutput",
    "SubjectFields": "SubjectOutput",
    "SessionFields": "SessionOutput",
    "AcquisitionFields": "AcquisitionOutput",
    "AnalysisFields": "AnalysisOutput",
    "CollectionFields": "CollectionOutput",
    "FileFields": "FileOutput",
    "UserFields": "User",
    "Note": "Note",
    "Origin": "Origin",
    "ContainerReference": "ContainerReference",
    "FileReference": "FileReference",
    "Version": "Version",
    "SiteConfig": "ConfigOut",
    "AuthStatus": "AuthSessionOutput",
    "Role": "RoleOutput",
    "Modality": "ModalityOutput",
    "Parents": "FileParents",
}
LISTED = {
    "ProjectFields": "ProjectListOutput",
    "SubjectFields": "SubjectOutputForList",
    "SessionFields": "SessionListOutput",
    "AcquisitionFields": "AcquisitionListOutput",
    "AnalysisFields": "AnalysisListOutput",
    "CollectionFields": "CollectionWithStats",
    "FileFields": "FileListOutput",
    "UserFields": "CurrentUserOutput",
}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_fields", ROOT / "tools" / "gen_fields.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks its own module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "source"), DETAIL.items())
def test_positional_order_is_that_of_the_table(name: str, source: str) -> None:
    order = getattr(fields, name)._positional
    expected = [row["name"] for row in TABLE[source]["fields"]]
    assert list(order[: len(expected)]) == expected


@pytest.mark.parametrize(("name", "source"), [*DETAIL.items(), *LISTED.items()])
def test_every_member_of_the_table_is_there_under_its_wire_name(name: str, source: str) -> None:
    cls = getattr(fields, name)
    for row in TABLE[source]["fields"]:
        assert row["name"] in cls._positional
        if row["name"] in cls._flavoured:
            assert row["name"] not in cls.__pydantic_fields__
        else:
            assert cls._wire[row["wire"]] == row["name"]


def test_members_that_depend_on_the_flavour() -> None:
    assert fields.GroupFields._flavoured == {}
    assert fields.ProjectFields._flavoured == {"files": "list[File]", "analyses": "list[Analysis]"}
    assert fields.SessionFields._flavoured == {
        "subject": "Subject",
        "files": "list[File]",
        "analyses": "list[Analysis]",
    }
    assert fields.AnalysisFields._flavoured == {
        "inputs": "list[File]",
        "files": "list[File]",
        "job": "Job | str",
    }


KINDS = ["Group", "Project", "Subject", "Session", "Acquisition", "Analysis", "Collection", "File", "User"]


@pytest.mark.parametrize("name", KINDS)
def test_the_behaviour_class_declares_what_fields_leaves_to_it(name: str) -> None:
    cls = getattr(models, name)
    assert set(cls._flavoured) <= set(cls.__pydantic_fields__)
    assert set(cls._positional) == set(cls._wire.values())
    assert list(load_one(cls, b"{}")) == list(cls._wire)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_member_may_be_missing_or_null(cls: type[Model]) -> None:
    """A missing member has the default of the table, as in the official client; null stays None."""
    empty = load_one(cls, b"{}")
    null = load_python(cls, dict.fromkeys(cls._wire))
    assert empty == cls()
    assert list(empty) == list(null) == list(cls._wire)
    for name, field in cls.__pydantic_fields__.items():
        assert getattr(null, name) == (Parents() if name == "parents" else None)
        assert getattr(empty, name) == (Parents() if name == "parents" else field.default)


def test_defaults_come_from_the_table() -> None:
    assert load_one(fields.SiteFeatures, b"{}").job_ask is True
    assert load_one(fields.FileFields, b"{}").info_exists is False
    assert load_one(fields.FileFields, b'{"info_exists": null}').info_exists is None


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("odd", [{"odd": 1}, ["odd", [1]], "odd", -1.5, True])
def test_no_type_of_any_member_breaks_a_page(cls: type[Model], odd: object) -> None:
    data = json.dumps([dict.fromkeys(cls._wire, odd), {}]).encode()
    (model, other), _ = load_page(cls, data)
    assert other == cls()
    assert type(model) is cls
    assert isinstance(repr(model), str)
    assert set(model.to_dict()) == set(cls.__pydantic_fields__)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_member_can_be_given_by_position_and_by_both_names(cls: type[Model]) -> None:
    for name, wire in zip(cls._wire.values(), cls._wire, strict=True):
        place = cls._positional.index(name)
        assert cls(*[None] * (place + 1)) is not None
        assert cls(**{name: None}) == cls(**{wire: None})
    assert len(set(cls._positional)) == len(cls._positional)


def test_generated_files_are_up_to_date_and_rendering_is_repeatable(generator: ModuleType) -> None:
    first, second = generator.render(), generator.render()
    assert first == second
    for path, text in first.items():
        assert path.read_text() == text, f"{path} is stale; run: nox -s generate"
    assert generator.main(["--check"]) == 0
    headed = {path for path in (ROOT / "src/flywheel_async/fields").glob("*.py") if "Generated by" in path.read_text()}
    assert headed == set(first)


def test_check_names_the_first_stale_line(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = generator.OUT / "group.py"
    lines = path.read_text().splitlines(keepends=True)
    lines[4] += "changed\n"
    monkeypatch.setattr(generator, "render", lambda: {path: "".join(lines)})
    before = path.read_text()
    assert generator.main(["--check"]) == 1
    assert "group.py:6 is stale" in capsys.readouterr().out
    assert path.read_text() == before


def test_a_type_the_plan_does_not_know_stops_the_generator(generator: ModuleType) -> None:
    rows = {"models": [], "enums": [], "aliases": {}}
    table = generator.Table(rows, {"flavoured": {}, "names": {}, "nullable": [], "modules": {}})
    with pytest.raises(SystemExit, match="no class for Surprise"):
        table.python_type("list[Surprise]")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("str", ("str", "")),
        ("datetime", ("Timestamp", "")),
        ("object", ("Info", "")),
        ("dict(str, object)", ("Info", "")),
        ("dict(str, list[str])", ("dict[str, list[str]]", "")),
        ("list[Colour]", ("list[str]", "")),
        ("union[FileOutput,str]", ("File | str", "File | str")),
        ("list[union[FileOutput,Twin]]", ("list[File]", "list[File]")),
    ],
)
def test_translation_of_types(generator: ModuleType, source: str, expected: tuple[str, str]) -> None:
    rows = {"models": [], "enums": [{"name": "Colour"}], "aliases": {"Twin": "FileOutput"}}
    plan = {"flavoured": {"FileOutput": "File"}, "names": {}, "nullable": [], "modules": {}}
    assert generator.Table(rows, plan).python_type(source) == expected


def test_importing_one_kind_imports_neither_the_others_nor_builds_schemas() -> None:
    code = (
        "import sys, flywheel_async.fields.group as g;"
        "print(*[m for m in sys.modules if m.startswith('flywheel_async.fields.')]);"
        "print(g.GroupFields.__pydantic_complete__)"
    )
    source = Path(flywheel_async.__path__[0]).parent
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(source)},
    ).stdout
    modules, complete = out.splitlines()
    assert "flywheel_async.fields.site" not in modules.split()
    assert "flywheel_async.fields.project" not in modules.split()
    assert complete == "False"


def test_the_package_knows_only_its_classes() -> None:
    assert "ProjectFields" in dir(fields)
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = fields.Nonsense
